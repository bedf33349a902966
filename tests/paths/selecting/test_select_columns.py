"""`select_columns`: what it selects, that its bound holds, and what it keeps."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import lasso_path
from sklearn.preprocessing import StandardScaler

from shrinkage import L2, GroupLasso, select_columns
from shrinkage.errors import InputError, RunDirectoryError
from shrinkage.paths.options import PathOptions
from shrinkage.paths.own_sets import dataset_of
from shrinkage.paths.running.plan import make_plan
from shrinkage.paths.running.progress import Silent
from shrinkage.paths.running.store import Store
from shrinkage.paths.selecting.records import BestColumns, StableSelection
from shrinkage.paths.selecting.stability import StabilityOptions, halved_options
from shrinkage.paths.selecting.universal import universal_threshold
from shrinkage.penalties import L1
from shrinkage.ranking import RankedColumns
from shrinkage.stability import ColumnSelection
from tests.cli.command_line import refused, shrinkage, write_table


def rows(seed: int, n: int = 80, columns: int = 40, telling: int = 3):
    """Return rows in which the first columns say something."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, columns))
    return X, X[:, :telling] @ np.full(telling, 1.5) + random.normal(size=n)


def test_selected_columns_are_those_that_halves_of_lasso_paths_draw_first() -> None:
    """The frequencies against scikit-learn's path on the same halves, at the same strengths."""
    from shrinkage.paths.selecting.halves import complementary_halves

    X, y = rows(0)
    stable = select_columns("linear", X, y, pairs=4, strengths=16, seed=3).stable
    frequency = np.zeros(40)
    for half, _ in complementary_halves(y, 4, 3, classes=False):
        x = StandardScaler().fit_transform(X[half])
        alphas = stable.strengths[::-1]
        _, weights, _ = lasso_path(x, y[half] - y[half].mean(), alphas=alphas, tol=1e-10)
        entered = np.logical_or.accumulate(np.abs(weights) > 1e-9, axis=1)
        allowed = entered.sum(axis=0) <= stable.drawn
        if allowed.any():
            frequency += entered[:, np.flatnonzero(allowed)[-1]]
    np.testing.assert_allclose(stable.frequency, frequency / 8)
    assert set(stable.selected) >= {"x0", "x1", "x2"}


def test_noise_selects_no_more_than_the_bound_allows() -> None:
    """The mean over draws of pure noise; two standard errors are granted to the draws."""
    counts = []
    for seed in range(12):
        random = np.random.default_rng(seed)
        X, y = random.normal(size=(60, 40)), random.normal(size=60)
        chosen = select_columns("linear", X, y, pairs=6, strengths=16, false_selections=0.5)
        counts.append(len(chosen.selected))
    assert np.mean(counts) <= 0.5 + 2 * np.std(counts) / np.sqrt(12)


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_universal_threshold_lets_noise_in_at_its_level(task: str) -> None:
    entered = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        X, y = random.normal(size=(60, 30)), random.normal(size=60)
        data, _ = dataset_of(
            X,
            y if task == "regression" else (y > 0.8).astype(int),
            task=task,
            missing_target="refuse",
            groups=None,
            sample_weight=None,
            columns=None,
            validation=None,
            test=None,
        )
        plan = make_plan("linear", data, L1(), PathOptions(test_size=0, seed=seed))
        found = universal_threshold(plan, Store(None), Silent(), level=0.2, orders=100)
        assert found is not None
        entered.append(bool(found.support.any()))
    assert 0.05 <= np.mean(entered) <= 0.35  # 0.2 ± 2.4 standard errors of 40 draws


def test_a_stopped_selection_goes_on_and_is_the_same(tmp_path: Path) -> None:
    X, y = rows(1)
    kept = select_columns("linear", X, y, pairs=3, strengths=8, store=tmp_path / "a")
    for state in sorted((tmp_path / "a" / "state").glob("fold-0*.safetensors")):
        state.unlink()
    (tmp_path / "a" / "selection.json").unlink()
    again = select_columns("linear", X, y, pairs=3, strengths=8, store=tmp_path / "a", resume=True)
    np.testing.assert_array_equal(kept.stable.frequency, again.stable.frequency)
    summary = json.loads((tmp_path / "a" / "selection.json").read_text())
    assert summary == json.loads(json.dumps(again.summary()))
    table = pd.read_csv(tmp_path / "a" / "columns.csv")
    assert list(table["column"])[:3] == list(again.table()["column"])[:3]
    assert (tmp_path / "a" / "figures" / "selection.png").stat().st_size > 5_000
    with pytest.raises(RunDirectoryError, match="other data or settings"):
        select_columns("linear", X, y, pairs=4, strengths=8, store=tmp_path / "a", resume=True)


