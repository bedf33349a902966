"""What is told before a run: that it is measured, counted from the plan, and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from shrinkage.datasets import dataset_from_arrays
from shrinkage.paths import PathOptions
from shrinkage.paths.running import estimate as estimating
from shrinkage.paths.running.estimate import Estimate, estimate
from shrinkage.paths.running.plan import Plan, make_plan
from shrinkage.paths.running.process_memory import peak_bytes
from shrinkage.paths.running.runners.base import Work
from shrinkage.paths.running.trial import Speed, measure_speed
from shrinkage.penalties import L1
from shrinkage.run import fit_dataset
from tests.paths.tables import table

STRENGTHS = (1e-3, 1e-2, 1e-1)


def plan_of(model: str = "mlp:4", **options) -> Plan:
    settings = {"strengths": STRENGTHS, "folds": 3, "epochs": 2, **options}
    return make_plan(model, dataset_from_arrays(*table()), L1(), PathOptions(**settings))


def jobs_of(plan: Plan):
    terms = plan.problem.terms
    return plan.jobs(0, terms.unregularized + terms.settings((s,) for s in STRENGTHS))


def fixed_speed(*_: object) -> Speed:
    """Return a machine that needs a second for a step and nothing for the rest."""
    return Speed(
        prepared=0.0, models=4, step=1.0, few=3, few_step=1.0, judged=0.0, differentiated=0
    )


@pytest.mark.parametrize(("workers", "waves"), [(1, 3), (2, 2), (3, 1)])
def test_seconds_are_the_steps_of_the_waves_the_refit_and_the_search(monkeypatch, workers, waves):
    monkeypatch.setattr(estimating, "measure_speed", fixed_speed)
    monkeypatch.setattr(estimating, "REPORT_SECONDS", 0.0)
    plan = plan_of(batch_size=8)
    monkeypatch.setattr(type(plan), "workers", workers)
    fold, refit = (plan.problem.recipe.steps(rows) for rows in (32, 48))
    told = estimate(plan, jobs_of(plan), 4, searched=False)
    assert told.seconds == waves * fold + refit
    assert (told.folds, told.models, told.epochs, told.steps) == (3, 4, 2, fold)
    assert told.decade is None
    searched = estimate(plan, jobs_of(plan), 4, searched=True)
    assert told.seconds is not None
    assert searched.seconds == pytest.approx(told.seconds + 2 * refit)
    assert estimate(plan, [], 4, searched=False).seconds == 0.0


def test_what_a_short_path_may_ask_for_more_is_told(monkeypatch):
    linear = Speed(21.0, 21, 21.0, 3, 3.0, 0.0, 0.0)  # each model takes a second more a step
    monkeypatch.setattr(estimating, "measure_speed", lambda *_: linear)
    monkeypatch.setattr(estimating, "REPORT_SECONDS", 0.0)
    plan = plan_of(batch_size=8, fast=True, strengths=tuple(np.geomspace(1e-3, 1.0, 20)))
    monkeypatch.setattr(type(plan), "workers", 1)
    terms = plan.problem.terms
    grid = terms.unregularized + terms.settings((own,) for own in plan.options.strengths)
    jobs = plan.jobs(0, grid)
    told = estimate(plan, jobs, 21, searched=False)
    whole = plan_of(batch_size=8, strengths=plan.options.strengths)
    whole = estimate(whole, jobs, 21, searched=False)
    assert told.beside is not None
    seconds = 3 * (linear.prepared + plan.fold_steps * linear.step)
    assert told.beside == pytest.approx(seconds * 2 / 21)
    assert "outermost of them, two more about" in str(told)
    assert whole.beside is None
    assert "outermost" not in str(whole)


@pytest.mark.parametrize(("rows", "seen"), [(32, 32), (6_000, 11_000), (60_000, 25_000)])
def test_residuals_are_told_by_the_rows_that_they_see(rows, seen):
    speed = Speed(
        prepared=0.0, models=4, step=0.0, few=3, few_step=0.0, judged=0.0, differentiated=2
    )
    assert estimating._Costs(plan_of(), speed)._judging(0, rows, models=4) == 2.0 * seen


def test_a_grid_that_may_grow_says_what_a_decade_costs(monkeypatch):
    monkeypatch.setattr(estimating, "measure_speed", fixed_speed)
    plan = plan_of(strengths=20)
    told = estimate(plan, jobs_of(plan), 21, searched=True)
    assert told.decade is not None
    assert 0 < told.decade < (told.seconds or 0.0)


@pytest.mark.parametrize("engine", ["stacked", "sequential"])
def test_a_trial_measures_every_part(engine):
    plan = plan_of(engine=engine)
    speed = measure_speed(
        Work(plan.engine, plan.problem), jobs_of(plan)[:1], plan.runner, plan.unit
    )
    assert speed.models == (4 if engine == "stacked" else 1)
    parts = (speed.prepared, speed.step, speed.few_step, speed.judged, speed.differentiated)
    assert all(0 < seconds < 1 for seconds in parts)
    assert speed.crowding >= 1


def test_a_solver_tells_memory_and_no_time():
    told = estimate(plan_of("linear"), jobs_of(plan_of("linear")), 4, searched=False)
    assert told.seconds is None
    most = peak_bytes()
    assert most is None or told.memory > 0.5 * most


def test_telling_first_changes_no_number():
    data = dataset_from_arrays(*table())
    options = PathOptions(strengths=STRENGTHS, folds=2, epochs=1)
    told: list[Estimate] = []
    first = fit_dataset("mlp:4;dropout=0.1", data, penalty=L1(), options=options)
    second = fit_dataset(
        "mlp:4;dropout=0.1", data, penalty=L1(), options=options, announce=told.append
    )
    np.testing.assert_array_equal(first.fold_scores, second.fold_scores)
    assert len(told) == 1
