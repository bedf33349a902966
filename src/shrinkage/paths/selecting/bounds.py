"""How many columns stability selection may name by mistake, and what it may draw for that.

Who uses this: `stability`. Each half of the rows draws at most `drawn` of `columns` columns; a
column that at least a share `threshold` of the halves draw is selected. The bounds are on the
expected number of selected columns among those that a half draws with a probability of at most
drawn / columns, which holds every column that says nothing, if none of these is drawn more often
than a column drawn at random.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from shrinkage.errors import InputError


@dataclass(frozen=True)
class ErrorBound:
    """Bounds on the expected number of columns that are selected by mistake.

    `any_halves` needs no more than that halves are drawn at random; `unimodal`, which is smaller,
    that the share of halves in which a column is drawn has one mode.
    """

    any_halves: float
    unimodal: float


def error_bound(columns: int, drawn: float, threshold: float, pairs: int) -> ErrorBound:
    """Return the bounds of a selection.

    With θ = drawn / columns: at most θ · drawn / (2 · threshold − 1); and, where the shares are
    unimodal, at most C · θ · drawn, with C = 1 / (2 (2 · threshold − 1 − 1/(2 · pairs))) for
    thresholds up to ¾ and C = 4 (1 − threshold + 1/(2 · pairs)) / (1 + 1/pairs) beyond; no such C
    is known for θ above 1/√3.

    Args:
        columns: how many there are to select from.
        drawn: how many a half draws at the most, or on average.
        threshold: share of the halves, above ½.
        pairs: how many complementary pairs of halves there are.

    >>> bound = error_bound(columns=1000, drawn=20, threshold=0.75, pairs=50)
    >>> round(bound.any_halves, 3), round(bound.unimodal, 3)
    (0.8, 0.408)

    Source: Meinshausen and Bühlmann, Stability selection (2010), theorem 1; Shah and Samworth,
    Variable selection with error control (2013), theorems 1 and 2.
    """
    share = drawn / columns
    any_halves = share * drawn / (2 * threshold - 1)
    return ErrorBound(any_halves, min(any_halves, _factor(share, threshold, pairs) * share * drawn))


def _factor(share: float, threshold: float, pairs: int) -> float:
    half = 1 / (2 * pairs)
    if share > 1 / math.sqrt(3):
        return math.inf
    if threshold > 0.75:
        return 4 * (1 - threshold + half) / (1 + 1 / pairs)
    if threshold <= min(0.5 + share**2, 0.5 + half + 0.75 * share**2):
        return math.inf
    return 1 / (2 * (2 * threshold - 1 - half))


def most_drawn(columns: int, threshold: float, false_selections: float) -> int:
    """Return how many columns a half may draw: ⌊√((2 · threshold − 1) · columns · false)⌋.

    Then at most `false_selections` columns are expected to be selected by mistake, whatever the
    distribution of the shares.

    Raises:
        InputError: not one column may be drawn.

    >>> most_drawn(columns=1000, threshold=0.75, false_selections=1)
    22

    Source: Meinshausen and Bühlmann, Stability selection (2010), section 2.5.
    """
    most = math.floor(math.sqrt((2 * threshold - 1) * columns * false_selections))
    if most < 1:
        raise InputError(
            f"expected a bound under which a half of the rows may draw a column, got "
            f"{false_selections:g} expected mistakes at a threshold of {threshold:g} among "
            f"{columns} columns; allow more mistakes, or a higher threshold"
        )
    return min(most, columns)
