"""Terms in a training with Lightning: `Regularize`, where people import it from."""

from __future__ import annotations

from shrinkage.pytorch.loops.lightning import Regularize

__all__ = ["Regularize"]
