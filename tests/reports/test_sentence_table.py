"""The sentence is honest in every case, and the table has the numbers of the path."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shrinkage.paths.results import ClassFigures, ConstantScore, PathResult, Status
from shrinkage.reports import path_table, summary_sentence, text_table
from shrinkage.reports.example import example_result
from shrinkage.reports.figures.strength_axis import strength_axis
from shrinkage.reports.sentence import (
    classes_sentence,
    constant_sentence,
    one_standard_error_sentence,
)
from shrinkage.reports.table import columns_of
from shrinkage.reports.wording import score_wording
from tests.reports.fake import goal_result, group_result, image_result, regression_result


def with_scores(best: float | None, plain: float | None, **changes) -> PathResult:
    result = example_result()
    first, simple, last = result.chosen
    first = replace(first, test_score=best, **changes)
    return replace(result, chosen=(first, simple, replace(last, test_score=plain)))


def test_better():
    assert summary_sentence(with_scores(0.972, 0.961)) == (
        "Strength 0.01: 50 % of the weights are exactly zero, "
        "test accuracy 97.2 % against 96.1 % unregularized."
    )


def test_worse_is_said():
    assert summary_sentence(with_scores(0.95, 0.961)).endswith(
        "test accuracy 95.0 % against 96.1 % unregularized. "
        "Here regularization did not raise the test score: it is 1.1 points lower."
    )


def test_equal_as_far_as_is_shown():
    sentence = summary_sentence(with_scores(0.97196, 0.97204))
    assert sentence.endswith("test accuracy 97.2 %, about the same as unregularized.")
    sentence = summary_sentence(with_scores(0.972, 0.972))
    assert sentence.endswith("test accuracy 97.2 %, the same as unregularized.")


def test_no_difference_is_said_to_be_zero():
    for name, best, plain in (("r2", 0.4814, 0.4816), ("accuracy", 0.97249, 0.97251)):
        sentence = summary_sentence(replace(with_scores(best, plain), score_name=name))
        assert "it is less than" in sentence
        assert "0.000" not in sentence


def test_nothing_is_rounded_to_perfect_or_to_nothing():
    for value, text in ((0.9999, "over 99.9 %"), (1.0, "100.0 %"), (0.0002, "under 0.1 %")):
        assert score_wording("accuracy").text(value) == text
    assert score_wording("r2").text(-0.0001) == "0.000"


def test_a_simpler_model_that_does_better_costs_nothing():
    result = example_result()
    best, simple, plain = result.chosen
    better = (best, replace(simple, test_score=0.99), plain)
    assert "a little" in one_standard_error_sentence(result)
    assert "a little" not in one_standard_error_sentence(replace(result, chosen=better))


def test_the_interval_stands_beside_the_score():
    result = with_scores(0.97, 0.96, test_interval=(0.93, 0.991))
    assert "97.0 % (95 % interval 93.0 to 99.1 %) against 96.0 %" in summary_sentence(result)


@pytest.mark.parametrize(
    ("index", "strength", "words"),
    [
        (0, 0.001, "This is the smallest strength that was tried"),
        (3, 1.0, "This is the largest strength that was tried"),
    ],
)
def test_best_on_the_edge_is_said(index, strength, words):
    result = with_scores(0.97, 0.96, index=index, strength=strength)
    assert words in summary_sentence(result)
    assert words not in summary_sentence(with_scores(0.97, 0.96))


def test_classes_that_are_numbers_are_called_classes():
    figures = ClassFigures((3, 4), np.array([[98, 2], [10, 10]]))
    said = classes_sentence(replace(example_result(), classes=figures))
    assert "50 % of 20 of class 4 are found, 98 % of 100 of class 3" in said


def test_nothing_lies_beyond_a_model_without_weights():
    sentence = summary_sentence(with_scores(0.5, 0.96, index=3, strength=1.0, nonzero=0))
    assert "may lie beyond" not in sentence


def test_collapsed_best_is_said():
    sentence = summary_sentence(with_scores(0.5, 0.96, index=3, strength=1.0))
    assert Status.COLLAPSED.message in sentence


@pytest.mark.parametrize(
    ("nonzero", "words"),
    [
        (8, "no weight is exactly zero"),
        (0, "every weight is exactly zero"),
        (1, "88 % of the weights are exactly zero"),
    ],
)
def test_zeros(nonzero, words):
    assert words in summary_sentence(with_scores(0.97, 0.96, nonzero=nonzero))


def test_without_test_rows_it_says_cross_validated():
    result = with_scores(None, None)
    assert "cross-validated accuracy 97.0 %." in summary_sentence(result)


def test_regression_has_r_squared_and_other_scorers_are_numbers():
    assert "test R² 0.446 against 0.453 unregularized" in summary_sentence(regression_result())
    result = replace(with_scores(-0.21, -0.35), score_name="neg_log_loss")
    assert "test neg log loss −0.210 against −0.350" in summary_sentence(result)


def test_no_unregularized_model():
    result = example_result()
    sentence = summary_sentence(replace(result, chosen=result.chosen[:1]))
    assert sentence.endswith("test accuracy 97.0 %.")
    assert one_standard_error_sentence(replace(result, chosen=result.chosen[:1])) == ""


def test_one_validation_set_is_no_cross_validation():
    result = replace(image_result(folds=1), constant=ConstantScore(0.1, None))
    assert "cross-validated" not in constant_sentence(result)
    untested = replace(result, chosen=(replace(result.best, test_score=None),))
    assert "cross-validated" not in summary_sentence(untested)
    assert "validation accuracy" in summary_sentence(untested)


def test_one_fold_has_no_standard_error():
    assert "no standard error" in one_standard_error_sentence(image_result(folds=1))


@pytest.mark.parametrize("make", [image_result, regression_result, group_result])
def test_table_has_the_numbers_of_the_result(make):
    result = make()
    rows = path_table(result)
    for name, expected in (
        ("strength", result.strengths),
        ("score", result.fold_scores.mean(axis=1)),
        ("standard_error", result.fold_scores.std(axis=1, ddof=1) / np.sqrt(5)),
        ("train_loss", result.train_loss.mean(axis=1)),
        ("validation_loss", result.validation_loss.mean(axis=1)),
        ("zeros", 1 - result.nonzero.mean(axis=1) / result.best.total_weights),
    ):
        np.testing.assert_allclose([getattr(row, name) for row in rows], expected, rtol=1e-12)
    assert [row.status for row in rows] == list(result.status)
    marks = {i: row.mark for i, row in enumerate(rows) if row.mark}
    assert marks == {result.best.index: "best", result.one_standard_error.index: "1 s.e."}
    assert len(text_table(result).splitlines()) == 1 + len(rows)


def test_a_goal_tells_size_score_and_cost_with_their_errors():
    result = goal_result(compact_bytes=5_000, features=tuple(range(40, 20, -1)))
    sentence = summary_sentence(result)
    assert sentence.startswith("Goal 20 kB: 1,800 of ")
    assert "38 of 64 features, 5.0 kB in a file as a smaller dense network, of 99.0 kB" in sentence
    assert "Against the dense network −0.30 ± 0.20 points, not told from none" in sentence
    assert "against the best of the path −1.2 ± 0.4 points" in sentence
    assert one_standard_error_sentence(result) == ""
    assert path_table(result)[2].mark.startswith("goal")
    assert columns_of(result)[0] == "compression"
    assert strength_axis(result).label.startswith("compression")
    assert columns_of(image_result())[0] == "strength"
