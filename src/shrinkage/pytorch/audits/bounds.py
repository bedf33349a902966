"""Weights that a loop has brought to the bounds of a clamp: they tell nothing of a penalty.

Who uses this: `measuring`, where what arrived fits no mechanism. A weight at a bound stands there
at every strength; the others are looked at alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from shrinkage.audits.intended import Intended
from shrinkage.audits.measuring import Measured, Pair

_FEWEST = 4  # weights that are left to look at


def fits_nothing(seen: Measured) -> bool:
    """Return whether weights moved by the strength, no gradient did, and no mechanism fits."""
    moved = seen.finite and seen.displacement.present and bool(seen.changes)
    same = seen.gradient is not None and seen.gradient.is_zero
    return moved and same and not any(fit.fits for fit in seen.changes.values())


def between_bounds(pair: Pair, meant: Intended) -> Pair | None:
    """Return a pair without the weights at bounds; None where there are none, or too few others."""
    parts = meant.expectation.parts
    if meant.is_set or not all(p.penalty.separable and p.reference is None for p in parts):
        return None
    at_bound = _at_bound(pair.zero) | _at_bound(pair.after)
    inside = ~at_bound
    if not at_bound.any() or int(inside.sum()) < _FEWEST:
        return None
    told = pair.with_metric()

    def cut(x: Any) -> Any:
        return x[inside] if isinstance(x, torch.Tensor) and x.shape == inside.shape else x

    names = ("start", "zero", "after", "zero_gradient", "gradient", "metric", "reach")
    return replace(told, **{name: cut(getattr(told, name)) for name in names})


def _at_bound(w: torch.Tensor) -> torch.Tensor:
    """Return where an array is at an end that several of its numbers share, 0 apart."""
    w = w.detach()
    found = torch.zeros_like(w, dtype=torch.bool)
    for end in (w.max(), w.min()):
        shared = w == end
        if end != 0 and int(shared.sum()) > 1:
            found |= shared
    return found
