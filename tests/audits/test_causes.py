"""What is said of a wrong factor: every line of the table, at its edges too."""

from __future__ import annotations

import pytest

from shrinkage.audits.judging.causes import Cause, CauseKind, Sizes, likely_cause

RATE = 0.07

TABLE = [
    (2.0, CauseKind.TWICE),
    (2.02, CauseKind.TWICE),
    (0.5, CauseKind.HALF),
    (RATE, CauseKind.RATE_TWICE),
    (1 / RATE, CauseKind.RATE_MISSING),
    (256.0, CauseKind.LOSS_SCALE),
    (65536.0, CauseKind.LOSS_SCALE),
    (1 / 65536, CauseKind.LOSS_SCALE),
    (3.0, CauseKind.TIMES_COUNT),
    (128.0, CauseKind.TIMES_COUNT),
    (1000.0, CauseKind.TIMES_COUNT),
    (1 / 3, CauseKind.OVER_COUNT),
    (1 / 60000, CauseKind.OVER_COUNT),
    (1.5, CauseKind.UNUSUAL),
    (0.7, CauseKind.UNUSUAL),
    (2.5, CauseKind.UNUSUAL),
    (1e9, CauseKind.UNUSUAL),
]


@pytest.mark.parametrize(("factor", "kind"), TABLE)
def test_every_line(factor: float, kind: CauseKind) -> None:
    assert likely_cause(factor, RATE).kind is kind


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (2.0, "the whole square Σw² where its half is meant, or the penalty added twice"),
        (3.0, "added 3 times: once for every micro-batch, row or process"),
        (1 / 60000, "divided by 60000: rows, batches, micro-batches or processes"),
        (1 / RATE, "not multiplied by the learning rate"),
    ],
)
def test_words(factor: float, words: str) -> None:
    assert str(likely_cause(factor, RATE)) == words


@pytest.mark.parametrize("word", ["rows", "micro-batches", "processes", "loss scale"])
def test_numbers_of_the_caller_are_looked_for_first(word: str) -> None:
    times, over = Cause(CauseKind.TIMES_KNOWN, word, 2), Cause(CauseKind.OVER_KNOWN, word, 4.0)
    assert likely_cause(2.0, RATE, {word: 2}) == times
    assert likely_cause(0.25, RATE, {word: 4.0}) == over
    assert likely_cause(2.0, 2.0, {word: 2}) == times
    assert str(times) == f"multiplied by the number of {word} (2)"
    assert str(over) == f"divided by the number of {word} (4)"


@pytest.mark.parametrize("number", [0, 1, 1.0])
def test_numbers_that_change_nothing_are_no_cause(number: float) -> None:
    assert likely_cause(2.0, RATE, {"rows": number}).kind is CauseKind.TWICE


def test_the_first_known_number_that_fits_is_named() -> None:
    known = {"rows": 5, "processes": 8}
    assert likely_cause(8.0, RATE, known) == Cause(CauseKind.TIMES_KNOWN, "processes", 8)
    assert likely_cause(1 / 5, RATE, known) == Cause(CauseKind.OVER_KNOWN, "rows", 5)
    assert likely_cause(40.0, RATE, known) == Cause(CauseKind.TIMES_COUNT, "", 40)


@pytest.mark.parametrize(("factor", "near"), [(2.023, True), (1.977, True), (2.03, False)])
def test_how_near_is_near(factor: float, near: bool) -> None:
    assert (likely_cause(factor, RATE).kind is CauseKind.TWICE) is near


def test_rounding_widens_what_is_near() -> None:
    assert likely_cause(2.2, RATE).kind is CauseKind.UNUSUAL
    assert likely_cause(2.2, RATE, error=0.1).kind is CauseKind.TWICE


@pytest.mark.parametrize(("factor", "kind"), [(2.0, CauseKind.TWICE), (1e-12, CauseKind.UNUSUAL)])
def test_a_learning_rate_of_zero(factor: float, kind: CauseKind) -> None:
    """A warm-up begins there."""
    assert likely_cause(factor, 0.0).kind is kind


SIZES = Sizes(weights=(60, 1000), norms=(3.3, 17.0), group=27)


@pytest.mark.parametrize(
    ("factor", "kind", "number"),
    [
        (1 / 60, CauseKind.MEAN, 60),
        (2 / 60, CauseKind.MEAN, 60),
        (2 / 1000, CauseKind.MEAN, 1000),
        (1 / 3.3, CauseKind.NORM, 3.3),
        (0.5 / 17, CauseKind.NORM, 17.0),
        (27**-0.5, CauseKind.NO_ROOT, 27),
        (2.0, CauseKind.TWICE, 1.0),
        (RATE, CauseKind.RATE_TWICE, 1.0),
        (0.77, CauseKind.UNUSUAL, 1.0),
    ],
)
def test_sizes_of_the_weights(factor: float, kind: CauseKind, number: float) -> None:
    assert likely_cause(factor, RATE, sizes=SIZES) == Cause(kind, "", number)


@pytest.mark.parametrize(
    ("factor", "kind"),
    [
        (0.25, CauseKind.OVER_COUNT),  # and not ½/‖w‖ = 0.2475, which is a hundredth off
        (0.2475, CauseKind.NORM),
        (2.0, CauseKind.TWICE),  # and not 1/lr = 2.02
        (2.02, CauseKind.RATE_MISSING),
    ],
)
def test_of_several_causes_the_nearest_is_named(factor: float, kind: CauseKind) -> None:
    sizes = Sizes(norms=(2.02,))
    assert likely_cause(factor, 1 / 2.02, sizes=sizes).kind is kind


def test_where_whole_numbers_lie_dense_another_cause_comes_first() -> None:
    sizes = Sizes(weights=(1000,))
    assert likely_cause(1 / 1003, RATE, sizes=sizes) == Cause(CauseKind.MEAN, "", 1000)
