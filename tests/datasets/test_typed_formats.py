"""Formats with column types of their own: Arrow's, JSON, databases, statistics packages."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.orc
import pyarrow.parquet
import pytest
from sklearn.datasets import dump_svmlight_file

from shrinkage.datasets import ReadOptions, load_dataset, read_rows

ROWS = [
    {"age": 31, "city": "Bern", "y": 1.5},
    {"age": 44, "city": None, "y": 2.5},
    {"age": None, "city": "Basel", "y": 3.5},
]
FRAME = pd.DataFrame(ROWS)


def ipc_stream(table: pa.Table, path: str) -> None:
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)


def is_the_table(data) -> bool:
    assert data.input_names == ("age", "city")
    assert np.array_equal(data.X["age"], [31, 44, np.nan], equal_nan=True)
    assert data.X["city"].isna().tolist() == [False, True, False]
    return data.y.tolist() == [1.5, 2.5, 3.5]


WRITERS = {
    "t.parquet": pa.parquet.write_table,
    "parquet.csv": pa.parquet.write_table,
    "t.feather": pa.feather.write_feather,
    "t": pa.feather.write_feather,
    "t.arrows": ipc_stream,
    "t.orc": pa.orc.write_table,
}


@pytest.mark.parametrize("name", WRITERS)
def test_files_of_arrow(tmp_path, name):
    table = pa.table({key: [row[key] for row in ROWS] for key in ROWS[0]})
    WRITERS[name](table, str(tmp_path / name))
    assert is_the_table(load_dataset(tmp_path / name, target="y"))
    assert read_rows(tmp_path / name)["y"].tolist() == [1.5, 2.5, 3.5]


def test_columns_of_arrow(tmp_path, refused):
    table = pa.table(
        {
            "tags": [["a"], ["b", "c"], []],
            "place": [{"x": 1}, {"x": 2}, {"x": 3}],
            "pairs": pa.array([[("a", 1)], [], []], pa.map_(pa.string(), pa.int64())),
            "raw": [b"1", b"2", b"3"],
            "kind": pa.array(["b", "a", None]).dictionary_encode(),
            "price": [Decimal("1.10"), Decimal("2.20"), None],
            "y": [0, 1, 0],
            "__index_level_0__": [4, 5, 6],
        }
    )
    pa.parquet.write_table(table, tmp_path / "t.parquet")
    bad = ["tags", "pairs", "raw"]
    for place, name in enumerate(bad):
        with refused("'t.parquet'", f"{name!r}", "drop it"):
            load_dataset(tmp_path / "t.parquet", target="y", drop=bad[:place] + bad[place + 1 :])
    data = load_dataset(tmp_path / "t.parquet", target="y", drop=bad)
    assert data.input_names == ("place.x", "kind", "price")
    assert data.X["place.x"].tolist() == [1, 2, 3]
    assert "the fields of structs are columns: those of 'place'" in data.notes
    assert data.X["kind"].cat.categories.tolist() == ["a", "b"]
    assert data.X["price"].tolist()[:2] == [1.1, 2.2]
    assert "__index_level_0__" in " ".join(data.notes)
    assert read_rows(tmp_path / "t.parquet").columns.tolist()[1:] == ["kind", "price", "y"]


def test_dates_stay_dates(tmp_path):
    table = pa.table({"day": [date(2020, 1, 31), None], "y": [0, 1]})
    pa.parquet.write_table(table, tmp_path / "t.parquet")
    rows = read_rows(tmp_path / "t.parquet")
    assert pd.api.types.is_datetime64_dtype(rows["day"].dtype)


COLUMNS = {key: [row[key] for row in ROWS] for key in ROWS[0]}
JSON = {
    "records": json.dumps(ROWS),
    "records.gz lines": "\n".join(map(json.dumps, ROWS)),
    "columns": json.dumps(COLUMNS),
    "pandas columns": FRAME.to_json(),
    "pandas index": FRAME.to_json(orient="index"),
    "pandas split": FRAME.to_json(orient="split"),
    "pandas table": FRAME.to_json(orient="table"),
    "a list inside": json.dumps({"source": "us", "rows": ROWS}),
}


@pytest.mark.parametrize("case", JSON)
@pytest.mark.parametrize("name", ["t.json", "t", "t.txt"])
def test_json(write_csv, case, name):
    assert is_the_table(load_dataset(write_csv(JSON[case], name), target="y"))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ('[{"a": 1, "y": 2},\n {"a": 1 "y": 2}]', ["line 2"]),
        ('{"a": 1, "y": 2}\n{"a": 1, "y": }\n', ["line 2"]),
        ('[{"a": {"b": 1}, "y": 2}, {"a": 3, "y": 3}]', ["'a'", "object", "drop it"]),
        (
            '[{"a": {"b": 1}, "y": 2}, {"a": {"c": 1}, "y": 3}, {"a": {"d": 1}, "y": 3}]',
            ["'a'", "object", "drop it"],
        ),
        ("[1, 2, 3]", ["json_normalize", "1"]),
        ('{"a": {"b": 1}, "y": 2}', ["json_normalize", "'a'"]),
        ('{"a": [1, 2], "y": [1]}', ["one length"]),
        ("[]", ["rows"]),
    ],
)
def test_bad_json(write_csv, refused, text, pieces):
    with refused("'t.json'", *pieces):
        load_dataset(write_csv(text, "t.json"), target="y")


def test_fields_of_objects_are_columns_in_their_place(write_csv, refused):
    rows = [
        {"x": 1, "a": {"b": 1, "c": {"d": "u"}}, "y": 2},
        {"x": 2, "a": None, "y": 3},
        {"x": 3, "a": {"b": 5, "c": {"d": "v"}}, "y": 4},
    ]
    path = write_csv(json.dumps(rows), "t.json")
    data = load_dataset(path, target="y")
    assert data.input_names == ("x", "a.b", "a.c.d")
    assert np.array_equal(data.X["a.b"], [1, np.nan, 5], equal_nan=True)
    assert data.X["a.c.d"].isna().tolist() == [False, True, False]
    assert "the fields of objects are columns, such as 'a.b'" in data.notes
    assert read_rows(path)["a.b"].tolist()[0] == 1
    assert load_dataset(path, target="y", drop=["a.b", "a.c.d"]).input_names == ("x",)
    with refused("got 'a.b' 2 times"):
        load_dataset(write_csv('[{"a.b": 1, "a": {"b": 1}, "y": 2}]', "e.json"), target="y")


def test_sqlite(tmp_path, refused):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        FRAME.to_sql('my "people"', connection, index=False)
        assert is_the_table(load_dataset(path, target="y"))
        FRAME.to_sql("people", connection, index=False)
        connection.execute("CREATE TABLE photos (image BLOB, x REAL, y INTEGER)")
        connection.executemany("INSERT INTO photos VALUES (?, ?, ?)", [(b"1", 1, 0), (b"2", 2, 1)])
        connection.commit()
    with refused("'shop.db'", "'people'", "sqlite:shop.db:TABLE"):
        load_dataset(path, target="y")
    assert is_the_table(load_dataset(f"sqlite:{path}:people", target="y"))
    assert is_the_table(load_dataset(f'{path}:my "people"', target="y"))
    with refused("'peple'", "did you mean people"):
        load_dataset(f"sqlite:{path}:peple", target="y")
    with refused("'image'", "bytes"):
        load_dataset(f"{path}:photos", target="y")


def test_duckdb(tmp_path):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    path = tmp_path / "shop.db"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE people (age INTEGER, city VARCHAR, y DOUBLE)")
        connection.executemany(
            "INSERT INTO people VALUES (?, ?, ?)", [list(row.values()) for row in ROWS]
        )
    assert is_the_table(load_dataset(f"duckdb:{path}:people", target="y"))
    assert is_the_table(load_dataset(path, target="y"))


ARFF = """% made by hand
@relation people
@attribute age numeric
@attribute 'home town' {Bern,Basel}
@attribute y {a,b}
@data
31,Bern,a
44,?,b
?,Basel,a
"""


@pytest.mark.parametrize("name", ["t.arff", "t"])
def test_arff(write_csv, name):
    data = load_dataset(write_csv(ARFF, name), target="y")
    assert np.array_equal(data.X["age"], [31, 44, np.nan], equal_nan=True)
    assert data.X["home town"].isna().tolist() == [False, True, False]
    assert data.y.tolist() == ["a", "b", "a"]


@pytest.mark.parametrize("kind", ["string", "{'Köln, am Rhein',Basel}"])
def test_arff_of_cells_in_quotes(write_csv, kind):
    text = ARFF.replace("{Bern,Basel}", kind).replace("Bern", "'Köln, am Rhein'")
    data = load_dataset(write_csv(text, "t.arff"), target="y")
    assert data.input_names == ("age", "home town")
    assert data.X["home town"].tolist()[0] == "Köln, am Rhein"
    assert data.X["home town"].isna().tolist() == [False, True, False]
    assert data.y.tolist() == ["a", "b", "a"]


MARKS = """@relation r
@attribute n numeric
@attribute mark {'a b', c,?}
@attribute y {no,'yes, it\\'s'}
@data
"""


def test_marks_of_missing_cells_in_arff(write_csv):
    rows = [
        "1, c ,no",
        " ? ,'a b','yes, it\\'s'",
        "3,?, no",
        '4,"a b",no',
        "5,\t? ,'no'",
        "6,'?',no",
    ]
    text = MARKS + "\n".join([*rows, "% a comment", "", "7\tc\tno"])
    data = load_dataset(write_csv(text, "t.arff"), target="y")
    assert np.array_equal(data.X["n"], [1, np.nan, 3, 4, 5, 6, 7], equal_nan=True)
    assert data.X["mark"].isna().tolist() == [False, False, True, False, True, True, False]
    assert data.X["mark"].dropna().tolist() == ["c", "a b", "a b", "c"]
    assert data.y.tolist() == ["no", "yes, it's", *["no"] * 5]


def test_lines_of_arff_are_counted_from_its_first(write_csv, refused):
    text = ARFF.replace("{Bern,Basel}", "string") + "".join(f"{i},x,a\n" for i in range(30))
    with refused("line 40", "'oops'"):
        load_dataset(write_csv(text + "oops,x,b\n", "t.arff"), target="y")


@pytest.mark.parametrize(
    ("old", "new", "piece"),
    [
        ("44,?,b", "44,Chur,b", "data row 2 (line 8): expected a value of its attribute ('Bern'"),
        ("44,?,b", "4x,?,b", "data row 2 (line 8): expected a number, got '4x'"),
        ("44,?,b", "44,b", "line 8: expected a cell for each of the 3 attributes, got 2"),
        ("age numeric", "age relational", "'relational' for 'age'"),
        ("@attribute", "@other", "lines @attribute"),
        ("@data\n", "@data\n{0 31, 2 a}\n", "sparse"),
        ("@data", "", "@data"),
    ],
)
def test_bad_arff(write_csv, refused, old, new, piece):
    with refused("'t.arff'", piece):
        load_dataset(write_csv(ARFF.replace(old, new), "t.arff"), target="y")


@pytest.mark.parametrize("zero_based", [True, False])
def test_svmlight(tmp_path, refused, zero_based):
    X = np.array([[0.5, 0, 2.0], [1.5, 1, 0], [0, 0, 1.0]])
    dump_svmlight_file(X, [0, 1, 0], str(tmp_path / "t.svm"), zero_based=zero_based)
    data = load_dataset(tmp_path / "t.svm")
    assert np.array_equal(data.X, X)
    assert data.y.tolist() == [0, 1, 0]
    assert data.input_names[0] == ("x0" if zero_based else "x1")
    (tmp_path / "new").write_text("0 1:1.5\n")  # fewer inputs are named here
    rows = read_rows(tmp_path / "new", read_options=data.read_options.inherit())
    assert rows.tolist() == ([[0, 1.5, 0]] if zero_based else [[1.5, 0, 0]])
    with refused("'t.svm'", "'y'", "leave the name out"):
        load_dataset(tmp_path / "t.svm", target="y")
    (tmp_path / "wide.svm").write_text("0 1:1.5 999999999:1\n")
    with refused("'wide.svm'", "100,000,000 cells"):
        load_dataset(tmp_path / "wide.svm")
    (tmp_path / "ranked.svm").write_text("0 qid:1 1:1.5\n1 qid:2 1:2.5\n1 qid:2 1:3.5\n")
    assert "rows of one qid stay together: 2 groups" in load_dataset(tmp_path / "ranked.svm").notes
    (tmp_path / "bad.svm").write_text("0 a:1.5\n")
    with refused("'bad.svm'", "svmlight"):
        load_dataset(tmp_path / "bad.svm")


def test_stata(tmp_path):
    frame = FRAME.assign(city=pd.Categorical(FRAME["city"]))
    frame.to_stata(tmp_path / "t.dta", write_index=False)
    assert is_the_table(load_dataset(tmp_path / "t.dta", target="y"))


def test_options_that_mean_nothing_are_refused_unless_inherited(tmp_path, refused):
    FRAME.to_parquet(tmp_path / "t.parquet")
    options = ReadOptions(separator=";")
    with refused("'t.parquet'", "separator"):
        load_dataset(tmp_path / "t.parquet", target="y", read_options=options)
    assert is_the_table(
        load_dataset(tmp_path / "t.parquet", target="y", read_options=options.inherit())
    )
