"""The lines that the report offers run as they are, and regularize."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from shrinkage.paths.data_losses import DEFAULTS
from shrinkage.paths.engines.answers import AsOutputs
from shrinkage.paths.engines.architectures import MLP
from shrinkage.paths.engines.recipe import Recipe
from shrinkage.paths.results.code import training_code
from shrinkage.penalties import L1, L2, ElasticNet, GroupLasso
from shrinkage.terms import Terms


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
            module, terms, "proximal", Recipe(20, 16, 1e-2), DEFAULTS[task].code, "mlp:8"
        )
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
        DEFAULTS["classification"].code, "mine",
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
    recipe, code = Recipe(1, 16, 0.1), DEFAULTS["classification"].code
    text = training_code(module, Terms((0.1 * L1(),)), "proximal", recipe, code, "mine")
    text = text.replace("model = ...", "model = Parts(5, 3)").replace(
        "part = ...", "part = main_of"
    )
    assert ("main_of of the model's answer" in text) == callable(part)
    names: dict = {"x": torch.randn(32, 5), "y": torch.arange(32) % 3, "Parts": Parts}
    exec(text, names | {"main_of": main_of})
    assert f"AsOutputs(False, {'part' if callable(part) else repr(part)})" in text
