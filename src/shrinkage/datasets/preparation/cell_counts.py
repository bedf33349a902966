"""What is in rows that a model has not seen in training: counted for each column.

Who uses this: `Preprocessing.examine`; the command line and `predict` tell it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from shrinkage.datasets.wording import one_line
from shrinkage.errors import UnseenCellsWarning

MOST_EXAMPLES = 3


class MissingBecomes(Enum):
    """What the inputs of a missing cell are; the value is the words for it."""

    MEDIAN = "each counts as the median of the training rows"
    MARKED = "each counts as the median of the training rows, and an input says that it is missing"
    LEVEL = "a level of its own, as in training"
    MEAN = "training had none: each counts as the mean target of the training rows"
    ZEROS = "training had none: all its inputs are 0"


@dataclass(frozen=True)
class CellCounts:
    """The cells of one column that are missing, or are levels that training never saw.

    Args:
        name: the column.
        rows: how many cells there are.
        missing: how many of them are missing.
        unseen: how many are levels that training never saw: all their inputs are 0.
        examples: some of those levels.
        missing_becomes: what missing cells become.
        unseen_becomes_median: whether such levels count as missing: those outside an order.

    >>> print(CellCounts("city", 300, unseen=12, examples=("Genf",)))
    city: 12 of 300 cells are levels that training never saw (such as 'Genf'): all its inputs are 0
    """

    name: str
    rows: int
    missing: int = 0
    unseen: int = 0
    examples: tuple[str, ...] = ()
    missing_becomes: MissingBecomes = MissingBecomes.MEDIAN
    unseen_becomes_median: bool = False

    @property
    def wholly_unseen(self) -> bool:
        """Return whether no cell of the column says what some cell said in training."""
        expected = self.missing_becomes in (MissingBecomes.MARKED, MissingBecomes.LEVEL)
        says_nothing = self.rows > 0 and self.unseen + self.missing == self.rows
        return says_nothing and (self.unseen > 0 or not expected)

    @property
    def worth_telling(self) -> bool:
        """Return whether there is anything to tell."""
        return self.unseen > 0 or self.missing > 0

    def __str__(self) -> str:
        """Return one line: what there is, and what becomes of it."""
        said = []
        if self.unseen:
            such = ", ".join(repr(one_line(level, 30)) for level in self.examples)
            zeros = "all its inputs are 0"
            becomes = "each counts as missing" if self.unseen_becomes_median else zeros
            said.append(
                f"{self._share(self.unseen)} are levels that training never saw (such as {such}): "
                f"{becomes}"
            )
        if self.missing:
            said.append(f"{self._share(self.missing)} are missing: {self.missing_becomes.value}")
        return f"{one_line(self.name, 60)}: {'; '.join(said) or 'nothing new'}"

    def _share(self, count: int) -> str:
        return f"all {self.rows} cells" if count == self.rows else f"{count} of {self.rows} cells"


def warn_of_unseen(counts: Iterable[CellCounts], what: str = "") -> None:
    """Warn of the columns that are wholly unseen.

    Args:
        counts: of the columns of some rows.
        what: words in front, such as `test rows: `.
    """
    lost = [f"{what}{own}" for own in counts if own.wholly_unseen]
    if lost:
        warnings.warn("; ".join(lost), UnseenCellsWarning, stacklevel=3)
