"""The one place where numbers and names that a person gave are checked.

Who uses this: every room that takes a number, or a name out of a few, as an argument. Each function
returns what it checked, a number as a float or an int, or raises `expected NAME as …, got …: what
to do`. Booleans are no numbers here, NumPy's numbers are.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection
from typing import Any

import numpy as np

from shrinkage.errors import InputError, near_names

_HINT = "give such a number"
_SHOWN = 100
"""How many characters of a value stand in an error: a list or a model may have very many."""


def is_number(value: Any) -> bool:
    """Return whether it is a real number, and no boolean.

    >>> is_number(1), is_number(True), is_number("1")
    (True, False, False)
    """
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """Return how a value is written in code, cut to one line.

    >>> shown("a"), shown(list(range(1000)))[-4:]
    ("'a'", '26,…')
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1].rstrip()}…"


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
        raise InputError(f"expected {name} as {expected}, got {shown(value)}: {hint}")
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


def whole(
    value: Any, name: str, least: int = 1, hint: str = _HINT, *, most: int | None = None
) -> int:
    """Return a whole number from `least` on as an int; a float may be whole, as 1e4 is.

    Args:
        value: what was given.
        name: what it is called, for the error.
        least: the smallest.
        hint: what to do, for the error.
        most: the largest; None: there is none.

    Raises:
        InputError: no whole number, or not in the range.

    >>> whole(1e4, "n_samples")
    10000
    """
    inside = is_number(value) and least <= value < math.inf and (most is None or value <= most)
    if not inside or value != int(value):
        end = "" if most is None else f" and at most {most}"
        raise InputError(
            f"expected {name} as a whole number of at least {least}{end}, got {shown(value)}: "
            f"{hint}"
        )
    return int(value)


def truth(value: Any, name: str) -> bool:
    """Return True or False.

    >>> truth(True, "standardize")
    True
    """
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"expected {name} as True or False, got {shown(value)}: give one of them")
    return bool(value)


def one_of(value: Any, name: str, known: Collection[str]) -> str:
    """Return a name that is one of the known ones.

    Args:
        value: what was given.
        name: what it is the name of, for the error.
        known: all names that there are, in the order in which the error says them.

    Raises:
        InputError: it is none of them; near ones are offered.

    >>> one_of("stacked", "engine", ["auto", "stacked"])
    'stacked'
    >>> one_of("stack", "engine", ["auto", "stacked"])
    Traceback (most recent call last):
    shrinkage.errors.InputError: unknown engine 'stack': expected one of auto, stacked; \
did you mean stacked?
    """
    if not isinstance(value, str) or value not in known:
        hint = (near_names(value, known) if isinstance(value, str) else "") or "choose one of those"
        raise InputError(
            f"unknown {name} {shown(value)}: expected one of {', '.join(known)}; {hint}"
        )
    return value
