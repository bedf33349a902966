"""Checks of settings: a mistake is one line that says what was expected, what came, what to do.

Who uses this: the layers, optimizers and the training of this package.
"""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Sequence
from typing import Any

from shrinkage.errors import InputError


def whole(value: Any, what: str, least: int = 1) -> int:
    """Return a whole number of at least `least`, or say what came instead.

    >>> whole(3, "epochs")
    3
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise InputError(
            f"expected {what} as a whole number of at least {least}, came {value!r}: give such a "
            "number"
        )
    return int(value)


def number(value: Any, what: str, low: float = 0.0, high: float = math.inf) -> float:
    """Return a number with low <= number < high, or say what came instead.

    >>> number(0.5, "share", 0, 1)
    0.5
    """
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not real or not low <= float(value) < high:
        raise InputError(
            f"expected {what} as a number of at least {low:g} and below {high:g}, came {value!r}: "
            "give such a number"
        )
    return float(value)


def positive(value: Any, what: str) -> float:
    """Return a finite number above 0, or say what came instead.

    >>> positive(1e-3, "learning_rate")
    0.001
    """
    if number(value, what) == 0:
        raise InputError(f"expected {what} above 0, came 0: try a small number such as 1e-3")
    return float(value)


def expect(value: Any, kinds: Any, what: str, example: str) -> Any:
    """Return an object of one of the kinds, or say what came instead.

    >>> expect(3, int, "a number", "3")
    3
    """
    if not isinstance(value, kinds):
        came = repr(value) if isinstance(value, str | type) else type(value).__name__
        raise InputError(f"expected {what}, came {came}: give for example {example}")
    return value


def two_betas(betas: Any) -> None:
    """Check that there are two, each at least 0 and below 1."""
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise InputError(
            f"expected betas as two numbers, came {betas!r}: give for example (0.9, 0.999)"
        )
    for beta in betas:
        number(beta, "each of betas", 0.0, 1.0)


def enough_rows(count: int) -> None:
    """Check that a batch has a variance."""
    if count < 2:
        raise InputError(
            "expected batches of at least 2 rows for BatchNorm, came one of 1, which has no "
            "variance: change batch_size so that no batch of 1 is left over"
        )


def warn_of_two_decays(optimizer: Any, penalised: Sequence[str]) -> None:
    """Say so where the optimizer decays by itself what a term is on."""
    decay = getattr(optimizer, "weight_decay", 0.0)
    if decay and penalised:
        warnings.warn(
            f"{type(optimizer).__name__} has its own weight_decay={decay:g} on {len(penalised)} "
            f"parameters that also have terms ({', '.join(penalised[:3])}), so they are penalised "
            "twice: build it with weight_decay=0, or drop the L2 term",
            UserWarning,
            stacklevel=3,
        )
