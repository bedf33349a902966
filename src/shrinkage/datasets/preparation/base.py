"""What an encoder is: some raw columns of one kind, and the network inputs they become.

Who uses this: `Preprocessing` holds encoders and concatenates what they fill in. An encoder is
frozen, knows its columns by name, is fitted by scikit-learn on training rows, and is described by
plain values: applying it needs those values and NumPy, never a pickle.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.preparation.cell_counts import CellCounts
from shrinkage.datasets.preparation.row_cells import RowCells

MISSING_EVERYWHERE = "missing in all training rows"
CONSTANT = "constant on the training rows"
NEARLY_CONSTANT = "constant to working precision"
ALL_RARE = "every level occurs in too few training rows"

DroppedColumn = tuple[str, str]
"""A raw column and the reason it is no input: one of the four above."""


@dataclass(frozen=True)
class FitTarget:
    """The targets of all rows, for encoders that look at those of the fit rows.

    Args:
        y: (n,) labels or numbers, as they were given.
        task: `classification` or `regression`.
        groups: (n,) values; rows with equal values belong together. None: no groups.
        weight: (n,) weights of the rows in means and scales of numbers; None: all alike.
    """

    y: np.ndarray
    task: str
    groups: np.ndarray | None = None
    weight: np.ndarray | None = None


@dataclass(frozen=True)
class Encoder(ABC):
    """Turns some raw columns into some inputs."""

    kind: ClassVar[str]
    """Its name in JSON."""
    stateless: ClassVar[bool] = False
    """Whether nothing is fitted, so that all folds can share one transformed array."""

    @classmethod
    @abstractmethod
    def fit(
        cls, columns: InputColumns, rows: np.ndarray, target: FitTarget | None
    ) -> tuple[tuple[Self, ...], tuple[DroppedColumn, ...]]:
        """Learn from rows of the columns that are encoded so.

        Args:
            columns: all columns, judged.
            rows: (m,) the rows to learn from.
            target: the targets of all rows, where they are known.

        Returns:
            `(encoders, dropped)`: none where no column is encoded so, and the columns that make
            no input.

        Raises:
            InputError: a cell is not what its column can hold.
        """

    @property
    def key(self) -> str:
        """Return what tells this encoder from the others of a preprocessing."""
        return self.kind

    @property
    @abstractmethod
    def input_names(self) -> tuple[str, ...]:
        """Return the names of the inputs it makes."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the raw column that each input comes from: by itself, that of its name."""
        return self.input_names

    @property
    def known_levels(self) -> tuple[str, ...] | None:
        """Return the levels that it tells apart; None: it reads none, or whatever comes."""
        return None

    @abstractmethod
    def fill(self, cells: RowCells, out: np.ndarray) -> None:
        """Write the inputs into `out` (n, inputs)."""

    @abstractmethod
    def learned_by(self, narrower: Self | None) -> Self:
        """Return this encoder's inputs with the numbers of one fitted on fewer rows.

        Args:
            narrower: what was fitted on fewer rows. None: nothing.

        Returns:
            An encoder with these inputs; those that `narrower` lacks are always 0.
        """

    def examine(self, cells: RowCells) -> tuple[CellCounts, ...]:  # noqa: ARG002
        """Return what is missing or new in each of its columns."""
        return ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        stored = {field.name: getattr(self, field.name) for field in fields(self) if field.compare}
        return {"kind": self.kind, **{key: _plain(value) for key, value in stored.items()}}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `to_dict` described."""
        return cls(**{key: _frozen(value) for key, value in stored.items() if key != "kind"})


class ColumnEncoder(Encoder):
    """What makes inputs of one column, its `name`: each such column has an encoder of its own."""

    name: str

    @property
    def key(self) -> str:
        """Return the kind and the column."""
        return f"{self.kind} {self.name}"

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the column's name once for every input."""
        return (self.name,) * len(self.input_names)


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
