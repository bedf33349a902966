"""Shrinks too small for the dtype of the weights: kept, and applied when they can be represented.

Who uses this: the decoupled and the proximal update, one object a parameter. Half a unit in the
last place of a weight is 3e-8 to 6e-8 of it in float32 and 2e-3 to 4e-3 in bfloat16; a smaller
shrink is rounded away, at every step again. Remedies, each only where it is needed:

- A decay w·(1 − x) of float32 weights: the logarithms of lost factors add up in one number, which
  is applied once it is 4 to 128 units in the last place large: in most steps nothing is done.
- Soft-thresholding of float32 weights by one number: see `binades`.
- A decay of 16-bit weights under half their epsilon, and every other shrink that loses more than
  1 % of its shrink: a float32 `low` part a weight, so that weight + low is what an exact shrink
  would have left. Measured against stochastic rounding in `benchmarks/NOTES.md`.
- Everything else, and float64, is left as it is, bit for bit.

Whether a proximal step loses is measured on the weights themselves, at steps 1, 4, 16, …, 1024
and then at every 1024th; on a sample where the shrink acts on single weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import torch

from shrinkage.pytorch.optimizers import Motion
from shrinkage.pytorch.prox.binades import Binades

TOLERATED = 0.01  # share of a shrink that may be lost
_MOST_OWED = {torch.float32: 2.0**-17, torch.bfloat16: 2.0**-12, torch.float16: 2.0**-15}
_LEAST = 2.0**-22  # owed at least before it is applied
_GOLDEN = (math.sqrt(5) - 1) / 2
_EVERY = 1024
_SAMPLE = 8192  # weights on which a shrink of single weights is measured


class Route(Protocol):
    """A shrink in place, of a tensor of any floating dtype."""

    @property
    def is_separable(self) -> bool:
        """Whether it acts on each weight by itself, so that a sample tells of all."""
        ...

    def threshold(self, motion: Motion) -> float | None:
        """Return t where the shrink is soft-thresholding by one number t, else None."""
        ...

    def __call__(self, w: torch.Tensor, motion: Motion) -> None:
        """Shrink `w`."""
        ...


class Resolution:
    """What rounding would lose of one parameter's shrinks.

    >>> resolution, w = Resolution(), torch.ones(1)
    >>> for _ in range(10_000):
    ...     resolution.decay(w, 1e-8)  # w.mul_(1 - 1e-8) alone would leave 1
    >>> print(f"{float(w):.5f}")
    0.99990

    Source: the lost part is carried as in compensated summation, Kahan, CACM 8 (1965).
    """

    def __init__(self) -> None:
        self.low: torch.Tensor | None = None
        self.owed = 0.0  # −log of the factors that have not been applied
        self.applied = 0.0  # −log of those that have
        self.times = 0  # in so many products
        self.shrinks = 0
        self.binades: Binades | None = None
        self.kind = ""  # which remedy acted last, for the ledger
        self._known: tuple[float, torch.dtype, bool] | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a part of a shrink is held back until it can be represented."""
        return bool(self.kind) or self.owed > 0

    def decay(
        self, w: torch.Tensor, rate: float, multiply: Callable[..., Any] = torch.Tensor.mul_
    ) -> None:
        """w ← w·(1 − rate), bit for bit `multiply(w, 1 − rate)` where that is right to 1 %.

        Args:
            w: weights, changed in place.
            rate: learning rate × strength.
            multiply: the in-place product of the optimizer's variant.
        """
        self._forget_other_shapes(w)
        if self._is_representable(w.dtype, rate):
            multiply(w, 1 - rate)
            if self.low is not None:
                self.low.mul_(1 - rate)
            return
        self.owed -= math.log1p(-rate)
        self.kind = "accumulated"
        if self.owed < self._enough(w.dtype, rate):
            return
        self.applied += self.owed
        self.times += 1
        factor, self.owed = math.exp(-self.owed), 0.0
        if w.dtype is torch.float32:
            w.copy_(w.to(torch.float64).mul_(factor))
        else:
            self._precisely(w, lambda wide: wide.mul_(factor))

    def shrink(self, route: Route, w: torch.Tensor, motion: Motion) -> None:
        """Apply a shrink in place so that no more than 1 % of it is lost.

        Args:
            route: shrinks a tensor in place, of any floating dtype.
            w: weights.
            motion: how the optimizer has moved them.
        """
        if w.dtype is torch.float64:
            return route(w, motion)
        if w.dtype is torch.float32:
            threshold = route.threshold(motion)
            if threshold is not None:
                route(w, motion)
                return self.pay(w, threshold)
        self._forget_other_shapes(w)
        self.shrinks += 1
        if is_due(self.shrinks):
            if not _loses(route, w, motion):
                self.low = None
            elif self.low is None:
                self.low = torch.zeros_like(w, dtype=torch.float32)
        if self.low is None:
            return route(w, motion)
        self.kind = "low part"
        return self._precisely(w, lambda wide: route(wide, motion))

    def pay(self, w: torch.Tensor, threshold: float) -> None:
        """Note that all weights have shrunk by a threshold, and give back what that has lost."""
        if self.binades is None:
            self.binades = Binades()
        if self.binades.note(threshold) and self.binades.pay(w.detach()):
            self.kind = "accumulated"

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs: numbers and tensors."""
        state: dict[str, Any] = {
            "owed": self.owed,
            "applied": self.applied,
            "times": self.times,
            "shrinks": self.shrinks,
        }
        if self.low is not None:
            state["low"] = self.low
        if self.binades is not None:
            state["binades"] = self.binades.state_dict()
        return state

    def load_state_dict(self, state: Mapping[str, Any], like: torch.Tensor) -> None:
        """Take what `state_dict` gave; `like` is the parameter's own tensor."""
        self.owed, self.applied = float(state["owed"]), float(state["applied"])
        self.times, self.shrinks = int(state["times"]), int(state["shrinks"])
        low = state.get("low")
        self.low = None if low is None else low.to(like.device, torch.float32, copy=True)
        if "binades" in state:
            self.binades = Binades()
            self.binades.load_state_dict(state["binades"])

    def _forget_other_shapes(self, w: torch.Tensor) -> None:
        if self.low is not None and self.low.shape != w.shape:
            self.low = None  # of a parameter that has been given another shape

    def _enough(self, dtype: torch.dtype, rate: float) -> float:
        """Return how much has to be owed before it is applied.

        The amount is never the same twice, so that no weight is rounded the same way every time:
        the multiples of the golden ratio fill the unit interval evenly.
        """
        growing = min(max(self.applied / 400, 16 * rate, _LEAST), _MOST_OWED[dtype])
        return growing * (1 + self.times * _GOLDEN % 1)

    def _is_representable(self, dtype: torch.dtype, rate: float) -> bool:
        if self._known is None or self._known[:2] != (rate, dtype):
            self._known = (rate, dtype, is_representable(dtype, rate))
        return self._known[2]

    def _precisely(self, w: torch.Tensor, change: Callable[[torch.Tensor], Any]) -> None:
        """Change weight + low in float64 and split it again."""
        wide = w.to(torch.float64)
        if self.low is not None:
            wide.add_(self.low)
        change(wide)
        w.copy_(wide)
        self.low = wide.sub_(w).to(torch.float32)


