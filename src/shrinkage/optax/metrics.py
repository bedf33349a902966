"""The metric in which an optimizer of optax moves: what a proximal step must be measured in.

Who uses this: `proximal`. The state of an optimizer tells its kind and its second moment, not the
numbers that it was made with; those are fields here, with optax's defaults. A wrong number is not
silent: `probing` compares what the metric says with what the optimizer does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp


@dataclass(frozen=True)
class OptaxMetric:
    """The step size of each weight, rate · gain · scaling; the base is plain gradient descent.

    `adapts` says that a steady gradient moves a weight by rate · gain, whatever its size is: there
    a prox is bounded (`terms.reach`).
    """

    adapts: ClassVar[bool] = False
    probed: ClassVar[int] = 3  # first steps that are compared with the optimizer's own

    def amplified(self, rate: Any, buffer: Any) -> tuple[Any, Any]:
        """Return what momentum makes of a constant gradient of one, times the rate, and its buffer.

        Args:
            rate: the learning rate of this step.
            buffer: the buffer before it, 0 at first.

        Returns:
            The amplified rate, and the buffer after the step.
        """
        return rate, buffer

    def scaling(self, state: Any) -> Any:  # noqa: ARG002
        """Return a tree with what each weight's rate is multiplied by, None for one.

        Args:
            state: optax's state of the second moment after the step.
        """
        return None


@dataclass(frozen=True)
class SGDMetric(OptaxMetric):
    """optax.sgd: lr, amplified by the momentum's buffer.

    Args:
        momentum: the `momentum` of optax.sgd.
        nesterov: the `nesterov` of optax.sgd.

    >>> SGDMetric(momentum=0.9).amplified(0.1, 1.0)
    (0.19, 1.9)

    Source: optax.trace, whose buffer is μ·buffer + gradient.
    """

    momentum: Any = None
    nesterov: bool = False

    def amplified(self, rate: Any, buffer: Any) -> tuple[Any, Any]:
        """Return rate·buffer, or rate·(1 + μ·buffer) with Nesterov's."""
        momentum = 0.0 if self.momentum is None else self.momentum
        buffer = momentum * buffer + 1
        return rate * (1 + momentum * buffer if self.nesterov else buffer), buffer


@dataclass(frozen=True)
class AdamMetric(OptaxMetric):
    """optax.adam and optax.adamw: lr / (√(v̂ + eps_root) + eps), v̂ = v / (1 − b2ᵗ).

    Args:
        b2: the `b2` of the optimizer.
        eps: its `eps`, added to the root.
        eps_root: its `eps_root`, added under the root.

    >>> import optax
    >>> state = optax.ScaleByAdamState(jnp.array(1), {}, {"w": jnp.array([0.004])})
    >>> AdamMetric().scaling(state)["w"].round(3).tolist()
    [0.5]

    Source: optax.scale_by_adam.
    """

    adapts: ClassVar[bool] = True

    b2: Any = 0.999
    eps: Any = 1e-8
    eps_root: Any = 0.0

    def scaling(self, state: Any) -> Any:
        """Return 1 / (√(v̂ + eps_root) + eps)."""
        rest = 1 - self.b2**state.count
        return jax.tree.map(
            lambda v: 1 / (jnp.sqrt(_wide(v) / rest + self.eps_root) + self.eps), state.nu
        )


@dataclass(frozen=True)
class NadamMetric(AdamMetric):
    """optax.nadam and optax.nadamw: Adam's, times what the look ahead makes of a constant gradient.

    Formula: b1·(1 − b1ᵗ)/(1 − b1ᵗ⁺¹) + (1 − b1)/(1 − b1ᵗ), which tends to one.

    Args:
        b1: the `b1` of the optimizer.

    >>> import optax
    >>> state = optax.ScaleByAdamState(jnp.array(1), {}, {"w": jnp.array([0.004])})
    >>> round(float(NadamMetric().scaling(state)["w"][0]), 3)
    0.737

    Source: optax.scale_by_adam(nesterov=True).
    """

    b1: Any = 0.9

    def scaling(self, state: Any) -> Any:
        """Return Adam's scaling times the gain."""
        power = self.b1**state.count
        ahead = self.b1 * (1 - power) / (1 - self.b1 * power)
        gain = ahead + (1 - self.b1) / (1 - power)
        return jax.tree.map(lambda size: gain * size, super().scaling(state))


