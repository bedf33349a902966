"""The lines that the report offers run as they are, and regularize."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from shrinkage.paths.data_losses import DEFAULTS
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
