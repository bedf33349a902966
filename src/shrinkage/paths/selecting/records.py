"""What a selection of columns found: frozen records of numbers, and nothing that trains.

Who uses this: `stability`, `universal` and `best` make them, `shrinkage.stability` and
`shrinkage.ranking` keep them, the reports draw them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shrinkage.paths.selecting.bounds import ErrorBound

HALF = 0.5
ERRORS = 2
"""Standard errors by which scores are clearly apart."""
MOST_NAMES = 10


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
        places: where each column is among all of the table, those that make no input too; None:
            all make inputs.
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
    places: np.ndarray | None = None

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


@dataclass(frozen=True)
class BestColumns:
    """The columns that a network is best with, and how several networks rank all of them.

    Args:
        columns: the name of each column of the table that makes inputs.
        support: which are selected, (columns,).
        frequency: share of the networks that keep each column to the end, (columns,).
        path: the same at each size on the way, (sizes, columns).
        sizes: how many columns the networks have, from all down to those that were asked for.
        scores: of each network at each size, on rows that it has not seen: (sizes, networks).
        places: where each column is among all of the table, as in `StableSelection`.
        constant: the score of the best constant on these rows; not a number: not known.
    """

    columns: tuple[str, ...]
    support: np.ndarray
    frequency: np.ndarray
    path: np.ndarray
    sizes: np.ndarray
    scores: np.ndarray
    places: np.ndarray | None = None
    constant: float = math.nan

    @property
    def caution(self) -> str:
        """Return what is to be said where so few columns predict clearly worse, or ''.

        Clearly is more than two standard errors of the mean over the networks: of their differences
        from the size with the best mean, or of their differences from the best constant.
        """
        means, last = self.scores.mean(axis=1), self.scores[-1]
        place, count = int(means.argmax()), int(self.sizes[-1])
        columns = "1 column" if count == 1 else f"{count} columns"

        def ahead(differences: np.ndarray) -> bool:
            error = differences.std(ddof=1) / np.sqrt(len(differences))
            return bool(differences.mean() > ERRORS * error)

        if math.isfinite(self.constant) and not ahead(last - self.constant):
            return (
                f"with {columns} networks score {means[-1]:.3g} on rows that they have not "
                f"seen, not clearly more than a constant, {self.constant:.3g}: keep more columns, "
                "or train less (epochs)"
            )
        if ahead(self.scores[place] - last):
            return (
                f"with {columns} networks score {means[-1]:.3g} on rows that they have not "
                f"seen, clearly less than the {means[place]:.3g} with {int(self.sizes[place])}: "
                "columns that tell are missing; keep more, or train less (epochs)"
            )
        return ""

    @property
    def order(self) -> np.ndarray:
        """Return the places of all columns, the best first.

        Selected ones come first, then those that more networks kept to the end, then those that
        stayed longer.
        """
        return np.lexsort((-self.path.mean(axis=0), -self.frequency, ~self.support))

    @property
    def selected(self) -> tuple[str, ...]:
        """Return the names of the selected columns, the most frequent first."""
        return tuple(self.columns[place] for place in self.order[: int(self.support.sum())])

    @property
    def smallest_size(self) -> np.ndarray:
        """Return the fewest columns among which each still is.

        That is among which at least half of the networks that nominate have it; or the last one,
        which decides, and has what is selected.
        """
        used = self.path >= HALF
        used[-1] |= self.support
        return np.where(used, self.sizes[:, None], self.sizes[0]).min(axis=0)


def first_names(selected: Sequence[str], of: int) -> str:
    """Return how many columns are selected, and the names of the first.

    >>> first_names(("b", "a"), 9), first_names((), 9)
    ('2 of 9 columns (b, a)', '0 of 9 columns')
    """
    names = ", ".join(selected[:MOST_NAMES]) + (", …" if len(selected) > MOST_NAMES else "")
    return f"{len(selected):,} of {of:,} columns" + (f" ({names})" if names else "")
