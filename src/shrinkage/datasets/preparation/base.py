"""What an encoder is: some raw columns of one kind, and the network inputs they become.

Who uses this: `Preprocessing` holds encoders and concatenates what they fill in. An encoder is
frozen, knows its columns by name, is fitted by scikit-learn on training rows, and is described by
plain values: applying it needs those values and NumPy, never a pickle and never scikit-learn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np

from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.dataset import RawRows
from shrinkage.datasets.input_columns import InputColumns

MISSING_EVERYWHERE = "missing in all training rows"
CONSTANT = "constant on the training rows"
NEARLY_CONSTANT = "constant to working precision"

DroppedColumn = tuple[str, str]
"""A raw column and the reason it is no input: one of the three above."""


@dataclass(frozen=True)
class Encoder(ABC):
    """Turns some raw columns into some inputs."""

    kind: ClassVar[ColumnKind]
    stateless: ClassVar[bool] = False
    """Whether nothing is fitted, so that all folds can share one transformed array."""

    @classmethod
    @abstractmethod
    def fit(
        cls, columns: InputColumns, rows: np.ndarray
    ) -> tuple[tuple[Self, ...], tuple[DroppedColumn, ...]]:
        """Learn from rows of the columns of its kind.

        Args:
            columns: all columns, judged.
            rows: (m,) the rows to learn from.

        Returns:
            `(encoders, dropped)`: none where no column is of the kind, and the columns that make
            no input.

        Raises:
            InputError: a cell is not what its column can hold.
        """

    @property
    def key(self) -> str:
        """Return what tells this encoder from the others of a preprocessing."""
        return self.kind.value

    @property
    @abstractmethod
    def input_names(self) -> tuple[str, ...]:
        """Return the names of the inputs it makes."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the raw column that each input comes from: by itself, that of its name."""
        return self.input_names

    @abstractmethod
    def fill(self, X: RawRows, columns: tuple[str, ...], out: np.ndarray) -> None:
        """Write the inputs into `out` (n, inputs); `columns` names the columns of an array."""

    @abstractmethod
    def learned_by(self, narrower: Self | None) -> Self:
        """Return this encoder's inputs with the numbers of one fitted on fewer rows.

        Args:
            narrower: what was fitted on fewer rows; its inputs are some of these. None: nothing.

        Returns:
            An encoder with these inputs; those that `narrower` lacks are always 0.
        """

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        values = {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }
        return {"kind": self.kind.value, **values}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `to_dict` described."""
        values = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in stored.items()
            if key != "kind"
        }
        return cls(**values)
