"""The fast way for most columns of numbers: plain ones and words for missing, in Arrow alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.cells import Locate, plain_numbers, require_finite
from shrinkage.datasets.column_readings import ColumnDoubt, ColumnReading
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
from shrinkage.datasets.judging.base import EXAMPLES, FileHints, JudgedColumn, ends
from shrinkage.datasets.judging.missing_words import MISSING_BESIDE_NUMBERS, are_missing

FIRST_CELLS = 64
EXACT = 2.0**53
"""From here on floats do not hold every whole number."""
PLAIN = r"^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
ZEROS = r"^[+-]?0\d"
_DAY = r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$"
GROUPED = r"^[+-]?(\d+|[1-9]\d{0,2}(\.\d{3})+)$"


def judge_plain(
    name: str, cells: pa.ChunkedArray, spec: ColumnSpec, hints: FileHints, locate: Locate
) -> JudgedColumn | None:
    """Return a column of plain numbers and empty cells, the fast way, or None for a closer look."""
    values = None if spec.missing is not None else plain_or_missing(cells)
    if values is None or np.isnan(values).all():
        return None
    trimmed = pc.utf8_trim_whitespace(cells)  # pyright: ignore[reportAttributeAccessIssue]
    match = pc.match_substring_regex  # pyright: ignore[reportAttributeAccessIssue]
    lost = np.isnan(values)
    present = trimmed.filter(pa.array(~lost)) if lost.any() else trimmed
    if pc.any(match(present, ZEROS)).as_py() or _all_match(present, _DAY):  # pyright: ignore[reportAttributeAccessIssue]
        return None
    grouped = _all_match(present, GROUPED)
    pointed = pc.any(pc.match_substring(present, ".")).as_py()  # pyright: ignore[reportAttributeAccessIssue]
    if grouped and pointed and not _all_match(present, r"\."):
        return None
    if grouped and pointed and hints.decimal == "," and hints.proven:
        return None
    require_finite(values, name, locate, lambda row: cells[row].as_py())
    words = pc.value_counts(trimmed.filter(pa.array(lost))).to_pylist() if lost.any() else []  # pyright: ignore[reportAttributeAccessIssue]
    least, most = ends(values[~lost])
    levels, doubts = len(pd.unique(values[~lost])), ()
    if np.abs(values[~lost]).max() >= EXACT and pc.count_distinct(present).as_py() > levels:  # pyright: ignore[reportAttributeAccessIssue]
        doubts = (ColumnDoubt.LOST_DIGITS,)
    reading = ColumnReading(
        name,
        ColumnKind.NUMERIC,
        CellRule(ColumnKind.NUMERIC),
        rows=len(values),
        missing=int(lost.sum()),
        missing_words=tuple((w["values"], w["counts"]) for w in words if w["values"]),
        levels=levels,
        examples=tuple(present.slice(0, EXAMPLES).to_pylist()),
        said=spec.said_kind is not None,
        doubts=doubts,
        least=least,
        most=most,
    )
    proof = FileHints(decimal="." if pointed and not grouped else "")
    return JudgedColumn(pd.Series(values, name=name), reading, proof, bool(pointed and grouped))


def plain_or_missing(cells: pa.ChunkedArray) -> np.ndarray | None:
    """Return the numbers of a column of plain numbers and a few words for missing, else None.

    >>> from shrinkage.datasets.cells import text_cells
    >>> plain_or_missing(text_cells(["1.5", "n/a", " - "])).tolist()
    [1.5, nan, nan]
    >>> plain_or_missing(text_cells(["1.5", "x"])) is None
    True
    """
    values = plain_numbers(cells)
    if values is not None:
        return values
    trimmed = pc.utf8_trim_whitespace(cells)  # pyright: ignore[reportAttributeAccessIssue]
    if len(_others(trimmed.slice(0, 10 * FIRST_CELLS))) > FIRST_CELLS:
        return None
    words = _others(trimmed)
    if len(words) > FIRST_CELLS or not are_missing(words, MISSING_BESIDE_NUMBERS).all():
        return None
    lost = pc.is_in(trimmed, value_set=pa.array(words, pa.string()))  # pyright: ignore[reportAttributeAccessIssue]
    return plain_numbers(pc.if_else(lost, pa.scalar(None, pa.string()), trimmed))  # pyright: ignore[reportAttributeAccessIssue]


def _others(cells: pa.ChunkedArray) -> list[str]:
    """Return the different cells that are no plain number."""
    plain = pc.match_substring_regex(cells, PLAIN)  # pyright: ignore[reportAttributeAccessIssue]
    return pc.unique(cells.filter(pc.invert(plain)).drop_null()).to_pylist()  # pyright: ignore[reportAttributeAccessIssue]


def _all_match(cells: pa.ChunkedArray, pattern: str) -> bool:
    """Return whether all cells match; the first ones mostly say that they do not."""

    def match(part: pa.ChunkedArray) -> bool:
        return pc.all(pc.match_substring_regex(part, pattern)).as_py()  # pyright: ignore[reportAttributeAccessIssue]

    return match(cells.slice(0, FIRST_CELLS)) and match(cells)
