"""Workbooks (.xlsx), read by pandas with openpyxl: a sheet is a table of text like any other.

Cells are written out as text, exactly, so that titles, headers and columns are judged by the rules
for files of text.
"""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterator

import pandas as pd

from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.dialect import TextRow
from shrinkage.datasets.formats.feet import feet_below, feet_notes
from shrinkage.datasets.formats.sniffing import HEAD_RECORDS
from shrinkage.datasets.formats.tables import table_format
from shrinkage.datasets.formats.text_columns import columns_of
from shrinkage.datasets.formats.text_table import TextTable, text_table
from shrinkage.datasets.formats.top import read_top
from shrinkage.datasets.formats.workbook_parts import sheet_xml, unknown_results, with_merged_cells
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import hint, listed, one_line
from shrinkage.errors import InputError
from shrinkage.extras import require


def read_workbook(content: FileContent, options: ReadOptions) -> TextTable:
    """Read a sheet of a workbook.

    Args:
        content: the file; a part behind its name is the sheet.
        options: sheet, header and names.

    Raises:
        MissingExtra: openpyxl is not installed.
        InputError: no such sheet, no table in it.
    """
    sheets = _sheets(content)
    name, notes = _chosen(sheets, content, options)
    xml = sheet_xml(content, name)
    sheet, merged = with_merged_cells(sheets[name], xml)
    rows = _rows_of(sheet)
    feet = feet_below(rows, len(rows[0].cells))
    rows = rows[: len(rows) - len(feet)]
    top = read_top(rows[:HEAD_RECORDS], options)
    body = rows[top.skipped :]
    cells = columns_of([record.cells for record in body], len(rows[0].cells))

    def filled() -> Iterator[TextRow]:
        return (record for record in body if any(record.cells))

    told = (*content.notes, *notes, *merged, *unknown_results(xml), *top.notes, *feet_notes(feet))
    return text_table(cells, top, filled, told, options)


def _sheets(content: FileContent) -> dict[str, pd.DataFrame]:
    """Return the sheets that hold cells."""
    require("excel")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and rules for entry, which are no data
            sheets = pd.read_excel(
                content.file(),
                sheet_name=None,
                header=None,
                dtype=object,
                na_filter=False,
                engine="openpyxl",
            )
    except Exception as error:  # openpyxl raises whatever its parts raise
        raise InputError(
            f"expected a readable workbook, got {one_line(error, 100)}: save it again, or as CSV"
        ) from error
    return {str(name): sheet for name, sheet in sheets.items() if sheet.size}


def _chosen(
    sheets: dict[str, pd.DataFrame], content: FileContent, options: ReadOptions
) -> tuple[str, tuple[str, ...]]:
    if not sheets:
        raise InputError("expected a table, got a workbook without cells: check the file")
    names = list(sheets)
    wanted = content.part or options.sheet
    if wanted in sheets:
        return wanted, ()
    if wanted is not None and not (options.inherited and content.part is None):
        raise InputError(f"expected a sheet {wanted!r}, got none: {hint(wanted, names)}")
    if len(names) == 1:
        return names[0], ()
    first = next((name for name in names if _is_table(sheets[name])), names[0])
    return first, (f"sheet {first!r} of {listed(names)} was read; --sheet takes another",)


def _is_table(sheet: pd.DataFrame) -> bool:
    """Return whether a sheet has two columns with cells below each other; a cover has not."""
    filled = sheet.map(cell_text) != ""
    return int((filled.sum(axis=0) > 1).sum()) > 1


def _rows_of(sheet: pd.DataFrame) -> list[TextRow]:
    """Return the rows as text, without empty columns and the empty rows above and below."""
    text = sheet.map(cell_text)
    filled = text != ""
    text = text.loc[filled.any(axis=1), filled.any(axis=0)]
    return [
        TextRow(int(place) + 1, cells)  # pyright: ignore[reportArgumentType]
        for place, cells in zip(text.index, text.to_numpy().tolist(), strict=True)
    ]


def cell_text(cell: object) -> str:
    """Return what a cell of a workbook says, exactly; a date without a time as a date.

    >>> cell_text(0.1), cell_text(2.0), cell_text(True), cell_text(None)
    ('0.1', '2', 'True', '')
    >>> cell_text(datetime.datetime(2020, 1, 31)), cell_text(datetime.datetime(2020, 1, 31, 9, 30))
    ('2020-01-31', '2020-01-31 09:30:00')
    """
    if cell is None or cell is pd.NaT:
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(float(cell))
    if isinstance(cell, datetime.datetime):
        midnight = cell.time() == datetime.time()
        return cell.date().isoformat() if midnight else cell.isoformat(sep=" ")
    return str(cell).strip()


WORKBOOK = table_format(read_workbook, takes=("header", "names", "sheet"))
