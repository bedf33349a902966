"""From a table with named columns to a `Dataset`, whatever read the table.

Who uses this: every format of tables is a function from a path to `NamedColumns`; roles, types and
checks are the same for all, here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import pandas as pd

from shrinkage.datasets.cells import plain_row
from shrinkage.datasets.dataset import Dataset, RawRows
from shrinkage.datasets.events import signed_times
from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.judging.base import FileHints
from shrinkage.datasets.pixels import as_pixels
from shrinkage.datasets.read_options import LOOK, ReadOptions
from shrinkage.datasets.roles import Roles, check_roles, column_weights, group_values
from shrinkage.datasets.score_groups import score_groups
from shrinkage.datasets.several_targets import Targets, read_targets
from shrinkage.datasets.table_columns import in_order, typed_table
from shrinkage.datasets.target_like import table_target_of
from shrinkage.datasets.time_folds import time_ranks
from shrinkage.errors import InputError


@dataclass(frozen=True, eq=False)
class RowsRead:
    """Rows to predict, and what was decided while reading them."""

    values: RawRows
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """How files of one kind are read.

    Args:
        load: reads a data set.
        rows: reads rows to predict, as they were written.
        takes: the fields of `ReadOptions` that mean something here.
        table: reads named columns, where the files hold some.
    """

    load: Callable[[FileContent, Roles, ReadOptions], Dataset]
    rows: Callable[[FileContent, ReadOptions], RowsRead]
    takes: frozenset[str] = frozenset()
    table: Callable[[FileContent, ReadOptions], NamedColumns] | None = None


class NamedColumns(Protocol):
    """Named columns as they were read; what their cells mean is judged by whoever asks."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the column names."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what was decided while reading, a sentence each."""
        ...

    @property
    def read_options(self) -> ReadOptions:
        """Return how the table was read, so that another file can be read alike."""
        ...

    @property
    def separator(self) -> str:
        """Return what stood between the cells of a file of text, else nothing."""
        ...

    def column(self, name: str) -> object:
        """Return the cells of a column: text as an Arrow column, or a series with a type."""
        ...

    def raw(self) -> pd.DataFrame:
        """Return all columns as they were read."""
        ...

    def locate(self, row: int) -> str:
        """Return words for a row counted from 0."""
        ...


@dataclass(frozen=True, eq=False)
class FrameTable:
    """A `pandas.DataFrame` as `NamedColumns`.

    Args:
        frame: the table.
        notes: what was decided while reading.
        read_options: how it was read.
        separator: what stood between the cells of a file of text.
        unreadable: what columns hold that is no cell, such as lists; they can only be dropped.
    """

    frame: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...] = ()
    read_options: ReadOptions = LOOK
    separator: str = ""
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the column names, as text."""
        return tuple(str(name) for name in self.frame.columns)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def column(self, name: str) -> pd.Series:
        """Return a column with the type that it has."""
        if name in self.unreadable:
            raise InputError(
                f"column {name!r}: expected a number, a text or a date in every cell, got "
                f"{self.unreadable[name]}: drop it, or make columns of numbers of it"
            )
        return self.frame.iloc[:, self._places[name]]

    def raw(self) -> pd.DataFrame:
        """Return the table, without columns that cannot be read."""
        return self.frame.drop(columns=list(self.unreadable))

    def locate(self, row: int) -> str:
        """Return `row r`, counted from 1."""
        return plain_row(row)


_NESTED = {dict: "an object in a cell", list: "a list in a cell", bytes: "bytes in a cell"}


def nested_columns(frame: pd.DataFrame) -> dict[str, str]:
    """Return the columns that hold lists, objects or bytes, and which.

    >>> nested_columns(pd.DataFrame({"a": [1, 2], "b": [None, {"c": 1}]}))
    {'b': 'an object in a cell'}
    """
    nested = {}
    for name in frame.columns:
        if pd.api.types.is_object_dtype(frame[name].dtype):
            bad = next((type(cell) for cell in frame[name] if type(cell) in _NESTED), None)
            nested |= {} if bad is None else {name: _NESTED[bad]}
    return nested


def readable_columns(
    table: NamedColumns, names: Iterable[str]
) -> tuple[list[tuple[str, object]], dict[str, str]]:
    """Return `(name, cells)` of columns, and what is wrong with those that cannot be read.

    >>> columns, errors = readable_columns(FrameTable(pd.DataFrame({"x": [1, 2]})), ["x"])
    >>> [name for name, _ in columns], errors
    (['x'], {})
    """
    columns, errors = [], {}
    for name in names:
        try:
            columns.append((name, table.column(name)))
        except InputError as error:
            errors[name] = str(error)
    return columns, errors


