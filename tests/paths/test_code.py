"""The lines that the report offers run as they are, and regularize."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage.datasets.targets import TargetEncoding
from shrinkage.paths import fit_path
from shrinkage.paths.data_losses import DEFAULTS
from shrinkage.paths.engines.answers import AsOutputs
from shrinkage.paths.engines.architectures import MLP
from shrinkage.paths.engines.recipe import Recipe
from shrinkage.paths.results.code import training_code
from shrinkage.penalties import L1, L2, ElasticNet, GroupLasso
from shrinkage.terms import Terms

TARGETS = {
    "classification": TargetEncoding("classification", classes=(0, 1, 2)),
    "regression": TargetEncoding("regression"),
}


@pytest.mark.parametrize(
    "penalty", [L1(), L2(), ElasticNet(0.3), GroupLasso(per="input")], ids=repr
)
@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("select", [(), ("0.*",), ("0.*", "2.*")], ids=str)
def test_the_code_runs_and_shrinks(penalty, task, select, capsys):
    torch.manual_seed(0)
    outputs = 3 if task == "classification" else 1
    module = MLP((8,)).build(5, outputs)
    x = torch.randn(64, 5)
    y = torch.randint(0, 3, (64,)) if task == "classification" else torch.randn(64)
    norms = []
    for strength in (0.0, 0.3):
        term = strength * penalty
        terms = Terms((term.on(*select) if select else term,))
        text = training_code(
            module, terms, "proximal", Recipe(20, 16, 1e-2), DEFAULTS[task], TARGETS[task],
            "mlp:8",
        )  # fmt: skip
        torch.manual_seed(0)
        names: dict = {"x": x, "y": y}
        exec(compile(text, "report", "exec"), names)
        assert isinstance(names["model"], nn.Sequential)
        norms.append(names["model"][0].weight.detach().norm().item())
    assert norms[1] < 0.8 * norms[0]
    assert "0.weight" in capsys.readouterr().out


def test_one_logit_of_two_classes_is_trained_by_the_code():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 1))
    module.register_forward_hook(AsOutputs(two_classes=True))
    x = torch.randn(64, 5)
    names: dict = {"x": x, "y": (x[:, 0] > 0).long()}
    text = training_code(
        module, Terms((1e-3 * L1(),)), "proximal", Recipe(40, 16, 0.1),
        DEFAULTS["classification"], TARGETS["classification"], "mine",
    )  # fmt: skip
    exec(text, names)
    answers = names["model"](x)
    assert answers.shape == (64, 2)
    assert (answers.argmax(1) == names["y"]).double().mean() > 0.9


class Parts(nn.Linear):
    """A layer that answers with parts."""

    def forward(self, x):
        """Return something else and the outputs."""
        return {"other": x, "main": super().forward(x)}


def main_of(answer):
    """Return the outputs of an answer."""
    return answer["main"]


@pytest.mark.parametrize("part", ["main", 1, main_of], ids=("name", "position", "function"))
def test_the_part_of_an_answer_is_in_the_code(part):
    hook = AsOutputs(part=part)
    module = Parts(5, 3)
    module.register_forward_hook(hook)
    text = training_code(
        module, Terms((0.1 * L1(),)), "proximal", Recipe(1, 16, 0.1), DEFAULTS["classification"],
        TARGETS["classification"], "mine",
    )  # fmt: skip
    text = text.replace("model = ...", "model = Parts(5, 3)").replace(
        "part = ...", "part = main_of"
    )
    assert ("main_of of the model's answer" in text) == callable(part)
    names: dict = {"x": torch.randn(32, 5), "y": torch.arange(32) % 3, "Parts": Parts}
    exec(text, names | {"main_of": main_of})
    assert f"AsOutputs(False, {'part' if callable(part) else repr(part)})" in text


def made(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return 200 rows of eight columns in units of their own, and a target of two of them."""
    random = np.random.default_rng(5)
    X = random.normal(size=(200, 8))
    signal = X[:, 0] - X[:, 3] + 0.5 * random.normal(size=200)
    return X * np.geomspace(1e-2, 1e3, 8), {
        "number": 2700 * signal + 15_000,
        "numbers": np.stack([2700 * signal + 15_000, X[:, 3] - 7], axis=1),
        "classes": np.where(signal > 0, "yes", "no"),
        "grades": np.digitize(signal, [-1, 0, 1]),
        "labels": (np.stack([signal, signal[::-1] + X[:, 5]], axis=1) > 0).astype(float),
        "counts": random.poisson(np.exp(1 + 0.5 * signal)).astype(float),
        "times": random.exponential(np.exp(-signal)) * np.where(random.random(200) < 0.2, -1, 1),
    }[kind]


