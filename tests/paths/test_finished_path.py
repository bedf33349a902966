"""What a finished path says and keeps: scores, counts, models, its identity and its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import r2_score

from shrinkage import L1, L2, fit_path
from shrinkage.atomic import write_bytes
from shrinkage.errors import InputError, RunDirectoryError
from shrinkage.paths.running.store import fingerprint_of
from tests.paths.tables import table

LINEAR = {"strengths": (0.05, 0.5, 1.0), "folds": 3}


def test_the_test_score_is_weighted_and_that_of_the_refit():
    X, y = table(80)
    weight = np.random.default_rng(1).uniform(0.1, 3.0, len(y))
    result = fit_path("linear", X, y, sample_weight=weight, **LINEAR)
    assert result.model_file is not None
    test = np.array(result.model_file.test_rows)
    expected = r2_score(y[test], result.predict(X[test]), sample_weight=weight[test])
    assert result.best.test_score == pytest.approx(expected, rel=1e-12)
    assert result.best.test_score != pytest.approx(r2_score(y[test], result.predict(X[test])))
    assert result.best.test_score != result.best.cv_score


def test_the_summary_counts_what_the_arrays_hold():
    X, y = table()
    result = fit_path("linear", X, y, **LINEAR)
    assert result.summary["nonzero"] == result.nonzero.mean(axis=1).tolist()
    assert result.inputs_kept is not None
    assert result.summary["inputs_kept"] == result.inputs_kept.mean(axis=1).tolist()
    refitted = {0.0, result.best.strength, result.one_standard_error.strength}
    assert result.summary["models_trained"] == 3 * (3 + 1) + len(refitted)


def test_biases_are_neither_penalised_nor_counted():
    X, y = table()
    result = fit_path("mlp:3", X, y, strengths=(0.01, 0.1), folds=2, epochs=1)
    terms = {row.parameter: bool(row.term) for row in result.assignment}
    assert terms == {"0.weight": True, "0.bias": False, "2.weight": True, "2.bias": False}
    assert [layer.name for layer in result.layers] == ["0.weight", "2.weight"]
    assert result.best.total_weights == 4 * 3 + 3


def test_each_position_gives_its_own_model_in_the_targets_unit():
    X, y = table()
    result = fit_path("linear", X, y, refit="all", **LINEAR)
    norms = [float(result.model(index)[0].weight.detach().norm()) for index in range(3)]
    assert norms[0] > norms[1] > norms[2]
    for chosen in (result.best, result.one_standard_error):
        assert torch.equal(
            result.model(chosen.index)[0].weight, result.model(chosen.role)[0].weight
        )
    network = fit_path("mlp:4", X, y, strengths=(1e-4, 1e-3), folds=2, epochs=40)
    outputs = network.decision(X)[:, 0]
    assert network.model_file is not None
    rows = np.setdiff1d(np.arange(len(y)), network.model_file.test_rows)
    expected = y[rows].mean() + y[rows].std() * outputs
    np.testing.assert_allclose(network.predict(X), expected, rtol=1e-6)


@pytest.mark.parametrize("change", ["X", "y", "weight", "penalty", "seed"])
def test_a_run_with_another_input_is_another_run(tmp_path, change):
    X, y = table()
    given = {"X": X, "y": y, "weight": np.ones(len(y)), "penalty": L1(), "seed": 0}
    # A module brings its own weights, which therefore do not tell the seed.
    module = torch.nn.Sequential(torch.nn.Linear(4, 1))

    def run():
        return fit_path(
            module,
            given["X"],
            given["y"],
            sample_weight=given["weight"],
            penalty=given["penalty"],
            seed=given["seed"],
            store=tmp_path / "run",
            resume=True,
            epochs=1,
            **LINEAR,
        )

    (tmp_path / "run" / "state").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shrinkage.run.PathRun.write", lambda *_: None)
        run()
    other = {"penalty": L2(), "seed": 1}
    given[change] = other[change] if change in other else np.roll(given[change], 1) * 2
    with pytest.raises(RunDirectoryError, match="other data or settings"):
        run()


def test_nothing_that_is_kept_nowhere_is_gone_on_with():
    with pytest.raises(InputError, match="give store="):
        fit_path("linear", *table(), resume=True, **LINEAR)


def test_the_name_of_a_column_is_part_of_the_data():
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    same = fingerprint_of({}, {"X": frame})
    assert same == fingerprint_of({}, {"X": frame.copy()})
    assert same != fingerprint_of({}, {"X": frame.rename(columns={"a": "b"})})
    assert same != fingerprint_of({}, {"X": frame + 1})


def test_a_fingerprint_of_times_is_of_their_values():
    days = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=5), "lag": pd.Timedelta("1h")})
    same = fingerprint_of({}, {"X": days})
    assert same == fingerprint_of({}, {"X": days.copy()})
    assert same != fingerprint_of({}, {"X": days + pd.Timedelta("1s")})


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "kept.txt"
    write_bytes(path, b"old")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(RunDirectoryError, match="No space left"):
        write_bytes(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert [left.name for left in tmp_path.iterdir()] == ["kept.txt"]
