"""What is said of a wrong factor: every line of the table, at its edges too."""

from __future__ import annotations

import pytest

from shrinkage.audits.judging.causes import causes

RATE = 0.07
NONE = "none of the usual ones"

TABLE = [
    (2.0, "the whole square"),
    (2.02, "the whole square"),
    (0.5, "a half too many"),
    (RATE, "the learning rate multiplied in twice"),
    (1 / RATE, "not multiplied by the learning rate"),
    (256.0, "the loss scale"),
    (65536.0, "the loss scale"),
    (1 / 65536, "the loss scale"),
    (3.0, "added 3 times"),
    (128.0, "added 128 times"),
    (1000.0, "added 1000 times"),
    (1 / 3, "divided by 3"),
    (1 / 60000, "divided by 60000"),
    (1.5, NONE),
    (0.7, NONE),
    (2.5, NONE),
    (1e9, NONE),
]


@pytest.mark.parametrize(("factor", "words"), TABLE)
def test_every_line(factor: float, words: str) -> None:
    assert causes(factor, RATE).startswith(words)


@pytest.mark.parametrize("word", ["rows", "micro-batches", "processes", "loss scale"])
def test_numbers_of_the_caller_are_looked_for_first(word: str) -> None:
    assert causes(2.0, RATE, {word: 2}) == f"multiplied by the number of {word} (2)"
    assert causes(0.25, RATE, {word: 4.0}) == f"divided by the number of {word} (4)"
    assert causes(2.0, 2.0, {word: 2}).startswith("multiplied by the number")


@pytest.mark.parametrize("number", [0, 1, 1.0])
def test_numbers_that_change_nothing_are_no_cause(number: float) -> None:
    assert causes(2.0, RATE, {"rows": number}).startswith("the whole square")


def test_the_first_known_number_that_fits_is_named() -> None:
    known = {"rows": 5, "processes": 8}
    assert causes(8.0, RATE, known) == "multiplied by the number of processes (8)"
    assert causes(1 / 5, RATE, known) == "divided by the number of rows (5)"
    assert causes(40.0, RATE, known).startswith("added 40 times")


@pytest.mark.parametrize(("factor", "near"), [(2.023, True), (1.977, True), (2.03, False)])
def test_how_near_is_near(factor: float, near: bool) -> None:
    assert causes(factor, RATE).startswith("the whole square") is near


def test_rounding_widens_what_is_near() -> None:
    assert causes(2.2, RATE).startswith(NONE)
    assert causes(2.2, RATE, error=0.1).startswith("the whole square")


@pytest.mark.parametrize(("factor", "words"), [(2.0, "the whole square"), (1e-12, NONE)])
def test_a_learning_rate_of_zero(factor: float, words: str) -> None:
    """A warm-up begins there."""
    assert causes(factor, 0.0).startswith(words)
