"""Audits without gradients: decays behind a step, and what is no clipping."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shrinkage import L2, audit

RATE, STRENGTH = 0.05, 0.02
DRAW = np.random.default_rng(0)
START = {
    "kernel": DRAW.normal(size=(6, 3)),
    "bias": DRAW.normal(size=6),
    "scale": np.ones(6),
}
GRADIENTS = {name: 8 * DRAW.normal(size=w.shape) for name, w in START.items()}


@pytest.mark.parametrize("with_gradients", [True, False])
def test_a_decay_of_the_moved_weights_is_decoupled(*, with_gradients: bool) -> None:
    """The step is large, so that the moved weights are others than the old ones."""

    def step(scale: float) -> Any:
        after = {name: w - RATE * GRADIENTS[name] for name, w in START.items()}
        after["kernel"] = after["kernel"] * (1 - RATE * scale * STRENGTH)
        return (START, after, GRADIENTS) if with_gradients else (START, after)

    report = audit(step, STRENGTH * L2(), RATE)
    assert report.ok, report
    (factor,) = (seen.factor for seen in report.seen if seen.expected)
    assert factor == pytest.approx(1, abs=1e-6)


def signed(scale: float, decays: dict[str, float]) -> dict[str, Any]:
    """Return weights after Adam's first step, by signs, all of one sign on the scale."""
    signs = {name: np.sign(g) for name, g in GRADIENTS.items()} | {"scale": np.ones(6)}
    return {
        name: w * (1 - RATE * scale * decays.get(name, 0.0)) - RATE * signs[name]
        for name, w in START.items()
    }


@pytest.mark.parametrize("float_type", [np.float32, np.float64])
def test_a_decayed_scale_of_ones_is_no_clipping(float_type: Any) -> None:
    """It moves along its step, and would clear itself if it alone were asked."""

    def step(scale: float) -> Any:
        after = signed(scale, {"kernel": STRENGTH, "scale": STRENGTH})
        return tuple({n: w.astype(float_type) for n, w in ws.items()} for ws in (START, after))

    report = audit(step, STRENGTH * L2(), RATE)
    assert [said.parameter for said in report.findings if said.severity == "error"] == ["scale"]
    assert report.rules == ("unselected-changed",)


def test_a_clipping_moves_all_that_no_term_selects() -> None:
    def step(scale: float) -> Any:
        gradients = dict(GRADIENTS)
        gradients["kernel"] = gradients["kernel"] + scale * STRENGTH * START["kernel"]
        norm = np.sqrt(sum(float((g * g).sum()) for g in gradients.values()))
        after = {name: w - RATE / norm * gradients[name] for name, w in START.items()}
        return START, after

    assert audit(step, STRENGTH * L2(), RATE).ok
