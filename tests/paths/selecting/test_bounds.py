"""The bounds of stability selection, against enumeration and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from shrinkage.errors import InputError
from shrinkage.paths.selecting.bounds import error_bound, most_drawn


@pytest.mark.parametrize(("threshold", "pairs"), [(0.6, 25), (0.75, 50), (0.9, 50), (1.0, 10)])
def test_the_bounds_hold_for_columns_that_halves_draw_at_random(
    threshold: float, pairs: int
) -> None:
    """Every half draws `drawn` columns at random: nothing says anything, so all are mistakes."""
    random, columns, drawn = np.random.default_rng(0), 60, 12
    mistakes = []
    for _ in range(400):
        draws = np.array([random.permutation(columns) < drawn for _ in range(2 * pairs)])
        mistakes.append((draws.mean(axis=0) >= threshold - 1e-12).sum())
    bound = error_bound(columns, drawn, threshold, pairs)
    assert np.mean(mistakes) <= bound.unimodal <= bound.any_halves


def test_the_general_bound_is_attained_by_halves_that_draw_together() -> None:
    """One and the same column in 2·threshold − 1 of the pairs twice, else in neither.

    Of columns drawn with probability θ the bound is θ² · columns / (2 · threshold − 1): a half
    that draws all columns of a block or none reaches Markov's inequality for the pairs.
    """
    threshold, theta, columns = 0.75, 0.1, 100
    # Both halves of a pair draw with probability θ² where they are independent; a column is drawn
    # by at least ¾ of all halves only if both draw it in half of the pairs.
    both = theta**2
    share_selected = both / (2 * threshold - 1)
    bound = error_bound(columns, theta * columns, threshold, pairs=50)
    assert bound.any_halves == pytest.approx(share_selected * columns)


def test_the_unimodal_bound_is_that_of_the_literature() -> None:
    """Figures of Shah and Samworth (2013), section 3.3: factor 1/(2(2τ − 1 − 1/(2B))) up to ¾."""
    bound = error_bound(columns=1000, drawn=30, threshold=0.6, pairs=50)
    assert bound.unimodal == pytest.approx(0.9 / (2 * (0.2 - 0.01)))
    beyond = error_bound(columns=1000, drawn=30, threshold=0.9, pairs=50)
    assert beyond.unimodal == pytest.approx(0.9 * 4 * 0.11 / 1.02)
    # Drawing more than 1/√3 of the columns leaves only the general bound.
    many = error_bound(columns=100, drawn=60, threshold=0.75, pairs=50)
    assert many.unimodal == many.any_halves == pytest.approx(72.0)


@pytest.mark.parametrize("threshold", [0.7, 0.8, 0.9])
@pytest.mark.parametrize("theta", [0.3, 0.5, 0.72, 0.8])
def test_no_unimodal_share_is_above_the_bound(threshold: float, theta: float) -> None:
    """A mode at 2τ − 1, the rest even below it: the share of pairs in which both halves draw."""
    at, mean = 2 * threshold - 1, theta**2
    mode = min(1.0, max(0.0, 2 * mean / at - 1))
    even = min(1.0, 2 * mean) * (1 - at)  # even up to 1, beside a mode at 0
    bound = error_bound(1000, theta * 1000, threshold, pairs=500)
    assert max(mode, even) * 1000 <= bound.unimodal + 1e-9


@pytest.mark.parametrize("false_selections", [0.5, 1.0, 4.0])
def test_what_may_be_drawn_is_the_most_that_keeps_the_bound(false_selections: float) -> None:
    drawn = most_drawn(500, 0.75, false_selections)
    assert error_bound(500, drawn, 0.75, 50).any_halves <= false_selections
    assert error_bound(500, drawn + 1, 0.75, 50).any_halves > false_selections


def test_a_bound_under_which_nothing_may_be_drawn_is_refused() -> None:
    with pytest.raises(InputError, match="allow more mistakes"):
        most_drawn(10, 0.6, 0.1)
