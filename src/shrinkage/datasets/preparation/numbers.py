"""Numbers: missing cells become the median, then `(x − mean) / scale`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from shrinkage.datasets.cells import plain_row, require_finite_block
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.preparation.base import DroppedColumn, Encoder, FitTarget
from shrinkage.datasets.preparation.cell_counts import CellCounts
from shrinkage.datasets.preparation.row_cells import RowCells
from shrinkage.datasets.preparation.standard import Standard, learn, standardize

ROWS_AT_ONCE = 8192
"""Rows of an array that are transformed at once: bounds the memory, not the result."""

CELLS_AT_ONCE = 2**19
"""Cells of whole columns that are fitted at once: bounds the memory, not the result."""


@dataclass(frozen=True)
class NumericInputs(Encoder):
    """One input a column: missing → median of the fit rows, then `(x − mean) / scale`.

    A scale of 0 marks an input that is always 0: its column was constant on the fit rows.

    >>> NumericInputs(("age",), (31.0,), (30.0,), (2.0,)).input_names
    ('age',)
    """

    kind: ClassVar[str] = "numeric"

    names: tuple[str, ...]
    medians: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]

    @classmethod
    def fit(
        cls, columns: InputColumns, rows: np.ndarray, target: FitTarget | None
    ) -> tuple[tuple[Self, ...], tuple[DroppedColumn, ...]]:
        """Learn medians, means and scales; see `Encoder.fit`."""
        weight = None if target is None or target.weight is None else target.weight[rows]
        numeric = columns.of_kind(ColumnKind.NUMERIC)
        learned: dict[str, Standard] = {}
        dropped: list[DroppedColumn] = []
        at_once = max(1, CELLS_AT_ONCE // len(rows))
        for start in range(0, len(numeric), at_once):
            names = numeric[start : start + at_once]
            block = columns.numbers(rows, names)
            require_finite_block(block, names, lambda row: plain_row(int(rows[row])))
            standards = learn(block, list(names), weight)
            for name, (reason, standard) in zip(names, standards, strict=True):
                if reason:
                    dropped.append((name, reason))
                else:
                    learned[name] = standard
        return ((cls._of(learned),) if learned else ()), tuple(dropped)

    @classmethod
    def _of(cls, learned: dict[str, Standard]) -> Self:
        own = learned.values()
        return cls(
            tuple(learned),
            tuple(standard.median for standard in own),
            tuple(standard.mean for standard in own),
            tuple(standard.scale for standard in own),
        )

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return the column names."""
        return self.names

    def fill(self, cells: RowCells, out: np.ndarray) -> None:
        """Write the standardized columns into `out` (n, inputs)."""
        median, mean, scale = map(np.array, (self.medians, self.means, self.scales))
        X = cells.X
        if not isinstance(X, np.ndarray):
            for place, name in enumerate(self.names):
                own = median[place], mean[place], scale[place]
                out[:, place] = standardize(cells.numbers(name), *own)
            return
        position = {name: place for place, name in enumerate(cells.columns)}
        places = np.array([position[name] for name in self.names], dtype=np.intp)
        for start in range(0, len(X), ROWS_AT_ONCE):
            block = X[start : start + ROWS_AT_ONCE, places].astype(np.float64)
            require_finite_block(block, self.names, lambda row, start=start: plain_row(start + row))
            out[start : start + ROWS_AT_ONCE] = standardize(block, median, mean, scale)

    def unscaled(self) -> Self:
        """Return inputs that are the numbers as they are, with the median for missing ones.

        >>> NumericInputs(("age",), (31.0,), (30.0,), (2.0,)).unscaled().scales
        (1.0,)
        """
        scales = tuple(1.0 if scale > 0 else 0.0 for scale in self.scales)
        return replace(self, means=(0.0,) * len(self.names), scales=scales)

    def learned_by(self, narrower: Self | None) -> Self:
        """Return these inputs with other numbers; see `Encoder.learned_by`."""
        own: dict[str, Standard] = {}
        if narrower is not None and narrower.names == self.names:
            return narrower
        if narrower is not None:
            numbers = zip(narrower.medians, narrower.means, narrower.scales, strict=True)
            own = {name: Standard(*n) for name, n in zip(narrower.names, numbers, strict=True)}
        return self._of({name: own.get(name, Standard()) for name in self.names})

    def examine(self, cells: RowCells) -> tuple[CellCounts, ...]:
        """Return the missing cells of each column."""
        X = cells.X
        if not isinstance(X, np.ndarray):
            lacks = [int(np.isnan(cells.numbers(name)).sum()) for name in self.names]
        elif X.dtype.kind == "f":
            position = {name: place for place, name in enumerate(cells.columns)}
            counts = np.isnan(X).sum(axis=0)
            lacks = [int(counts[position[name]]) for name in self.names]
        else:
            lacks = [0] * len(self.names)
        return tuple(
            CellCounts(name, len(cells), missing=count)
            for name, count in zip(self.names, lacks, strict=True)
        )