def rows_of(table: NamedColumns) -> RowsRead:
    """Return all rows of a table, as they were read."""
    return RowsRead(table.raw(), table.notes)


def table_format(
    read: Callable[[FileContent, ReadOptions], NamedColumns], takes: Iterable[str] = ()
) -> Format:
    """Return the format of files that `read` makes a table of."""
    return Format(
        load=lambda content, roles, options: dataset_from_table(
            content.name, read(content, options), roles
        ),
        rows=lambda content, options: rows_of(read(content, options)),
        takes=frozenset(takes),
        table=read,
    )


def read_table_targets(table: NamedColumns, roles: Roles) -> Targets:
    """Read the target columns of a table; times get a minus where the event did not come.

    Raises:
        InputError: they are no targets, or no times and events.
    """
    read = read_targets(
        roles.targets,
        roles,
        lambda name, one: table_target_of(table.column(name), name, one, table.locate),
        len(table.raw()) if len(roles.targets) > 1 else 0,
    )
    if roles.event is None:
        return read
    y = signed_times(read.y, read.rows, table.column(roles.event), roles.event, table.locate)
    return replace(read, y=y, reading=read.reading.of_times(y))


def dataset_from_table(name: str, table: NamedColumns, roles: Roles) -> Dataset:
    """Give every column its role, type the columns that are used, and check the target.

    Args:
        name: the data set's name.
        table: named columns.
        roles: target, dropped columns, groups, weights, task.

    Returns:
        The data set; X is a DataFrame of float64 and category columns, or uint8 pixels.

    Raises:
        InputError: unknown columns, bad cells, a bad target, bad weights, no input column left.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"x": [1, 2, 3], "label": ["a", "b", "a"]})
    >>> dataset_from_table("t", FrameTable(frame), Roles(target="label")).input_names
    ('x',)
    """
    if len(table.names) < 2:
        raise InputError(
            f"expected at least 2 columns, got {len(table.names)}: a target and an "
            "input; in a file of text they are separated (--separator says by what), columns of "
            "fixed width are not read"
        )
    roles = roles.among(table.names)
    check_roles(table.names, roles)
    others = roles.not_features()
    inputs = tuple(column for column in table.names if column not in others)
    if not inputs:
        raise InputError(
            "expected at least one input column beside the target, got none: drop fewer columns"
        )
    left_out = roles.dropped()
    read = read_table_targets(table, roles)
    aside = {*roles.targets, *left_out}
    used, unreadable = readable_columns(table, (c for c in table.names if c not in aside))
    typed = typed_table(used, roles, table.locate, file_hints(table), unreadable)
    groups, note = None, ""
    if roles.split_by is not None:
        groups, note = group_values(typed.values[roles.split_by], roles.split_by, table.locate)
    time = None
    if roles.time is not None:
        time = time_ranks(typed.values[roles.time], roles.time, table.locate)
    apart = None
    if roles.score_by is not None:
        apart = score_groups(table.column(roles.score_by), roles.score_by)
    frame, weights = typed.frame(), None
    if roles.sample_weight is not None:
        weights = column_weights(typed.values[roles.sample_weight], table.locate)
    if read.rows is not None:
        frame = frame.iloc[read.rows].reset_index(drop=True)
        groups = None if groups is None else groups[read.rows]
        weights = None if weights is None else weights[read.rows]
        time = None if time is None else time[read.rows]
        apart = None if apart is None else apart[read.rows]
    X, image_shape = as_pixels(frame)
    return Dataset(
        name=name,
        X=X,
        y=read.y,
        task=read.reading.task,
        input_names=inputs,
        target_name=", ".join(roles.targets),
        image_shape=image_shape,
        groups=groups,
        group_name=roles.split_by,
        group_note=note,
        sample_weight=weights,
        readings=in_order([*typed.readings, *read.columns], table.names),
        specs=roles.specs,
        left_out=left_out,
        notes=(*table.notes, *read.reading.notes()),
        read_options=table.read_options,
        target=read.reading,
        time=time,
        time_name=roles.time,
        score_by=apart,
        score_by_name=roles.score_by,
    )


def file_hints(table: NamedColumns) -> FileHints:
    """Return what a file's separator says: semicolons go with decimal commas, mostly."""
    if table.separator == ";":
        return FileHints(decimal=",", proven=False)
    return FileHints()
