"""The learning rate that a transformation takes: a number, a schedule, or an injected one.

Who uses this: the transformations, which need the rate of the optimizer beside them: optax tells
no transformation what another was made with.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.core
import numpy as np

from shrinkage.checks import positive
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
    single = isinstance(rate, jax.Array | np.ndarray) and rate.shape == ()
    hint = "give the one that the optimizer has, a number or a schedule"
    positive(float(rate) if single else rate, "learning_rate", hint)
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
