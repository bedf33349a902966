"""What a sheet of a workbook holds beside its values: merged cells, and formulas without a result.

pandas reads values alone: of merged cells it sees the first, and where a program wrote a formula
but never computed it (openpyxl, say) an empty cell. Both stand in the sheet's XML.
Source: ECMA-376 part 1, 18.3.1.4 (c), 18.3.1.40 (f), 18.3.1.55 (mergeCell), 18.2.19 (sheet)
"""

from __future__ import annotations

import re
import zipfile
from pathlib import PurePosixPath
from xml.etree import ElementTree

import pandas as pd

from shrinkage.datasets.formats.content import FileContent

_RELATIONS = "xl/_rels/workbook.xml.rels"
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell [^>]*?ref="([A-Z]+\d+:[A-Z]+\d+)"')
_FORMULA = re.compile(  # a result that is an empty text is one: t="str"
    rb'<c (?![^>]*t="str")[^>]*?r="([A-Z]+\d+)"[^>]*>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*'
    rb"(?:<v\s*/>|<v>\s*</v>)?\s*</c>"
)


def sheet_xml(content: FileContent, name: str) -> bytes:
    """Return the XML of a sheet; nothing where the workbook keeps it in no usual place.

    Args:
        content: the workbook.
        name: the sheet's name.
    """
    try:
        with zipfile.ZipFile(content.file()) as archive:
            book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
            relations = ElementTree.fromstring(archive.read(_RELATIONS))
            targets = {one.get("Id"): one.get("Target", "") for one in relations}
            sheet = next(one for one in book.iter() if one.get("name") == name and _is_sheet(one))
            relation = next(value for key, value in sheet.items() if key.endswith("}id"))
            return archive.read(_place(targets[relation]))
    except (zipfile.BadZipFile, KeyError, StopIteration, ElementTree.ParseError):
        return b""


def _is_sheet(element: ElementTree.Element) -> bool:
    return element.tag.rpartition("}")[2] == "sheet"


def _place(target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)


def with_merged_cells(sheet: pd.DataFrame, xml: bytes) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a sheet in which cells that are merged downwards hold their value in every row.

    Args:
        sheet: the values, row 1 and column A first.
        xml: the sheet's XML.

    Returns:
        `(sheet, what was done)`.

    >>> merged = b'<mergeCell ref="A1:A2"/>'
    >>> with_merged_cells(pd.DataFrame([["a", 1], ["", 2]]), merged)[0][0].tolist()
    ['a', 'a']
    """
    from openpyxl.utils import range_boundaries

    down = []
    for place in _MERGED.findall(xml):
        left, top, _, bottom = range_boundaries(place.decode())
        if top is not None and bottom is not None and left is not None and bottom > top:
            down.append((place.decode(), left - 1, top - 1, min(bottom, len(sheet))))
    if not down:
        return sheet, ()
    sheet = sheet.copy()
    for _, column, top, bottom in down:
        if column < sheet.shape[1] and top < len(sheet):
            sheet.iloc[top:bottom, column] = sheet.iat[top, column]
    return sheet, (f"cells merged downwards (such as {down[0][0]}) hold their value in every row",)


def unknown_results(xml: bytes) -> tuple[str, ...]:
    """Return a sentence on the formulas of a sheet whose results were never stored.

    >>> cells = b'<c r="D4"><f>C4*2</f><v></v></c><c r="D5"><f>C5*2</f><v>3</v></c>'
    >>> unknown_results(cells)[0][:55]
    '1 formula (D4) has no stored result, so its cell is mis'
    """
    cells = _FORMULA.findall(xml)
    if not cells:
        return ()
    first = cells[0].decode()
    say = (
        f"1 formula ({first}) has no stored result, so its cell is missing"
        if len(cells) == 1
        else f"{len(cells):,} formulas (such as {first}) have no stored results, so their cells "
        "are missing"
    )
    return (f"{say}: save the workbook in a spreadsheet program",)
