"""Networks whose answers are not (rows, outputs): one logit, further axes, answers with names."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import make_dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from shrinkage import fit_path
from shrinkage.errors import InputError
from shrinkage.estimators import (
    ShrinkageClassifier,
    ShrinkageClassifierCV,
    ShrinkageRegressor,
    ShrinkageRegressorCV,
)
from shrinkage.paths.engines.architectures import Factory, Ordered, Prototype
from shrinkage.paths.engines.layers.ordered import OrderedClasses
from shrinkage.paths.results import fitted

ROWS = 48
SMALL = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 1, "repeats": 1}
Answer = make_dataclass("Answer", ["logits"])


@pytest.fixture(scope="module")
def tables():
    random = np.random.default_rng(0)
    X = random.normal(size=(ROWS, 4))
    return X, np.where(X[:, 0] > 0, "yes", "no")


class Head(nn.Module):
    """A linear model whose answer goes through a function."""

    def __init__(self, outputs, after):
        super().__init__()
        self.last, self.after = nn.Linear(4, outputs), after

    def forward(self, x):
        """Return the answer."""
        return self.after(self.last(x))


def one_logit(n_inputs, n_outputs):
    """Return a network with one output for two classes."""
    del n_inputs, n_outputs
    return Head(1, torch.squeeze)


def test_one_logit_is_that_of_the_second_class(tables, monkeypatch):
    X, y = tables
    result: Any = fit_path(one_logit, X, y, loss=nn.BCEWithLogitsLoss(), **SMALL)
    x = torch.from_numpy(result.inputs(X))
    logit = result.model()(x).detach()
    assert logit.shape == (ROWS,)  # the network answers as it was written
    shares = torch.sigmoid(logit).numpy()
    np.testing.assert_allclose(result.predict_proba(X)[:, 1], shares, atol=1e-6)
    np.testing.assert_array_equal(result.predict(X), np.where(logit.numpy() > 0, "yes", "no"))
    told = "the model gives one number a row: the logit of 'yes' against 'no'"
    assert told in result.summary["notes"]
    again = replace(result, prototype=None)  # as read from a run directory
    monkeypatch.setattr(fitted, "_of_name", lambda name: Factory(name, one_logit))
    np.testing.assert_array_equal(again.predict_proba(X), result.predict_proba(X))


def test_one_logit_trains_as_two_whose_first_is_zero(tables):
    X, y = tables
    options = {**SMALL, "dtype": "float64"}
    module = Head(1, nn.Identity())
    both = [
        fit_path(module, X, y, engine=engine, **own, **options)
        for engine, own in (
            ("vectorized", {}),
            ("sequential", {}),
            ("vectorized", {"loss": nn.BCEWithLogitsLoss()}),
        )
    ]
    for other in both[1:]:
        np.testing.assert_allclose(both[0].decision(X), other.decision(X), atol=1e-8)


@pytest.mark.parametrize(
    "after",
    [lambda x: Answer(x), lambda x: {"logits": x}, lambda x: x.unsqueeze(2)],
    ids=["field", "key", "axis"],
)
def test_answers_with_names_and_axes_are_outputs(tables, after):
    X, _ = tables
    numbers = np.column_stack([X[:, 0], X[:, 1]])
    expected: Any = fit_path(
        Head(2, nn.Identity()), X, numbers, seed=1, engine="sequential", **SMALL
    )
    module = Head(2, after)
    result: Any = fit_path(module, X, numbers, seed=1, engine="sequential", **SMALL)
    assert result.predict(X).shape == expected.predict(X).shape
    assert any("taken as (rows, outputs)" in note for note in result.summary["notes"])


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (lambda x: (x, None), r"got a tuple of 0: \(2, 1\), 1: NoneType: say which part"),
        (lambda x: {"a": x, "b": 2 * x}, r"got a dict of a: \(2, 1\), b: \(2, 1\)"),
        (torch.sigmoid, "it ends in a sigmoid"),
        (lambda x: x.mean(0), r"got \(1,\) for 2 rows"),
        (lambda x: x.numpy(force=True), r"got a ndarray: return the outputs, a tensor"),
        (lambda _: None, r"got a NoneType: return the outputs, a tensor"),
        (lambda x: (x > 0).long(), r"fractions, which have a gradient, got torch.int64"),
    ],
    ids=["tuple", "names", "sigmoid", "no rows", "numpy", "nothing", "labels"],
)
def test_what_is_no_answer_is_one_line(tables, after, says):
    with pytest.raises(InputError, match=says) as error:
        fit_path(Head(1, after), *tables, loss=nn.BCELoss(), **SMALL)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("after", "outputs", "target"),
    [(nn.Softmax(1), 2, "classes"), (torch.relu, 1, "numbers")],
    ids=["softmax", "relu"],
)
def test_bounds_at_the_end_are_told(tables, after, outputs, target):
    X, y = tables
    result: Any = fit_path(Head(outputs, after), X, y if target == "classes" else X[:, 1], **SMALL)
    assert any("the model ends in" in warning for warning in result.warnings)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_losses_of_several_targets_are_of_all_of_them(tables, reduction):
    X, _ = tables
    numbers = X[:, :2] @ np.array([[1.0, 2.0], [0.0, 1.0]])
    weight = {} if reduction == "mean" else {"sample_weight": np.full(ROWS, 2.0)}
    own = fit_path("mlp:3", X, numbers, loss=nn.MSELoss(reduction=reduction), **weight, **SMALL)
    usual = fit_path("mlp:3", X, numbers, **weight, **SMALL)  # half of the sum over two: the mean
    np.testing.assert_allclose(own.validation_loss, usual.validation_loss, rtol=1e-5)


def test_inputs_of_a_network_that_fails_are_told_by_their_shapes(tables):
    X, y = tables
    with pytest.raises(InputError, match=r"fails on 2 rows of \(4,\), \(3,\)"):
        fit_path(Head(2, nn.Identity()), (X, X[:, :3]), y, **SMALL)


class Lightning(Head):
    """What Lightning's users have."""

    def training_step(self, batch, number):
        """Return a loss: a path calls it with nothing, so nothing is looked at."""
        return self(batch[number]).mean()

    def configure_optimizers(self):
        """Return an optimizer."""
        return torch.optim.SGD(self.parameters(), lr=1.0)


