"""Training that diverged: where in the network numbers stopped being finite.

Who uses this: `Trainer`, when a loss is NaN or infinite.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shrinkage.errors import ShrinkageError
from shrinkage.scratch.network import Network


class TrainingDiverged(ShrinkageError):
    """The loss is NaN or infinite; the message names the epoch and the layer it began in."""


def diverged(network: Network, x: np.ndarray, training: Any, loss: float) -> TrainingDiverged:
    """Return the error for a batch, with the layer where it first stops being finite."""
    for number, layer in enumerate(network.layers):
        x = layer.forward(x, training)
        if not np.isfinite(x).all():
            where = f"layer {number}, {layer!r}, is the first whose outputs are not finite"
            break
    else:
        last = len(network.layers) - 1
        where = f"the outputs of layer {last}, {network.layers[last]!r}, are too large for it"
    return TrainingDiverged(
        f"expected a finite loss, got {loss}; {where}: lower the learning rate, or scale the inputs"
    )
