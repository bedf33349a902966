"""Whether a network has converged: what the residual is, where it is judged, what is said of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import Lasso
from torch import nn

from shrinkage import L1, L2, GroupLasso, fit_path
from shrinkage.datasets import dataset_from_arrays
from shrinkage.paths import PathOptions
from shrinkage.paths.choosing.grid_top import GridTop
from shrinkage.paths.engines import stationarity
from shrinkage.paths.engines.architectures import Prototype
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.paths.engines.stationarity import CONVERGED
from shrinkage.paths.fit import fit
from shrinkage.paths.results.directory import read_run, write_run, write_summary
from shrinkage.paths.results.records import Status
from shrinkage.paths.results.warnings import more_epochs
from shrinkage.paths.running.outcomes import UnitOutcome, refitted
from shrinkage.paths.running.plan import make_plan
from shrinkage.paths.running.progress import Silent
from shrinkage.paths.running.store import Store
from tests.paths.tables import table

ENGINES = (StackedEngine(), SequentialEngine())


def nothing(_: int) -> None:
    """Take no notice of progress."""


def residual_of(engine, problem, unit) -> np.ndarray:
    trained = engine.train(problem, unit, nothing)
    assert trained.residual is not None
    before = {name: value.clone() for name, value in trained.arrays.items()}
    residual = trained.residual()
    assert residual is not None
    for name, value in trained.arrays.items():
        assert torch.equal(value, before[name])
    return residual


def at_weights(make, weight: np.ndarray, bias: float, penalty, strengths, **options):
    """Return a linear network that starts at these weights, and stays there."""
    problem, unit = make(
        "linear", penalty, task="regression", strengths=strengths, learning_rate=1e-14, **options
    )
    layer = nn.Linear(6, 1).double()
    with torch.no_grad():
        layer.weight[0] = torch.from_numpy(weight)
        layer.bias[0] = bias
    unit = replace(unit, data=replace(unit.data, validation=None))
    return replace(problem, architecture=Prototype(nn.Sequential(layer))), unit


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_it_is_zero_at_scikit_learns_lasso_and_the_signal_left_elsewhere(make, engine):
    _, unit = at_weights(make, np.zeros(6), 0.0, L1(), (0.1,), epochs=1)
    rows = unit.data.rows.take(unit.data.train)
    x, y = rows.x.numpy(), rows.target.numpy()
    peer = Lasso(alpha=0.1, tol=1e-14).fit(x, y)
    there = at_weights(make, peer.coef_, float(peer.intercept_), L1(), (0.1,), epochs=1)
    np.testing.assert_allclose(residual_of(engine, *there), 0.0, atol=1e-8)

    centred = y - y.mean()
    slope = x.T @ centred / len(y)
    left = np.maximum(np.abs(slope) - 0.1, 0.0)
    start = at_weights(make, np.zeros(6), float(y.mean()), L1(), (0.1,), epochs=1)
    expected = np.sqrt((left**2).sum() / ((slope**2).sum() + centred.var()))
    np.testing.assert_allclose(residual_of(engine, *start), expected, rtol=1e-5)


@pytest.mark.parametrize("penalty", [L1(), L2(), GroupLasso(per="input")], ids=repr)
@pytest.mark.parametrize("model", ["mlp:8", "mlp:8;norm=batch;dropout=0.2"])
def test_both_engines_measure_the_same(make, model, penalty, monkeypatch):
    monkeypatch.setattr(stationarity, "RANDOM_ROWS", 300)
    problem, unit = make(model, penalty, epochs=2, weighted=True)
    stacked, sequential = (residual_of(engine, problem, unit) for engine in ENGINES)
    np.testing.assert_allclose(stacked, sequential, rtol=1e-6)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_no_judgement_where_the_update_minimizes_something_else(make, engine):
    problem, unit = make("mlp:4", L2(), update="decoupled", epochs=1)
    trained = engine.train(problem, unit, nothing)
    assert trained.residual() is None
    outcome = refitted(problem, replace(unit, data=replace(unit.data, validation=None)), trained)
    assert Status.NOT_CONVERGED not in outcome.status
    assert np.isnan(outcome.values["residual"]).all()


@pytest.mark.parametrize("update", ["proximal", "gradient", "loss"])
def test_too_few_epochs_are_flagged_and_enough_are_not(make, update):
    few, unit = make("mlp:4", L2(), task="regression", update=update, epochs=2, strengths=(1e-2,))
    enough = replace(few, recipe=replace(few.recipe, epochs=60))
    assert residual_of(StackedEngine(), few, unit)[0] > CONVERGED
    assert residual_of(StackedEngine(), enough, unit)[0] < CONVERGED


def test_a_path_tells_the_status_the_residual_and_the_epochs_to_try():
    X, y = table(200)
    result = fit_path("mlp:4", X, y, epochs=2, strengths=(1e-3, 1e-2), folds=2)
    assert result.status == (Status.NOT_CONVERGED,) * 2
    assert result.residual is not None
    assert result.residual.shape == (2, 2)
    assert result.summary["residual"] == result.residual.max(axis=1).tolist()
    assert result.table()["residual"].tolist() == result.summary["residual"]
    assert any("--epochs" in warning for warning in result.warnings)


def test_a_run_of_an_older_version_is_read_and_gone_on_with(tmp_path):
    data = dataset_from_arrays(*table())
    plan = make_plan("mlp:4", data, L1(), PathOptions(strengths=2, folds=2, epochs=1))
    store = Store(tmp_path)
    result = fit(plan, store, Silent())
    write_run(result, tmp_path)
    write_summary(result, tmp_path)
    for name in ("summary.json", "history.json"):
        content = json.loads((tmp_path / name).read_text())
        for key in ("residual", "grid"):
            content.pop(key, None)
        (tmp_path / name).write_text(json.dumps(content))
    again = read_run(tmp_path)
    assert again.residual is None
    assert "residual" not in again.table()
    assert again.status == result.status

    store.keep_note("grid", GridTop.of_note(store.note("grid")).strength)  # type: ignore[union-attr]
    name = "fold-0-group-0-part-1-of-1"
    unit = store.unit(name)
    assert unit is not None
    store.keep_unit(name, UnitOutcome({k: v for k, v in unit.values.items() if k != "residual"}))
    resumed = fit(plan, store, Silent())
    np.testing.assert_array_equal(resumed.fold_scores, result.fold_scores)
    assert resumed.residual is None
    assert resumed.status == result.status


def test_the_epochs_to_try_grow_with_what_is_left():
    assert more_epochs(10, 0.1) < more_epochs(10, 0.5) < more_epochs(10, 3.0) == 600


@pytest.mark.parametrize(("load", "epochs"), [(load_iris, 10), (load_wine, 30)])
def test_the_epochs_that_are_told_are_enough(load, epochs):
    X, y = load(return_X_y=True)
    options = {"penalty": L1(), "strengths": 4, "folds": 2}
    (told,) = fit_path("mlp:16", X, y, epochs=epochs, **options).warnings
    more = int(re.search(r"--epochs (\d+)", told)[1])  # type: ignore[index]
    assert epochs < more <= 60 * epochs
    settled = fit_path("mlp:16", X, y, epochs=more, **options)
    assert Status.NOT_CONVERGED not in settled.status


def test_many_rows_are_asked_only_where_few_leave_it_open(make, monkeypatch):
    problem, unit = make("mlp:8", L2(), epochs=40, rows=440)
    trained = StackedEngine().train(problem, unit, lambda _: None)
    assert trained.residual is not None
    whole = trained.residual()
    assert whole is not None
    monkeypatch.setattr(stationarity, "ROWS", (150, stationarity.MOST_ROWS))
    few = trained.residual()
    assert few is not None
    monkeypatch.setattr(stationarity, "CONVERGED", float(np.median(few)))
    mixed = trained.residual()
    assert mixed is not None
    open_still = few > np.median(few)
    np.testing.assert_array_equal(mixed[open_still], whole[open_still])
    np.testing.assert_array_equal(mixed[~open_still], few[~open_still])


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_it_takes_no_more_passes_than_half_the_steps_of_training(make, engine, monkeypatch):
    """Masks are random, so rows are seen again and again, but not 200 times after two epochs."""
    asked = {}
    blocks = stationarity._blocks

    def counted(problem, rows, at, passes):
        asked[problem.recipe.epochs] = (passes, len(list(blocks(problem, rows, at, passes))))
        return blocks(problem, rows, at, passes)

    monkeypatch.setattr(stationarity, "_blocks", counted)
    for epochs in (2, 8):
        problem, unit = make("mlp:16;dropout=0.5", L1(), strengths=(0.01,), epochs=epochs)
        residual_of(engine, problem, unit)
        steps = problem.recipe.steps(len(unit.data.train))
        passes, taken = asked[epochs]
        a_pass = taken // passes
        assert taken <= max(a_pass, steps / 2)
        assert taken > steps / 2 - a_pass


def test_a_linear_model_without_a_penalty_that_has_not_arrived_is_told():
    X = np.random.default_rng(0).normal(size=(60, 3))
    fast = {"strengths": (9.0, 10.0), "folds": 2, "repeats": 1, "epochs": 3, "progress": False}
    path = fit_path(torch.nn.Linear(3, 1), X, X @ [1.0, 2.0, 0.1], penalty=L1(), **fast)
    (told,) = [own for own in path.warnings if "ended before a minimizer" in own]
    assert told.startswith("at 2 of 2 strengths and without a penalty training ended before a")