def test_steps_that_are_not_called_are_told(tables):
    result: Any = fit_path(Lightning(2, nn.Identity()), *tables, **SMALL)
    assert any("training_step and" in note for note in result.summary["notes"])


def test_masks_are_laid_flat_as_the_answer_is():
    pictures = np.random.default_rng(0).normal(size=(ROWS, 1, 4, 4)).astype(np.float32)
    masks = (pictures > 0).astype(int)
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 1, 3, padding=1))
    with pytest.raises(InputError, match="reshape"):
        fit_path(network, pictures, masks, **SMALL)
    flat = masks.reshape(ROWS, -1)
    result: Any = fit_path(network, pictures, flat, loss=nn.BCEWithLogitsLoss(), **SMALL)
    assert result.predict(pictures).shape == flat.shape
    assert result.model()(torch.from_numpy(pictures)).shape == masks.shape


class Heads(nn.Module):
    """Two heads; the answer is what a function makes of both, in training or always."""

    def __init__(self, both, always=True):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.first, self.further = nn.Linear(4, 2), nn.Linear(4, 2)
        self.both, self.always = both, always

    def forward(self, x):
        """Return the answer."""
        if self.training or self.always:
            return self.both(self.first(x), self.further(x))
        return self.first(x)


Named = namedtuple("Named", ["logits", "further"])  # as torchvision's networks in training


def first_of(answer):
    """Return the outputs of an answer with two of them."""
    return answer[0] if isinstance(answer, tuple) else answer


FIRST = "tests.paths.test_answers:first_of"


@pytest.mark.parametrize(
    ("both", "always", "answer"),
    [
        (lambda own, other: (own, other), True, 0),
        (lambda own, other: [other, own], True, -1),
        (lambda own, other: {"own": own, "other": other}, True, "own"),
        (lambda own, other: (own, other), True, first_of),
        (lambda own, other: (own, other), True, FIRST),
        (lambda own, other: (own, other), False, "0"),
        (Named, False, None),
    ],
    ids=["place", "last", "key", "function", "name", "in training", "logits in training"],
)
def test_a_part_of_the_answer_is_the_outputs(tables, monkeypatch, both, always, answer):
    X, y = tables
    options = {**SMALL, "dtype": "float64", "engine": "sequential"}
    network = Heads(both, always)
    alone = fit_path(Heads(lambda own, other: own + 0 * other), X, y, **options)
    result: Any = fit_path(network, X, y, answer=answer, **options)
    np.testing.assert_allclose(result.decision(X), alone.decision(X), atol=1e-9)
    assert any("model's answer is taken as" in note for note in result.summary["notes"])
    monkeypatch.setattr(fitted, "_of_name", lambda name: Factory(name, lambda *_: network))
    again = replace(result, prototype=None)  # as read from a run directory
    np.testing.assert_array_equal(again.predict(X), result.predict(X))


