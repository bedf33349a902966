"""What a gradient scaler leaves on a fused optimizer, which undoes the scale within its step.

Who uses this: whatever runs around a step of an optimizer. A scaler sets both attributes just
before the step; an optimizer without a scaler has neither, or None.
"""

from __future__ import annotations

from typing import Any


def stands_still(optimizer: Any) -> bool:
    """Return whether the step that is called will move nothing: gradients have overflowed."""
    found = getattr(optimizer, "found_inf", None)
    return found is not None and float(found) != 0


def divides(optimizer: Any) -> bool:
    """Return whether the step divides the gradients by a loss scale."""
    return getattr(optimizer, "grad_scale", None) is not None


def loss_scale(optimizer: Any) -> float:
    """Return what the gradients have been multiplied by, where the step divides by it; else 1."""
    return float(optimizer.grad_scale) if divides(optimizer) else 1.0
