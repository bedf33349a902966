"""The rows of a unit as the solver's numbers.

Who uses this: the linear engine.
"""

from __future__ import annotations

import numpy as np

from shrinkage.paths.engines.base import Rows

Numbers = tuple[np.ndarray, np.ndarray, np.ndarray]


def numbers_of(rows: Rows) -> Numbers:
    """Return inputs (rows, inputs) in float64, targets, and what share of the loss a row counts."""
    x, target = rows.x.cpu().double().numpy(), rows.target.cpu().numpy()
    if rows.weight is None:
        return x, target, np.full(len(x), 1.0 / len(x))
    return x, target, rows.weight.cpu().double().numpy() / len(x)


def counted(rows: Rows) -> Numbers:
    """Return the numbers of the rows that count at all: others cost time and make no difference."""
    x, target, share = numbers_of(rows)
    some = share > 0
    return (x, target, share) if some.all() else (x[some], target[some], share[some])
