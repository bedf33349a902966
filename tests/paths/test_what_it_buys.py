"""What a chosen strength buys: paired differences, repeated folds, fair baseline, other models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from shrinkage import L1, L2, fit_path
from shrinkage.datasets import dataset_from_arrays
from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.rules import Choice, choose
from shrinkage.paths.results.comparisons import Difference
from shrinkage.paths.results.differences import early_stop_of, errors_needed
from shrinkage.paths.results.records import Status, standard_error
from shrinkage.paths.running.row_splits import make_split
from shrinkage.run import load_result

FOLDS, REPEATS = 3, 2


def table(rows: int = 120) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    X = random.normal(size=(rows, 6))
    return X, (X[:, 0] + 0.7 * random.normal(size=rows) > 0).astype(int)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    """A path with repeated folds and models of other kinds, kept in a folder."""
    folder = tmp_path_factory.mktemp("run") / "compared"
    options = {"strengths": (1e-4, 0.05, 50.0), "folds": FOLDS, "repeats": REPEATS, "epochs": 12}
    fit_path("mlp:8", *table(), penalty=L2(), compare=True, store=folder, **options)
    return load_result(folder)


@pytest.mark.parametrize(("folds", "rounds"), [(2, 1), (3, 1), (5, 1), (15, 3)])
def test_chance_is_told_from_none_once_in_twenty(folds: int, rounds: int) -> None:
    apart = np.random.default_rng(0).normal(size=(100_000, folds))
    error = standard_error(apart, rounds) / np.sqrt(rounds)  # these rounds are of other rows
    told = np.abs(apart.mean(axis=1)) > errors_needed(folds, rounds) * error
    assert told.mean() == pytest.approx(0.05, abs=0.003)
    one = Difference("best", "unregularized", 2.1, 1.0, told_by=errors_needed(folds, rounds))
    assert not one.told_apart


@pytest.mark.slow
def test_differences_are_paired_over_the_folds_of_all_rounds(run) -> None:
    assert run.fold_scores.shape == (3, FOLDS * REPEATS)
    pair = run.difference("best", "one_standard_error")
    apart = (
        run.fold_scores[run.best.index] - run.fold_scores[run.one_standard_error.index]
    ).reshape(REPEATS, FOLDS)
    assert pair.score == pytest.approx(apart.mean())
    assert pair.standard_error == pytest.approx(np.sqrt(apart.var(axis=1, ddof=1).mean() / FOLDS))
    assert pair.told_by == errors_needed(FOLDS * REPEATS, REPEATS)
    stored = run.summary["differences"]
    assert {"unregularized", "constant", "random forest"} <= {one["against"] for one in stored}


def test_log_losses_are_scikit_learns(run) -> None:
    X, y = table()
    test = list(run.model_file.test_rows)
    expected = log_loss(y[test], run.predict_proba(X[test]))
    assert run.best.test_log_loss == pytest.approx(expected, rel=1e-5)
    assert run.constant.cv_log_loss == pytest.approx(np.log(2), abs=0.02)


def test_other_models_are_judged_on_the_same_rows(run) -> None:
    X, y = table()
    data = dataset_from_arrays(X, y)
    split = make_split(data, FOLDS, 0.2, 0, None, REPEATS)
    scores = []
    for train, held in split.folds:
        mean, scale = X[train].mean(axis=0), X[train].std(axis=0)
        model = LogisticRegression(max_iter=1000).fit((X[train] - mean) / scale, y[train])
        scores.append(model.score((X[held] - mean) / scale, y[held]))
    known = {model.name: model for model in run.compared}
    assert known["logistic regression"].cv_score == pytest.approx(np.mean(scores))
    assert known["gradient boosting"].test_log_loss > 0


def test_the_unregularized_network_has_a_choice_of_learning_rates(run) -> None:
    (fair,) = (model for model in run.compared if model.name.startswith("unregularized"))
    rates = [4e-3 / 16, 4e-3 / 4, 4e-3, 4e-3 * 4]
    options = {"strengths": (0.05, 1.0), "folds": FOLDS, "repeats": REPEATS, "epochs": 12}
    others = [
        fit_path("mlp:8", *table(), penalty=L2(), learning_rate=rate, **options).unregularized
        for rate in rates
    ]
    scores = [other.cv_score for other in others]
    assert fair.cv_score == pytest.approx(max(scores))
    assert fair.cv_score >= run.unregularized.cv_score
    best = int(np.argmax(scores))
    assert fair.name == f"unregularized at learning rate {rates[best]:g}"
    assert fair.test_score == pytest.approx(others[best].test_score)
    assert fair.test_log_loss == pytest.approx(others[best].test_log_loss, rel=1e-4)
    assert run.difference("best", fair.name) is not None


def test_rounds_divide_the_rows_anew_and_the_first_is_that_of_one_round() -> None:
    data = dataset_from_arrays(*table())
    one, two = (make_split(data, FOLDS, 0.2, 0, None, repeats) for repeats in (1, 2))
    for first, again in zip(one.folds, two.first_round, strict=True):
        np.testing.assert_array_equal(first[1], again[1])
    for number in range(2):
        held = np.concatenate([rows for _, rows in two.folds[number * FOLDS :][:FOLDS]])
        assert sorted(held) == sorted(two.train)
    assert not np.array_equal(two.folds[0][1], two.folds[FOLDS][1])
    assert make_split(data, 5, 0.2, 0, None, None).rounds == 3


def test_more_rounds_do_not_make_more_rows() -> None:
    scores = np.random.default_rng(0).normal(size=(1, 5))
    twice = np.concatenate([scores, scores], axis=1)
    np.testing.assert_allclose(standard_error(twice, rounds=2), standard_error(scores))


def test_one_standard_error_never_takes_a_constant() -> None:
    mean, error = np.array([0.5, 0.52, 0.51]), np.full(3, 0.1)
    assert choose(mean, error).one_standard_error == 2
    assert choose(mean, error, np.array([True, True, False])) == Choice(1, 1)
    assert choose(mean, error, np.array([True, False, False])) == Choice(1, 0)


def test_loss_chooses_when_asked() -> None:
    codes = np.full((3, 2), list(Status).index(Status.OK))
    measures = {
        "score": np.array([[0.9, 0.9], [0.8, 0.8], [0.7, 0.7]]),
        "log_loss": np.array([[0.9, 0.9], [0.3, 0.3], [0.4, 0.4]]),
        "status": codes,
    }
    validation = CrossValidation(None, measures, {}, np.array([]))  # type: ignore[arg-type]
    judged = {name: validation.judged_by(name).mean(axis=1) for name in ("score", "loss")}
    assert {name: int(values.argmax()) for name, values in judged.items()} == {
        "score": 0,
        "loss": 1,
    }


def test_the_fair_baseline_is_the_best_epoch_of_no_penalty() -> None:
    X, y = table(60)
    noisy = np.where(np.random.default_rng(1).random(60) < 0.3, 1 - y, y)
    result: Any = fit_path(
        "mlp:64", X, noisy, penalty=L1(), strengths=(1e-6, 1e-5), folds=2, epochs=200,
        learning_rate=0.03, choose_by="loss",
    )  # fmt: skip
    stop, last = result.early_stop, result.unregularized
    assert stop is not None
    assert stop.epoch < stop.of == 200
    assert stop.cv_log_loss < last.cv_log_loss
    pair = result.difference("best", "early_stop")
    assert pair.log_loss == pytest.approx(result.best.cv_log_loss - stop.cv_log_loss, rel=1e-4)


def test_without_learning_curves_there_is_no_early_stop() -> None:
    codes = np.zeros((1, 2), dtype=int)
    empty = CrossValidation(None, {"status": codes}, {}, np.array([]))  # type: ignore[arg-type]
    assert early_stop_of(empty, Choice(0, 0), "score", weighted=False) is None