def repeated(result, X, y, weight=None) -> nn.Module:
    """Return what the lines of a report train from the inputs and target that they ask for."""
    target = TargetEncoding.from_dict(result.model_file.target).encode(y)
    whole = result.model_file.target["task"] == "classification"
    names = {
        "x": torch.from_numpy(result.inputs(X)).float(),
        "y": torch.from_numpy(target) if whole else torch.from_numpy(target).float(),
    }
    if weight is not None:
        names["weight"] = torch.from_numpy(weight / weight.mean()).float()
    torch.manual_seed(0)
    exec(compile(result.code, "report", "exec"), names)
    return names["model"].eval()


@pytest.mark.parametrize(
    ("kind", "loss", "task", "weighed"),
    [
        ("number", "squared", "regression", False), ("numbers", "squared", None, True),
        ("classes", None, None, True), ("labels", None, "multi-label", True),
        ("counts", "poisson", None, True), ("times", "cox", None, False),
        ("times", "cox:efron", None, True),
    ],
)  # fmt: skip
def test_the_lines_of_a_solved_model_reach_it(kind, loss, task, weighed):
    X, y = made(kind)
    weight = np.random.default_rng(0).uniform(0.1, 4.0, len(y)) if weighed else None
    result = fit_path(
        "linear", X, y, loss=loss, task=task, strengths=5, folds=2, test_size=0, progress=False,
        sample_weight=weight,
    )  # fmt: skip
    module, x = repeated(result, X, y, weight), torch.from_numpy(result.inputs(X))
    with torch.no_grad():
        outputs, own = module(x.float()).double(), result.model()(x)
    if kind == "classes":  # what is added to all logits of a row says nothing
        outputs, own = outputs.diff(), own.diff()
    if kind == "times":  # nor to the risks of all rows
        outputs, own = outputs - outputs.mean(), own - own.mean()
    apart = (outputs - own).square().mean(dim=0) / own.var(dim=0)
    assert (apart < 1e-6).all(), apart
    zeros = (result.weights["best"]["0.weight"] == 0).sum()
    assert int((module[0].weight == 0).sum()) == zeros


@pytest.mark.parametrize(
    ("model", "kind", "loss"),
    [
        ("mlp:8", "number", None), ("mlp:8", "classes", None), ("mlp:8+skip", "number", None),
        ("mlp:8", "counts", "poisson"), ("linear", "number", "quantile:0.8"),
        ("linear", "grades", "ordinal"), ("mlp:8", "grades", "ordinal"), ("mlp:8", "times", "cox"),
    ],
)  # fmt: skip
def test_the_lines_of_a_trained_model_score_as_it_does(model, kind, loss):
    X, y = made(kind)
    result = fit_path(
        model, X, y, loss=loss, strengths=(0.02,), folds=2, epochs=200, learning_rate=0.02,
        test_size=0, progress=False,
    )  # fmt: skip
    module, x = repeated(result, X, y), torch.from_numpy(result.inputs(X))
    with torch.no_grad():
        outputs, own = (one(x.float()).double().squeeze(1) for one in (module, result.model()))
    if kind == "classes":
        outputs, own = outputs.diff(), own.diff()
    assert torch.corrcoef(torch.stack([outputs.flatten(), own.flatten()]))[0, 1] > 0.98
    zeros = [
        float(np.mean(weight == 0))
        for weight in (module[0].weight.detach().numpy(), result.weights["best"]["0.weight"])
    ]
    assert abs(zeros[0] - zeros[1]) < 0.2


def test_the_lines_say_how_the_target_has_to_come():
    for model, kind, expected in (
        ("linear", "number", "# y: the target as it is, float32, (rows,)\n"),
        ("mlp:2", "number", "# y: (target − {mean}) / {scale}, float32, (rows,)\n"),
        ("mlp:2", "classes", "# y: numbers of the classes, from 0 ('no') to 1 ('yes')\n"),
    ):
        X, y = made(kind)
        result = fit_path(model, X, y, strengths=(0.1,), folds=2, epochs=1, progress=False)
        target = result.model_file.target
        assert expected.format(mean=target["mean"], scale=target["scale"]) in result.code
        assert "inputs(table)" in result.code
    result = fit_path(
        "linear", X, y, strengths=(0.1,), folds=2, progress=False, class_weight="balanced"
    )
    assert "# weight: the class's ('balanced'), divided by their mean" in result.code
