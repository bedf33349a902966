"""The one place where numbers that a person gave are checked.

Who uses this: every room that takes a number as an argument. Each function returns the number, as
a float or an int, or raises `expected NAME as …, got …: what to do`. Booleans are no numbers here,
NumPy's numbers are.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

from shrinkage.errors import InputError

_HINT = "give such a number"


def is_number(value: Any) -> bool:
    """Return whether it is a real number, and no boolean.

    >>> is_number(1), is_number(True), is_number("1")
    (True, False, False)
    """
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def number(
    value: Any,
    name: str,
    *,
    least: float = 0.0,
    above: float | None = None,
    below: float = math.inf,
    most: float | None = None,
    hint: str = _HINT,
) -> float:
    """Return a number in a range as a float: least ≤ value < below, or other ends.

    Args:
        value: what was given.
        name: what it is called, for the error.
        least: the closed lower end.
        above: an open lower end instead.
        below: the open upper end; without one the number has to be finite.
        most: a closed upper end instead.
        hint: what to do, for the error.

    Returns:
        The number.

    Raises:
        InputError: no number, or not in the range.

    >>> number(1, "strength")
    1.0
    >>> number(1, "momentum", below=1)
    Traceback (most recent call last):
    shrinkage.errors.InputError: expected momentum as a number of at least 0 and below 1, got 1: \
give such a number
    """
    inside = (
        is_number(value)
        and (value >= least if above is None else value > above)
        and (value < below if most is None else value <= most)
    )
    if not inside:
        expected = _range(least, above, below, most)
        raise InputError(f"expected {name} as {expected}, got {value!r}: {hint}")
    return float(value)


def _range(least: float, above: float | None, below: float, most: float | None) -> str:
    low = f"of at least {least:g}" if above is None else f"above {above:g}"
    if most is None and below == math.inf:
        return f"a finite number {low}"
    if most is None:
        return f"a number {low} and below {below:g}"
    if above is None and most < math.inf:
        return f"a number from {least:g} to {most:g}"
    return f"a number {low}" + (f" and at most {most:g}" if most < math.inf else "")


def positive(value: Any, name: str, hint: str = _HINT) -> float:
    """Return a finite number above 0 as a float.

    >>> positive(1e-3, "learning_rate")
    0.001
    """
    return number(value, name, above=0, hint=hint)


def fraction(value: Any, name: str, hint: str = _HINT) -> float:
    """Return a number from 0 to 1, both of them possible, as a float.

    >>> fraction(0.5, "l1_ratio")
    0.5
    """
    return number(value, name, most=1, hint=hint)


def whole(value: Any, name: str, least: int = 1, hint: str = _HINT) -> int:
    """Return a whole number of at least `least` as an int; a float may be whole, as 1e4 is.

    >>> whole(1e4, "n_samples")
    10000
    """
    finite = is_number(value) and least <= value < math.inf
    if not finite or value != int(value):
        raise InputError(
            f"expected {name} as a whole number of at least {least}, got {value!r}: {hint}"
        )
    return int(value)
