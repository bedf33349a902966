"""`Fit` is the least-squares solution, in blocks as at once, and knows what rounding explains."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shrinkage.audits.measuring.fits import Fit, fit

NUMBERS = st.floats(-100, 100, allow_nan=False).map(lambda x: round(x, 6))
PAIRS = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, n, elements=NUMBERS), arrays(np.float64, n, elements=NUMBERS)
    )
)


def seeded(number: int, size: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(number)
    changed, expected = generator.normal(size=size), generator.normal(size=size)
    return changed, expected, generator.uniform(1e-3, 1e-2, size)


@given(PAIRS)
def test_the_factor_is_that_of_least_squares(pair: tuple[np.ndarray, np.ndarray]) -> None:
    changed, expected = pair
    solution = fit(changed, expected, np.full_like(changed, 1e-3))
    if not expected.any():
        assert solution.factor == 0
        assert not solution.expects
        assert solution.error == math.inf
        return
    (solved,), *_ = np.linalg.lstsq(expected[:, None], changed, rcond=None)
    assert solution.factor == pytest.approx(solved, rel=1e-9, abs=1e-12)
    rest = changed - solved * expected
    assert rest @ expected == pytest.approx(0, abs=1e-9 * (1 + solution.cc + solution.ee))


@pytest.mark.parametrize("number", range(5))
def test_fits_says_how_large_the_rest_of_least_squares_is(number: int) -> None:
    changed, expected, _ = seeded(number)
    exact = np.zeros_like(changed)
    rest = changed - (changed @ expected) / (expected @ expected) * expected
    length = np.linalg.norm(expected)
    for share, fits in ((0.019, True), (0.021, False)):
        stray = 3 * expected + 3 * share * length * rest / np.linalg.norm(rest)
        assert fit(stray, expected, exact).fits is fits
    assert fit(stray, expected, exact).cosine == pytest.approx(1 / math.hypot(1, 0.021), rel=1e-9)


@pytest.mark.parametrize("number", range(5))
def test_sums_of_blocks_are_the_fit_at_once(number: int) -> None:
    arrays = seeded(number)
    blocks = [fit(*(x[start : start + 33] for x in arrays)) for start in range(0, 200, 33)]
    together, at_once = sum(blocks, Fit()), fit(*arrays)
    for name in ("cc", "ce", "ee", "noise_along", "noise_squared"):
        assert getattr(together, name) == pytest.approx(getattr(at_once, name), rel=1e-12)
    assert together.factor == pytest.approx(at_once.factor, rel=1e-12)
    assert together.error == pytest.approx(at_once.error, rel=1e-12)
    assert together.present is at_once.present is True


def test_a_block_that_changed_is_a_parameter_that_changed() -> None:
    still = fit(np.zeros(3), np.ones(3), np.full(3, 0.1))
    moved = fit(np.array([0.0, 9.0, 0.0]), np.ones(3), np.full(3, 0.1))
    assert not (still + still).present
    assert (still + moved).present
    assert (moved + still).present


@pytest.mark.parametrize("number", range(20))
def test_no_rounding_within_the_bound_moves_the_factor_further_than_the_error(number: int) -> None:
    _, expected, bound = seeded(number)
    generator = np.random.default_rng(number)
    worst = np.sign(expected) * bound
    for noise in (worst, -worst, generator.uniform(-1, 1, bound.size) * bound):
        solution = fit(1.5 * expected + noise, expected, bound)
        assert abs(solution.factor - 1.5) <= solution.error * (1 + 1e-9)
    assert fit(1.5 * expected + worst, expected, bound).factor - 1.5 == pytest.approx(
        solution.error, rel=1e-9
    )


def test_present_is_beyond_two_bounds_anywhere() -> None:
    expected, bound = np.ones(4), np.full(4, 0.5)
    assert not fit(np.full(4, 0.99), expected, bound).present
    assert fit(np.array([0.0, 0.0, -1.01, 0.0]), expected, bound).present
    assert fit(np.array([0.0, 1e-30]), np.ones(2), np.zeros(2)).present
    assert not fit(np.zeros(2), np.ones(2), np.zeros(2)).present
    assert fit(np.zeros(2), np.ones(2), np.zeros(2)).is_zero


def test_visible_is_what_stands_out() -> None:
    assert fit(np.ones(4), np.ones(4), np.full(4, 0.24)).visible
    assert not fit(np.ones(4), np.ones(4), np.full(4, 0.26)).visible


def test_one_is_one_up_to_a_hundredth_and_the_error() -> None:
    exact, rounded = np.zeros(3), np.full(3, 0.1)
    assert fit(np.full(3, 1.009), np.ones(3), exact).is_one()
    assert not fit(np.full(3, 1.011), np.ones(3), exact).is_one()
    assert fit(np.full(3, 1.109), np.ones(3), rounded).is_one()
    assert not fit(np.full(3, 0.889), np.ones(3), rounded).is_one()


def test_nothing_of_nothing() -> None:
    empty = fit(np.zeros(0), np.zeros(0), np.zeros(0))
    assert empty == Fit()
    assert (empty.factor, empty.cosine) == (0, 0)
    assert not any((empty.expects, empty.fits, empty.present))
