"""Figures of each class, intervals of the test score, and cautions about the choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import confusion_matrix, precision_score, r2_score, recall_score
from sklearn.model_selection import KFold, RepeatedKFold

from shrinkage import ShrinkageClassifier, fit_path
from shrinkage.cautions import CautionKind
from shrinkage.datasets import TargetEncoding
from shrinkage.paths import load_result
from shrinkage.paths.choosing.scores import Scorer
from shrinkage.paths.results.score_cautions import constant_as_good, strengths_alike
from shrinkage.paths.results.score_figures import (
    Interval,
    ScoredRows,
    class_figures,
    score_intervals,
)
from shrinkage.reports.sentence import classes_sentence

random = np.random.default_rng(1)
ENCODING = TargetEncoding("classification", classes=("a", "b", "c"))
NUMBERS = TargetEncoding("regression")


def rows_of(count: int, *, weight=None, groups=None, regression=False) -> ScoredRows:
    if regression:
        y = random.normal(size=count)
        outputs = (y + 0.5 * random.normal(size=count))[None]
        return ScoredRows(outputs, y, weight, groups, NUMBERS)
    codes = random.integers(0, 3, count)
    outputs = random.normal(size=(3, count))
    outputs[codes, np.arange(count)] += 1.5
    return ScoredRows(outputs, ENCODING.decode(codes), weight, groups, ENCODING)


def interval_of(name: str, rows: ScoredRows, seed: int = 0) -> Interval | None:
    return score_intervals(Scorer(name), [rows], seed)[0]


def test_class_figures_are_scikit_learns():
    rows = rows_of(60)
    figures = class_figures(rows.outputs, rows.raw_target, ENCODING)
    predicted = ENCODING.decode(rows.outputs.argmax(axis=0))
    np.testing.assert_array_equal(figures.confusion, confusion_matrix(rows.raw_target, predicted))
    for own, peer in ((figures.precision, precision_score), (figures.recall, recall_score)):
        expected = peer(rows.raw_target, predicted, average=None)  # type: ignore[arg-type]
        np.testing.assert_allclose(np.array(own, dtype=float), expected)


def test_accuracy_has_wilsons_interval():
    rows = rows_of(50)
    hits = int((ENCODING.encode(rows.raw_target) == rows.outputs.argmax(axis=0)).sum())
    low, high = interval_of("accuracy", rows)  # type: ignore[misc]
    for end in (low, high):  # the ends solve (p̂ − p)² = z² p (1 − p) / n
        assert (hits / 50 - end) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / 50, rel=1e-5)
    perfect = ScoredRows(np.eye(3), np.array(["a", "b", "c"], dtype=object), None, None, ENCODING)
    assert interval_of("accuracy", perfect) is None


@pytest.mark.parametrize("name", ["r2", "neg_mean_squared_error", "neg_root_mean_squared_error"])
def test_short_forms_are_the_scores(name):
    rows = rows_of(40, weight=random.uniform(0.5, 2, 40), regression=True)
    from shrinkage.paths.results.score_figures import _by_ratios, _by_scorer

    further = replace(rows, outputs=2 * rows.outputs)
    times = random.multinomial(40, np.full(40, 1 / 40), size=3)
    short, called = (
        by(Scorer(name), [rows, further], iter([times])) for by in (_by_ratios, _by_scorer)
    )
    np.testing.assert_allclose(np.array(short), np.array(called), rtol=1e-9)
    assert not np.allclose(short[0], short[1])


@pytest.mark.parametrize("name", ["r2", "neg_median_absolute_error", "accuracy"])
def test_models_of_the_same_rows_have_the_intervals_that_each_has_alone(name):
    weight = random.uniform(0.5, 2, 40)
    rows = rows_of(40, weight=weight, regression=name != "accuracy")
    further, endless = replace(rows, outputs=-rows.outputs), rows.outputs.copy()
    endless[0, 0] = np.nan
    broken = replace(rows, outputs=endless)
    first, none, second = score_intervals(Scorer(name), [rows, broken, further], 3)
    assert first == pytest.approx(interval_of(name, rows, 3), rel=1e-12)
    assert second == pytest.approx(interval_of(name, further, 3), rel=1e-12)
    assert none is None
    assert first != second


def test_the_bootstrap_is_seeded_and_covers_the_spread_of_the_score():
    rows = rows_of(200, regression=True)
    low, high = interval_of("r2", rows)  # type: ignore[misc]
    assert (low, high) == interval_of("r2", rows)
    assert (low, high) != interval_of("r2", rows, 1)
    assert low < r2_score(rows.raw_target, rows.outputs[0]) < high
    assert 0.02 < high - low < 0.3


def test_groups_are_drawn_whole():
    codes = np.repeat([0, 1], 50)
    outputs = np.zeros((3, 100))
    outputs[0] = 1.0  # the whole second group is wrong
    y = ENCODING.decode(codes)
    alone = ScoredRows(outputs, y, None, None, ENCODING)
    together = ScoredRows(outputs, y, None, codes, ENCODING)
    narrow = interval_of("accuracy", alone)
    wide = interval_of("accuracy", together)
    assert narrow is not None
    assert narrow[1] - narrow[0] < 0.25
    assert wide == (0.0, 1.0)


def test_a_score_like_that_of_a_constant_is_said():
    best, constant = np.array([0.02, -0.03, 0.01, 0.0]), np.array([-0.01, 0.0, -0.02, 0.01])
    (caution,) = constant_as_good(best, constant, "r2")
    assert caution.kind is CautionKind.CONSTANT_AS_GOOD
    assert constant_as_good(best + 1.0, constant, "r2") == ()
    assert constant_as_good(np.array([0.9]), np.array([0.9]), "accuracy")
    assert constant_as_good(np.array([np.nan]), np.array([0.9]), "accuracy") == ()


def test_strengths_that_the_folds_cannot_tell_apart():
    noise = random.normal(0, 0.02, (6, 5))
    shared = random.normal(0, 0.2, 5)
    strengths, trained = np.geomspace(0.01, 10, 6), np.ones(6, dtype=bool)
    flat = 0.8 + shared + noise
    best = int(flat.mean(axis=1).argmax())
    spread = flat.copy()
    spread[:] = flat[best] + random.permuted(
        np.tile([-0.02, 0.02, 0.0, -0.01, 0.009], (6, 1)), axis=1
    )
    spread[best] = flat[best]
    (caution,) = strengths_alike(spread, spread[[0]], strengths, trained, best)
    assert caution.kind is CautionKind.STRENGTHS_ALIKE
    told = spread.copy()
    told[(best + 1) % 6] -= 0.1  # differs in every fold alike, far less than the folds do
    assert strengths_alike(told, told[[best]], strengths, trained, best) == ()


@pytest.mark.parametrize(
    "folds",
    [
        KFold(3, shuffle=True, random_state=0),
        RepeatedKFold(n_splits=3, n_repeats=2, random_state=0),
    ],
)
def test_figures_of_folds_are_those_of_predictions_out_of_them(folds, tmp_path):
    X, y = (np.asarray(part) for part in load_iris(return_X_y=True))
    names = np.array(["low", "mid", "top"])[y]
    pairs = list(folds.split(X))
    run = tmp_path / "run"
    result = fit_path(
        "linear", X, names, strengths=(0.01, 0.3), folds=pairs, test_size=0, store=run,
        dtype="float64",
    )  # fmt: skip
    model = ShrinkageClassifier("linear", strength=result.best.strength)
    expected = np.zeros((3, 3), dtype=int)
    for train, left in pairs:
        predicted = model.fit(X[train], names[train]).predict(X[left])
        expected += confusion_matrix(names[left], predicted)
    assert np.trace(expected) < expected.sum() == 150 * len(pairs) // 3
    for own in (result, load_result(run)):
        assert own.classes is None
        assert own.fold_classes.classes == ("low", "mid", "top")
        np.testing.assert_array_equal(own.fold_classes.confusion, expected)
    assert result.summary["fold_classes"]["confusion"] == expected.tolist()
    assert "rows that the folds left out" in classes_sentence(result)
    page = (run / "report.html").read_text()
    assert page.count("rows left out") == 1
    assert f"<td>{expected[1, 1]}</td>" in page


def test_very_many_classes_have_no_figures_of_folds():
    X = np.arange(208.0)[:, None]
    y = np.array([f"{label:02d}" for label in np.arange(208) % 52])
    result = fit_path("mlp:2", X, y, strengths=(0.01, 0.3), folds=2, epochs=1, test_size=0)
    assert result.fold_classes is result.summary["fold_classes"] is None
