"""A push away from zero: what is said of a decay that is added to the update."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shrinkage import L2, audit

RATE, STRENGTH = 0.01, 0.1


def report_of(push: float, *, told: bool) -> Any:
    """Audit SGD with `push` · scale · strength · w added to the weights."""
    generator = np.random.default_rng(0)
    w, gradient = generator.normal(size=(6, 4)), generator.normal(size=(6, 4))

    def step(scale: float) -> tuple[dict[str, Any], ...]:
        after = w - RATE * gradient + push * scale * STRENGTH * w
        return ({"w": w}, {"w": after}, {"w": gradient}) if told else ({"w": w}, {"w": after})

    return audit(step, STRENGTH * L2(), learning_rate=RATE)


@pytest.mark.parametrize("told", [False, True])
def test_a_decay_behind_the_learning_rate_is_named(told):
    (finding,) = report_of(1.0, told=told).findings
    assert finding.rule == "wrong-direction"
    assert "the learning rate does not multiply" in finding.message
    assert "in front of" in finding.remedy


@pytest.mark.parametrize("told", [False, True])
def test_a_decay_of_the_wrong_sign_alone_is_named(told):
    (finding,) = report_of(RATE, told=told).findings
    assert finding.rule == "wrong-direction"
    assert "do not subtract" in finding.remedy
