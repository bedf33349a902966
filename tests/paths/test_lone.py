"""A network alone: in arrays of its own it takes the steps of the module and its optimizer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage import L1, L2, Cardinality
from shrinkage.paths.engines.base import template
from shrinkage.paths.engines.kernels import mlp
from shrinkage.paths.engines.lone import ByModule, InArrays, is_known, lone_network
from shrinkage.paths.engines.read_columns import ReadColumns
from shrinkage.paths.options import PathOptions
from shrinkage.paths.own_sets import dataset_of
from shrinkage.paths.running.plan import Plan, make_plan

NAMES = ("0.weight", "2.weight")
ALL = torch.arange(60)[None]  # one batch of all rows


def planned(model: Any, fixed: Any = (), **options: Any) -> Plan:
    """Return a plan, in double precision by default, whose varying term is a cardinality."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 5)), rng.normal(size=60)
    data, _ = dataset_of(
        X, y, task=None, missing_target="refuse", groups=None, sample_weight=None, columns=None,
        validation=None, test=None,
    )  # fmt: skip
    own = {"dtype": "float64", "epochs": 3, **options}
    own = PathOptions(folds=2, test_size=0, batch_size=20, **own)
    return make_plan(model, data, Cardinality(per="input"), own, fixed=fixed)


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
    kept = torch.tensor([0, 3])
    pair = both(plan)
    for own in pair:
        own.begin(strengths)
        own.steps(ALL.expand(4, -1), np.full(4, 0.5), 2, 0)
        own.steps(ALL, np.array([0.5]), 2, 4)
    for name in NAMES:
        torch.testing.assert_close(pair[0].parameter(name), pair[1].parameter(name))
        first, second = (own.scores(name) for own in pair)
        scale = first.sum() / second.sum()  # one learning rate for all is left out of the first
        torch.testing.assert_close(first, second * scale)
    for own in pair:
        own.cut("0.weight", kept)
        own.go_on(dict.fromkeys(strengths, 0.0))
        own.steps(ALL, np.ones(1), 2, 5)
    assert pair[0].parameter("0.weight").shape == (4, 2)
    for name, value in pair[0].state().items():
        torch.testing.assert_close(value, pair[1].state()[name])


def test_a_new_training_forgets_the_moments() -> None:
    plan = planned("mlp:4")
    zero = {plan.problem.terms.terms.ids[0]: 0.0}
    pair = both(plan)
    for own in pair:
        for _ in range(2):
            own.begin(zero)
            assert torch.equal(own.scores("0.weight"), own.parameter("0.weight").square())
            own.steps(ALL, np.ones(1), 0)
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


def where(*, narrow: bool) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        not mlp.is_there(narrow=narrow), reason="no such compiled steps on this processor"
    )


@pytest.mark.parametrize(
    ("precision", "apart"),
    [
        pytest.param("bfloat16", 0.02, marks=where(narrow=True)),
        pytest.param("float32", 1e-4, marks=where(narrow=False)),
    ],
)
def test_compiled_calls_take_the_steps_of_the_arrays_also_after_a_cut(
    precision: str, apart: float
) -> None:
    """Against the same steps in float64; products in bfloat16 round to 8 bits."""
    fixed, pair = (1e-3 * L1(), 1e-2 * L2()), []
    for dtype, own_precision in (("float32", precision), ("float64", "auto")):
        plan = planned("mlp:8", fixed, dtype=dtype, precision=own_precision)
        strengths = dict(zip(plan.problem.terms.terms.ids, (0.0, 1e-3, 1e-2), strict=True))
        own = lone_network(plan.problem, plan.refit_unit)
        assert isinstance(own, InArrays)
        own.begin(strengths)
        assert (own._call is not None) == (dtype == "float32")
        pair.append(own)
    with torch.no_grad():
        for name, value in pair[1]._network.parameters.items():
            value.copy_(pair[0]._network.parameters[name])
    shuffled = torch.stack(
        [torch.randperm(60, generator=torch.Generator().manual_seed(k))[:20] for k in range(70)]
    )
    for own in pair:
        own.steps(shuffled[:66], np.ones(66), 2, 0)
        own.cut("0.weight", torch.tensor([0, 3, 4]))
        own.steps(shuffled[66:], np.ones(4), 2, 66)
        assert own._network.flat.steps == 70
    for name, value in pair[0].state().items():
        torch.testing.assert_close(value.double(), pair[1].state()[name], rtol=apart, atol=apart)


@pytest.mark.parametrize("source", [(0, 1, 1, 2, 3), (0, 1, 2, 3, 4)])
def test_columns_stay_by_the_means_of_their_inputs(source: Any) -> None:
    plan = planned("mlp:4")
    network = lone_network(plan.problem, plan.refit_unit)
    problem = replace(plan.problem, sources=source)
    columns = ReadColumns(problem, plan.refit_unit, network, "0.weight")
    network.begin({plan.problem.terms.terms.ids[0]: 0.0})
    network.steps(ALL, np.ones(1), 0)
    before, total = network.state()["0.weight"], np.zeros(max(source) + 1)
    np.add.at(total, np.array(source), network.scores("0.weight").sum(dim=0).numpy())
    total /= np.bincount(source)
    columns.keep_largest(2)
    stays = torch.tensor([own in set(np.argsort(-total)[:2]) for own in source])
    assert columns.count == 2
    assert torch.equal(columns.state()["0.weight"], before * stays)
    assert network.parameter("0.weight").shape[1] == int(stays.sum())
    columns.keep_largest(3)
    assert columns.count == 2
