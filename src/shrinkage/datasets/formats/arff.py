"""ARFF files, as Weka and OpenML write them: by SciPy, and as text where SciPy knows no such cells.

SciPy reads numbers and nominal values. A file that also holds strings is read as a table of text
under the names of its attributes, and its cells are judged like those of any other.
Source: https://docs.scipy.org/doc/scipy/reference/generated/scipy.io.arff.loadarff.html,
https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable/
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import pandas as pd

from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.csv_text import read_csv_text
from shrinkage.datasets.formats.encodings import decoded
from shrinkage.datasets.formats.tables import FrameTable, NamedColumns, table_format
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError

_DATA = re.compile(r"^\s*@data\b[^\n]*\n", re.IGNORECASE | re.MULTILINE)
_ATTRIBUTE = re.compile(
    r"""^\s*@attribute\s+('[^'\n]*'|"[^"\n]*"|[^\s'"]+)\s""", re.IGNORECASE | re.MULTILINE
)


def read_arff(content: FileContent, options: ReadOptions) -> NamedColumns:
    """Read an ARFF file.

    Args:
        content: the file.
        options: the encoding.

    Raises:
        InputError: unreadable, sparse, or without rows.
    """
    text = decoded(content.data, options)
    lines = text.buffer.to_pybytes().decode()
    start = _DATA.search(lines)
    if start is None:
        raise InputError("expected an ARFF file, got no line @data: write it again")
    if re.match(r"\s*\{", lines[start.end() :]):
        raise InputError("expected rows of all cells, got a sparse ARFF file: save it as CSV")
    try:
        frame = _by_scipy(lines)
    except (NotImplementedError, UnicodeError):
        return _as_text(content, lines, start)
    except (ValueError, KeyError, IndexError, StopIteration, OSError, csv.Error) as error:
        raise InputError(
            f"expected an ARFF file, got something unreadable ({one_line(error, 100)}): write it "
            "again"
        ) from error
    if frame.empty:
        raise InputError("expected rows, got none: add data")
    return FrameTable(frame, (*content.notes, *text.notes))


def _by_scipy(text: str) -> pd.DataFrame:
    from scipy.io import arff

    values, attributes = arff.loadarff(io.StringIO(text))
    frame = pd.DataFrame(values)
    for name, kind in zip(attributes.names(), attributes.types(), strict=True):
        if kind == "nominal":
            cells = frame[name].str.decode("utf-8")
            frame[name] = pd.Categorical(cells.where(cells != "?"))
    return frame


def _as_text(content: FileContent, text: str, start: re.Match[str]) -> NamedColumns:
    """Return the rows below `@data` as a table of text; lines are counted from the file's first."""
    names = tuple(name.strip("'\"") for name in _ATTRIBUTE.findall(text[: start.start()]))
    above = text[: start.end()].count("\n")
    rows = "%\n" * above + text[start.end() :]
    table = read_csv_text(
        replace(content, data=rows.encode(), inner="rows.csv"),
        ReadOptions(separator=",", header=False, names=names),
    )
    note = "attributes of text: all columns were judged by their cells"
    return replace(table, notes=(*content.notes, note), read_options=ReadOptions())


ARFF = table_format(read_arff, takes=("encoding",))
