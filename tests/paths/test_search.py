"""Searches: trials are paths of their recipe, batches are stacks, a kill changes nothing."""

from __future__ import annotations

import json
from unittest import mock

import numpy as np
import optuna
import pytest
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold

from shrinkage import L1, L2, fit_path, fit_search
from shrinkage.errors import InputError, RunDirectoryError
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.nested import NESTED_LABEL
from shrinkage.paths.searching.journal import JOURNAL, open_study
from shrinkage.paths.searching.space import Between
from shrinkage.paths.searching.trials import Trials
from shrinkage.run import load_result
from tests.paths.small_runs import without_times

X, Y = load_diabetes(return_X_y=True)
X, Y = X[:150], Y[:150]
SPACE = {"dropout": (0.0, 0.5), "learning_rate": Between(1e-3, 1e-2, log=True)}
SMALL = {
    **{"folds": 2, "epochs": 3, "dtype": "float64", "seed": 3, "test_size": 0.3},
    **{"trials": 6, "batch": 2, "vary": SPACE},
}


@pytest.fixture(scope="module", autouse=True)
def undrawn():
    """Leave out pages and their pictures, which take most of the time of so small a search."""
    with mock.patch("shrinkage.reports.write_report"):
        yield


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return a search with a nested score and its run directory."""
    store = tmp_path_factory.mktemp("searches") / "run"
    return fit_search("mlp:6", X, Y, outer=2, store=store, **SMALL), store


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Return the same search without a nested score."""
    store = tmp_path_factory.mktemp("searches") / "plain"
    return fit_search("mlp:6", X, Y, outer=0, store=store, **SMALL), store


@pytest.mark.slow
def test_every_trial_is_the_path_of_its_recipe_bit_for_bit(kept):
    result, _ = kept
    assert result.surface is not None
    cells = result.surface.cells
    assert len(cells) == 6
    for first in range(0, 6, 2):
        (one, dropout, rate), (two, *recipe) = cells[first : first + 2]
        assert recipe == [dropout, rate]  # a batch is one stack: it has one recipe
        model = f"mlp:6;dropout={dropout}" if dropout else "mlp:6"
        path = fit_path(
            model,
            X,
            Y,
            penalty=L2(),
            strengths=tuple(sorted((one, two))),
            learning_rate=rate,
            **{key: SMALL[key] for key in ("folds", "epochs", "dtype", "seed", "test_size")},
        )
        own = result.fold_scores[first : first + 2]
        own = own if one < two else own[::-1]
        np.testing.assert_allclose(own, path.fold_scores, rtol=0, atol=1e-10)


def test_the_first_batch_has_the_recipe_as_it_was_given(kept):
    result, _ = kept
    assert [cell[1:] for cell in result.surface.cells[:2]] == [(0.0, 0.004)] * 2
    assert dict(result.unregularized.setting) == {"l2": 0.0, "dropout": 0.0, "learning_rate": 0.004}
    assert result.best.cv_score == result.fold_scores.mean(axis=1).max()


@pytest.mark.slow
def test_models_of_other_kinds_are_trained_where_they_are_asked_for(plain):
    asked = fit_search("mlp:6", X, Y, outer=0, compare=True, **SMALL)
    names = [model.name for model in asked.compared]
    assert names[1:3] == ["random forest", "gradient boosting"]
    assert names[3].startswith("unregularized at learning rate")
    assert plain[0].compared == ()
    np.testing.assert_array_equal(asked.fold_scores, plain[0].fold_scores)


def test_the_nested_score_is_that_of_searches_that_never_saw_the_rows(kept):
    result, _ = kept
    train = np.setdiff1d(np.arange(len(Y)), result.model_file.test_rows)
    seed = derived_seed(3, NESTED_LABEL) % 2**32
    outer = KFold(2, shuffle=True, random_state=seed).split(train)
    nested = result.summary["outer"]
    for (fit, held), score, plain in zip(
        outer, nested["scores"], nested["unregularized"], strict=True
    ):
        alone = fit_search(
            "mlp:6",
            X[train[fit]],
            Y[train[fit]],
            test=(X[train[held]], Y[train[held]]),
            outer=0,
            **SMALL,
        )
        assert alone.best.test_score == score
        assert alone.unregularized.test_score == plain
        assert alone.score(X[train[held]], Y[train[held]]) == pytest.approx(score, abs=1e-12)
    assert nested["score"] == pytest.approx(np.mean(nested["scores"]))


