"""Whether an optimizer moves the weights that it finds, asked of a copy of it.

Who uses this: `regularize`, for updates that move weights beside the optimizer. One that makes the
weights anew from sums of its own, as Ftrl and the schedule-free ones do, forgets such a move, and
the penalty with it.
"""

from __future__ import annotations

from typing import Any

import keras

from shrinkage.keras.arrays import config_of, ops, plain

STEPS, MOVE = 3, 0.25
# What would move weights without a gradient, or let steps wait.
_PLAIN = {
    "weight_decay": None,
    "use_ema": False,
    "gradient_accumulation_steps": None,
    "learning_rate": 0.01,
}


def forgets(optimizer: Any) -> bool:
    """Return whether a move of the weights between two steps is undone, in part, by later ones.

    Args:
        optimizer: a Keras optimizer, which is left as it is.

    Returns:
        Whether it is, on two weights without gradients; False where no copy can be made.

    >>> forgets(keras.optimizers.Ftrl()), forgets(keras.optimizers.Adam())
    (True, False)
    """
    config = config_of(optimizer)
    config |= {name: value for name, value in _PLAIN.items() if name in config}
    try:
        ends = [_end(type(optimizer).from_config(dict(config)), move) for move in (0.0, MOVE)]
    except (TypeError, ValueError):  # a class of one's own, whose config does not make it
        return False
    return bool(ops.any(ops.abs(ends[1] - ends[0] - MOVE) > 0.01 * MOVE))


def _end(optimizer: Any, move: float) -> Any:
    """Return where weights of one are after steps without gradients, moved after the first."""
    weights = keras.Variable([1.0, 1.0], dtype="float32")
    for step in range(STEPS):
        optimizer.apply([ops.zeros((2,))], [weights])
        if step == 0:
            weights.assign_add([move, move])
    return plain(weights)
