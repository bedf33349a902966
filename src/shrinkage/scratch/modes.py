"""Learning and predicting: what differs between them, and what has to fit.

Who uses this: `Network` and `fit`. `Dropout` and `BatchNorm` act otherwise while a network learns,
and nothing but `training` tells them that it does.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from shrinkage.errors import InputError
from shrinkage.scratch.batch_norm import BatchNorm
from shrinkage.scratch.dropout import Dropout


def check_training(training: Any) -> None:
    """Check that it is a generator of random numbers, or None."""
    if training is not None and not isinstance(training, np.random.Generator):
        raise InputError(
            "expected training as a generator of random numbers while the network learns, or None "
            f"while it predicts, got {training!r}: give np.random.default_rng(0), made once"
        )


def check_way_back(layers: Sequence[Any], last: Any, gradient: Any) -> None:
    """Check that a forward pass in the same mode went before, of the same shape."""
    if last is None:
        raise InputError(
            "expected forward before backward, got backward alone: call network.forward(x, "
            "generator) on the batch first"
        )
    shape, training = last
    if not isinstance(gradient, np.ndarray) or gradient.shape != shape:
        raise InputError(
            f"expected the gradient as an array of shape {shape}, as the last outputs have it, "
            f"got {type(gradient).__name__} of {np.shape(gradient)}: give that of the loss of "
            "the same batch"
        )
    idle = [layer for layer in layers if _differs(layer)] if training is None else []
    if idle:
        warnings.warn(
            f"expected forward(x, generator) before backward, as {idle[0]!r} acts otherwise while "
            "the network learns, got forward(x), which predicts: give np.random.default_rng(0), "
            "made once before the loop",
            UserWarning,
            stacklevel=3,
        )


def _differs(layer: Any) -> bool:
    return isinstance(layer, BatchNorm) or (isinstance(layer, Dropout) and layer.share > 0)


def check_last_batch(layers: Sequence[Any], rows: int, batch_size: int) -> None:
    """Check that no batch of an epoch is a single row, where one row has no variance."""
    last = rows % batch_size or batch_size
    if last > 1 or not any(isinstance(layer, BatchNorm) for layer in layers):
        return
    larger = range(batch_size + 1, rows + 1)  # with all rows in one batch none is left over
    better = [size for size in larger if rows % size != 1][:1]
    remedy = f"give for example batch_size={better[0]}" if better else "give more rows"
    raise InputError(
        f"expected batches of at least 2 rows for BatchNorm, got one of 1 ({rows} in all, "
        f"batch_size={batch_size}), which has no variance: {remedy}"
    )
