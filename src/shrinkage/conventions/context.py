"""What a conversion may need besides the number: named, checked, and asked for only when needed."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

from shrinkage.errors import InputError, near_names

# name → what it is, and why a conversion with these conventions needs it
CONTEXT = {
    "learning_rate": (
        "a finite number above 0",
        "not every number in this conversion is multiplied by the learning rate in a step",
    ),
    "n_samples": (
        "a whole number of at least 1",
        "one data loss is a sum over the samples, the other a mean",
    ),
    "batch_size": (
        "a whole number of at least 1",
        "one penalty is divided by the samples of a batch",
    ),
    "steps_per_epoch": ("a finite number above 0", "one number counts epochs, the other steps"),
    "l1_ratio": ("a number from 0 (L2 alone) to 1 (L1 alone)", "one number is shared by L1 and L2"),
    "loss": (
        "'half_squared_error' or 'squared_error' (without a half, as nn.MSELoss and keras mse)",
        "one side leaves the data loss to the user",
    ),
}
LOSSES = ("half_squared_error", "squared_error")


def checked_number(value: Any, what: str, *, above_zero: bool = False) -> float:
    """Return a finite number of at least 0 (or above 0) as a float, or say what it has to be.

    >>> checked_number(1, "keras.l2")
    1.0
    """
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    converted = float(value) if number else math.nan
    if not 0 <= converted < math.inf or (above_zero and converted == 0):
        least = "above 0" if above_zero else "of at least 0"
        raise InputError(
            f"expected {what} to be a finite number {least}, got {value!r}: correct it"
        )
    return converted


def checked_count(value: Any, what: str) -> int:
    """Return a whole number of at least 1, or say what it has to be.

    >>> checked_count(128, "batch_size")
    128
    """
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not float(value).is_integer() or value < 1:
        raise InputError(
            f"expected {what} to be a whole number of at least 1, got {value!r}: correct it"
        )
    return int(float(value))


def checked_context(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context that was given, every part of it known and possible.

    Args:
        context: name → value; None means not given.

    Returns:
        The parts that were given.

    Raises:
        InputError: an unknown name, with those nearest to it, or a value that cannot be.

    >>> checked_context({"n_samples": 100, "batch_size": None})
    {'n_samples': 100}
    """
    given = {name: value for name, value in context.items() if value is not None}
    for name, value in given.items():
        if name not in CONTEXT:
            hint = near_names(name, CONTEXT) or "leave it out"
            raise InputError(f"expected context of {', '.join(CONTEXT)}, got {name!r}: {hint}")
        if not _possible(name, value):
            what = CONTEXT[name][0]
            raise InputError(f"expected {name} to be {what}, got {value!r}: correct it")
    return given


def _possible(name: str, value: Any) -> bool:
    if name == "loss":
        return isinstance(value, str) and value in LOSSES
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return False
    number = float(value)
    if name == "l1_ratio":
        return 0 <= number <= 1
    whole = name in ("n_samples", "batch_size")
    return 0 < number < math.inf and (not whole or number.is_integer())


def demand(given: Mapping[str, Any], *, needed: list[str], allowed: list[str], pair: str) -> None:
    """Refuse a context that lacks a needed part, or has one that changes nothing.

    Args:
        given: the checked context.
        needed: names that the conversion cannot do without.
        allowed: names that it may have besides.
        pair: the two conventions, in words.

    Raises:
        InputError: naming the part and saying why.

    >>> demand({}, needed=["n_samples"], allowed=[], pair="a to b")
    Traceback (most recent call last):
    shrinkage.errors.InputError: expected n_samples for a to b, got none: one data loss is a sum \
over the samples, the other a mean; give n_samples as a whole number of at least 1
    """
    for name in needed:
        if name not in given:
            what, why = CONTEXT[name]
            raise InputError(f"expected {name} for {pair}, got none: {why}; give {name} as {what}")
    for name in given:
        if name not in needed and name not in allowed:
            raise InputError(
                f"expected no {name} for {pair}, got {given[name]!r}: the answer does not depend "
                "on it, leave it out"
            )
