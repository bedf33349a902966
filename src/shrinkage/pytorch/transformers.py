"""Terms in a training with Transformers: `Regularize`, where people import it from."""

from __future__ import annotations

from shrinkage.pytorch.loops.transformers import Regularize

__all__ = ["Regularize"]
