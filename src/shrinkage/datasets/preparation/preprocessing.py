"""Preprocessing fitted on training rows only, so that nothing of validation or test leaks.

Who uses this: paths fit one per fold and one for the final models; the run directory stores it as
JSON; `predict` applies it to raw rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.dataset import RawRows
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.preparation.base import DroppedColumn, Encoder, FitTarget
from shrinkage.datasets.preparation.categories import CategoryInputs
from shrinkage.datasets.preparation.cell_counts import CellCounts, MissingBecomes
from shrinkage.datasets.preparation.dates import DateInputs
from shrinkage.datasets.preparation.hashed import HashedInputs
from shrinkage.datasets.preparation.missing import MissingInputs
from shrinkage.datasets.preparation.numbers import NumericInputs
from shrinkage.datasets.preparation.ordinals import OrdinalInputs
from shrinkage.datasets.preparation.pixels import PixelInputs
from shrinkage.datasets.preparation.row_cells import RowCells
from shrinkage.datasets.preparation.shaped import ShapedInputs
from shrinkage.datasets.preparation.target_levels import TargetInputs
from shrinkage.datasets.wording import listed
from shrinkage.errors import InputError

ENCODERS: Mapping[str, type[Encoder]] = MappingProxyType(
    {
        encoder.kind: encoder
        for encoder in (
            PixelInputs,
            ShapedInputs,
            NumericInputs,
            OrdinalInputs,
            DateInputs,
            TargetInputs,
            MissingInputs,
            CategoryInputs,
            HashedInputs,
        )
    }
)
"""What makes inputs of columns, in the order of the inputs."""

VERSION = 2
"""Of what `to_dict` gives; the first version had no key for it."""


@dataclass(frozen=True)
class Preprocessing:
    """What turns raw rows into network inputs: numbers first, then categories, in table order.

    Numbers: missing cells become the median, then `(x − mean) / scale`, all three from the fit
    rows, the scale being the population standard deviation; where enough cells are missing, one
    more input says so. Ordinals: the place in the order, like a number. Dates: elapsed time and
    parts. Categories: one input per level. Pixels: divided by 255. One file each tells more.

    Args:
        columns: the raw columns, in order.
        encoders: what makes the inputs.
        dropped: `(column, reason)` for every column that makes none.
        rules: `(column, how its cells are read)`, where that is not plainly as numbers.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"age": [30.0, 34.0, 32.0], "city": ["Bern", "Basel", "Bern"]})
    >>> fitted = Preprocessing.fit(table)
    >>> fitted.input_names
    ('age', 'city=Basel', 'city=Bern')
    >>> fitted.transform(table.iloc[:1])
    array([[-1.2247449,  0.       ,  1.       ]], dtype=float32)
    """

    columns: tuple[str, ...]
    encoders: tuple[Encoder, ...]
    dropped: tuple[DroppedColumn, ...] = ()
    rules: tuple[tuple[str, CellRule], ...] = ()

    @classmethod
    def fit(
        cls,
        X: RawRows | InputColumns,
        rows: np.ndarray | None = None,
        *,
        image: bool = False,
        names: Sequence[str] | None = None,
        target: FitTarget | None = None,
    ) -> Preprocessing:
        """Learn from some rows, and from no other.

        The type of a column (numbers or categories) and whether it is an identifier are judged on
        all rows, so that all folds agree; `Dataset.columns` are judged once for many fits.

        Args:
            X: a DataFrame, an array (n, d) of numbers, or columns that are judged already.
            rows: (m,) row numbers to learn from; None: all.
            image: the columns are pixels (uint8), which need nothing learned.
            names: the d column names of an array; `x0`, `x1`, … unless told.
            target: the targets of all rows, which levels may be encoded by.

        Returns:
            The fitted preprocessing.

        Raises:
            InputError: an infinite or unreadable cell, an identifier column, no input left.

        >>> Preprocessing.fit(np.array([[1.0, 5.0], [3.0, 5.0]])).dropped
        (('x1', 'constant on the training rows'),)
        """
        columns = X if isinstance(X, InputColumns) else InputColumns.of(X, image=image, names=names)
        rows = np.arange(len(columns)) if rows is None else np.asarray(rows)
        if len(rows) == 0:
            raise InputError("expected rows to fit preprocessing on, got none: give some")
        fits = [encoder.fit(columns, rows, target) for encoder in ENCODERS.values()]
        place = {name: i for i, name in enumerate(columns.names)}
        encoders = tuple(encoder for encoders, _ in fits for encoder in encoders)
        used = {name for encoder in encoders for name in encoder.sources}
        dropped = sorted(
            (pair for _, pairs in fits for pair in pairs if pair[0] not in used),
            key=lambda pair: place[pair[0]],
        )
        if not encoders:
            raise InputError(
                f"expected a column that varies on the training rows, got none of "
                f"{listed(columns.names)}: give other columns"
            )
        return cls(columns.names, encoders, tuple(dropped), _rules(columns, rows, encoders))

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return the names of the inputs, one per column of what `transform` returns."""
        return tuple(name for encoder in self.encoders for name in encoder.input_names)

    @property
    def source_columns(self) -> tuple[int, ...]:
        """Return, for every input, the place of its raw column: pictures are drawn by it."""
        place = {name: i for i, name in enumerate(self.columns)}
        return tuple(place[name] for encoder in self.encoders for name in encoder.sources)

    @property
    def used_columns(self) -> tuple[int, ...]:
        """Return the numbers of the columns that make inputs, in the order of the inputs."""
        return tuple(dict.fromkeys(self.source_columns))

    @property
    def n_inputs(self) -> int:
        """Return how many inputs a network needs."""
        return len(self.input_names)

    @property
    def stateless(self) -> bool:
        """Return whether nothing was fitted, so that all folds can share one transformed array."""
        return all(encoder.stateless for encoder in self.encoders)

    @property
    def takes_shapes(self) -> bool:
        """Return whether rows are inputs with shapes, numbers as they are."""
        return any(isinstance(encoder, ShapedInputs) for encoder in self.encoders)

    def read(self, X: RawRows, positions: np.ndarray | None = None) -> RowCells:
        """Return raw rows with cells that are read once, for `transform` and `examine` both.

        Args:
            X: as in `transform`, and so are `positions`.
            positions: None for rows to predict.

        Raises:
            InputError: a column is missing.
        """
        X = self._with_columns_of_the_fit(X)
        return RowCells(X, self.columns, dict(self.rules), positions)

    def transform(
        self,
        X: RawRows | RowCells,
        dtype: Any = np.float32,
        *,
        positions: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return raw rows as network inputs.

        Args:
            X: a DataFrame (further columns and another order do no harm), or an array with the
                columns of the fit, in order.
            dtype: of the result.
            positions: (n,) where the rows are rows of the table that was learned from, their
                places in it: rows that levels were encoded by the targets of get the numbers that
                were learned without them. None: other rows.

        Returns:
            (n, n_inputs).

        Raises:
            InputError: a column is missing, or a cell is not what the column holds.

        >>> fitted = Preprocessing.fit(np.array([[1.0], [3.0]]))
        >>> fitted.transform(np.array([[2.0], [5.0]])).ravel()
        array([0., 3.], dtype=float32)
        """
        cells = X if isinstance(X, RowCells) else self.read(X, positions)
        out = np.empty((len(cells), self.n_inputs), dtype=dtype)
        start = 0
        for encoder in self.encoders:
            stop = start + len(encoder.input_names)
            encoder.fill(cells, out[:, start:stop])
            start = stop
        return out

    def examine(self, X: RawRows | RowCells) -> tuple[CellCounts, ...]:
        """Return what is missing or new in raw rows, column by column, in the order of the table.

        Args:
            X: as in `transform`.

        Raises:
            InputError: as in `transform`.

        >>> import pandas as pd
        >>> fitted = Preprocessing.fit(pd.DataFrame({"city": ["Bern", "Basel"]}))
        >>> [str(counts) for counts in fitted.examine(pd.DataFrame({"city": ["Genf", "Bern"]}))]
        ["city: 1 of 2 cells are levels that training never saw (such as 'Genf'): all its inputs \
are 0"]
        """
        cells = X if isinstance(X, RowCells) else self.read(X)
        marked = {
            name
            for encoder in self.encoders
            if isinstance(encoder, MissingInputs)
            for name in encoder.names
        }
        counts = (
            replace(own, missing_becomes=MissingBecomes.MARKED) if own.name in marked else own
            for encoder in self.encoders
            for own in encoder.examine(cells)
        )
        place = {name: i for i, name in enumerate(self.columns)}
        return tuple(sorted(counts, key=lambda own: place[own.name]))

    def _with_columns_of_the_fit(self, X: RawRows) -> RawRows:
        """Return the rows, the columns of a DataFrame named by text; or say what they lack."""
        if isinstance(X, pd.DataFrame):
            present = [str(name) for name in X.columns]
            used = {name for encoder in self.encoders for name in encoder.sources}
            counts = Counter(present)
            lacking = [name for name in self.columns if name in used and not counts[name]]
            if lacking:
                other = {name.strip().casefold(): name for name in present}
                near = [
                    other[n.strip().casefold()] for n in lacking if n.strip().casefold() in other
                ]
                rename = f", or rename {listed(near)}" if near else ""
                raise InputError(
                    f"expected the columns of the training data, got none called "
                    f"{listed(lacking)}: add {'it' if len(lacking) == 1 else 'them'}{rename}"
                )
            twice = next((name for name in self.columns if name in used and counts[name] > 1), None)
            if twice is not None:
                raise InputError(f"expected one column {twice!r}, got several: rename them")
            return X if present == list(X.columns) else X.set_axis(present, axis=1)
        if not isinstance(X, np.ndarray) or X.ndim != 2 or X.shape[1] != len(self.columns):
            raise InputError(
                f"expected rows of {len(self.columns)} columns as in training, got shape "
                f"{np.shape(X)}: give the raw columns in the same order"
            )
        if X.dtype.kind not in "buif":
            raise InputError(f"expected an array of numbers, got {X.dtype}: use a DataFrame")
        return X

    def unscaled(self) -> Preprocessing:
        """Return this with numbers as they are, neither centred nor scaled."""
        encoders = tuple(
            own.unscaled() if isinstance(own, NumericInputs) else own for own in self.encoders
        )
        return replace(self, encoders=encoders)

    def aligned_to(self, other: Preprocessing) -> Preprocessing:
        """Return this preprocessing with the inputs of another one, fitted on more rows.

        So that all folds have equally many inputs: an input that these fit rows could not make (a
        column constant on them, a level they lack) is always 0, which is the same as leaving it
        out. What these fit rows alone would make (an indicator of cells that are missing more
        often here, a level that is rare elsewhere) is left out.

        Args:
            other: fitted on a superset of the rows of the same table.

        Returns:
            A preprocessing with `other.input_names` and the numbers of this one.

        Raises:
            InputError: a column varies on these fit rows and not on the others.

        >>> table = np.array([[1.0, 5.0], [3.0, 5.0], [3.0, 6.0]])
        >>> fold = Preprocessing.fit(table, np.array([0, 1]))
        >>> fold.aligned_to(Preprocessing.fit(table)).transform(table)[:, 1]
        array([0., 0., 0.], dtype=float32)
        """
        if self.stateless and other.stateless and self.columns == other.columns:
            return self
        further = _varying(self) - {name for encoder in other.encoders for name in encoder.sources}
        if self.columns != other.columns or further:
            raise InputError(
                f"expected a preprocessing fitted on more rows of the same table, got one "
                f"without {listed(sorted(further) or self.columns)}: fit it on all training rows"
            )
        own = {encoder.key: encoder for encoder in self.encoders}
        aligned = tuple(wider.learned_by(own.get(wider.key)) for wider in other.encoders)
        return Preprocessing(self.columns, aligned, other.dropped, other.rules)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold.

        >>> Preprocessing(("p",), (PixelInputs(("p",)),)).to_dict()["encoders"]
        [{'kind': 'pixels', 'names': ['p']}]
        """
        return {
            "version": VERSION,
            "columns": list(self.columns),
            "encoders": [encoder.to_dict() for encoder in self.encoders],
            "dropped": [list(pair) for pair in self.dropped],
            "rules": {name: rule.to_dict() for name, rule in self.rules},
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Preprocessing:
        """Return what `to_dict` described.

        >>> fitted = Preprocessing.fit(np.array([[1.0], [3.0]]))
        >>> Preprocessing.from_dict(fitted.to_dict()) == fitted
        True
        """
        encoders = tuple(ENCODERS[item["kind"]].from_dict(item) for item in stored["encoders"])
        dropped = tuple((name, reason) for name, reason in stored["dropped"])
        rules = stored.get("rules", {})  # runs of version 0.1 have none
        read = tuple((name, CellRule.from_dict(rule)) for name, rule in rules.items())
        return cls(tuple(stored["columns"]), encoders, dropped, read)


def _rules(
    columns: InputColumns, rows: np.ndarray, encoders: tuple[Encoder, ...]
) -> tuple[tuple[str, CellRule], ...]:
    """Return how the cells of the columns that make inputs are read, where not plainly."""
    if isinstance(columns.values, np.ndarray):  # numbers or pixels: plainly
        return ()
    used = {name for encoder in encoders for name in encoder.sources}
    plain = tuple(map(CellRule, (ColumnKind.NUMERIC, ColumnKind.PIXELS, ColumnKind.SHAPED)))
    pairs = ((name, columns.rule_on(rows, name)) for name in columns.names if name in used)
    return tuple((name, rule) for name, rule in pairs if rule not in plain)


def _varying(fitted: Preprocessing) -> set[str]:
    """Return the columns that vary on more rows, too, where they do on these."""
    kinds = (NumericInputs.kind, OrdinalInputs.kind, DateInputs.kind)
    return {name for own in fitted.encoders if own.kind in kinds for name in own.sources}