def is_representable(dtype: torch.dtype, rate: float) -> bool:
    """Return whether w·(1 − rate) in this dtype is a decay by `rate`, right to 1 %.

    In float32 the factor itself is rounded; in 16 bits the product is, and every weight moves
    where the rate is at least half of epsilon.

    >>> is_representable(torch.float32, 1e-5), is_representable(torch.float32, 1e-8)
    (True, False)
    >>> is_representable(torch.bfloat16, 1e-2), is_representable(torch.bfloat16, 1e-3)
    (True, False)
    """
    if rate == 0 or rate >= 1 or dtype not in _MOST_OWED:
        return True
    if dtype is torch.float32:
        return abs(float(np.float32(1 - rate)) - (1 - rate)) <= TOLERATED * rate
    return rate >= torch.finfo(dtype).eps / 2


def is_due(shrinks: int) -> bool:
    """Return whether to measure now: at powers of four, then at every 1024th.

    >>> [shrinks for shrinks in range(1, 3000) if is_due(shrinks)]
    [1, 4, 16, 64, 256, 1024, 2048]
    """
    if shrinks >= _EVERY:
        return shrinks % _EVERY == 0
    return shrinks & (shrinks - 1) == 0 and shrinks.bit_length() % 2 == 1


def _loses(route: Route, w: torch.Tensor, motion: Motion) -> bool:
    """Return whether rounding to the dtype of `w` loses more than 1 % of the shrink."""
    if route.is_separable:
        every = max(1, w.numel() // _SAMPLE)
        w, motion = w.flatten()[::every], motion.each(lambda t: t.flatten()[::every].contiguous())
    start = w.to(torch.float64)
    exact, rounded = start.clone(), w.clone()
    route(exact, motion)
    route(rounded, motion)
    shrunk = (start - exact).abs().sum()
    lost = ((exact - rounded.to(torch.float64)) * start.sign()).sum().abs()
    return bool(lost > TOLERATED * shrunk)
