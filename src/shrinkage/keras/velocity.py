"""What momentum makes of a constant gradient of one, where Keras keeps the rate in the velocity.

Who uses this: the attachment, before each step that has a prox in the metric of SGD or RMSprop. The
velocity is μ·velocity − lr·gradient: each gradient stays in it at the rate of its own step, so a
rate that falls is felt about 1/(1 − μ) steps later, by the gradient and by the shrink alike. What a
constant gradient of one has left there is b ← μ·b + lr, and the step is b, or lr + μ·b with
Nesterov's.
"""

from __future__ import annotations

import math
from typing import Any

import keras

from shrinkage.arrays import Array
from shrinkage.keras.arrays import number, ops, plain
from shrinkage.keras.unsaved import Unsaved

NEGLIGIBLE = 1e-6  # of a rate: what the momentum has forgotten


class VelocityRates:
    """The buffer b of an optimizer with momentum: one number, the last of its variables.

    A variable of the optimizer, in no file: a loaded run gets the buffer that its count of steps
    and its schedule tell.

    Args:
        optimizer: one with `momentum`, whose rate is in its velocity.

    >>> rates = VelocityRates(keras.optimizers.SGD(0.1, momentum=0.5))
    >>> [round(number(rates.take(rate)), 3) for rate in (0.1, 0.1, 0.0)]
    [0.1, 0.15, 0.075]
    """

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        self._buffer = Unsaved.of(optimizer).add(
            (), keras.config.floatx(), "velocity_rates", self.settle
        )
        self.settle()

    def take(self, rate: Any) -> Array:
        """Take one step at a rate, and return what a constant gradient of one moves by in it."""
        momentum = float(self._optimizer.momentum)
        rate = ops.cast(rate, self._buffer.dtype)
        buffer = momentum * plain(self._buffer) + rate
        self._buffer.assign(buffer)
        return rate + momentum * buffer if getattr(self._optimizer, "nesterov", False) else buffer

    def settle(self) -> None:
        """Set the buffer to what the steps so far have left, at the rates of the schedule."""
        self._buffer.assign(_left_by(self._optimizer))

    def release(self) -> None:
        """Take the variable out of the optimizer."""
        Unsaved.of(self._optimizer).remove(self._buffer)


def has_velocity(optimizer: Any) -> bool:
    """Return whether an optimizer has momentum, so that a step is more than lr times a gradient.

    >>> has_velocity(keras.optimizers.SGD(0.1))
    False
    """
    return bool(getattr(optimizer, "momentum", 0.0))


def _left_by(optimizer: Any) -> float:
    """Return Σ μ^(t − 1 − k)·lr(k) over the t steps so far, the forgotten ones left out."""
    steps, momentum = int(number(optimizer.iterations)), float(optimizer.momentum)
    remembered = steps
    if momentum < 1:
        remembered = min(steps, math.ceil(math.log(NEGLIGIBLE) / math.log(momentum)))
    rates = (_rate_of(optimizer, steps - 1 - ago) for ago in range(remembered))
    return sum(momentum**ago * rate for ago, rate in enumerate(rates))


def _rate_of(optimizer: Any, step: int) -> float:
    """Return the rate of a past step: a schedule tells it, else it is taken to be that of now."""
    if not isinstance(optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        return number(optimizer.learning_rate)
    batches = optimizer.gradient_accumulation_steps or 1  # a schedule counts those
    return number(optimizer._learning_rate(ops.convert_to_tensor((step + 1) * batches - 1)))
