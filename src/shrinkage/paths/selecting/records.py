"""What a selection of columns found: frozen records of numbers, and nothing that trains.

Who uses this: `stability` and `universal` make them, `shrinkage.stability` keeps them, the reports
draw them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage.paths.selecting.bounds import ErrorBound


@dataclass(frozen=True)
class StableSelection:
    """The columns that most halves of the rows draw.

    Args:
        columns: the name of each column of the table that makes inputs.
        frequency: share of the halves that draw each column, (columns,).
        path: the same at each strength and above, (strengths, columns).
        strengths: ascending, (strengths,).
        drawn: how many columns a half may draw.
        drawn_mean: how many it drew on average.
        threshold: share of the halves that a selected column needs.
        pairs: complementary pairs of halves.
        bound: on the expected number of columns that are selected by mistake.
    """

    columns: tuple[str, ...]
    frequency: np.ndarray
    path: np.ndarray
    strengths: np.ndarray
    drawn: int
    drawn_mean: float
    threshold: float
    pairs: int
    bound: ErrorBound

    @property
    def support(self) -> np.ndarray:
        """Return which columns are selected, (columns,)."""
        return self.frequency >= self.threshold - 1e-12

    @property
    def selected(self) -> tuple[str, ...]:
        """Return the names of the selected columns, the most frequent first."""
        order = np.argsort(-self.frequency, kind="stable")
        return tuple(self.columns[place] for place in order if self.support[place])


@dataclass(frozen=True)
class UniversalThreshold:
    """A strength, the share of targets without meaning that let something in, and what is used.

    `support` says which columns the model at that strength uses, (columns,).
    """

    strength: float
    level: float
    orders: int
    support: np.ndarray
