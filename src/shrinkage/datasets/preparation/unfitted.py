"""Columns that become inputs by themselves, one each: nothing is fitted and none is dropped.

Who uses this: pixels, and the numbers of a network of one's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.preparation.base import DroppedColumn, Encoder, FitTarget


@dataclass(frozen=True)
class Unfitted(Encoder):
    """One input a column of a kind; `fill` says what its number is."""

    stateless: ClassVar[bool] = True
    column_kind: ClassVar[ColumnKind]

    names: tuple[str, ...]

    @classmethod
    def fit(
        cls, columns: InputColumns, rows: np.ndarray, target: FitTarget | None
    ) -> tuple[tuple[Self, ...], tuple[DroppedColumn, ...]]:
        """Take the columns of the kind; there is nothing to learn."""
        del rows, target
        names = columns.of_kind(cls.column_kind)
        return ((cls(names),) if names else ()), ()

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return self.names

    def learned_by(self, narrower: Self | None) -> Self:
        """Return these inputs."""
        del narrower
        return self
