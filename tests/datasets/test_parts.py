"""A folder of parts of one table: Parquet, text, hive."""

from __future__ import annotations

import pandas as pd
import pytest

from shrinkage.datasets import ReadOptions, load_dataset, read_rows

FIRST = pd.DataFrame({"x": [1, 2], "kind": ["a", "b"], "y": [0.5, 1.5]})
SECOND = pd.DataFrame({"x": [3.5], "kind": ["a"], "y": [2.5]})


def is_the_table(data) -> bool:
    assert data.input_names[:2] == ("x", "kind")
    assert data.X["x"].tolist() == [1.0, 2.0, 3.5]
    return data.y.tolist() == [0.5, 1.5, 2.5]


@pytest.mark.parametrize("ending", ["parquet", "feather", "orc", "csv", "csv.gz"])
def test_parts_are_one_table(tmp_path, ending):
    folder = tmp_path / "table"
    folder.mkdir()
    for name, frame in (("part-0", FIRST), ("part-1", SECOND)):
        path = folder / f"{name}.{ending}"
        if "csv" in ending:
            frame.to_csv(path, index=False)
        else:
            getattr(frame, f"to_{ending}")(path)
    (folder / "_SUCCESS").touch()
    (folder / ".part-0.crc").write_bytes(b"\x00\x01")
    data = load_dataset(folder, target="y")
    assert is_the_table(data)
    assert data.name == "table"
    assert "2 files" in data.notes[0]
    assert len(read_rows(folder)) == 3


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_folders_of_hive_are_columns(tmp_path, ending):
    for year, frame in ((2020, FIRST), (2021, SECOND)):
        folder = tmp_path / "t" / f"year={year}"
        folder.mkdir(parents=True)
        getattr(frame, f"to_{ending}")(folder / f"0.{ending}", index=False)
    data = load_dataset(tmp_path / "t", target="y")
    assert is_the_table(data)
    assert data.X["year"].tolist() == [2020, 2020, 2021]


def test_parts_without_a_header(tmp_path):
    for name, text in (("a.csv", "1,a,0\n2,a,1\n"), ("b.csv", "3,a,1\n")):
        (tmp_path / name).write_text(text)
    options = ReadOptions(names=("x", "kind", "y"))
    data = load_dataset(tmp_path, target="y", drop=["kind"], read_options=options)
    assert data.X["x"].tolist() == [1, 2, 3]


def test_bad_parts_are_named(tmp_path, refused):
    FIRST.to_parquet(tmp_path / "a.parquet")
    SECOND.drop(columns="kind").to_parquet(tmp_path / "b.parquet")
    with refused(repr(tmp_path.name), "'kind'", "'b.parquet'"):
        load_dataset(tmp_path, target="y")
    SECOND.to_csv(tmp_path / "b.csv")
    with refused("parts of one table", "'b.csv'", "train-images-idx3-ubyte"):
        load_dataset(tmp_path, target="y")


def test_a_delta_table_is_refused(tmp_path, refused):
    FIRST.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "_delta_log").mkdir()
    with refused("Delta", "Parquet"):
        load_dataset(tmp_path, target="y")


def test_bad_rows_of_parts_are_named(tmp_path, refused):
    (tmp_path / "a.csv").write_text("x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(30)))
    (tmp_path / "b.csv").write_text("x,y\n1,0\noops,1\n")
    with refused("data row 2 (line 3) of 'b.csv'", "'oops'"):
        load_dataset(tmp_path, target="y")
    (tmp_path / "b.csv").write_text("x,y\n1,0\n1\n")
    with refused("'b.csv'", "data row 2 (line 3)"):
        load_dataset(tmp_path, target="y")
