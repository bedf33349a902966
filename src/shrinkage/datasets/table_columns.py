"""The columns of one table, judged together, or read as those of another table were.

Who uses this: whatever makes a `Dataset` of a table. The rules of a training table are how its
validation and test tables are read, so that a bad cell is named before anything is trained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import pandas as pd
import pyarrow as pa

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.cells import Locate, plain_row
from shrinkage.datasets.column_readings import ColumnReading, ColumnRole
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.columns import (
    judge_columns,
    values_as_dates,
    values_as_levels,
    values_as_numbers,
)
from shrinkage.datasets.judging.base import NO_HINTS, FileHints
from shrinkage.datasets.refusing import refuse_columns
from shrinkage.datasets.roles import Roles
from shrinkage.errors import InputError


@dataclass(frozen=True, eq=False)
class TypedTable:
    """Typed columns by name, and what was decided about each, in the order of the table."""

    values: Mapping[str, pd.Series]
    readings: tuple[ColumnReading, ...]

    def frame(self) -> pd.DataFrame:
        """Return the inputs, in order."""
        names = [r.name for r in self.readings if r.role is ColumnRole.INPUT]
        return pd.DataFrame({name: self.values[name] for name in names})


def typed_table(
    columns: Sequence[tuple[str, object]],
    roles: Roles,
    locate: Locate = plain_row,
    hints: FileHints = NO_HINTS,
    unreadable: Mapping[str, str] = MappingProxyType({}),
) -> TypedTable:
    """Judge the columns of a table, or read them by the rules of another one.

    Args:
        columns: `(name, cells)` of each column that has a role.
        roles: what a person said, and the rules of the training table, if it is another one.
        locate: words for a row.
        hints: what the reader knows of the file.
        unreadable: what is wrong with further columns, by name.

    Raises:
        InputError: a bad cell; inputs that are identifiers or free text, all of them.

    >>> table = typed_table([("x", ["1", "2,5"]), ("y", ["a", "b"])], Roles(target="y"))
    >>> table.frame()["x"].tolist()
    [1.0, 2.5]
    """
    if roles.rules:
        known = [(name, cells) for name, cells in columns if name in roles.rules]
        values = {n: values_by_rule(n, c, roles.rules[n], locate) for n, c in known}
        readings = [
            ColumnReading(n, roles.rules[n].kind, roles.rules[n], len(values[n])) for n in values
        ]
        return TypedTable(values, tuple(replace(r, role=roles.of(r.name)) for r in readings))
    errors = dict(unreadable)
    judged = judge_columns(columns, roles.specs, locate, hints, errors)
    readings = [replace(c.reading, role=roles.of(c.reading.name)) for c in judged]
    refuse_columns(readings, errors)
    return TypedTable({c.reading.name: c.values for c in judged}, tuple(readings))


def in_order(
    readings: Iterable[ColumnReading | None], names: Sequence[str]
) -> tuple[ColumnReading, ...]:
    """Return the readings in the order of the columns, without those that are None."""
    by_name = {reading.name: reading for reading in readings if reading is not None}
    return tuple(by_name[name] for name in names if name in by_name)


def values_by_rule(
    name: str, cells: object, rule: CellRule, locate: Locate = plain_row
) -> pd.Series:
    """Return a column as the rule of its training column reads it.

    Args:
        name: the column's name.
        cells: text as an Arrow column, or a series.
        rule: how the training column was read.
        locate: words for a row.

    Raises:
        InputError: a cell is not what the rule reads; names row and column.

    >>> rule = CellRule(ColumnKind.CATEGORY, levels=("Bern",))
    >>> values_by_rule("city", pd.Series([" bern", "Basel"]), rule).tolist()
    ['Bern', 'Basel']
    """
    if isinstance(cells, pa.ChunkedArray):
        series = pd.Series(cells.to_numpy(), dtype=object)  # pyright: ignore[reportAttributeAccessIssue]
    else:
        series = cells if isinstance(cells, pd.Series) else pd.Series(cells, dtype=object)
    if rule.kind is ColumnKind.DATE:
        return pd.Series(values_as_dates(name, series, rule, locate), name=name)
    if rule.kind in (ColumnKind.NUMERIC, ColumnKind.PIXELS):
        return pd.Series(values_as_numbers(name, series, rule, locate), name=name)
    codes, levels = values_as_levels(series, rule)
    text = pd.Series(pd.Index(levels, dtype=object)[codes])
    if rule.kind is ColumnKind.CATEGORY:
        new = sorted({level for level in levels if level is not None} - set(rule.levels))
        return pd.Series(pd.Categorical(text, [*rule.levels, *new]), name=name)
    strange = text.notna() & ~text.isin(rule.levels)
    if strange.any():
        row = int(strange.to_numpy().argmax())
        raise InputError(
            f"column {name!r}, {locate(row)}: expected a level out of its order "
            f"({', '.join(rule.levels)}), got {text.iloc[row]!r}: correct the cell"
        )
    return pd.Series(pd.Categorical(text, rule.levels, ordered=True), name=name)