@dataclass(frozen=True)
class RadamMetric(AdamMetric):
    """optax.radam: lr while the variance of 1/√v is not finite, then Adam's, rectified.

    Args:
        threshold: the `threshold` of the optimizer.

    Source: optax.scale_by_radam.
    """

    probed: ClassVar[int] = 8  # the rectified steps begin at the sixth

    threshold: Any = 5.0

    def scaling(self, state: Any) -> Any:
        """Return Adam's scaling times the rectification r, or one."""
        power = self.b2**state.count
        longest = 2 / (1 - self.b2) - 1
        length = longest - 2 * state.count * power / (1 - power)
        square = (length - 4) * (length - 2) * longest
        square = square / ((longest - 4) * (longest - 2) * length)
        rectified = jnp.sqrt(jnp.maximum(square, 0.0))
        return jax.tree.map(
            lambda size: jnp.where(length >= self.threshold, rectified * size, 1.0),
            super().scaling(state),
        )


@dataclass(frozen=True)
class AdamaxMetric(OptaxMetric):
    """optax.adamax and optax.adamaxw: lr / u, u being the decaying maximum of |g| + eps.

    Source: optax.scale_by_adamax.
    """

    adapts: ClassVar[bool] = True

    def scaling(self, state: Any) -> Any:
        """Return 1 / u."""
        return jax.tree.map(lambda u: 1 / _wide(u), state.nu)


@dataclass(frozen=True)
class AmsgradMetric(OptaxMetric):
    """optax.amsgrad: lr / (√(v + eps_root) + eps), v being the largest corrected one so far.

    Args:
        eps: its `eps`, added to the root.
        eps_root: its `eps_root`, added under the root.

    Source: optax.scale_by_amsgrad.
    """

    adapts: ClassVar[bool] = True

    eps: Any = 1e-8
    eps_root: Any = 0.0

    def scaling(self, state: Any) -> Any:
        """Return 1 / (√(v + eps_root) + eps)."""
        return jax.tree.map(
            lambda v: 1 / (jnp.sqrt(_wide(v) + self.eps_root) + self.eps), state.nu_max
        )


@dataclass(frozen=True)
class RMSpropMetric(OptaxMetric):
    """optax.rmsprop: lr / √(v + eps), or lr / (√v + eps); v less the squared mean if centered.

    Whether it is centered and whether its bias is corrected is told by its state.

    Args:
        decay: the `decay` of the optimizer, used where the bias is corrected.
        eps: its `eps`.
        eps_in_sqrt: its `eps_in_sqrt`: whether eps is under the root.
        momentum: its `momentum`.
        nesterov: its `nesterov`.

    >>> RMSpropMetric(momentum=0.5).amplified(0.1, 0.1)[0].__round__(3)
    0.15

    Source: optax.scale_by_rms and optax.scale_by_stddev; the rate comes before the momentum.
    """

    adapts: ClassVar[bool] = True

    decay: Any = 0.9
    eps: Any = 1e-8
    eps_in_sqrt: bool = True
    momentum: Any = None
    nesterov: bool = False

    def amplified(self, rate: Any, buffer: Any) -> tuple[Any, Any]:
        """Return the buffer of rates, or rate + μ·buffer with Nesterov's."""
        momentum = 0.0 if self.momentum is None else self.momentum
        buffer = momentum * buffer + rate
        return rate + momentum * buffer if self.nesterov else buffer, buffer

    def scaling(self, state: Any) -> Any:
        """Return the inverse root, eps under it or beside it."""
        # every tuple has a method of that name: ask for the field
        rest = 1 - self.decay**state.count if "count" in state._fields else 1.0

        def inverse(square: Any) -> Any:
            if self.eps_in_sqrt:
                return 1 / jnp.sqrt(square + self.eps)
            return 1 / (jnp.sqrt(square) + self.eps)

        if not hasattr(state, "mu"):
            return jax.tree.map(lambda v: inverse(_wide(v) / rest), state.nu)
        return jax.tree.map(
            lambda m, v: inverse(_wide(v) / rest - jnp.square(_wide(m) / rest)), state.mu, state.nu
        )


@dataclass(frozen=True)
class AdagradMetric(OptaxMetric):
    """optax.adagrad: lr / √(Σg² + eps), and 0 where the sum is 0, as there the optimizer rests.

    Args:
        eps: the `eps` of the optimizer.

    Source: optax.scale_by_rss.
    """

    adapts: ClassVar[bool] = True

    eps: Any = 1e-7

    def scaling(self, state: Any) -> Any:
        """Return 1 / √(Σg² + eps)."""

        def inverse(square: Any) -> Any:
            wide = _wide(square)
            safe = jnp.where(wide > 0, wide, math.inf)
            return 1 / jnp.sqrt(safe + self.eps)

        return jax.tree.map(inverse, state.sum_of_squares)


def _wide(array: Any) -> Any:
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))
