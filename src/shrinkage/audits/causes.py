"""What a wrong factor usually comes from.

Who uses this: `judge`, for the text of `wrong-factor`. The list is of what users have reported;
numbers that the caller knows (rows, micro-batches, processes) are looked for by name first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

_NEAR = 0.012
_LOSS_SCALE = 256  # no loss scale in use is smaller


def causes(
    factor: float, rate: float, known: Mapping[str, float] | None = None, error: float = 0.0
) -> str:
    """Return likely causes of a factor, as the end of a sentence.

    Args:
        factor: measured over expected.
        rate: the learning rate.
        known: numbers by what they are ("micro-batches": 4), looked for as factor and divisor.
        error: what rounding can have done to the factor.

    Returns:
        The causes, or that none is known.

    >>> causes(2.0, 0.1)
    'the whole square Σw² where its half is meant, or the penalty added twice'
    >>> causes(0.25, 0.1, {"processes": 4})
    'divided by the number of processes (4)'
    """

    def near(value: float) -> bool:
        return abs(factor - value) <= (_NEAR + error) * abs(value)

    for name, value in (known or {}).items():
        if value not in (0, 1):
            if near(value):
                return f"multiplied by the number of {name} ({value:g})"
            if near(1 / value):
                return f"divided by the number of {name} ({value:g})"
    if rate > 0 and near(rate):
        return "the learning rate multiplied in twice"
    if rate > 0 and near(1 / rate):
        return "not multiplied by the learning rate"
    if near(2):
        return "the whole square Σw² where its half is meant, or the penalty added twice"
    if near(0.5):
        return "a half too many (the gradient of ½Σw² is w), or a mean over two"
    larger = max(abs(factor), 1 / abs(factor)) if factor else math.inf
    if larger >= _LOSS_SCALE and near(2.0 ** round(math.log2(abs(factor)))):
        return "the loss scale of mixed precision, not undone or not applied to the penalty"
    whole = round(larger)
    if 3 <= whole < 1e7 and abs(larger - whole) <= (_NEAR + error) * whole:
        if factor > 1:
            return f"added {whole} times: once for every micro-batch, row or process"
        return f"divided by {whole}: rows, batches, micro-batches or processes"
    return "none of the usual ones: compare the strength in the loop with the one in the terms"
