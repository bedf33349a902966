"""What files come packed in, and how their text is encoded."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet
import pytest

from shrinkage.datasets import ReadOptions, load_dataset, read_rows
from shrinkage.errors import ShrinkageError

TEXT = "age;stadt;y\n31;Zürich;1\n44;Genève;2\n28;Zürich;1\n"
PACKERS = {
    "t.csv.GZ": gzip.compress,
    "t.csv.bz2": bz2.compress,
    "t.csv.xz": lzma.compress,
    "t.csv.lz4": lambda data: pa.compress(data, "lz4", asbytes=True),
    "t.csv.zst": lambda data: pa.compress(data, "zstd", asbytes=True),
    "t.csv": gzip.compress,
    "t": lambda data: data,
}


def is_the_table(data) -> bool:
    return data.input_names == ("age", "stadt") and list(data.X["stadt"])[1] == "Genève"


@pytest.mark.parametrize("name", PACKERS)
def test_packing_is_known_by_its_bytes(tmp_path, name):
    (tmp_path / name).write_bytes(PACKERS[name](TEXT.encode()))
    assert is_the_table(load_dataset(tmp_path / name, target="y"))
    assert len(read_rows(tmp_path / name)) == 3


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
    ],
)
def test_encodings(tmp_path, encoding, told):
    (tmp_path / "t.csv").write_bytes(TEXT.encode(encoding))
    data = load_dataset(tmp_path / "t.csv", target="y")
    assert is_the_table(data)
    assert told in " ".join(data.notes)


def test_an_encoding_that_is_given(tmp_path, refused):
    path = tmp_path / "t.csv"
    path.write_bytes("年,市,y\n31,東京,1\n44,大阪,2\n".encode("shift_jis"))
    data = load_dataset(path, target="y", read_options=ReadOptions(encoding="shift_jis"))
    assert data.input_names == ("年", "市")
    with refused("'t.csv'", "utf-8", "--encoding"):
        load_dataset(path, target="y", read_options=ReadOptions(encoding="utf-8"))


def test_archives(tmp_path, refused):
    def archive(name: str, *members: str):
        with zipfile.ZipFile(tmp_path / name, "w") as file:
            for member in members:
                file.writestr(member, TEXT)
        return tmp_path / name

    data = load_dataset(archive("a.zip", "b/t.csv", "__MACOSX/b/._t.csv", "b/.hidden"), target="y")
    assert is_the_table(data)
    assert data.name == "a.zip"
    two = archive("two.zip", "a.csv", "b.csv")
    with refused("'two.zip'", "'a.csv', 'b.csv'", "data.zip:table.csv"):
        load_dataset(two, target="y")
    assert is_the_table(load_dataset(f"{two}:b.csv", target="y"))
    with refused("'c.csv'", "did you mean"):
        load_dataset(f"{two}:c.csv", target="y")


def test_standard_input(monkeypatch, refused):
    piped = SimpleNamespace(buffer=io.BytesIO(gzip.compress(TEXT.encode())))
    monkeypatch.setattr(sys, "stdin", piped)
    data = load_dataset("-", target="y")
    assert is_the_table(data)
    assert data.name == "stdin"
    with refused("'stdin'", "read once"):
        load_dataset("-", target="y")


def test_an_address_of_a_file(tmp_path):
    path = tmp_path / "a table.csv"
    path.write_text(TEXT)
    assert is_the_table(load_dataset(path.as_uri(), target="y"))


def test_the_network_is_refused(refused):
    with refused("address", "download"):
        load_dataset("https://example.org/t.csv", target="y")


NO_TABLES = {
    "t.csv": (bytes(range(256)) * 4, "no text"),
    "cut.csv.gz": (gzip.compress(TEXT.encode() * 99)[:60], "cut short"),
    "t.gz": (b"\x00\x01\x02" * 40, "compressed as .gz"),
    "t.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(80), ".xlsx"),
    "page.csv": (b"<!DOCTYPE html><html><table></table></html>", "HTML"),
    "t.sql": (b"-- made by hand\n\nCREATE TABLE t (a REAL);\nINSERT INTO t VALUES (1);\n", "SQL"),
    "dump.txt": (b"-- MySQL dump 10.13  Distrib 8.0\n--\n", "sqlite3"),
    "t.yml": (b"- a: 1\n  y: 2\n- a: 2\n  y: 3\n", "YAML"),
    "t.pkl": (b"\x80\x04\x95" + bytes(50), "pickle"),
    "t.tar": (bytes(257) + b"ustar" + bytes(300), "tar"),
    "report.docx": (None, "document"),
    "e.csv": (b"", "empty file"),
    "b.csv": (b" \n\n  \n", "blanks"),
}


@pytest.mark.parametrize("name", NO_TABLES)
def test_what_is_no_table_has_a_way_out(tmp_path, refused, name):
    content, piece = NO_TABLES[name]
    if content is None:
        with zipfile.ZipFile(tmp_path / name, "w") as file:
            file.writestr("[Content_Types].xml", "<xml/>")
    else:
        (tmp_path / name).write_bytes(content)
    with refused(repr(name), piece):
        load_dataset(tmp_path / name, target="y")


def test_a_part_or_a_word_that_means_nothing_is_refused(tmp_path, refused):
    path = tmp_path / "t.csv"
    path.write_text(TEXT)
    with refused("'t.csv'", "'sheet'", "no part"):
        load_dataset(f"{path}:sheet", target="y")
    with refused("'t.csv'", "a SQLite file", "a table of text"):
        load_dataset(f"sqlite:{path}", target="y")
    with refused("none.db'", "does not exist"):
        load_dataset(f"sqlite:{tmp_path / 'none.db'}", target="y")


def test_an_endless_cell_is_named(tmp_path, refused):
    (tmp_path / "t.csv").write_text('"' + "x" * 200_000)
    with refused("'t.csv'", "quote"):
        load_dataset(tmp_path / "t.csv", target="y")


def test_lines_of_many_megabytes(tmp_path):
    names = [f"a_column_with_quite_a_long_name_of_its_own_{i}" for i in range(25_000)]
    cells = ["1"] * 24_999
    lines = [names, [*cells, "0"], ["2", *cells[1:], "1"], [*cells, "0"]]
    (tmp_path / "t.csv").write_text("\n".join(map(",".join, lines)))
    assert read_rows(tmp_path / "t.csv").shape == (3, 25_000)


def test_a_table_that_starts_like_an_archive(tmp_path):
    (tmp_path / "t.csv").write_text("PK,x,y\n7,1,0\n8,2,1\n")
    assert load_dataset(tmp_path / "t.csv", target="y").input_names == ("PK", "x")


@pytest.mark.parametrize("seed", range(8))
def test_damaged_files_are_refused_in_one_line_or_read(tmp_path, seed):
    random = np.random.default_rng(seed)
    table = pa.table({"a": ["x", "y", "x"] * 9, "b": [1.5, 2.5, 3.5] * 9, "y": [0, 1, 0] * 9})
    pa.parquet.write_table(table, tmp_path / "t.parquet")
    pa.feather.write_feather(table, str(tmp_path / "t.feather"))
    pa.orc.write_table(table, str(tmp_path / "t.orc"))
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("t.csv", TEXT * 9)
    (tmp_path / "t.json").write_text(table.to_pandas().to_json(orient="records"))
    (tmp_path / "t.csv").write_text(TEXT)
    (tmp_path / "t.arff").write_text("@relation r\n@attribute y {a,b}\n@data\na\nb\n")
    messages = []
    for path in sorted(tmp_path.iterdir()):
        content = bytearray(path.read_bytes())
        for place in random.integers(0, len(content), 6):
            content[place] = random.integers(256)
        path.write_bytes(content[: random.integers(1, 2 * len(content))])
        try:
            load_dataset(path, target="y")
        except ShrinkageError as error:
            messages.append(str(error))
    assert not [message for message in messages if "\n" in message]
