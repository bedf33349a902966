"""The grid of strengths: how it is spaced, and when it grows.

Who uses this: `fit_path`. Its top is found in `grid_top`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.checks import is_number, shown, whole
from shrinkage.errors import InputError

DECADES = 4
MOST_EXTENSIONS = 2
MOST_STRENGTHS = 1_000

Strengths = int | tuple[float, ...]
"""How many, or ascending ones."""


def log_grid(top: float, count: int) -> tuple[float, ...]:
    """Return `count` ascending strengths, evenly spaced in logarithm, from 1e-4·top to top.

    >>> [float(f"{strength:.3g}") for strength in log_grid(1.0, 3)]
    [0.0001, 0.01, 1.0]
    """
    exponents = np.linspace(-DECADES, 0, count)
    return tuple(float(top * 10.0**exponent) for exponent in exponents)


def checked_strengths(strengths: Any, name: str = "strengths") -> Strengths:
    """Return how many strengths there are to be, or the strengths themselves.

    Args:
        strengths: a number, or any sequence of numbers: a list, a range, an array, a tensor.
        name: what they are called, for the error.

    Raises:
        InputError: neither, or a count below 2, or strengths that `check_strengths` refuses.

    >>> checked_strengths(8), checked_strengths(range(1, 4))
    (8, (1.0, 2.0, 3.0))
    """
    if is_number(strengths) or isinstance(strengths, str) or not isinstance(strengths, Iterable):
        hint = "give how many, or the strengths themselves, as (0.01,) or (0.01, 0.1)"
        return whole(strengths, name, 2, hint, most=MOST_STRENGTHS)
    try:
        values = tuple(float(strength) for strength in strengths)
    except (TypeError, ValueError):
        raise InputError(
            f"expected {name} as a count or as numbers in ascending order, got {shown(strengths)}: "
            "write for example (0.001, 0.01, 0.1)"
        ) from None
    return check_strengths(values)


def check_strengths(strengths: tuple[float, ...]) -> tuple[float, ...]:
    """Return user-given strengths as they are when they are finite, positive and ascending.

    Raises:
        InputError: none, a negative, NaN or infinite one, or not ascending.
    """
    if not strengths:
        raise InputError("expected a count of at least 2 strengths or an ascending list, got none")
    for strength in strengths:
        if not math.isfinite(strength) or strength < 0:
            raise InputError(
                f"expected strengths that are finite and not negative, got {strength:g}"
            )
    if any(b <= a for a, b in itertools.pairwise(strengths)):
        raise InputError(
            "expected strengths in ascending order, each once, got "
            + ",".join(f"{strength:g}" for strength in strengths)
        )
    return strengths


@dataclass(frozen=True)
class Extension:
    """Strengths to add beyond an edge of the grid, ascending."""

    strengths: tuple[float, ...]
    below: bool


def extension(strengths: tuple[float, ...], best: int) -> Extension | None:
    """Return one more decade beyond the edge on which the best lies, or None."""
    if 0 < best < len(strengths) - 1:
        return None
    ratio = strengths[1] / strengths[0] if best == 0 else strengths[-1] / strengths[-2]
    count = max(1, round(math.log(10) / math.log(ratio)))
    if best == 0:
        down = [strengths[0] / ratio**k for k in range(count, 0, -1)]
        return Extension(tuple(down), below=True)
    up = [strengths[-1] * ratio**k for k in range(1, count + 1)]
    return Extension(tuple(up), below=False)
