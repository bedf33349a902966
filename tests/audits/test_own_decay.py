"""`own_decay` names the rule of any optimizer that can be begun anew."""

# ruff: noqa: ARG005
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shrinkage.audits import OwnDecay, own_decay
from shrinkage.errors import InputError

RATE, PEAK = 0.01, 0.04
Way = Callable[[Any, Any, float, float, int], Any]

WAYS: dict[str, tuple[Way, OwnDecay, float]] = {
    "in the gradient": (lambda w, g, d, r, t: w - r * np.sign(g + d * w), OwnDecay.COUPLED, 1.0),
    "beside it": (lambda w, g, d, r, t: (1 - r * d) * w - r * np.sign(g), OwnDecay.DECOUPLED, 1.0),
    "behind it": (
        lambda w, g, d, r, t: (1 - r * d) * (w - r * np.sign(g)),
        OwnDecay.DECOUPLED,
        1.0,
    ),
    "whatever the rate": (
        lambda w, g, d, r, t: (1 - d) * w - r * np.sign(g),
        OwnDecay.INDEPENDENT,
        1 / RATE,
    ),
    "by the square of the rate": (
        lambda w, g, d, r, t: (1 - r * r / PEAK * d) * w - r * np.sign(g),
        OwnDecay.CORRECTED,
        RATE / PEAK,
    ),
    "in every other step": (
        lambda w, g, d, r, t: (1 - r * d * (t % 2)) * w - r * np.sign(g),
        OwnDecay.INTERMITTENT,
        1.0,
    ),
    "where the step goes to zero": (
        lambda w, g, d, r, t: (1 - r * d * (w * g > 0)) * w - r * np.sign(g),
        OwnDecay.MASKED,
        1.0,
    ),
    "not at all": (lambda w, g, d, r, t: w - r * np.sign(g), OwnDecay.NONE, 0.0),
}


def begin_of(way: Way) -> Callable[[float, float], Any]:
    def begin(decay: float, rate: float) -> Any:
        times = iter(range(1, 100))

        def step(weights: Any, gradients: Any) -> Any:
            time = next(times)
            return {n: way(w, gradients[n], decay, rate, time) for n, w in weights.items()}

        return step

    return begin


@pytest.mark.parametrize("name", WAYS)
def test_the_rule_is_named_with_its_factor(name: str) -> None:
    way, rule, factor = WAYS[name]
    for measured in own_decay(begin_of(way), learning_rate=RATE).values():
        assert measured.rule is rule
        assert measured.factor == pytest.approx(factor, rel=0.01)


def test_a_decay_that_the_step_forgets_is_not_decoupled() -> None:
    """As in FTRL, which makes the weights anew from its sums: the decay is gone a step later."""

    def begin(decay: float, rate: float) -> Any:
        sums: dict[str, Any] = {}

        def step(weights: Any, gradients: Any) -> Any:
            for name, w in weights.items():
                sums[name] = sums.get(name, w) - rate * gradients[name]
            return {name: sums[name] - rate * decay * w for name, w in weights.items()}

        return step

    rules = {measured.rule for measured in own_decay(begin, learning_rate=RATE).values()}
    assert OwnDecay.DECOUPLED not in rules


def test_a_decay_in_the_momentum_grows_and_is_not_decoupled() -> None:
    """As in NovoGrad: the first step alone looks decoupled."""

    def begin(decay: float, rate: float) -> Any:
        buffers: dict[str, Any] = {}

        def step(weights: Any, gradients: Any) -> Any:
            for name, w in weights.items():
                push = gradients[name] / np.linalg.norm(gradients[name]) + decay * w
                buffers[name] = 0.9 * buffers.get(name, 0.0) + push
            return {name: w - rate * buffers[name] for name, w in weights.items()}

        return step

    rules = {measured.rule for measured in own_decay(begin, learning_rate=RATE).values()}
    assert OwnDecay.DECOUPLED not in rules
    assert OwnDecay.COUPLED not in rules


def test_other_names_are_refused() -> None:
    with pytest.raises(InputError, match="expected gradients to have matrix"):
        own_decay(
            begin_of(WAYS["not at all"][0]),
            {"matrix": np.ones((2, 3))},
            learning_rate=RATE,
            gradients={"other": np.ones((2, 3))},
        )
