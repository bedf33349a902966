"""Workbooks: sheets, titles, dates, and what is said without openpyxl."""

from __future__ import annotations

import datetime
import sys

import pytest

from shrinkage.datasets import ReadOptions, load_dataset, read_rows
from shrinkage.extras import MissingExtra


@pytest.fixture
def workbook(tmp_path):
    """Return a function that writes sheets of rows to a workbook."""
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl (the extra excel) is not installed")

    def write(name: str = "t.xlsx", **sheets: list[list[object]]):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        book.save(tmp_path / name)
        return tmp_path / name

    return write


TABLE = [["age", "city", "y"], [31, "Bern", 1.5], [44, None, 2.5], [0.1, "Basel", 3.5]]


def test_a_sheet_is_a_table(workbook, refused):
    path = workbook(empty=[], notes=[["nothing"]], data=TABLE)
    for options, source in ((ReadOptions(sheet="data"), path), (ReadOptions(), f"{path}:data")):
        data = load_dataset(source, target="y", read_options=options)
        assert data.input_names == ("age", "city")
        assert data.X["age"].tolist() == [31, 44, 0.1]
        assert data.X["city"].isna().tolist() == [False, True, False]
    with refused("'t.xlsx'", "'dta'", "did you mean data"):
        load_dataset(path, target="y", read_options=ReadOptions(sheet="dta"))
    first = load_dataset(workbook(data=TABLE, more=[["x"], [1]]), target="y")
    assert "'data'" in first.notes[0]
    cover = workbook(cover=[["Report"], ["of 2020"]], data=TABLE)
    assert "sheet 'data' of 'cover', 'data'" in load_dataset(cover, target="y").notes[0]


def test_titles_empty_edges_and_lines(workbook, refused):
    rows = [[], ["", "Report of 2020"], [], *(["", *row] for row in TABLE), [], [""]]
    path = workbook("t.xlsm", data=rows)
    assert load_dataset(path, target="y").input_names == ("age", "city")
    many = [["a", "y"], *([i, i % 2] for i in range(20)), ["oops", 1]]
    with refused("'t.xlsx'", "data row 21 (line 22)", "'oops'"):
        load_dataset(workbook(data=many), target="y")


def test_dates_and_truth_are_written_out(workbook):
    moments = [datetime.datetime(2020, 1, 31), datetime.datetime(2020, 1, 31, 9, 30)]
    rows = [["when", "ok", "y"], [moments[0], True, 1], [moments[1], False, 2]]
    read = read_rows(workbook(data=rows))
    assert read["when"].tolist() == ["2020-01-31", "2020-01-31 09:30:00"]
    assert read["ok"].tolist() == ["True", "False"]


def test_without_openpyxl_the_extra_is_named(workbook, monkeypatch):
    path = workbook(data=TABLE)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingExtra, match=r"shrinkage\[excel\]"):
        load_dataset(path, target="y")


def test_what_is_decided_above_the_rows_is_told(workbook):
    rows = [["Report of 2024"], ["size", "y"], ["mm", None], *([n, n % 3] for n in range(9))]
    data = load_dataset(workbook(data=rows), target="y")
    assert any("1 line above the header left out" in note for note in data.notes)
    assert any("the row below the header left out" in note for note in data.notes)


def test_merged_cells_hold_their_value_in_every_row(workbook):
    rows = [["site", "y"], *([None if n % 5 else f"s{n // 5}", n / 4] for n in range(20))]
    path = workbook(data=rows)
    data = load_dataset(path, target="y")
    assert data.X["site"].isna().sum() == 16
    book = openpyxl_of(path)
    for first in range(2, 22, 5):
        book.active.merge_cells(start_row=first, end_row=first + 4, start_column=1, end_column=1)
    book.save(path)
    data = load_dataset(path, target="y")
    assert data.X["site"].tolist() == [f"s{n // 5}" for n in range(20)]
    assert any("cells merged downwards (such as A" in note for note in data.notes)


def test_formulas_without_results_are_told(workbook):
    rows = [["x", "twice", "y"], *([n, f"=A{n + 2}*2", n / 4] for n in range(20))]
    notes = load_dataset(workbook(data=rows), target="y").notes
    assert any("20 formulas (such as B2) have no stored results" in note for note in notes)


def openpyxl_of(path):
    import openpyxl

    return openpyxl.load_workbook(path)