def test_an_answer_with_two_parts_in_training_alone_is_refused_before(tables):
    with pytest.raises(InputError, match=r"in training a tuple of 0: \(48, 2\), 1: \(48, 2\)"):
        fit_path(Heads(lambda own, other: (own, other), always=False), *tables, **SMALL)


@pytest.mark.parametrize("answer", [1.5, True, ("a",)])
def test_what_names_no_part_is_refused(tables, answer):
    with pytest.raises(InputError, match="a field's name, a position or a function"):
        fit_path(Heads(Named), *tables, answer=answer, **SMALL)


@pytest.mark.parametrize(
    ("both", "answer", "says"),
    [
        (Named, "nope", r"a Named of logits: \(2, 2\), further: \(2, 2\), got 'nope'"),
        (lambda own, other: (own, other), 2, r"a tuple of 0: .*, got '2'"),
        (lambda own, other: own + other, "nope", "answers with one tensor, got 'nope': leave it"),
    ],
)
def test_a_part_that_no_answer_has_is_told_with_those_it_has(tables, both, answer, says):
    with pytest.raises(InputError, match=says):
        fit_path(Heads(both), *tables, answer=answer, **SMALL)


@pytest.mark.parametrize(
    "make",
    [
        partial(ShrinkageClassifier, strength=1e-3),
        partial(ShrinkageClassifierCV, strengths=(1e-3, 1e-2), cv=2),
        partial(ShrinkageRegressor, strength=1e-3),
        partial(ShrinkageRegressorCV, strengths=(1e-3, 1e-2), cv=2),
    ],
    ids=lambda make: make.func.__name__,
)
def test_estimators_take_the_part_that_is_said(tables, make):
    X, y = tables
    task = "regression" if "Regressor" in make.func.__name__ else "classification"
    y = y if task == "classification" else X[:, :2]

    def fitted_by(both, **more):
        return make(Heads(both), epochs=3, engine="sequential", **more).fit(X, y)

    own = fitted_by(lambda own, other: {"own": own, "other": other}, answer="own")
    alone = fitted_by(lambda own, other: own + 0 * other)
    outputs = [
        model.predict(X) if task == "regression" else model.predict_proba(X)
        for model in (own, alone)
    ]
    np.testing.assert_allclose(*outputs, atol=1e-9)
    assert clone(own).answer == "own"
    with pytest.raises(InputError, match="answer="):
        fitted_by(lambda own, other: (own, other))


class Ranked(nn.Module):
    """One number for ordered classes, and something else."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(4, 1)

    def forward(self, x):
        """Return both."""
        return {"rank": self.last(x).squeeze(1), "other": x}


def test_the_code_of_ordered_classes_takes_the_part_of_the_network(tables):
    X, _ = tables
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    result = fit_path(Ranked(), X, y, loss="ordinal", answer="rank", **SMALL)
    assert any("'rank' of the model's answer" in note for note in result.summary["notes"])
    assert "model[0].register_forward_hook(AsOutputs(False, 'rank'))" in result.code
    lines = result.code.replace("model = ...", "model = nn.Sequential(Ranked(), Ordered(3))")
    x, t = torch.from_numpy(X.astype(np.float32)), torch.from_numpy(y)
    names: dict = {"x": x, "y": t, "Ranked": Ranked, "Ordered": OrderedClasses}
    exec(lines.split("optimizer =")[0], names)
    assert names["model"](x).shape == (len(X), 3)


def test_a_sequential_keeps_its_hook_before_ordered_classes():
    hooked = nn.Sequential(nn.Linear(4, 1))
    hooked.register_forward_hook(lambda *told: 0 * told[2])
    outputs = Ordered(Prototype(hooked)).build(4, 3)(torch.randn(5, 4))
    assert torch.equal(outputs, outputs[:1].expand(5, 3))
