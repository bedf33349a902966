"""ARFF files, as Weka and OpenML write them.

An unquoted `?` is a missing cell, whatever its attribute is; quotes of both kinds, blanks around
cells and backslashes before quotes are read as Weka reads them, row by row. Numbers and nominal
values are taken at the word of their attributes, strings and dates are judged like other text.
Source: https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.encodings import decoded
from shrinkage.datasets.formats.tables import FrameTable, NamedColumns, table_format
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import listed, one_line
from shrinkage.errors import InputError

_DATA = re.compile(r"^\s*@data\b[^\n]*\n?", re.IGNORECASE | re.MULTILINE)
_ATTRIBUTE = re.compile(
    r"""^\s*@attribute\s+('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|[^\s'"{]+)\s*([^\n]*)$""",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*""")
_ESCAPED = re.compile(r"\\(.)")
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}

NUMBERS = ("numeric", "real", "integer")
TEXTS = ("string", "date")


class Attribute(NamedTuple):
    """A column: its name, the word of its type, and the values of a nominal one."""

    name: str
    kind: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ArffTable(FrameTable):
    """The rows of a file, with the lines that they stand in."""

    lines: Sequence[int] = field(default=(), repr=False)

    def locate(self, row: int) -> str:
        """Return `data row r (line l)`, both counted from 1."""
        return f"data row {row + 1} (line {self.lines[row]})"


def read_arff(content: FileContent, options: ReadOptions) -> NamedColumns:
    """Read an ARFF file.

    Args:
        content: the file.
        options: the encoding.

    Raises:
        InputError: unreadable, sparse, or without rows; a cell that its attribute does not have.
    """
    text = decoded(content.data, options)
    lines = text.buffer.to_pybytes().decode()
    start = _DATA.search(lines)
    if start is None:
        raise InputError("expected an ARFF file, got no line @data: write it again")
    if re.match(r"\s*\{", lines[start.end() :]):
        raise InputError("expected rows of all cells, got a sparse ARFF file: save it as CSV")
    attributes = attributes_of(lines[: start.start()])
    first = lines[: start.end()].count("\n") + 1
    numbers, rows = [], []
    for number, line in enumerate(lines[start.end() :].splitlines(), first):
        if line.strip() and not line.lstrip().startswith("%"):
            numbers.append(number)
            rows.append(_cells(line, number, len(attributes)))
    if not rows:
        raise InputError("expected rows, got none: add data")
    table = ArffTable(pd.DataFrame(), lines=numbers)
    columns = [
        _column(attribute, cells, table)
        for attribute, cells in zip(attributes, zip(*rows, strict=True), strict=True)
    ]
    frame = pd.concat(columns, axis=1)
    return ArffTable(frame, (*content.notes, *text.notes), lines=numbers)


def attributes_of(head: str) -> list[Attribute]:
    """Return the attributes that the head of a file declares.

    Raises:
        InputError: there is none, or one of a type that has no cells.

    >>> attributes_of("@attribute 'home town' {Bern, 'La Neuveville'}")
    [Attribute(name='home town', kind='nominal', values=('Bern', 'La Neuveville'))]
    """
    attributes = []
    for name, said in _ATTRIBUTE.findall(head):
        plain = split_cells(name, None)[0] or name
        kind = said.split()[0].casefold() if said.split() else ""
        if said.lstrip().startswith("{"):
            inside = said.strip().removeprefix("{").rpartition("}")[0]
            values = tuple(own for own in split_cells(inside, ",") if own is not None)
            attributes.append(Attribute(plain, "nominal", values))
        elif kind in (*NUMBERS, *TEXTS):
            attributes.append(Attribute(plain, kind))
        else:
            raise InputError(
                f"expected attributes of numbers, strings, dates or values in braces, got "
                f"{one_line(said, 40)!r} for {plain!r}: save the file as CSV"
            )
    if not attributes:
        raise InputError("expected lines @attribute before @data, got none: write it again")
    return attributes


def _cells(line: str, number: int, width: int) -> list[str | None]:
    """Return the cells of a row; tabs separate where no comma does."""
    cells = split_cells(line, ",")
    if len(cells) != width and "\t" in line:
        cells = split_cells(line, "\t")
    if len(cells) != width:
        raise InputError(
            f"line {number}: expected a cell for each of the {width} attributes, got "
            f"{len(cells)}: correct the line"
        )
    return cells


def split_cells(text: str, separator: str | None) -> list[str | None]:
    """Return the cells of a text, without quotes; an unquoted `?` is None.

    Args:
        text: one line, or the values of an attribute.
        separator: what stands between cells; None: the text is one cell.

    >>> split_cells("1, ? ,'?','it\\\\'s, so'", ",")
    ['1', None, '?', "it's, so"]
    """
    if "'" not in text and '"' not in text:
        return [_unquoted(cell) for cell in (text.split(separator) if separator else [text])]
    cells: list[str | None] = []
    place = 0
    while place <= len(text):
        quoted = _QUOTED.match(text, place)
        end = text.find(separator, place) if separator else -1
        end = len(text) if end < 0 else end
        closes = quoted is not None and quoted.end() in (end, len(text))
        if quoted is not None and not closes and separator is not None:
            closes = text.startswith(separator, quoted.end())
        if quoted is not None and closes:
            inside = quoted[1] if quoted[1] is not None else quoted[2]
            cells.append(_ESCAPED.sub(lambda m: _CONTROLS.get(m[1], m[1]), inside))
            end = quoted.end()
        else:
            cells.append(_unquoted(text[place:end]))
        place = end + 1
    return cells


def _unquoted(cell: str) -> str | None:
    cell = cell.strip()
    return None if cell == "?" else cell


def _column(attribute: Attribute, cells: Sequence[str | None], table: ArffTable) -> pd.Series:
    """Return the cells of an attribute with its type."""
    name = attribute.name
    if attribute.kind in TEXTS:
        return pd.Series(cells, name=name, dtype=object)
    if attribute.kind == "nominal":
        known = {None, *attribute.values}
        present = [None if cell in {"", "?"} - known else cell for cell in cells]
        bad = next((row for row, own in enumerate(present) if own not in known), None)
        what = f"a value of its attribute ({listed(attribute.values)})"
        typed = None if bad is not None else pd.Categorical(present)
    else:
        numbers = np.asarray(pd.to_numeric(np.array(cells, dtype=object), errors="coerce"), float)
        lost = np.isnan(numbers) & [cell not in (None, "", "NaN", "nan") for cell in cells]
        bad = int(lost.argmax()) if lost.any() else None
        what, typed = "a number", numbers
    if bad is not None:
        raise InputError(
            f"column {name!r}, {table.locate(bad)}: expected {what}, got {cells[bad]!r}: "
            "correct it, or write ? where it is missing"
        )
    return pd.Series(typed, name=name)


ARFF = table_format(read_arff, takes=("encoding",))
