"""Terms in a training with skorch: `Regularize`, where people import it from."""

from __future__ import annotations

from shrinkage.pytorch.loops.skorch import Regularize

__all__ = ["Regularize"]
