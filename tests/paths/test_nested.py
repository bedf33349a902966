"""Nested cross validation, and paths over rows in the order of time."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from shrinkage import L1, L2, fit_path, fit_surface
from shrinkage.datasets import dataset_from_arrays
from shrinkage.errors import InputError
from shrinkage.run import load_result
from tests.cli.command_line import refused, shrinkage, write_table

random = np.random.default_rng(0)
X = random.normal(size=(90, 4))
Y = X[:, 0] + random.normal(size=90)
QUICK = {"strengths": (0.02, 0.1, 0.5), "folds": 3, "progress": False}


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    store = tmp_path_factory.mktemp("runs") / "nested"
    return fit_path("linear", X, Y, nested=3, store=store, **QUICK), store


def test_an_outer_fold_is_the_whole_procedure_on_the_other_rows(nested):
    from shrinkage.datasets.splits import make_folds
    from shrinkage.paths.engines.recipe import derived_seed
    from shrinkage.paths.nested import NESTED_LABEL

    result, _ = nested
    train = np.setdiff1d(np.arange(90), result.model_file.test_rows)
    seed = derived_seed(0, NESTED_LABEL) % 2**32
    folds = make_folds(Y[train], "regression", None, 3, seed)
    for (fit, held), score, strength in zip(
        folds, result.nested.scores, result.nested.strengths, strict=True
    ):
        rows, out = train[fit], train[held]
        alone = fit_path("linear", X[rows], Y[rows], test=(X[out], Y[out]), **QUICK)
        assert alone.best.strength == strength
        assert alone.best.test_score == pytest.approx(score, abs=1e-9)


def test_the_honest_score_stands_in_summary_page_and_directory(nested):
    result, store = nested
    summary = json.loads((store / "summary.json").read_text())
    assert summary["nested"]["score"] == pytest.approx(np.mean(result.nested.scores))
    error = np.std(result.nested.scores, ddof=1) / np.sqrt(3)
    assert summary["nested"]["standard_error"] == pytest.approx(error)
    assert load_result(store).nested == result.nested
    assert "By nested cross validation" in (store / "report.html").read_text()


def test_noise_has_no_gain_under_nesting():
    noise = random.normal(size=90)
    result = fit_path("linear", X, noise, nested=3, **QUICK)
    assert result.nested.mean < 2 * result.nested.standard_error


def test_a_kill_between_outer_folds_costs_only_the_fold(nested, tmp_path, monkeypatch):
    import shrinkage.paths.nested as module

    calls = []
    fit = module.fit

    def once(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fit(*arguments)

    monkeypatch.setattr(module, "fit", once)
    with pytest.raises(KeyboardInterrupt):
        fit_path("linear", X, Y, nested=3, store=tmp_path / "run", **QUICK)
    again = fit_path("linear", X, Y, nested=3, store=tmp_path / "run", resume=True, **QUICK)
    assert len(calls) == 4
    assert again.nested == nested[0].nested


def test_nesting_needs_folds_that_can_be_drawn_again():
    pairs = [(np.arange(40), np.arange(40, 72)), (np.arange(30, 72), np.arange(30))]
    with pytest.raises(InputError, match="beside nested"):
        fit_path("linear", X, Y, nested=2, **{**QUICK, "folds": pairs})
    with pytest.raises(InputError, match="beside nested"):
        fit_path("linear", X, Y, nested=2, validation=(X, Y), **QUICK)
    with pytest.raises(InputError, match="nested"):
        fit_path("linear", X, Y, nested=1, **QUICK)


def test_a_surface_has_the_honest_score_of_surfaces_on_the_other_rows(tmp_path):
    from shrinkage.datasets.splits import make_folds
    from shrinkage.paths.engines.recipe import derived_seed
    from shrinkage.paths.nested import NESTED_LABEL

    options = {"penalties": (L1(), L2()), "strengths": ((0.02, 0.2), (0.01, 0.1)), "folds": 2}
    groups = np.arange(90) % 2
    result = fit_surface(
        "linear", X, Y, nested=2, score_by=groups, store=tmp_path / "run", **options
    )
    train = np.setdiff1d(np.arange(90), result.model_file.test_rows)
    seed = derived_seed(0, NESTED_LABEL) % 2**32
    fit, held = make_folds(Y[train], "regression", None, 2, seed)[0]
    alone = fit_surface(
        "linear", X[train[fit]], Y[train[fit]], test=(X[train[held]], Y[train[held]]), **options
    )
    assert alone.best.test_score == pytest.approx(result.nested.scores[0], abs=1e-9)
    assert result.nested.settings[0] == dict(alone.best.setting)
    assert load_result(tmp_path / "run").nested == result.nested
    assert [group.group for group in result.group_scores.groups] == ["0", "1"]


def test_outer_folds_are_in_the_time_that_is_told(tmp_path):
    from shrinkage.paths.fit import _estimate
    from shrinkage.paths.options import PathOptions
    from shrinkage.paths.running.outer_estimate import outer_name
    from shrinkage.paths.running.plan import make_plan
    from shrinkage.paths.running.store import Store

    data = dataset_from_arrays(X, Y)
    options = PathOptions(strengths=(0.1, 0.2), folds=2, epochs=2, nested=3, engine="stacked")
    plan = make_plan("mlp:4", data, L1(), options)
    store = Store(tmp_path)
    told = _estimate(plan, store)
    assert "once more in each of 3 outer folds" in str(told)
    alone = replace(plan, options=replace(options, nested=None))
    assert told.seconds > _estimate(alone, store).seconds
    store.keep_note(outer_name(1), {})
    assert _estimate(plan, store).outer == 2


def test_the_future_is_validated_and_tested():
    time = random.permutation(np.repeat(np.arange(30), 3))
    result = fit_path("linear", X, Y, time=time, nested=2, **QUICK)
    test = np.array(result.model_file.test_rows)
    train = np.setdiff1d(np.arange(90), test)
    assert time[train].max() < time[test].min()
    assert len(test) == 18
    assert "later than it trains on" in result.split_description
    assert result.rounds == 1
    with pytest.raises(InputError, match=r"expected times \(--time\) or groups"):
        fit_path("linear", X, Y, time=time, groups=time, **QUICK)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    columns = {"a": X[:, 0].round(3), "y": Y.round(3)}
    columns["day"] = [f"2024-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(90)]
    columns["word"] = ["x", "z"] * 45
    return write_table(tmp_path_factory.mktemp("tables") / "t.csv", columns)


def test_a_column_of_dates_divides_rows_on_the_command_line(table, tmp_path):
    options = ("--strengths", "0.1,0.5", "--folds", "3", "--model", "linear", "--drop", "word")
    answer = shrinkage(
        "path", table, "--target", "y", "--time", "day", "--nested", "2", *options,
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert answer.status == 0, answer
    assert "By nested cross validation" in answer.out + answer.err
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["n_features"] == 1
    assert "split by day" in summary["split"]
    rows = json.loads((tmp_path / "run" / "model.json").read_text())["test_rows"]
    assert rows == list(range(72, 90))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--time", "word"), "expected numbers or dates"),
        (("--time", "hour"), "hour"),
        (("--time", "day", "--repeats", "2"), "got both"),
        (("--time", "y"), "one role"),
        (("--nested", "1"), "nested"),
        (("--nested", "80"), "folds"),
    ],
)
def test_what_does_not_divide_rows_is_refused_in_a_line(
    table, tmp_path, monkeypatch, options, said
):
    monkeypatch.chdir(tmp_path)
    refused(tmp_path, ("path", table, "--target", "y", *options), said)