@pytest.mark.parametrize("lines", [1, 3, 5, 14, 27])
def test_a_killed_search_goes_on_and_ends_as_the_undisturbed(plain, tmp_path, lines):
    result, store = plain
    half = tmp_path / "half"
    (half / "state").mkdir(parents=True)
    units = sorted((store / "state").glob("fold-*"))
    for file in (*units[:3], store / "state" / "run.json"):
        (half / "state" / file.name).write_bytes(file.read_bytes())
    journal = (store / JOURNAL).read_bytes().splitlines(keepends=True)
    assert len(journal) > lines
    (half / JOURNAL).write_bytes(b"".join(journal[:lines]) + journal[lines][:5])
    again = fit_search("mlp:6", X, Y, outer=0, store=half, resume=True, **SMALL)
    assert without_times(again.summary) == without_times(result.summary)
    assert json.loads((half / "summary.json").read_text())["search"]["trials"] == 6
    with pytest.raises(RunDirectoryError, match="other data or settings"):
        fit_search("mlp:6", X, Y, outer=2, store=half, resume=True, **SMALL)


def test_the_run_directory_is_read_back_and_optuna_reads_its_journal(kept):
    result, store = kept
    again = load_result(store)
    assert again.surface.to_dict() == result.surface.to_dict()
    np.testing.assert_array_equal(again.predict(X), result.predict(X))
    backend = optuna.storages.journal.JournalFileBackend(str(store / JOURNAL))
    storage = optuna.storages.JournalStorage(backend)
    study = optuna.load_study(study_name="search", storage=storage)
    values = [trial.value for trial in study.trials]
    np.testing.assert_allclose(values, result.fold_scores.mean(axis=1), rtol=0, atol=1e-12)


def trials_of(seed: int, size: int = 4) -> Trials:
    """Return trials of a strength and two numbers, nothing trained."""
    space = {"dropout": Between(0.0, 1.0), "width": (1.0, 2.0, 4.0)}
    usual = {"dropout": 0.0, "width": 1.0}
    return Trials(open_study(None), ("l2",), {"l2": 1.0}, space, usual, size, seed)


def score_of(strength: float, dropout: float, width: float) -> float:
    return -abs(np.log10(strength) + 2) - 4 * (dropout - 0.3) ** 2 - 0.3 * (width != 2.0)


@pytest.fixture(autouse=True)
def silent():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def test_later_batches_are_better_than_early_ones():
    gains = []
    for seed in range(2):
        trials, scores = trials_of(seed), []
        for number in range(20):
            batch = trials.batch(number, 4)
            told = [score_of(own[0], *batch.recipe) for own in batch.strengths]
            trials.tell(batch, told)
            scores.append(np.mean(told))
        gains.append(np.mean(scores[-6:]) - np.mean(scores[1:5]))
    assert np.mean(gains) > 0.3


def test_a_score_that_is_no_number_is_the_worst_and_never_ends_a_search():
    trials = trials_of(0)
    first = trials.batch(0, 4)
    trials.tell(first, [np.nan, np.inf * 0, 0.5, -np.inf])
    values = [trial.value for trial in trials.study.trials]
    assert values[2] == 0.5
    assert max(values[0], values[1], values[3]) < -1e6
    assert len(trials.batch(1, 4).numbers) == 4


def test_strengths_of_a_batch_differ_and_the_recipe_does_not():
    trials = trials_of(1)
    for number in range(4):
        batch = trials.batch(number, 4)
        assert len({own[0] for own in batch.strengths}) == 4
        trials.tell(batch, [0.0] * 4)
    recipes = {trials.batch(number, 4).recipe for number in range(4)}
    assert len(recipes) == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trials": 1}, "trials"),
        ({"outer": 1}, "outer"),
        ({"batch": 0}, "batch"),
        ({"vary": {"dropuot": (0.0, 0.2)}}, "did you mean dropout"),
        ({"vary": {"dropout": Between(0.0, 1.5)}}, r"dropout in \[0, 1\)"),
        ({"vary": {"epochs": Between(2.0, 5.0)}}, "list of whole numbers"),
        ({"vary": {"norm": ("none", "x")}}, "norm"),
        ({"model": "linear"}, "is solved: take a surface"),
        ({"penalties": (0.1 * L1(),)}, "without a strength"),
        ({"validation": (X, Y), "outer": 2}, r"\(--outer\)"),
        ({"refit": "all"}, "no option 'refit'"),
        ({"strengths": 4}, "no option 'strengths'"),
    ],
)
def test_bad_input_is_refused_in_one_line_before_anything_is_written(tmp_path, change, words):
    options = {"model": "mlp:4", "trials": 4, "outer": 0, "epochs": 2, "folds": 2, **change}
    with pytest.raises(InputError, match=words) as caught:
        fit_search(X=X, y=Y, store=tmp_path / "run", **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("low", "high", "log"), [(1, 1, False), (0, 1, True), ("a", 1, False)])
def test_a_range_is_two_numbers_in_order(low, high, log):
    with pytest.raises(InputError, match="the smaller first"):
        Between(low, high, log=log)
