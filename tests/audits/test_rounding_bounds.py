"""The error beside a factor bounds what rounding does to correct loops, in float16 and float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shrinkage import L1, L2, audit

SEEDS = range(40)
Loop = Callable[..., tuple[dict, dict, dict]]


def start(number: int, dtype: Any) -> tuple[dict, dict, float, float]:
    """Return weights and data gradients of three arrays, a learning rate and a strength."""
    generator = np.random.default_rng(number)
    shapes = {"one": (1, 1), "few": (3, 4), "many": (40, 50)}
    size, slope = 10 ** generator.uniform(-1.5, 1), 10 ** generator.uniform(-2, 0.5)
    weights = {k: (size * generator.normal(size=s)).astype(dtype) for k, s in shapes.items()}
    data = {k: (slope * generator.normal(size=s)).astype(dtype) for k, s in shapes.items()}
    return weights, data, 10 ** generator.uniform(-2, -0.3), 10 ** generator.uniform(-1.5, 0)


def in_the_gradient(w: Any, g: Any, rate: Any, strength: Any) -> tuple[Any, Any]:
    slope = g + strength * w
    return w - rate * slope, slope


def in_quarters(w: Any, g: Any, rate: Any, strength: Any) -> tuple[Any, Any]:
    """Accumulate over four micro-batches."""
    quarter = w.dtype.type(0.25)
    slope = np.zeros_like(w)
    for _ in range(4):
        slope += quarter * g + quarter * strength * w
    return w - rate * slope, slope


def with_momentum(w: Any, g: Any, rate: Any, strength: Any) -> tuple[Any, Any]:
    slope = g + strength * w
    speed = w.dtype.type(0.9) * g + slope
    return w - rate * speed, slope


def decoupled(w: Any, g: Any, rate: Any, strength: Any) -> tuple[Any, Any]:
    return w * (1 - rate * strength) - rate * g, g


def subtracted_first(w: Any, g: Any, rate: Any, strength: Any) -> tuple[Any, Any]:
    return (w - rate * strength * w) - rate * g, g


LOOPS = (in_the_gradient, in_quarters, with_momentum, decoupled, subtracted_first)


def audited(loop: Callable[..., Any], number: int, dtype: Any, *, gradients: bool) -> Any:
    weights, data, rate, strength = start(number, dtype)

    def step(scale: float) -> tuple[dict, ...]:
        numbers = dtype(rate), dtype(scale * strength)
        ends = {name: loop(w, data[name], *numbers) for name, w in weights.items()}
        after = {name: end for name, (end, _) in ends.items()}
        slopes = {name: slope for name, (_, slope) in ends.items()}
        assert all(w.dtype == dtype for w in (*after.values(), *slopes.values()))
        copies = {name: w.copy() for name, w in weights.items()}
        return (copies, after, slopes) if gradients else (copies, after)

    return audit(step, strength * L2(), rate)


def numbers_in_the_report(report: Any) -> list[tuple[float, float]]:
    return [(one.factor, one.error) for one in report.seen if one.factor is not None]


@pytest.mark.parametrize("gradients", [False, True], ids=["weights", "gradients"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32], ids=["float16", "float32"])
@pytest.mark.parametrize("loop", LOOPS)
def test_no_correct_loop_is_further_from_one_than_its_error(
    loop: Callable[..., Any], dtype: Any, gradients: bool
) -> None:
    judged = 0
    for number in SEEDS:
        report = audited(loop, number, dtype, gradients=gradients)
        rules = {one.rule for one in report.findings if one.severity == "error"}
        assert rules <= {"below-resolution"}, f"{number}\n{report}"
        for factor, error in numbers_in_the_report(report):
            judged += 1
            assert abs(factor - 1) <= error, f"{number}\n{report}"
    assert judged >= 1.5 * len(SEEDS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("loop", LOOPS[:3])
def test_the_error_is_small_where_there_is_something_to_see(
    loop: Callable[..., Any], dtype: Any
) -> None:
    """A bound of infinity would bound everything."""
    errors = [
        error
        for number in SEEDS
        for _, error in numbers_in_the_report(audited(loop, number, dtype, gradients=True))
    ]
    assert np.median(errors) <= 100 * np.finfo(dtype).eps
    assert len(errors) >= 2.5 * len(SEEDS)


@pytest.mark.parametrize("number", SEEDS)
def test_a_prox_in_float32_is_within_its_error(number: int) -> None:
    weights, data, rate, strength = start(number, np.float32)
    term = np.float32(0.01 * strength)

    def step(scale: float) -> tuple[dict, dict]:
        after = {}
        for name, w in weights.items():
            moved = w - np.float32(rate) * data[name]
            most = np.float32(rate) * np.float32(scale) * term
            after[name] = moved - np.clip(moved, -most, most)
        return {name: w.copy() for name, w in weights.items()}, after

    report = audit(step, 0.01 * strength * L1(), rate)
    rules = {one.rule for one in report.findings if one.severity == "error"}
    assert rules <= {"below-resolution"}, str(report)
    for factor, error in numbers_in_the_report(report):
        assert abs(factor - 1) <= error, str(report)


@pytest.mark.parametrize("off", [0.97, 1.03, 2.0, 0.5])
@pytest.mark.parametrize("loop", LOOPS[:2])
def test_a_wrong_factor_is_no_rounding(loop: Callable[..., Any], off: float) -> None:
    def wrong(w: Any, g: Any, rate: Any, strength: Any) -> tuple[Any, Any]:
        return loop(w, g, rate, w.dtype.type(off) * strength)

    for number in SEEDS:
        report = audited(wrong, number, np.float32, gradients=True)
        assert "wrong-factor" in report.rules, f"{number}\n{report}"
