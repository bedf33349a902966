"""JSON and JSON lines: records, columns, or pandas' `split`; objects in cells become columns.

Source: https://pandas.pydata.org/docs/user_guide/io.html (the `orient` of JSON),
https://jsonlines.org.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import pandas as pd

from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.encodings import decoded
from shrinkage.datasets.formats.tables import FrameTable, nested_columns, table_format
from shrinkage.datasets.formats.text_columns import refuse_equal_names
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import listed, one_line
from shrinkage.errors import InputError

FLAT = "a list of flat objects (pandas.json_normalize flattens nested ones)"


def read_json(content: FileContent, options: ReadOptions) -> FrameTable:
    """Read a JSON file.

    Args:
        content: one value, or one object a line.
        options: the encoding.

    Raises:
        InputError: no JSON, or nothing that is a table.
    """
    text = decoded(content.data, options)
    value, notes = _parsed(text.buffer.to_pybytes().decode("utf-8"))
    frame, told = _frame(value)
    if frame.empty:
        raise InputError("expected rows, got none: add data")
    frame, opened = _without_objects(frame)
    told = (*told, *opened)
    frame.columns = [str(name).strip() for name in frame.columns]
    refuse_equal_names(list(frame.columns))
    frame = frame.reset_index(drop=True)
    notes = (*content.notes, *text.notes, *notes, *told)
    return FrameTable(frame, notes, unreadable=nested_columns(frame))


def _without_objects(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return columns `a.b` in the place of objects with a field b in a column a, at any depth.

    Cells have the same fields, by and large: of objects that hold less than half of all fields on
    average (counts by word, say) no table is made.

    >>> frame, told = _without_objects(pd.DataFrame({"a": [{"b": 1, "c": {"d": 2}}, {"b": 3}]}))
    >>> frame.columns.tolist(), told
    (['a.b', 'a.c.d'], ("the fields of objects are columns, such as 'a.b'",))
    """
    columns, first = [], ""
    open_columns = [(str(name), pd.Series(frame[name])) for name in frame.columns][::-1]
    while open_columns:
        name, cells = open_columns.pop()
        fields = _fields(cells)
        if not fields:
            columns.append(cells.rename(name))
            continue
        first = first or f"{name}.{fields[0]}"
        values = [cell if isinstance(cell, dict) else {} for cell in cells]
        parts = [(f"{name}.{key}", pd.Series([own.get(key) for own in values])) for key in fields]
        open_columns += parts[::-1]
    if not first:
        return frame, ()
    return pd.concat(columns, axis=1), (f"the fields of objects are columns, such as {first!r}",)


def _fields(cells: pd.Series) -> list[str]:
    """Return the fields of cells that are all objects or missing; nothing of other cells."""
    objects = [cell for cell in cells if isinstance(cell, dict)]
    if len(objects) < len(cells) - cells.isna().sum():
        return []
    fields = list(dict.fromkeys(key for cell in objects for key in cell))
    return fields if 2 * sum(map(len, objects)) >= len(fields) * len(objects) else []


def _parsed(text: str) -> tuple[object, tuple[str, ...]]:
    """Return the value of a file, or the list of the values of its lines."""
    try:
        return json.loads(text), ()
    except json.JSONDecodeError as error:
        if "\n" not in text.strip() or not text.lstrip().startswith(("{", "[")):
            raise _no_json(error, error.lineno) from error
        first = error
    values = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            values += [json.loads(line)] if line.strip() else []
        except json.JSONDecodeError as error:
            # A file of one value that is broken, or a broken line among many.
            raise (_no_json(error, number) if values else _no_json(first, first.lineno)) from error
    return values, (f"one JSON value a line, {len(values)} lines",)


def _no_json(error: json.JSONDecodeError, line: int) -> InputError:
    return InputError(
        f"expected JSON, got something else in line {line} ({one_line(error.msg, 80)}): correct it"
    )


def _frame(value: object) -> tuple[pd.DataFrame, tuple[str, ...]]:
    if isinstance(value, list):
        return _rows(value), ()
    if not isinstance(value, Mapping):
        raise InputError(f"expected {FLAT}, got {type(value).__name__}: save it so")
    if {"columns", "data"} <= set(value) and isinstance(value["columns"], list):
        return _split(value), ()
    members = list(value.values())
    if members and all(isinstance(member, Mapping) for member in members):
        return _named(value)
    if (
        members
        and all(isinstance(member, list) for member in members)
        and (len(members) > 1 or not isinstance((members[0] or [None])[0], Mapping))
    ):
        if len({len(member) for member in members}) > 1:
            sizes = {name: len(member) for name, member in value.items()}
            raise InputError(
                f"expected columns of one length, got {listed(sizes.items())}: fill up"
            )
        return pd.DataFrame(dict(value)), ()
    tables = [name for name, member in value.items() if _is_records(member)]
    if len(tables) == 1:
        frame, note = _rows(value[tables[0]]), f"the table is the list {tables[0]!r} of the file"
        index = _index_of(value, frame)
        notes = (note, f"the index was left out: {listed(index)}") if index else (note,)
        return frame.drop(columns=index), notes
    raise InputError(f"expected {FLAT}, got an object of {listed(value)}: save it so")


def _index_of(value: Mapping, frame: pd.DataFrame) -> list[str]:
    """Return the columns without a name of their own that pandas' `table` makes of an index."""
    schema = value.get("schema")
    keys = schema.get("primaryKey", []) if isinstance(schema, Mapping) else []
    return [name for name in keys if name in ("index", "level_0") and name in frame]


def _is_records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _rows(values: list) -> pd.DataFrame:
    bad = next((row for row, value in enumerate(values) if not isinstance(value, Mapping)), None)
    if bad is not None:
        raise InputError(
            f"expected {FLAT}, got {one_line(json.dumps(values[bad]), 40)} as element {bad + 1}: "
            "save it so"
        )
    return pd.DataFrame(values)


def _split(value: Mapping) -> pd.DataFrame:
    width = len(value["columns"])
    bad = next((row for row, cells in enumerate(value["data"]) if len(cells) != width), None)
    if bad is not None:
        raise InputError(
            f"expected {width} cells in every row, row {bad + 1} has {len(value['data'][bad])}: "
            "correct it"
        )
    return pd.DataFrame(value["data"], columns=value["columns"])


def _named(value: Mapping[str, Mapping]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return columns of named rows, or rows by name where the outer names number them."""
    if all(name.isdigit() for name in value):
        return pd.DataFrame(list(value.values())), ()
    inner = {name for column in value.values() for name in column}
    note = (
        () if all(name.isdigit() for name in inner) else (f"{len(inner)} names of rows left out",)
    )
    return pd.DataFrame({name: pd.Series(column) for name, column in value.items()}), note


JSON = table_format(read_json, takes=("encoding",))
