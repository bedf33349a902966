"""Optimizers, losses and augmentations of the user's own, in both engines."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage import fit_path
from shrinkage.errors import InputError, UnsupportedOptimizer
from shrinkage.paths.engines.losses import LOSSES
from shrinkage.paths.engines.own_loss import OwnLoss, called
from tests.paths.tables import table

SMALL = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 2, "repeats": 1, "dtype": "float64"}
MODEL = "mlp:6"


@pytest.fixture(scope="module")
def tables():
    random = np.random.default_rng(0)
    X = random.normal(size=(64, 5))
    signal = X[:, 0] + 0.3 * random.normal(size=64)
    return {
        "numbers": (X, signal),
        "two": (X, (signal > 0).astype(int)),
        "three": (X, np.digitize(signal, [-0.5, 0.5])),
    }


def focal(outputs, target):
    """Return the focal loss of each row (Lin et al. 2017, equation 4, gamma 2)."""
    shares = torch.log_softmax(outputs, 1).gather(1, target[:, None])[:, 0]
    return -((1 - shares.exp()) ** 2) * shares


def noisy(x):
    """Return inputs with noise."""
    return x + 0.1 * torch.randn(x.shape, dtype=x.dtype)


OWN = {
    "adamw": ("three", {"optimizer": partial(torch.optim.AdamW, lr=0.01, weight_decay=0.1)}),
    "momentum": ("three", {"optimizer": partial(torch.optim.SGD, lr=0.1, momentum=0.9)}),
    "smoothing": ("three", {"loss": nn.CrossEntropyLoss(label_smoothing=0.1)}),
    "weights": ("three", {"loss": nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 1.0]))}),
    "binary": ("two", {"loss": nn.BCEWithLogitsLoss()}),
    "huber": ("numbers", {"loss": nn.HuberLoss(delta=0.5)}),
    "focal": ("two", {"loss": focal}),
    "augment": ("three", {"augment": noisy}),
}


@pytest.mark.parametrize("name", OWN)
def test_both_engines_agree(tables, name):
    data, own = OWN[name]
    one, other = (
        fit_path(MODEL, *tables[data], engine=engine, **own, **SMALL)
        for engine in ("vectorized", "sequential")
    )
    plain = fit_path(MODEL, *tables[data], engine="sequential", **SMALL)
    np.testing.assert_allclose(one.validation_loss, other.validation_loss, rtol=0, atol=1e-8)
    for key, value in one.weights["best"].items():
        np.testing.assert_allclose(value, other.weights["best"][key], rtol=0, atol=1e-8)
    same = np.allclose(plain.weights["best"]["0.weight"], one.weights["best"]["0.weight"])
    assert same is (name == "binary")  # of a difference of logits: cross entropy of two classes
    ((option, function),) = own.items()
    assert one.summary[option] == called(function)


def test_the_usual_recipe_as_ones_own_is_the_usual_one(tables):
    own = {"optimizer": partial(torch.optim.Adam, lr=4e-3), "loss": nn.CrossEntropyLoss()}
    usual = fit_path(MODEL, *tables["three"], engine="sequential", **SMALL)
    result = fit_path(MODEL, *tables["three"], engine="sequential", **own, **SMALL)
    np.testing.assert_allclose(result.fold_scores, usual.fold_scores)
    np.testing.assert_allclose(
        result.weights["best"]["0.weight"], usual.weights["best"]["0.weight"], atol=1e-12
    )


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_best_constant_of_a_known_loss_is_found(task):
    numbers = task == "regression"
    function = (lambda o, t: 0.5 * (o - t) ** 2) if numbers else nn.functional.cross_entropy
    outputs = 1 if numbers else 3
    own = OwnLoss.of(function, LOSSES[task], outputs, torch.float64, weighted=False)
    target = np.array([0.0, 1.0, 4.0]) if numbers else np.array([0, 1, 2, 2])
    assert own.constant(target, None) == pytest.approx(LOSSES[task].constant(target, None))
    median = OwnLoss.of(
        lambda o, t: (o - t).abs(), LOSSES["regression"], 1, torch.float64, weighted=False
    )
    far = median.constant(np.array([0.0, 1.0, 40.0]), None)
    assert far <= LOSSES["regression"].constant(np.array([0.0, 1.0, 40.0]), None)


class Normed(torch.optim.SGD):
    """Divides by the norm of a whole array, which in a stack is that of all models."""

    def step(self, closure=None):
        """Take a step."""
        for group in self.param_groups:
            for own in group["params"]:
                own.grad /= own.grad.norm()
        return super().step(closure)


def test_an_optimizer_that_is_not_elementwise_moves_one_model_after_the_other(tables):
    own = {"optimizer": partial(Normed, lr=0.1)}
    result = fit_path(MODEL, *tables["three"], update="decoupled", **own, **SMALL)
    assert result.summary["engine"] == "sequential"
    with pytest.raises(UnsupportedOptimizer, match="whose metric is not known"):
        fit_path(MODEL, *tables["three"], **own, **SMALL)
    assert "moves many models otherwise than each" in str(result.summary["engine_reason"])


@pytest.mark.parametrize("most", [1.0, 300.0])
def test_gradients_that_are_cut_together_are_cut_model_by_model(tables, most):
    def cut(parameters):
        optimizer = torch.optim.SGD(parameters, lr=0.1)

        def shorten(*_):
            nn.utils.clip_grad_norm_(parameters, most)

        optimizer.register_step_pre_hook(shorten)
        return optimizer

    X, y = tables["numbers"]
    with pytest.raises(InputError, match="moves many models otherwise than each"):
        fit_path(MODEL, X, y, engine="vectorized", optimizer=cut, update="decoupled", **SMALL)


def _scheduled(parameters):
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=100)
    return optimizer


def _with_its_schedule(parameters):
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    return [optimizer], [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100)]


BAD = {
    "a schedule": ({"optimizer": _scheduled}, "without a schedule"),
    "a schedule beside": ({"optimizer": _with_its_schedule}, "without a schedule"),
    "no optimizer": ({"optimizer": len}, "return a torch.optim.Optimizer"),
    "failing": ({"optimizer": torch.optim.LBFGS}, "asks for a closure"),
    "some parameters": (
        {"optimizer": lambda own: torch.optim.SGD(own[:1], lr=0.1)},
        "to hold the 4 parameters",
    ),
    "number": ({"optimizer": 3}, "expected a function of the parameters .* for optimizer"),
    "module": ({"optimizer": "no.such:function"}, "no.such"),
    "shape of loss": ({"loss": torch.sub}, "fails on outputs|one a row"),
    "no tensor": ({"loss": lambda outputs, target: len(outputs) + len(target)}, "one a row"),
    "three arguments": ({"loss": nn.TripletMarginLoss()}, "fails on outputs"),
    "shape of rows": ({"augment": lambda x: x[:, :2]}, "keep the shapes"),
    "no attribute": ({"augment": lambda x: x.no_such()}, "the augmentation"),
}


@pytest.mark.parametrize(("own", "says"), BAD.values(), ids=BAD)
def test_bad_functions_are_one_line(tables, own, says):
    with pytest.raises(InputError, match=says) as error:
        fit_path(MODEL, *tables["three"], **own, **SMALL)
    assert "\n" not in str(error.value)


def test_a_mean_loss_cannot_weigh_rows(tables):
    options = {"loss": nn.CrossEntropyLoss(), "class_weight": "balanced"}
    with pytest.raises(InputError, match="reduction='none'"):
        fit_path(MODEL, *tables["three"], **options, **SMALL)
    options["loss"] = nn.CrossEntropyLoss(reduction="none")
    own = fit_path(MODEL, *tables["three"], **options, **SMALL)
    usual = fit_path(MODEL, *tables["three"], class_weight="balanced", **SMALL)
    np.testing.assert_allclose(own.validation_loss, usual.validation_loss, atol=1e-8)


class Tempered(nn.Module):
    """A loss with a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(1))

    def forward(self, outputs, target):
        """Return the mean."""
        return nn.functional.mse_loss(outputs * self.temperature, target)


def test_a_loss_with_parameters_of_its_own_is_refused_unless_they_are_fixed():
    small = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 1}
    with pytest.raises(InputError, match=r"learns nothing of its own, got Tempered.*no optimizer"):
        fit_path("mlp:3", *table(), loss=Tempered(), **small)
    fixed = fit_path("mlp:3", *table(), loss=Tempered().requires_grad_(False), **small)
    plain = fit_path("mlp:3", *table(), loss=nn.MSELoss(), **small)
    assert np.array_equal(fixed.fold_scores, plain.fold_scores)
