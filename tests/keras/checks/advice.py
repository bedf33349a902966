"""What the refusal of `proximal` advises works, with every optimizer of Keras that it refuses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import pytest

from shrinkage import L1, L2
from shrinkage.errors import UnsupportedOptimizer
from shrinkage.keras import regularize
from tests.keras.checks.networks import linear, same, train

O = keras.optimizers  # noqa: E741
REFUSED: dict[str, Callable[[float], Any]] = {
    "Adadelta": O.Adadelta,
    "Adafactor": O.Adafactor,
    "Ftrl": O.Ftrl,
    "Lamb": O.Lamb,
    "Lion": O.Lion,
    "Muon": partial(O.Muon, weight_decay=0.0),
    "ScheduleFreeAdamW": O.ScheduleFreeAdamW,
}
GRADIENT_ALONE = ("Ftrl", "ScheduleFreeAdamW")  # as their refusals say


def _followed(name: str) -> None:
    model = linear(REFUSED[name](0.01))
    with pytest.raises(UnsupportedOptimizer) as caught:
        regularize(model, 0.1 * L1())
    assert ("'decoupled'" in str(caught.value)) == (name not in GRADIENT_ALONE)
    if name not in GRADIENT_ALONE:
        decoupled = regularize(model, 1000.0 * L1(), "decoupled")
        train(model, 1)
        assert decoupled.zeros() == {"out.kernel": 8}
        decoupled.detach()
    pushed, plain = (linear(REFUSED[name](0.01)) for _ in range(2))
    regularize(pushed, 100.0 * L2(), "gradient")
    train(pushed, 2)
    train(plain, 2)
    assert not same(pushed, plain)


CHECKS = {f"the advice for {name}": partial(_followed, name) for name in REFUSED}
