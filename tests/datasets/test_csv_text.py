"""CSV and TSV files: what is read, verbatim, and what is refused in one line."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from shrinkage.datasets import load_dataset, read_rows
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec

GOOD = "age,city,class\n31,Bern,a\n44,Basel,b\n28,Bern,a\n"


def test_types_and_roles(write_csv):
    data = load_dataset(write_csv(GOOD), target="class")
    assert data.task == "classification"
    assert data.y.tolist() == ["a", "b", "a"]
    assert data.input_names == ("age", "city")
    assert data.X["age"].tolist() == [31.0, 44.0, 28.0]
    assert isinstance(data.X["city"].dtype, pd.CategoricalDtype)
    assert data.name == "table.csv"


@pytest.mark.parametrize("missing", ["", "NA", "NaN", "nan", "null", "NULL", "n/a", "?", " ? "])
def test_missing_markers(write_csv, missing):
    text = f"age,city,class\n{missing},Bern,a\n44,{missing},b\n28,Bern,a\n"
    data = load_dataset(write_csv(text), target="class")
    assert np.isnan(data.X["age"][0])
    assert data.X["city"].isna().tolist() == [False, True, False]


def test_numbers_are_exact(tmp_path):
    draw = np.random.default_rng(1)
    values = draw.normal(size=(200, 5)) * 10.0 ** draw.integers(-300, 300, size=(200, 5))
    frame = pd.DataFrame(values, columns=list("abcde")).assign(y=np.arange(200) % 2)
    frame.to_csv(tmp_path / "n.csv", index=False)
    data = load_dataset(tmp_path / "n.csv", target="y")
    assert np.array_equal(data.X.to_numpy(), values)


NASTY = [
    "<script>alert(1)</script>",
    'say "hi", twice',
    "pad ded",
    "日本語 🐭",
    "=1+1",
    "$x^2$ & \\frac",
    "-",
    "1,000",
]


def test_any_text_survives_verbatim(tmp_path):
    rows = range(2 * len(NASTY))
    frame = pd.DataFrame({"<b>x</b>": rows, "text & more": NASTY * 2, "y": NASTY * 2})
    frame.to_csv(tmp_path / "t.csv", index=False)
    data = load_dataset(tmp_path / "t.csv", target="y")
    assert data.input_names == ("<b>x</b>", "text & more")
    assert data.X["text & more"].tolist() == NASTY * 2
    assert data.y.tolist() == [label.strip() for label in NASTY] * 2


def test_random_text_survives_verbatim(tmp_path, monkeypatch):
    monkeypatch.setattr("shrinkage.datasets.formats.csv_text.BLOCK_BYTES", 100)
    draw = np.random.default_rng(2)
    letters = list("aB,;\t\"'<>&\n é漢🐭%$\\{}#")
    cells = ["x" + "".join(draw.choice(letters, size=8)) for _ in range(300)]
    pd.DataFrame({"t": cells, "y": np.arange(300) % 3}).to_csv(tmp_path / "t.csv", index=False)
    assert read_rows(tmp_path / "t.csv")["t"].tolist() == cells
    words = {"t": ColumnSpec(ColumnKind.CATEGORY, keep_case=True)}
    data = load_dataset(tmp_path / "t.csv", target="y", specs=words)
    assert data.X["t"].tolist() == [" ".join(cell.split()) for cell in cells]


@pytest.mark.parametrize(
    ("name", "separator"), [("t.csv", ","), ("t.csv", ";"), ("t.csv", "\t"), ("t.tsv", "\t")]
)
def test_separators(write_csv, name, separator):
    data = load_dataset(write_csv(GOOD.replace(",", separator), name), target="class")
    assert data.input_names == ("age", "city")


def test_compressed_and_byte_order_mark(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()))
    assert load_dataset(path, target="class").input_names == ("age", "city")


def test_line_is_named_despite_blank_lines_and_line_breaks_in_cells(write_csv, refused):
    rows = "".join(f"{i},t\n" for i in range(18))
    text = f'n,"te\nxt"\n\n1,"a\nb"\n{rows}oops,z\n'
    # header: lines 1-2, blank 3, row 1: lines 4-5, rows 2-19: lines 6-23, row 20: line 24
    with refused("'n'", "data row 20 (line 24)", "'oops'"):
        load_dataset(write_csv(text), target="te\nxt")


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", ["empty file"]),
        ("  \n", ["only blanks"]),
        ("a\n1\n2\n", ["at least 2 columns"]),
        ("1,2,3\n4,5,6\n7,8,9\n", ["column names", "--no-header"]),
        ("a,b,y\n", ["rows below the header"]),
        ("a,b,y\n1,2,3\n1,2\n", ["3 cells", "data row 2 (line 3)", "has 2"]),
        ("a,b,y\n1,2,3\n\n1,2,3,4\n", ["3 cells", "data row 2 (line 4)", "has 4"]),
        ("a,a,y\n1,2,3\n", ["'a' 2 times"]),
        ("5,1,setosa\n4,2,iris\n", ["column names", "5, 1, setosa", "--no-header"]),
        ("1,1,setosa\n4,2,iris\n", ["column names", "1, 1, setosa", "--no-header"]),
        ('a,y\n1,2\n\n3,"4\n5,6\n', ["closing quote", "line 4"]),
    ],
)
def test_bad_files(write_csv, refused, text, pieces):
    with refused(*pieces):
        load_dataset(write_csv(text), target="y")


@pytest.mark.parametrize(
    "content", [b"a,y\n1,\xff\xfe\0\1\2\3", b"\xff\xfea\x00,\x00y", b"\x1f\x8b\x08"]
)
def test_unreadable_bytes(tmp_path, refused, content):
    (tmp_path / "t.csv").write_bytes(content)
    with refused("'t.csv'", "unreadable"):
        load_dataset(tmp_path / "t.csv", target="y")


def test_truncated_gzip(tmp_path, refused):
    content = gzip.compress((GOOD + "5,x,a\n" * 1000).encode())
    (tmp_path / "t.csv.gz").write_bytes(content[: len(content) // 2])
    with refused("unreadable"):
        load_dataset(tmp_path / "t.csv.gz", target="class")


def test_ninety_percent_rule(write_csv, refused):
    def table(numeric: int, text: int) -> str:
        cells = [str(i) for i in range(numeric)] + ["x"] * text
        return "n,y\n" + "".join(f"{c},{i % 2}\n" for i, c in enumerate(cells))

    with refused("'n'", "data row 10 (line 11)", "'x'", "9 of its 10"):
        load_dataset(write_csv(table(9, 1)), target="y")
    with refused("'n'", "89% numbers", '"x"', 'kind = "category"'):
        load_dataset(write_csv(table(89, 11)), target="y")
    categories = load_dataset(write_csv(table(8, 2)), target="y").X["n"]
    assert isinstance(categories.dtype, pd.CategoricalDtype)
    assert categories[1] == "1"


def test_bad_column_can_be_dropped(write_csv):
    rows = "".join(f"{i},{i},{i % 2}\n" for i in range(20))
    path = write_csv(f"bad,good,y\n{rows}oops,3,1\n")
    assert load_dataset(path, target="y", drop=["bad"]).input_names == ("good",)


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999"])
def test_infinite_cells(write_csv, refused, cell):
    with refused("'a'", "data row 2 (line 3)", repr(cell), "finite"):
        load_dataset(write_csv(f"a,y\n1,0\n{cell},1\n"), target="y")


def test_pixel_table_becomes_pictures(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (5, 9))
    frame = pd.DataFrame(values, columns=[f"pixel{i}" for i in range(9)])
    frame.assign(label=[0, 1, 0, 1, 0]).to_csv(tmp_path / "p.csv", index=False)
    data = load_dataset(tmp_path / "p.csv", target="label")
    assert data.pixels
    assert data.image_shape == (3, 3)
    assert np.array_equal(data.X, values)


def test_mice(shared_data):
    path = shared_data / "mice" / "Data_Cortex_Nuclear.csv"
    random = load_dataset(
        path, target="class", drop=["MouseID", "Genotype", "Treatment", "Behavior"]
    )
    assert random.X.shape == (1080, 77)
    assert random.X.isna().to_numpy().sum() == 1396
    assert len(set(random.y)) == 8
    grouped = load_dataset(
        path, target="class", drop=["Genotype", "Treatment", "Behavior"], split_by="MouseID"
    )
    assert grouped.input_names == random.input_names
    assert len(np.unique(grouped.groups)) == 72
    assert set(np.bincount(grouped.groups)) == {15}
    assert "72 groups" in grouped.group_note


def test_a_lone_quote_inside_a_cell_is_text(write_csv):
    data = load_dataset(write_csv('a,y\n5" pipe,p\n7 pipe,q\n'), target="y")
    assert data.X["a"].tolist() == ['5" pipe', "7 pipe"]


def test_letters_of_old_programs_are_letters_and_no_control_characters(tmp_path):
    path = tmp_path / "schools.csv"
    path.write_bytes("a;b\nKöln;1\nDüsseldorf;2\nStraße;3\nKöln;4\n".encode("cp850"))
    data = load_dataset(path, target="b", task="regression")
    assert set(data.X["a"].astype(str)) == {"Köln", "Düsseldorf", "Straße"}
    assert any("cp850" in note for note in data.notes)
