"""Memory: models train in chunks that fit, and in halves where an allocation fails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from shrinkage.datasets import dataset_from_arrays
from shrinkage.errors import InputError
from shrinkage.paths import PathOptions
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.paths.fit import fit
from shrinkage.paths.running.estimate import estimate
from shrinkage.paths.running.memory import bytes_a_model, size_in_bytes
from shrinkage.paths.running.plan import make_plan
from shrinkage.paths.running.store import Store
from shrinkage.penalties import L1
from tests.paths.tables import table

OPTIONS = {"strengths": (1e-3, 1e-2, 0.1, 1.0), "folds": 2, "epochs": 2, "dtype": "float64"}


class Told:
    """Keeps what a run tells."""

    def __init__(self) -> None:
        self.planned, self.steps, self.lines = 0, 0, []

    def stage(self, name: str, steps: int) -> None:
        del name
        self.planned += steps

    def advance(self, steps: int) -> None:
        self.steps += steps

    def say(self, text: str) -> None:
        self.lines.append(text)


def plan_of(**options):
    data = dataset_from_arrays(*table())
    return make_plan("mlp:4", data, L1(), PathOptions(**{**OPTIONS, **options}))


def fails_above(models: int, error: Exception):
    train = StackedEngine.train

    def failing(engine, problem, unit, advance):
        if len(unit.settings) > models:
            advance(1)
            raise error
        return train(engine, problem, unit, advance)

    return failing


ERRORS = [
    RuntimeError("[enforce fail] err == 0. DefaultCPUAllocator: can't allocate memory"),
    torch.OutOfMemoryError("CUDA out of memory"),
    MemoryError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_where_memory_runs_out_halves_go_on_alike_and_it_is_told(monkeypatch, error):
    whole = fit(plan_of(), Store(None), Told())
    monkeypatch.setattr(StackedEngine, "train", fails_above(2, error))
    told = Told()
    halves = fit(plan_of(), Store(None), told)
    np.testing.assert_allclose(halves.train_loss, whole.train_loss, rtol=1e-9)
    for name, array in whole.weights["best"].items():
        np.testing.assert_allclose(halves.weights["best"][name], array, atol=1e-9)
    assert "Memory ran out: going on with 2 models at a time." in told.lines
    assert any("memory ran out in 2 of 2 folds" in line for line in halves.warnings)
    assert not any("memory" in line for line in whole.warnings)


def test_progress_is_given_back_and_shared_by_the_halves(monkeypatch):
    monkeypatch.setattr(StackedEngine, "train", fails_above(2, MemoryError()))
    told = Told()
    fit(plan_of(), Store(None), told)
    assert told.steps == told.planned


def test_other_errors_and_a_single_model_without_memory_end_the_run(monkeypatch):
    monkeypatch.setattr(StackedEngine, "train", fails_above(0, MemoryError()))
    with pytest.raises(InputError, match="one model at a time"):
        fit(plan_of(), Store(None), Told())
    monkeypatch.setattr(StackedEngine, "train", fails_above(2, RuntimeError("shapes differ")))
    with pytest.raises(RuntimeError, match="shapes differ"):
        fit(plan_of(), Store(None), Told())


def test_a_cap_cuts_the_models_into_chunks_and_the_estimate_says_so(tmp_path):
    plan = plan_of()
    rows = max(len(rows) for fold in plan.preparation.split.folds for rows in fold)
    side_by_side = min(plan.workers, plan.folds)
    capped = replace(plan, memory=2.5 * side_by_side * bytes_a_model(plan.problem, rows))
    assert (plan.parts(5), capped.parts(5)) == (1, 3)
    store = Store(tmp_path)
    result = fit(capped, store, Told())
    assert store.unit("fold-1-group-0-part-3-of-3") is not None
    resumed = fit(plan, store, Told())  # with more memory it goes on as it was cut
    np.testing.assert_array_equal(result.fold_scores, resumed.fold_scores)
    np.testing.assert_allclose(
        result.train_loss, fit(plan, Store(None), Told()).train_loss, rtol=1e-9
    )
    settings = plan.problem.terms.settings([(0.1,)] * 5)
    said = str(estimate(capped, capped.jobs(0, settings), 5, searched=False))
    assert "2 folds × 5 models, 2 at a time to fit the memory, of" in said
    nothing = replace(plan_of(memory="1kB"), memory=0.0)
    said = str(estimate(nothing, nothing.jobs(0, settings), 5, searched=False))
    assert "1 at a time" in said
    assert "more than the 0 MB allowed" in said


@pytest.mark.parametrize("size", ["two", "", "0", "2PB", "-1GB", -1, True, float("inf"), "1e999GB"])
def test_a_size_that_is_none_is_refused_in_one_line(size):
    with pytest.raises(InputError, match="expected memory as a size such as 2GB"):
        size_in_bytes(size)
