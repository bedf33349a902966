"""How long a decay takes: what the ledger says of L2 terms.

Who uses this: every framework's ledger.
"""

from __future__ import annotations

from collections.abc import Iterable

from shrinkage.penalties import Combination
from shrinkage.terms import Part


def decay_timescale(parts: Iterable[Part], rate: float) -> float | None:
    """Return 1 / (learning rate · strength of the L2 parts) in steps, None without any.

    Args:
        parts: what terms put on one parameter, strengths being numbers.
        rate: the learning rate.

    >>> from shrinkage.penalties import L1, L2
    >>> decay_timescale([Part(0.5, L2()), Part(0.1, L1())], 0.5)
    4.0
    """
    ridges = (part for part in parts if part.penalty.combines is Combination.RIDGE)
    strength = sum(part.strength for part in ridges)
    return 1 / (rate * strength) if rate * strength > 0 else None
