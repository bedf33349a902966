"""Two runs of one parameter, from one start: without the terms and with them.

Who uses this: audits make pairs, `measure` compares them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

Array = Any


@dataclass(frozen=True, eq=False)
class Pair:
    """A parameter in a run without the terms (`zero`) and one with them at a scale.

    `start` is where both began; gradients are those before clipping, None where they are unknown.
    `rounding` is the weights' dtype's (its machine epsilon), `gradient_rounding` the gradients'.
    `own` is what the optimizer itself adds to the gradient, in units of the weights, up to
    `own_error`; `metric` is the step size of a prox in the optimizer's metric: a number, one per
    weight, or a function that returns it and the `reach`, which bounds that prox, when needed: of
    all weights, or of a slice of them.
    `slack` is by how much a weight may be off beside its rounding.
    """

    start: Array
    zero: Array
    after: Array
    zero_gradient: Array | None = None
    gradient: Array | None = None
    rounding: float = 0.0
    gradient_rounding: float = 0.0
    own: float = 0.0
    own_error: float = 0.0
    metric: Any = None
    reach: Any = None
    slack: float = 0.0

    def with_metric(self) -> Pair:
        """Return the pair with the metric and the reach of the optimizer read."""
        if not callable(self.metric):
            return self
        told: Any = self.metric()
        return replace(self, metric=told[0], reach=told[1])

    @property
    def is_unchanged(self) -> bool:
        """Whether the terms changed no bit of weights and gradients, all of them finite."""
        pairs = ((self.zero, self.after), (self.zero_gradient, self.gradient))
        same = all(_are_equal(first, second) for first, second in pairs)
        return not self.own and same and is_finite(self.after)

    def block(self, where: slice | None) -> Pair:
        """Return some of the weights, in float64; None is all of them."""

        def cut(x: Any) -> Any:
            if x is None:
                return None
            return as_float64(x if where is None else x.reshape(-1)[where])

        metric = cut(self.metric) if hasattr(self.metric, "shape") else self.metric
        if callable(metric) and where is not None:
            metric = partial(metric, where)
        return replace(
            self,
            start=cut(self.start),
            zero=cut(self.zero),
            after=cut(self.after),
            zero_gradient=cut(self.zero_gradient),
            gradient=cut(self.gradient),
            metric=metric,
            reach=cut(self.reach) if hasattr(self.reach, "shape") else self.reach,
        )


def _are_equal(first: Any, second: Any) -> bool:
    if first is None or second is None:
        return first is second
    if hasattr(first, "equal"):
        return bool(first.equal(second))
    return np.array_equal(first, second)


def is_finite(x: Any) -> bool:
    """Return whether all numbers of an array are finite, by one sum: none else hides in it."""
    if not hasattr(x, "detach"):
        return bool(np.isfinite(np.sum(x, dtype=np.float64)))
    wide = None if x.dtype.itemsize >= 4 else x.new_zeros(()).float().dtype
    return bool(np.isfinite(float(x.detach().sum(dtype=wide))))


def as_float64(x: Any) -> Array:
    """Return an array, or a torch tensor, in float64."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        x = (x if str(x.dtype) in ("torch.float32", "torch.float64") else x.double()).numpy()
    return np.asarray(x, dtype=np.float64)
