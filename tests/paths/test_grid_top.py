"""The top of the grid: found for every seed and loss, cheap, and never a reason to refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shrinkage.datasets import dataset_from_arrays
from shrinkage.paths import PathOptions
from shrinkage.paths.choosing import grid_top
from shrinkage.paths.choosing.grid_top import (
    DEFAULT_TOP,
    GridSource,
    GridTop,
    search_length,
    search_steps,
    top_of_grid,
)
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.paths.running.plan import Plan, make_plan
from shrinkage.penalties import L1, L2
from shrinkage.terms import assign

ROWS = 10_000


def plan_of(kind: str, seed: int) -> Plan:
    """Return the plan of a path on 10,000 rows."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(ROWS, 5))
    signal = X @ [1.0, 2.0, 0.0, 0.0, 1.0] + random.normal(size=ROWS)
    y, weight = signal, None
    if kind == "rare":
        y = (signal > np.quantile(signal, 0.97)).astype(int)
    elif kind == "classes":
        y = np.digitize(signal, [-2.0, 0.0, 2.5])
    elif kind == "weighted":
        weight = random.choice([0.0, 0.1, 30.0], ROWS, p=[0.5, 0.45, 0.05])
    data = dataset_from_arrays(X, y, sample_weight=weight)
    return make_plan("mlp:8", data, L1(), PathOptions(seed=seed, epochs=1, folds=2))


@pytest.mark.parametrize("kind", ["numbers", "rare", "classes", "weighted"])
def test_every_seed_finds_a_top_near_that_of_all_rows(kind, monkeypatch):
    for seed in range(6 if kind == "numbers" else 1):
        plan = plan_of(kind, seed)
        top = top_of_grid(plan.problem, plan.refit_unit, plan.engine)
        assert top.source is GridSource.SEARCH
        if seed == 0:
            with monkeypatch.context() as patch:
                patch.setattr(grid_top, "SEARCH_ROWS", ROWS)
                exact = top_of_grid(plan.problem, plan.refit_unit, plan.engine)
            assert 0.5 <= top.strength / exact.strength <= 2.0


def test_the_scale_of_the_weights_changes_nothing(make):
    problem, unit = make("mlp:8", strengths=(0.0,), rows=400, weighted=True)
    top = top_of_grid(problem, unit, StackedEngine())
    rows = unit.data.rows
    assert rows.weight is not None
    heavier = replace(unit, data=replace(unit.data, rows=replace(rows, weight=rows.weight * 4)))
    constant = grid_top.short_training(problem, heavier, StackedEngine())[0].loss
    assert constant == grid_top.short_training(problem, unit, StackedEngine())[0].loss
    assert top.source is GridSource.SEARCH


def test_where_nothing_learns_the_default_is_taken_and_told(make):
    problem, unit = make("mlp:8", strengths=(0.0,), rows=400, learning_rate=1e-9)
    top = top_of_grid(problem, unit, StackedEngine())
    assert (top.strength, top.source) == (DEFAULT_TOP, GridSource.NOTHING_LEARNS)
    assert top.source.is_default


def test_where_no_strength_makes_a_difference_the_default_is_taken_and_told(make):
    problem, unit = make("mlp:8", strengths=(0.0,), rows=400, epochs=10)
    free = replace(problem, assignment=assign(problem.assignment.infos, (), "proximal"))
    top = top_of_grid(free, unit, StackedEngine())
    assert (top.strength, top.source) == (DEFAULT_TOP, GridSource.NO_DIFFERENCE)


@pytest.mark.parametrize("engine", [StackedEngine(), SequentialEngine()], ids=lambda e: e.name)
def test_a_search_takes_the_steps_that_are_told_and_no_more_than_a_fold(make, engine):
    problem, unit = make("mlp:4", strengths=(0.0,), rows=400, epochs=2)
    steps: list[int] = []
    top_of_grid(problem, unit, engine, steps.append)
    assert sum(steps) == search_steps(problem, unit, engine)
    models = 2 if engine.name == "stacked" else 11
    assert sum(steps) == models * problem.recipe.steps(360)


def test_a_search_is_a_tenth_of_the_path_and_finds_the_top_of_a_long_one(make):
    problem, unit = make("mlp:8", strengths=(0.0,), rows=400, epochs=100)
    own = problem.recipe.steps(360)
    length = search_length(own, folds=2, models=8)
    steps: list[int] = []
    short = top_of_grid(problem, unit, SequentialEngine(), steps.append, length)
    assert sum(steps) <= 0.11 * 2 * 8 * own
    long = top_of_grid(problem, unit, StackedEngine())
    assert 1 <= short.strength / long.strength <= 4


def test_the_top_of_an_older_run_is_read():
    assert GridTop.of_note(0.25) == GridTop(0.25, GridSource.SEARCH)
    assert GridTop.of_note(None) is None
    top = GridTop(0.1, GridSource.NOTHING_LEARNS)
    assert GridTop.of_note(top.to_note()) == top


def test_the_top_of_ridges_is_where_the_fit_keeps_about_a_tenth():
    """Beyond it only the size of the outputs would change."""
    random = np.random.default_rng(0)
    y = np.arange(72) % 2
    X = random.normal(size=(72, 3000))
    X[:, :50] += 0.7 * y[:, None]
    plan = make_plan("linear", dataset_from_arrays(X, y), L2(), PathOptions(folds=2))
    top = top_of_grid(plan.problem, plan.refit_unit, plan.engine).strength
    rows = plan.refit_unit.data.rows.take(plan.refit_unit.data.train)
    settings = plan.problem.terms.settings([(top / 2,), (top,)])
    unit = replace(plan.refit_unit, settings=settings)
    outputs = plan.engine.train(plan.problem, unit, lambda _: None).outputs(rows.x)
    loss = plan.problem.loss(outputs, rows.target, rows.weight).numpy()
    constant = plan.problem.loss.constant(rows.target.numpy(), None)
    kept = 1 - loss / constant
    assert kept[1] < 0.1 < kept[0]
