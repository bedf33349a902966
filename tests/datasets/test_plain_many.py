"""Columns that are judged many at once are judged as they are one by one."""

from __future__ import annotations

from shrinkage.datasets import columns
from shrinkage.datasets.cells import text_cells
from shrinkage.datasets.columns import judge_columns
from shrinkage.datasets.judging.plain_many import judge_many

CELLS = {
    "whole": ["1", "2", "30", "4"],
    "fractions": ["1.5", "-2", ".25", "1e5"],
    "blanks": [" 1.5 ", "", None, "7."],
    "missing words": ["1.5", "NA", "?", "2"],
    "leading zeros": ["007", "008", "1", "2"],
    "zero": ["0", "-0", "0.0", "00"],
    "days": ["20240131", "20240201", "", "20240202"],
    "nearly days": ["20240131", "1", "2", "3"],
    "thousands": ["1.234", "5.678", "12.345", "1"],
    "commas": ["1,5", "2,25", "3", "4"],
    "plus": ["+5", "1", "2", "3"],
    "infinite": ["1e999", "1", "2", "3"],
    "words": ["a", "b", "a", "b"],
    "empty": ["", "", None, ""],
    "percent": ["5%", "6%", "7%", "8%"],
}


def _judged(pairs):
    refused: dict[str, str] = {}
    judged = judge_columns(pairs, refused=refused)
    told = [(c.reading, c.hints, c.is_open, c.values.dtype, c.values.tolist()) for c in judged]
    return repr(told), refused


def test_they_are_judged_alike(monkeypatch) -> None:
    pairs = [(name, text_cells(cells)) for name, cells in CELLS.items()]
    assert {"whole", "fractions", "blanks"} <= set(judge_many(pairs))
    together = _judged(pairs)
    monkeypatch.setattr(columns, "judge_many", lambda _: {})
    assert together == _judged(pairs)


def test_columns_of_other_lengths_and_types_are_left_aside() -> None:
    assert judge_many([("a", text_cells(["1"])), ("b", text_cells(["1", "2"]))]) == {}
    assert judge_many([("a", [1, 2]), ("b", text_cells(["1", "2"]))]).keys() == {"b"}
    assert judge_many([]) == {}
