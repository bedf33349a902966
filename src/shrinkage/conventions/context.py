"""What a conversion may need besides the number: named, checked, and asked for only when needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from shrinkage.checks import fraction, positive, whole
from shrinkage.errors import InputError, near_names

LOSSES = ("half_squared_error", "squared_error")


def _loss(value: Any, name: str) -> str:
    if not (isinstance(value, str) and value in LOSSES):
        raise InputError(f"expected {name} as {CONTEXT[name].words}, got {value!r}: correct it")
    return value


class Need(NamedTuple):
    """Something that a conversion may need: its check, what it is, and why it is needed."""

    check: Callable[[Any, str], Any]
    words: str
    why: str


CONTEXT = {
    "learning_rate": Need(
        positive,
        "a finite number above 0",
        "not every number in this conversion is multiplied by the learning rate in a step",
    ),
    "max_learning_rate": Need(
        positive,
        "a finite number above 0, the largest of the schedule",
        "one decay is measured against the largest learning rate of the schedule",
    ),
    "fan_in": Need(
        whole,
        "a whole number of at least 1, the inputs of the matrix",
        "the two multiply their update by the shape of the matrix in different ways",
    ),
    "decayed_share": Need(
        fraction,
        "a number from 0 to 1, the share of the coordinates that a step decays",
        "one decay leaves out some coordinates in every step",
    ),
    "n_samples": Need(
        whole,
        "a whole number of at least 1",
        "one data loss is a sum over the samples, the other a mean",
    ),
    "batch_size": Need(
        whole,
        "a whole number of at least 1",
        "one penalty is divided by the samples of a batch",
    ),
    "steps_per_epoch": Need(
        positive, "a finite number above 0", "one number counts epochs, the other steps"
    ),
    "group_size": Need(
        whole,
        "a whole number of at least 1, the weights of a group, as many in each",
        "one weighs a group by the root of its size, the other does not",
    ),
    "epsilon": Need(
        positive,
        "a finite number above 0, the same of both",
        "one log-sum is divided by its epsilon",
    ),
    "l1_ratio": Need(
        fraction, "a number from 0 (L2 alone) to 1 (L1 alone)", "one number is shared by L1 and L2"
    ),
    "loss": Need(
        _loss,
        "'half_squared_error' or 'squared_error' (without a half, as nn.MSELoss and keras mse)",
        "one side leaves the data loss to the user",
    ),
}


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
    present = {name: value for name, value in context.items() if value is not None}
    for name in present:
        if name not in CONTEXT:
            hint = near_names(name, CONTEXT) or "leave it out"
            raise InputError(f"expected context of {', '.join(CONTEXT)}, got {name!r}: {hint}")
    return {name: CONTEXT[name].check(value, name) for name, value in present.items()}


def demand(context: Mapping[str, Any], *, needed: list[str], allowed: list[str], pair: str) -> None:
    """Refuse a context that lacks a needed part, or has one that changes nothing.

    Args:
        context: the checked context.
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
        if name not in context:
            _, words, why = CONTEXT[name]
            raise InputError(f"expected {name} for {pair}, got none: {why}; give {name} as {words}")
    for name in context:
        if name not in needed and name not in allowed:
            raise InputError(
                f"expected no {name} for {pair}, got {context[name]!r}: the answer does not depend "
                "on it, leave it out"
            )
