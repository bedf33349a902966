"""The learning rate that a transformation takes: a number, a schedule, or an injected one.

Who uses this: the transformations, which need the rate of the optimizer beside them: optax tells
no transformation what another was made with.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import jax
import jax.core
import numpy as np

from shrinkage.errors import InputError


def checked_rate(rate: Any) -> Any:
    """Return a learning rate, or say what one is.

    Args:
        rate: a number above 0, a schedule (from the count of steps to a number), an array with one
            number, or None where it is injected.

    Returns:
        The same.

    Raises:
        InputError: a number that is not finite or not above 0, or something else.

    >>> checked_rate(0.1)
    0.1
    """
    if rate is None or callable(rate) or isinstance(rate, jax.core.Tracer):
        return rate
    number = isinstance(rate, numbers.Real | np.number) and not isinstance(rate, bool)
    single = isinstance(rate, jax.Array | np.ndarray) and rate.shape == ()
    if not (number or single) or not 0 < float(rate) < math.inf:
        raise InputError(
            f"expected a learning rate that is a finite number above 0 or a schedule, got "
            f"{rate!r}: give the one that the optimizer has"
        )
    return rate


def rate_at(rate: Any, count: Any, injected: Any = None) -> Any:
    """Return the learning rate of a step.

    Args:
        rate: what `checked_rate` returned.
        count: how many steps there were before.
        injected: the learning rate in the optimizer's state, where it is injected.

    Returns:
        A number or an array with one.

    Raises:
        InputError: neither a rate nor an injected one.

    >>> rate_at(lambda count: 0.1 / (1 + count), 1)
    0.05
    """
    if rate is None:
        if injected is None:
            raise InputError(
                "expected a learning rate, got none, and none is injected into the optimizer: "
                "give the optimizer's, as in proximal(optax.adam(1e-2), terms, 1e-2), or make it "
                "by optax.inject_hyperparams"
            )
        return injected
    return rate(count) if callable(rate) else rate