def test_a_network_draws_columns_by_their_groups() -> None:
    X, y = rows(2, n=120, columns=12, telling=2)
    chosen = select_columns(
        "mlp:4",
        X,
        y,
        penalty=GroupLasso(),
        pairs=2,
        strengths=24,
        epochs=200,
        false_selections=2,
        threshold=0.9,
    )
    assert chosen.universal is None
    assert set(chosen.selected) == {"x0", "x1"}


def test_bad_input_is_said_in_one_line(tmp_path: Path) -> None:
    X, y = rows(0)
    with pytest.raises(InputError, match="a threshold above"):
        select_columns("linear", X, y, threshold=0.4)
    with pytest.raises(InputError, match="takes columns out"):
        select_columns("linear", X, y, penalty=L2(), pairs=2, strengths=2)
    for option, value in (("folds", 3), ("nested", 3), ("fast", True)):
        with pytest.raises(InputError, match=f"no option '{option}'"):
            select_columns("linear", X, y, **{option: value})  # type: ignore[arg-type]
    table = {f"c{i}": X[:, i].round(3) for i in range(6)} | {"y": y.round(3)}
    data = write_table(tmp_path / "t.csv", table)
    refused(tmp_path, ("select", data, "--target", "y", "--pairs", "1"), "at least 2")
    few = ("--pairs", "4", "--strengths", "10")
    answer = shrinkage("select", data, "--target", "y", *few, "--out", tmp_path / "o")
    assert answer.status == 0, answer.err
    assert "Expected among them by mistake" in " ".join(answer.out.split())
    assert any(name in answer.out for name in ("c0", "c1", "c2"))


def test_halves_of_censored_times_share_the_events() -> None:
    X, y = rows(1, n=60, columns=4)
    times = np.abs(y) + 0.1
    times[10:] *= -1  # ten events
    data, _ = dataset_of(
        X, times, task=None, groups=None, sample_weight=None, validation=None, test=None
    )
    halved = halved_options(data, PathOptions(loss="cox"), StabilityOptions(pairs=8))
    assert all((times[half] > 0).sum() == 5 for pair in halved.folds for half in pair)


def test_what_is_said_of_target_and_columns_reaches_the_halves(tmp_path, monkeypatch) -> None:
    seen = {}

    def stop(*rows, **said):
        seen.update(options=said["options"], data=rows[1])
        raise InputError("seen")

    monkeypatch.setattr("shrinkage.stability.select_of_dataset", stop)
    table = {"a": [1.5, 2.5, 0.5, 4.5], "b": [2.5, 1.5, 3.5, 0.5]}
    table |= {"days": [3, 1, 4, 2], "died": [1, 0, 1, 1]}
    data = write_table(tmp_path / "t.csv", table)
    said = ("--target", "days", "--event", "died", "--loss", "cox", "--free", "b", "--epochs", "3")
    refused(tmp_path, ("select", data, *said, "--batch-size", "2"), "seen")
    assert seen["options"].loss == "cox"
    assert (seen["options"].free, seen["options"].batch_size) == (("b",), 2)
    np.testing.assert_array_equal(seen["data"].y, [3, -1, 4, 2])
    refused(tmp_path, ("select", data, "--target", "days", "--event", "died"), "--loss cox")
    refused(tmp_path, ("select", data, "--best", "1", "--free", "b"), "--free")


def test_a_selection_is_printed_in_a_line():
    columns = tuple(f"c{i}" for i in range(300))
    support = np.arange(300) < 40
    bound = SimpleNamespace(any_halves=1.0, unimodal=0.5)
    path, strengths = np.ones((1, 300)), np.ones(1)
    fields: Any = (support * 0.9, path, strengths, 20, 18.0, 0.75, 50, bound)
    stable = StableSelection(columns, *fields)
    printed = str(ColumnSelection(stable, None))
    assert printed.startswith("40 of 300 columns (c0, c1,")
    assert "drawn by at least 75% of 100 halves" in printed
    best = BestColumns(
        columns,
        support,
        support * 1.0,
        np.ones((2, 300)),
        np.array([300, 40]),
        np.array([[0.5], [0.8]]),
    )
    ranked = repr(RankedColumns(best, "r2"))
    assert "r2 0.8 on rows" in ranked
    assert max(len(printed), len(ranked)) < 150
