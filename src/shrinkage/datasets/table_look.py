"""A look at a table before anything is trained: every column, what it was taken for, and why.

Who uses this: `shrinkage data`. Unlike loading it does not stop at the first column that would be
refused: it tells all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from shrinkage.cautions import Caution
from shrinkage.datasets.cautions import column_cautions, few_rows_decide, unequal_classes
from shrinkage.datasets.column_readings import ColumnReading, ColumnRole
from shrinkage.datasets.column_records import column_records
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
from shrinkage.datasets.columns import judge_columns
from shrinkage.datasets.formats.tables import (
    NamedColumns,
    file_hints,
    read_table_targets,
    readable_columns,
)
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.judging.base import JudgedColumn
from shrinkage.datasets.preparation.base import FitTarget
from shrinkage.datasets.preparation.preprocessing import Preprocessing
from shrinkage.datasets.refusing import refuse_columns
from shrinkage.datasets.roles import Roles, check_roles, column_weights
from shrinkage.datasets.several_targets import Targets
from shrinkage.datasets.table_columns import in_order
from shrinkage.datasets.wording import require_column
from shrinkage.errors import InputError
from shrinkage.target_reading import TargetReading


@dataclass(frozen=True)
class TableLook:
    """What a table holds.

    Args:
        name: the data set's name.
        rows: how many rows it has.
        readings: what was decided for each column that can be read, in order.
        records: the same as plain values, with the inputs that each makes.
        refused: why columns would be refused, by name.
        unusable: those of them that are to be inputs.
        left_out: columns that a person left out.
        notes: what the reader decided.
        target: what was decided about the target, where one was named.
        inputs: how many inputs the columns make; None where none can be made.
        trouble: why no inputs can be made.
        cautions: what there is to know before a score is trusted.
        said: what a person said about columns.
    """

    name: str
    rows: int
    readings: tuple[ColumnReading, ...]
    records: tuple[Mapping[str, Any], ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    unusable: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    target: TargetReading | None = None
    inputs: int | None = None
    trouble: str = ""
    cautions: tuple[Caution, ...] = ()
    said: Mapping[str, ColumnSpec] = field(default_factory=dict)

    @property
    def columns(self) -> int:
        """Return how many columns the table has, whatever became of them."""
        return len({*(record["name"] for record in self.records), *self.left_out, *self.refused})

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "data": self.name,
            "rows": self.rows,
            "target": None if self.target is None else self.target.to_dict(),
            "inputs": self.inputs,
            "trouble": self.trouble,
            "cautions": [caution.to_dict() for caution in self.cautions],
            "columns": list(self.records),
            "refused": dict(self.refused),
            "left_out": list(self.left_out),
            "notes": list(self.notes),
        }

    def specs(self) -> dict[str, ColumnSpec]:
        """Return what a `columns.toml` says of the inputs: what was decided, to be edited."""
        inputs = (reading for reading in self.readings if reading.role is ColumnRole.INPUT)
        read = {
            reading.name: with_wishes(spec_of(reading), self.said.get(reading.name, ColumnSpec()))
            for reading in inputs
        }
        out = {name: ColumnSpec(drop=True) for name in (*self.left_out, *self.unusable)}
        return {**read, **out}


def look_at_table(name: str, table: NamedColumns, roles: Roles) -> TableLook:
    """Judge every column of a table.

    Args:
        name: the data set's name.
        table: the columns.
        roles: what a person said; the target may be left out.

    Raises:
        InputError: a column that was named does not exist.

    >>> import pandas as pd
    >>> from shrinkage.datasets.formats.tables import FrameTable
    >>> frame = pd.DataFrame({"age": ["31", "n/a", "44"], "id": ["a", "b", "c"]})
    >>> look = look_at_table("t", FrameTable(frame), Roles(target="id"))
    >>> look.rows, look.records[0]["missing"], look.records[1]["role"]
    (3, 1, 'target')
    """
    roles = roles.among(table.names)
    if roles.target is not None:
        check_roles(table.names, roles)
    elif roles.event is not None:
        raise InputError("expected --target beside --event, got none: name the column of times")
    for column in (*roles.drop, *roles.specs):
        require_column(column, table.names, "drop or columns.toml")
    left_out = roles.dropped()
    refused: dict[str, str] = {}
    target = _target(table, roles, refused)
    aside = {*left_out, *roles.targets}
    columns, unreadable = readable_columns(table, (c for c in table.names if c not in aside))
    refused |= unreadable
    judged = judge_columns(columns, roles.specs, table.locate, file_hints(table), refused)
    readings = [replace(c.reading, role=roles.of(c.reading.name)) for c in judged]
    for reading, column in zip(readings, judged, strict=True):
        try:
            _check(reading, column, table)
        except InputError as error:
            refused[reading.name] = str(error)
    used = [c for c, r in zip(judged, readings, strict=True) if _is_input(r, refused)]
    inputs = _input_columns(used, roles.specs)
    preprocessing, trouble = _preprocessing(inputs, target)
    if target is not None:
        readings = list(in_order([*readings, *target.columns], table.names))
    return TableLook(
        name,
        rows=readings[0].rows if readings else 0,
        readings=tuple(reading for reading in readings if reading.name not in refused),
        records=tuple(column_records(readings, preprocessing, most=len(readings))),
        refused=refused,
        unusable=tuple(name for name in refused if roles.of(name) is ColumnRole.INPUT),
        left_out=left_out,
        notes=table.notes,
        target=None if target is None else target.reading,
        inputs=None if preprocessing is None else preprocessing.n_inputs,
        trouble=trouble,
        cautions=_cautions(inputs, target, divided=roles.split_by is not None),
        said=roles.specs,
    )


def _target(table: NamedColumns, roles: Roles, refused: dict[str, str]) -> Targets | None:
    """Return what the targets were taken for, or None where none was named or it is refused."""
    if roles.target is None:
        return None
    try:
        return read_table_targets(table, roles)
    except InputError as error:
        refused[roles.target] = str(error)
        return None


def _check(reading: ColumnReading, column: JudgedColumn, table: NamedColumns) -> None:
    """Raise for a column that `path` would refuse in its role."""
    if reading.role is ColumnRole.INPUT:
        refuse_columns([reading], {})
    if reading.role is ColumnRole.WEIGHTS:
        column_weights(column.values, table.locate)


def _is_input(reading: ColumnReading, refused: Mapping[str, str]) -> bool:
    return reading.role is ColumnRole.INPUT and reading.name not in refused


def _input_columns(judged: list[JudgedColumn], said: Mapping[str, ColumnSpec]) -> InputColumns:
    values = {column.reading.name: column.values for column in judged}
    rules = {column.reading.name: column.reading.rule for column in judged}
    kinds = tuple(rule.kind for rule in rules.values())
    return InputColumns(tuple(values), kinds, values, rules, said)


def _preprocessing(
    columns: InputColumns, target: Targets | None
) -> tuple[Preprocessing | None, str]:
    """Return how all rows would be prepared; None where no input can be made, and why."""
    if not columns.names:
        return None, "no column is left"
    rows = np.arange(len(columns))
    known = FitTarget(rows.astype(np.float64), "regression")  # any gives a number to count
    if target is not None and target.y.ndim == 1:
        rows = rows if target.rows is None else target.rows
        y = np.zeros(len(columns), dtype=target.y.dtype)
        y[rows] = target.y
        known = FitTarget(y, target.reading.task)
    try:
        return Preprocessing.fit(columns, rows, target=known), ""
    except InputError as error:
        return None, str(error)


def _cautions(
    columns: InputColumns, target: Targets | None, *, divided: bool
) -> tuple[Caution, ...]:
    """Return what the inputs tell, and how they go with the target."""
    if target is None:
        return column_cautions(columns, divided=divided)
    if target.rows is not None:
        columns = columns.of_rows(target.rows)
    classes = target.reading.task == "classification"
    apart = unequal_classes(target.y) if classes else few_rows_decide(target.y)
    each = [target.y] if target.y.ndim == 1 else list(target.y.T.astype(np.float64))
    return (*column_cautions(columns, each, classes, divided=divided), *apart)


def with_wishes(spec: ColumnSpec, said: ColumnSpec) -> ColumnSpec:
    """Return a spec with what a person said about the inputs of its column.

    >>> with_wishes(ColumnSpec(ColumnKind.CATEGORY), ColumnSpec(group="place", rare=9)).to_dict()
    {'kind': 'category', 'group': 'place', 'rare': 9}
    """
    return replace(
        spec,
        group=said.group,
        free=said.free,
        encode=said.encode,
        rare=said.rare,
        indicator=said.indicator,
    )


def spec_of(reading: ColumnReading) -> ColumnSpec:
    """Return what a person would have to say for a column to be read as it was.

    >>> from shrinkage.datasets.columns import judge_column
    >>> spec_of(judge_column("x", ["1.234,5", "n/a"]).reading).to_dict()
    {'kind': 'numeric', 'missing': ['n/a'], 'decimal': ',', 'thousands': '.'}
    """
    rule = reading.rule
    numeric, ordinal = rule.kind is ColumnKind.NUMERIC, rule.kind is ColumnKind.ORDINAL
    words = tuple(dict.fromkeys(word for word, _ in reading.missing_words if word))
    plain = rule.decimal == "." and not rule.thousands
    return ColumnSpec(
        kind=rule.kind,
        missing=words or None if rule.missing is None else rule.missing,
        decimal=rule.decimal if numeric and not plain else None,
        thousands=rule.thousands if numeric and not plain else None,
        unit=rule.units[0] if numeric and len(rule.units) == 1 else None,
        date_format=rule.date_format or None,
        order=rule.levels if ordinal else (),
        keep_case=rule.keep_case,
    )
