"""A network alone: in arrays of its own it takes the steps of the module and its optimizer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage import L1, L2, Cardinality
from shrinkage.paths.engines.base import template
from shrinkage.paths.engines.lone import ByModule, InArrays, is_known, lone_network
from shrinkage.paths.options import PathOptions
from shrinkage.paths.own_sets import dataset_of
from shrinkage.paths.running.plan import Plan, make_plan

NAMES = ("0.weight", "2.weight")


def planned(model: Any, fixed: Any = ()) -> Plan:
    """Return a plan in double precision whose varying term is a cardinality."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 5)), rng.normal(size=60)
    data, _ = dataset_of(
        X, y, task=None, missing_target="refuse", groups=None, sample_weight=None, columns=None,
        validation=None, test=None,
    )  # fmt: skip
    options = PathOptions(folds=2, test_size=0, epochs=3, dtype="float64", batch_size=20)
    return make_plan(model, data, Cardinality(per="input"), options, fixed=fixed)


def both(plan: Plan) -> tuple[InArrays, ByModule]:
    """Return the same network in its two forms."""
    problem, unit = plan.problem, plan.refit_unit
    inside = lone_network(problem, unit)
    assert isinstance(inside, InArrays)
    return inside, ByModule(problem, unit, template(problem, unit).train())


@pytest.mark.parametrize("fixed", [(), (1e-2 * L1(), 1e-1 * L2())])
def test_steps_scores_and_cuts_are_those_of_the_module(fixed: Any) -> None:
    plan = planned("mlp:4", fixed)
    strengths = {
        name: 0.0 if place == 0 else float(fixed[place - 1].strength)
        for place, name in enumerate(plan.problem.terms.terms.ids)
    }
    rows, kept = plan.refit_unit.data.rows, torch.tensor([0, 3])
    pair = both(plan)
    for own in pair:
        own.begin(strengths)
        for step in range(5):
            own.step(rows, 0.5, 2, step)
    for name in NAMES:
        torch.testing.assert_close(pair[0].parameter(name), pair[1].parameter(name))
        first, second = (own.scores(name) for own in pair)
        scale = first.sum() / second.sum()  # one learning rate for all is left out of the first
        torch.testing.assert_close(first, second * scale)
    less = type(rows)(rows.x[:, kept].contiguous(), rows.target, rows.weight)
    for own in pair:
        own.cut("0.weight", kept)
        own.go_on(dict.fromkeys(strengths, 0.0))
        own.step(less, 1.0, 2, 5)
    assert pair[0].parameter("0.weight").shape == (4, 2)
    for name, value in pair[0].state().items():
        torch.testing.assert_close(value, pair[1].state()[name])


def test_a_new_training_forgets_the_moments() -> None:
    plan = planned("mlp:4")
    rows, zero = plan.refit_unit.data.rows, {plan.problem.terms.terms.ids[0]: 0.0}
    pair = both(plan)
    for own in pair:
        for _ in range(2):
            own.begin(zero)
            assert torch.equal(own.scores("0.weight"), own.parameter("0.weight").square())
            own.step(rows, 1.0, 0)
    for name, value in pair[0].state().items():
        torch.testing.assert_close(value, pair[1].state()[name])


def test_networks_that_are_not_known_are_moved_as_they_are() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(5, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x)

    plan = planned(Own())
    assert not is_known(plan.module, plan.problem.recipe)
    assert isinstance(lone_network(plan.problem, plan.refit_unit), ByModule)
