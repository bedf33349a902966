"""Lines below a table: left out and told where they are certain, rows that lack cells never."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from shrinkage.datasets import load_dataset, read_rows
from tests.cli.command_line import shrinkage

ROWS = [["age", "city", "y"], *([str(n), "ABC"[n % 3], str(n / 2)] for n in range(20, 40))]
NAMED = [["city", "age", "y"], *([f"Town {n % 4}", str(n), str(n / 2)] for n in range(20, 40))]
FEET = {
    "source": ["Source: Federal Office of Statistics"],
    "mark": ["* preliminary", "n = 120"],
    "sentence": ["", "Collected in the spring of 2020", "Note: without the islands"],
}
ENDINGS = [".csv", ".tsv", ";.csv", "padded.csv", ".xlsx"]


def write(path: Path, rows: list[list[str]], ending: str) -> Path:
    """Write rows as a file; short ones stay short but in padded files and workbooks."""
    path = path.with_name(path.name + ending)
    if ending == ".xlsx":
        openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed")
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append([cell or None for cell in row])
        book.save(path)
        return path
    separator = {".tsv": "\t", ";.csv": ";"}.get(ending, ",")
    width = len(rows[0]) if ending == "padded.csv" else 0
    lines = [separator.join(row + [""] * (width - len(row))) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("feet", FEET)
@pytest.mark.parametrize("table", [ROWS, NAMED, ROWS + ROWS[1:] * 15], ids=["n", "t", "long"])
def test_feet_are_left_out_and_told(tmp_path, ending, feet, table):
    said = [text for text in FEET[feet] if text]
    path = write(tmp_path / "t", [*table, *([text] for text in FEET[feet])], ending)
    data = load_dataset(path, target="y")
    bare = load_dataset(write(tmp_path / "bare", table, ending), target="y")
    assert data.input_names == bare.input_names
    assert pd.DataFrame(data.X).equals(pd.DataFrame(bare.X))
    assert data.y.tolist() == bare.y.tolist()
    lines = (
        "1 line below the table is" if len(said) == 1 else f"{len(said)} lines below the table are"
    )
    assert [note for note in data.notes if "below the table" in note] == [
        f"{lines} left out: {said[0]!r}"
    ]


@pytest.mark.parametrize("ending", ["padded.csv", ".xlsx"])
@pytest.mark.parametrize(
    "last",
    [
        [["Town 99", "", ""]],
        [["Town 98", "", ""], ["Town 99", "", ""]],
        [["", "", ""], ["A town by the sea", "", ""], ["Town 99", "", ""]],
        [["A town by the sea", "", ""]],
        [["Note", "", ""]],
        [["*", "", ""]],
        [["*new", "", ""]],
        [["n", "", ""]],
        [["Source: here", "4", ""]],
    ],
)
def test_a_last_row_that_lacks_cells_stays(tmp_path, ending, last):
    path = write(tmp_path / "t", [*NAMED, *last], ending)
    rows = [row for row in last if any(row)]
    assert read_rows(path)["city"].tolist()[-len(rows) :] == [row[0] for row in rows]
    assert len(read_rows(path)) == len(NAMED) - 1 + len(rows)


def test_where_rows_above_lack_cells_or_are_notes_the_last_one_stays(tmp_path):
    notes = [[f"Note: {n}", str(n), "1"] for n in range(9)]
    long = [[f"{n} it was a film that I would see again", str(n), "1"] for n in range(9)]
    lacking = [[f"Town {n}", "" if n == 4 else "3", "1"] for n in range(9)]
    for number, rows in enumerate((notes, long, lacking)):
        table = [NAMED[0], *rows, ["Note: I liked it", "", ""]]
        path = write(tmp_path / f"t{number}", table, "padded.csv")
        assert read_rows(path)["city"].tolist()[-1] == "Note: I liked it"


def test_blank_lines_tell_nothing_where_they_stand_between_rows_or_in_cells(tmp_path):
    last = ["A town by the sea", "", ""]
    spaced = [row for record in NAMED for row in (record, ["", "", ""])]
    broken = [*NAMED, ["Town 1", "4", '"1\n\n"']]
    for number, rows in enumerate((spaced, broken)):
        path = write(tmp_path / f"t{number}", [*rows, last], "padded.csv")
        assert read_rows(path)["city"].tolist()[-1] == last[0]


def test_a_single_column_has_no_feet(tmp_path):
    rows = [["text"], ["good"], ["bad"], ["fair"], ["Source: a friend"]]
    for ending in (".csv", ".xlsx"):
        path = write(tmp_path / "t", rows, ending)
        assert read_rows(path)["text"].tolist()[-1] == "Source: a friend"


@pytest.mark.parametrize(
    "last",
    [["99"], ["Town 99"], ["99", "B"], ["Town 99", "", "", ""]],
)
def test_a_short_last_row_is_refused(tmp_path, refused, last):
    with refused("expected 3 cells in every row, data row 21 (line 22)"):
        read_rows(
            write(tmp_path / "t", [*NAMED, last[:2] if len(last) < 4 else [*last, "x"]], ".csv")
        )


def test_a_smaller_table_below_is_refused(tmp_path, refused):
    below = [[""], ["Note: more of them"], ["name", "score"], ["A", "1"]]
    with refused("expected 3 cells in every row, data row 21 (line 23)"):
        read_rows(write(tmp_path / "t", [*ROWS, *below], ".csv"))


def test_data_and_predict_agree(tmp_path):
    path = write(tmp_path / "t", [*ROWS, ["Source: a survey"]], ".csv")
    told = shrinkage("data", path, "--target", "y")
    assert told.status == 0, told.err
    assert "1 line below the table is left out: 'Source: a survey'" in told.out + told.err
    run = tmp_path / "run"
    trained = shrinkage(
        "path", path, "--target", "y", "--model", "linear", "--strengths", 4, "--out", run
    )
    assert trained.status == 0, trained.err
    predicted = shrinkage("predict", run, path)
    assert predicted.status == 0, predicted.err
    assert "1 line below the table is left out" in predicted.err
    assert len(predicted.out.splitlines()) == len(ROWS)
