"""A stack whose columns leave ends where the whole one does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from shrinkage.datasets import dataset_from_arrays
from shrinkage.paths import PathOptions
from shrinkage.paths.choosing.grid import log_grid
from shrinkage.paths.engines.leaving import shard, training
from shrinkage.paths.engines.leaving.past import Past
from shrinkage.paths.engines.leaving.watch import Watch
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.paths.engines.stepping import Steps
from shrinkage.paths.running.plan import make_plan
from shrinkage.penalties import L1, ElasticNet, GroupLasso, SparseGroupLasso
from shrinkage.pytorch.prox.kernels import adam, adam_groups

pytestmark = pytest.mark.skipif(
    not (adam.is_built() and adam_groups.is_built()), reason="the compiled kernels were not built"
)
ROWS, COLUMNS, STRENGTHS, EPOCHS = 40, 160, 6, 90


def unit_of(penalty, top, model="mlp:8,4"):
    """Return a problem in float64 and the unit of a fold of few rows and many columns."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, ROWS)
    X = random.normal(size=(ROWS, COLUMNS)) + np.outer(y, np.arange(COLUMNS) < 5)
    options = PathOptions(folds=2, strengths=STRENGTHS, epochs=EPOCHS, learning_rate=0.02)
    plan = make_plan(model, dataset_from_arrays(X, y, task="classification"), penalty, options)
    terms = plan.problem.terms
    settings = terms.unregularized + terms.settings((s,) for s in log_grid(top, STRENGTHS))
    unit = plan.unit(plan.jobs(0, settings, 1)[0])
    rows = replace(unit.data.rows, x=unit.data.rows.x.double())
    problem = replace(plan.problem, dtype=torch.float64, precision="float32", settle=0.0)
    return problem, replace(unit, data=replace(unit.data, rows=rows))


@pytest.fixture(autouse=True)
def _at_any_size(monkeypatch):
    """Let columns leave small stacks, as soon as they can."""
    monkeypatch.setattr(training, "LEAST_WEIGHTS", (0, 0))
    monkeypatch.setattr(training, "PRICES", ((0, 0.0), (0, 0.0)))
    monkeypatch.setattr(training, "NEAR", 1.0)


@pytest.fixture
def seen(monkeypatch):
    """Count what leaves and what comes back."""
    counts = {"cuts": 0, "back": 0}
    settle, back = shard.Shard._settle, shard.Shard._take_back

    def settled(self, held):
        counts["cuts"] += len(held.piece.columns) < COLUMNS
        settle(self, held)

    def taken_back(self, positions):
        counts["back"] += len(positions)
        back(self, positions)

    monkeypatch.setattr(shard.Shard, "_settle", settled)
    monkeypatch.setattr(shard.Shard, "_take_back", taken_back)
    return counts


def trained(problem, unit):
    return StackedEngine().train(problem, unit, lambda _: None)


def whole(problem, unit, monkeypatch):
    """Return what training gives where no column leaves."""
    with monkeypatch.context() as patch:
        patch.setattr(training, "LEAST_WEIGHTS", (np.inf, np.inf))
        return trained(problem, unit)


CASES = {
    "L1": (L1(), 0.1, "mlp:8,4"),
    "elastic net": (ElasticNet(0.7), 0.15, "mlp:8"),
    "groups": (GroupLasso(per="input"), 0.05, "mlp:8,4"),
    "sparse groups": (SparseGroupLasso(0.3, per="input"), 0.07, "mlp:8"),
    "norm and dropout": (GroupLasso(per="input"), 0.05, "mlp:8;norm=batch;dropout=0.2"),
}


@pytest.mark.parametrize("name", CASES)
def test_weights_zeros_and_curves_are_those_of_the_whole_stack(name, seen, monkeypatch):
    problem, unit = unit_of(*CASES[name])
    own, expected = trained(problem, unit), whole(problem, unit, monkeypatch)
    assert seen["cuts"] > 0
    for key, value in expected.arrays.items():
        torch.testing.assert_close(own.arrays[key], value, rtol=0, atol=1e-9)
        assert torch.equal(own.arrays[key] == 0, value == 0)
    assert own.curves is not None
    assert expected.curves is not None
    np.testing.assert_allclose(own.curves.train_loss, expected.curves.train_loss, atol=1e-9)
    np.testing.assert_allclose(
        own.curves.validation_loss, expected.curves.validation_loss, atol=1e-9
    )
    assert own.residual is not None
    assert expected.residual is not None
    np.testing.assert_allclose(own.residual(), expected.residual(), atol=1e-8)


def test_columns_come_back_and_a_watch_that_sleeps_is_noticed(seen, monkeypatch):
    problem, unit = unit_of(*CASES["L1"])
    expected = whole(problem, unit, monkeypatch).arrays["0.weight"]
    trained(problem, unit)
    assert seen["back"] > 0
    monkeypatch.setattr(Watch, "returning", lambda self, *_: self.positions[:0])
    wrong = trained(problem, unit).arrays["0.weight"]
    assert float((wrong - expected).abs().max()) > 1e-3


def test_a_wrong_second_moment_is_noticed(monkeypatch):
    problem, unit = unit_of(*CASES["L1"])
    expected = whole(problem, unit, monkeypatch).arrays["0.weight"]
    moments = Past.moments

    def without_the_second(self, model, columns):
        first, second = moments(self, model, columns)
        return first, torch.zeros_like(second)

    monkeypatch.setattr(Past, "moments", without_the_second)
    wrong = trained(problem, unit).arrays["0.weight"]
    assert float((wrong - expected).abs().max()) > 1e-6


def test_a_model_that_diverges_leaves_the_others_alone(seen, monkeypatch):
    problem, unit = unit_of(*CASES["groups"])
    leaving, plain = training.LeavingSteps.take, Steps.take

    def spoiled(self):
        taken = leaving(self)
        if self._step == 30:
            last = self._shards[-1].held.flat.parameters["0.weight"].detach()
            last[-1, 0, 0] = torch.nan
        return taken

    def spoiled_whole(self):
        taken = plain(self)
        if self._step == 30:
            self._network.parameters["0.weight"].detach()[-1, 0, 0] = torch.nan
        return taken

    monkeypatch.setattr(training.LeavingSteps, "take", spoiled)
    monkeypatch.setattr(Steps, "take", spoiled_whole)
    own, expected = trained(problem, unit), whole(problem, unit, monkeypatch)
    assert seen["cuts"] > 0
    for key, value in expected.arrays.items():
        torch.testing.assert_close(own.arrays[key][:-1], value[:-1], rtol=0, atol=1e-9)
    assert own.arrays["0.weight"][-1].isnan().any()


@pytest.mark.parametrize("reason", ["batches", "many rows", "no zeros", "small"])
def test_columns_stay_where_leaving_is_not_exact_or_does_not_pay(reason, monkeypatch):
    problem, unit = unit_of(*CASES["L1"])
    if reason == "batches":
        problem = replace(problem, recipe=replace(problem.recipe, batch_size=8))
    elif reason == "many rows":
        monkeypatch.setattr(training, "MOST_PAIRS", 1.0)
    elif reason == "no zeros":
        unit = replace(unit, settings=unit.settings.take([0]))
    else:
        monkeypatch.setattr(training, "LEAST_WEIGHTS", (10**9, 10**9))
    monkeypatch.setattr(training.LeavingSteps, "take", None)
    trained(problem, unit)
