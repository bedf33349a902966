"""A run directory: what is in it, that it is the run, and that nothing in it is lost."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import lasso_path
from sklearn.preprocessing import StandardScaler

import shrinkage.run as run_module
from shrinkage import fit_path, select_columns
from shrinkage.datasets import make_folds
from shrinkage.errors import RunDirectoryError
from shrinkage.paths import load_result
from shrinkage.paths.running.store import Store
from tests.paths.small_runs import SMALL, without_times


def test_summary_has_every_number_of_the_design(run):
    summary = json.loads((run[1] / "summary.json").read_text())
    expected = {
        *("task", "data", "n_samples", "n_features", "model", "penalty", "update", "seed"),
        *("strengths", "cv_score_mean", "cv_score_se", "nonzero", "status", "best"),
        *("one_standard_error", "unregularized", "score_name", "models_trained"),
        *("wall_seconds", "versions"),
    }
    assert expected <= set(summary)
    for role in ("best", "one_standard_error", "unregularized"):
        assert set(summary[role]) == {
            "index",
            "strength",
            "cv_score",
            "test_score",
            "nonzero",
            "total_weights",
            "test_interval",
            "cv_log_loss",
            "test_log_loss",
        }
    assert len(summary["strengths"]) == len(summary["status"]) == len(summary["cv_score_mean"])
    assert summary["models_trained"] >= 3 * (4 + 1) + 2


def test_a_run_read_back_is_the_run_that_was_written(run, digits):
    result, store = run
    again = load_result(store)
    assert without_times(again.summary) == without_times(result.summary)
    for name in ("strengths", "fold_scores", "train_loss", "log_loss", "inputs_kept"):
        np.testing.assert_array_equal(getattr(again, name), getattr(result, name))
    assert again.chosen == result.chosen
    assert (again.differences, again.early_stop) == (result.differences, result.early_stop)
    assert again.assignment == result.assignment
    pd.testing.assert_frame_equal(again.table(), result.table())
    X, _ = digits
    np.testing.assert_array_equal(again.predict(X), result.predict(X))
    np.testing.assert_allclose(again.predict_proba(X[:5]).sum(axis=1), 1, atol=1e-6)


def test_nothing_of_this_machine_and_no_pickle_is_in_the_run(run):
    _, store = run
    for path in store.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert str(store.parent).encode() not in content, path.name
            assert not content.startswith(b"\x80"), path.name
    assert not list(store.rglob(".tmp-*"))
    assert (store / "report.html").stat().st_size > 10_000
    assert list((store / "figures").glob("*.png"))


def test_a_finished_run_is_only_read(run, digits):
    _, store = run
    stamps = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    with pytest.raises(RunDirectoryError, match="already holds a run"):
        fit_path("mlp:16", *digits, store=store, **SMALL)
    fit_path("mlp:16", *digits, store=store, resume=True, **SMALL)
    with pytest.raises(RunDirectoryError, match="other data or settings"):
        fit_path("mlp:16", *digits, store=store, resume=True, **{**SMALL, "seed": 2})
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == stamps


def test_a_folder_with_other_files_is_left_alone(tmp_path, digits):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunDirectoryError, match="other files"):
        fit_path("mlp:16", *digits, store=tmp_path, resume=True, **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.slow
def test_a_full_disk_loses_nothing_that_was_done(digits, tmp_path, monkeypatch):
    import errno

    from shrinkage import atomic

    store, real, count = tmp_path / "run", atomic.os.fsync, iter(range(1000))

    def full(handle):
        if next(count) == 4:  # the run, its grid, its cut, one fold
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(RunDirectoryError, match=r"No space left on device.*--resume"):
        fit_path("mlp:16", *digits, store=store, **SMALL)
    assert not list(store.rglob(".tmp-*"))
    done = sorted(path.name for path in (store / "state").iterdir())
    assert "fold-0-group-0-part-1-of-1.safetensors" in done
    resumed = fit_path("mlp:16", *digits, store=store, resume=True, **SMALL)
    assert without_times(resumed.summary) == without_times(
        fit_path("mlp:16", *digits, **SMALL).summary
    )


def test_what_draws_is_loaded_while_the_last_models_train(digits, tmp_path, monkeypatch):
    loaded, trained = [], []

    def noted(*_):
        loaded.append(len(trained))
        thread = Thread()
        thread.start()
        return thread

    monkeypatch.setattr(run_module, "load_beside", noted)
    keep = Store.keep_unit
    monkeypatch.setattr(Store, "keep_unit", lambda *own: trained.append(own[1]) or keep(*own))
    fit_path("mlp:16", *digits, **SMALL)
    assert not loaded, "nothing is drawn without a folder"
    trained.clear()
    fit_path("mlp:16", *digits, store=tmp_path / "run", **SMALL)
    (place,) = loaded
    assert trained[place:] == ["refit"]


def test_columns_rank_by_how_long_they_stay(tmp_path: Path) -> None:
    """Against the weights of a refit at every strength and scikit-learn's own on each fold."""
    random = np.random.default_rng(4)
    X = random.normal(size=(60, 6))
    X[:, 2] = 1.0  # makes no input
    y = 3 * X[:, 4] + X[:, 1] + random.normal(size=60)
    grid = (0.02, 0.2, 0.6, 1.5)
    result = fit_path(
        "linear", X, y, strengths=grid, folds=3, test_size=0, repeats=1, store=tmp_path / "run"
    )
    used = np.zeros((4, 6))
    for train, _ in make_folds(y, "regression", None, 3, 0):
        x = StandardScaler().fit_transform(X[train])
        downwards: Any = grid[::-1]  # scikit-learn's type of it is a text
        _, weights, _ = lasso_path(x, y[train] - y[train].mean(), alphas=downwards, tol=1e-12)
        used += np.abs(weights[:, ::-1].T) > 1e-9
    assert result.frequency is not None
    np.testing.assert_allclose(result.frequency, used[:, [0, 1, 3, 4, 5]] / 3, atol=1e-12)
    table = load_result(tmp_path / "run").columns()
    assert list(table["column"])[:2] == ["x4", "x1"]
    assert list(table["last_strength"])[:2] == [1.5, 0.6]
    assert (tmp_path / "run" / "columns.csv").read_text().startswith("column,last_strength,best,")


def test_a_selection_is_no_unfinished_run(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(30, 4))
    select_columns("linear", X, X[:, 0], pairs=2, strengths=3, store=tmp_path / "a")
    with pytest.raises(RunDirectoryError, match="a selection of columns, which has no model"):
        load_result(tmp_path / "a")
