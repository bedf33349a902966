"""Columns of text cells, named, and tidied of what is no column: a saved index, empty columns.

Who uses this: files of text and sheets of workbooks. Everything left out or named here is told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shrinkage.datasets.formats.looks import looks_like_index
from shrinkage.datasets.wording import header_doubt, listed
from shrinkage.errors import InputError

_INDEX_NAME = re.compile(r"Unnamed: 0(\.\d+)*|__index_level_\d+__")


def named_columns(table: pa.Table, names: Sequence[str]) -> tuple[pa.Table, tuple[str, ...]]:
    """Return a table under the names of its file, without a saved index and empty columns.

    Args:
        table: columns of text in the order of the file.
        names: their names, stripped; empty where the file has none.

    Returns:
        `(table, notes)`.

    Raises:
        InputError: equal names.

    >>> table = pa.table({"f0": ["0", "1"], "f1": ["31", "44"]})
    >>> named_columns(table, ("", "age"))[0].column_names
    ['age']
    """
    refuse_equal_names(names)
    notes: list[str] = []
    keep = [place for place, name in enumerate(names) if name or not _is_empty(table.column(place))]
    index = _saved_indices(table, names, keep)
    keep = [place for place in keep if place not in index]
    for place in index:
        shown = repr(names[place]) if names[place] else "without a name"
        notes.append(
            f"column {place + 1} ({shown}) numbers or names the rows (a saved index), so it was "
            "left out"
        )
    nameless = [place for place in keep if not names[place]]
    invented = {place: _free_name(place, names) for place in nameless}
    if nameless:
        notes.append(f"columns without a name are called {listed(invented.values())}")
    table = table.select(keep)
    return table.rename_columns([invented.get(place, names[place]) for place in keep]), tuple(notes)


def columns_of(rows: Sequence[Sequence[str]], width: int) -> pa.Table:
    """Return rows of text cells as columns `f0`, `f1`, …

    >>> columns_of([["1", "a"], ["2", "b"]], 2).column("f1").to_pylist()
    ['a', 'b']
    """
    columns = list(zip(*rows, strict=True)) if rows else [()] * width
    arrays = [pa.array(cells, pa.string()) for cells in columns]
    return pa.table(arrays, names=[f"f{place}" for place in range(width)])


def without_empty_rows(table: pa.Table) -> pa.Table:
    """Return the rows of a table of text in which something stands."""
    empty = None
    for column in table.columns:
        blank = pc.equal(column, "")  # pyright: ignore[reportAttributeAccessIssue]
        empty = blank if empty is None else pc.and_(empty, blank)  # pyright: ignore[reportAttributeAccessIssue]
        if not pc.any(empty).as_py():  # pyright: ignore[reportAttributeAccessIssue]
            return table
    return table.filter(pc.invert(empty)) if empty is not None else table  # pyright: ignore[reportAttributeAccessIssue]


def refuse_equal_names(names: Sequence[str]) -> None:
    """Raise when two columns have one name; columns without a name are none of them.

    >>> refuse_equal_names(["a", "", ""])
    """
    counts = Counter(name for name in names if name)
    twice = [name for name, times in counts.items() if times > 1]
    if twice:
        raise InputError(
            f"expected different column names, got {twice[0]!r} {counts[twice[0]]} times"
            f"{f' (also {listed(twice[1:])})' if twice[1:] else ''}: rename them"
            f"{_levels_doubt(names)}{header_doubt(names)}, or (in files of text) give names with "
            "--names"
        )


def _levels_doubt(names: Sequence[str]) -> str:
    """Return what to do where equal names stand side by side, as those of several levels do.

    >>> _levels_doubt(["a", "a", "b"]), _levels_doubt(["a", "b", "a"])
    (' (of a header of several lines make one, such as a_x)', '')
    """
    runs = [name for name, before in zip(names, (None, *names), strict=False) if name != before]
    if len(set(runs)) < len(runs):
        return ""
    return " (of a header of several lines make one, such as a_x)"


def _is_empty(column: pa.ChunkedArray) -> bool:
    trimmed = pc.utf8_trim_whitespace(column)  # pyright: ignore[reportAttributeAccessIssue]
    return not pc.any(pc.not_equal(trimmed, "")).as_py()  # pyright: ignore[reportAttributeAccessIssue]


def _saved_indices(table: pa.Table, names: Sequence[str], keep: Sequence[int]) -> list[int]:
    """Return the leading columns that are saved indices; an index saved again has several."""
    leading: list[int] = []
    for place in keep[:-1]:
        has_place = place == 0 or names[place] != ""
        if not (has_place and _is_saved_index(names[place], table.column(place))):
            break
        leading.append(place)
    return leading


def is_name_of_index(name: str) -> bool:
    """Return whether pandas calls an index so that was saved and read back as a column.

    >>> is_name_of_index("Unnamed: 0.1"), is_name_of_index("index")
    (True, False)
    """
    return _INDEX_NAME.fullmatch(name) is not None


def _is_saved_index(name: str, column: pa.ChunkedArray) -> bool:
    """Return whether a column without a name of its own numbers or names the rows.

    Numbers must be whole and all different, or count up again and again, as those of tables put
    one below the other do; words must be all different.
    """
    if name and not is_name_of_index(name):
        return False
    if len(column) > 1 and pc.count_distinct(column).as_py() < len(column):  # pyright: ignore[reportAttributeAccessIssue]
        return _counts_in_runs(column)
    return looks_like_index(column.slice(0, 1000).to_pylist())


def _counts_in_runs(column: pa.ChunkedArray) -> bool:
    """Return whether whole numbers count up from 0 or 1 several times."""
    try:
        values = column.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return False
    starts = values <= 1
    return bool(starts[0] and (starts[1:] | (np.diff(values) == 1)).all() and values.max() > 1)


def _free_name(place: int, names: Sequence[str]) -> str:
    name = f"unnamed_{place + 1}"
    while name in names:
        name += "_"
    return name
