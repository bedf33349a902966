"""What starts at zero hides a decay: the neutral audit says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shrinkage import L2, audit

RATE, STRENGTH = 0.1, 0.01


def report_of(bias: Any, *, behind: bool = False) -> Any:
    """Audit SGD that decays its bias too: before the step, or behind it."""
    w = np.random.default_rng(0).normal(size=(4, 3))

    def step(scale: float) -> tuple[dict[str, Any], dict[str, Any]]:
        decay = RATE * scale * STRENGTH
        moved = bias - RATE * np.ones_like(bias)
        shrunk = moved - decay * (moved if behind else bias)
        return {"w": w, "b": bias}, {"w": w - RATE - decay * w, "b": shrunk}

    return audit(step, STRENGTH * L2(), learning_rate=RATE)


def test_a_bias_of_zeros_is_told_to_hide_its_decay():
    report = report_of(np.zeros(3))
    assert report.ok
    assert [(one.rule, one.severity, one.parameter) for one in report.findings] == [
        ("cannot-judge", "info", "b")
    ]
    assert "starts at 0" in report.findings[0].message


@pytest.mark.parametrize("bias", [np.array([0.0, 0.1, 0.0]), np.full(3, 0.5)])
def test_a_bias_with_numbers_shows_its_decay(bias: Any):
    assert report_of(bias).rules == ("unselected-changed",)


def test_a_decay_behind_the_step_is_seen_from_zeros_too():
    assert report_of(np.zeros(3), behind=True).rules == ("unselected-changed",)


def test_no_array_is_nothing_to_tell():
    assert report_of(np.zeros(0)).rules == ()
