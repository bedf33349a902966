"""What kind a file is: by its first bytes where they say so, then by its ending, then by a look.

Who uses this: the table of formats in this folder. Kinds that cannot be read are here too, each
with the way out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from shrinkage.datasets.formats.content import ZIP_MAGIC, FileContent
from shrinkage.errors import InputError


class FileKind(Enum):
    """What can be read; the value is the word for messages."""

    TEXT = "a table of text"
    PARQUET = "a Parquet file"
    FEATHER = "an Arrow file"
    ORC = "an ORC file"
    JSON = "a JSON file"
    WORKBOOK = "a workbook"
    ARFF = "an ARFF file"
    SVMLIGHT = "an svmlight file"
    STATA = "a Stata file"
    SAS = "a SAS file"
    SQLITE = "a SQLite file"
    DUCKDB = "a DuckDB file"
    NPZ = "an NPZ file"
    NPY = "an NPY file"
    MATLAB = "a MATLAB file"
    IDX = "an IDX file"


MAGIC: tuple[tuple[bytes, FileKind], ...] = (
    (b"PAR1", FileKind.PARQUET),
    (b"ARROW1", FileKind.FEATHER),
    (b"ORC", FileKind.ORC),
    (b"SQLite format 3\x00", FileKind.SQLITE),
    (b"<stata_dta>", FileKind.STATA),
    (b"\x93NUMPY", FileKind.NPY),
    (b"MATLAB", FileKind.MATLAB),
    (b"HEADER RECORD*******LIBRARY", FileKind.SAS),
)
"""First bytes that say what a file is, whatever it is called."""

ENDINGS: Mapping[str, FileKind] = MappingProxyType(
    {
        **dict.fromkeys((".csv", ".tsv", ".tab", ".txt", ".dat", ".data"), FileKind.TEXT),
        **dict.fromkeys((".parquet", ".pq"), FileKind.PARQUET),
        **dict.fromkeys((".feather", ".arrow", ".arrows", ".ipc"), FileKind.FEATHER),
        ".orc": FileKind.ORC,
        **dict.fromkeys((".json", ".jsonl", ".ndjson"), FileKind.JSON),
        **dict.fromkeys((".xlsx", ".xlsm"), FileKind.WORKBOOK),
        ".arff": FileKind.ARFF,
        **dict.fromkeys((".svm", ".svmlight", ".libsvm"), FileKind.SVMLIGHT),
        ".dta": FileKind.STATA,
        **dict.fromkeys((".sas7bdat", ".xpt"), FileKind.SAS),
        **dict.fromkeys((".sqlite", ".sqlite3"), FileKind.SQLITE),
        ".duckdb": FileKind.DUCKDB,
        ".npz": FileKind.NPZ,
        ".mat": FileKind.MATLAB,
    }
)
"""What a file is called by its ending; other endings are looked into."""

_AS_CSV = "save it as CSV"
REFUSED: tuple[tuple[bytes, str, str], ...] = (
    (b"\xd0\xcf\x11\xe0", "an old or protected workbook (.xls)", "save it as .xlsx or CSV"),
    (b"%PDF", "a PDF document", "copy its table into a CSV file"),
    (b"\x89PNG", "a picture", "give arrays of pictures as .npz"),
    (b"\xff\xd8\xff", "a picture", "give arrays of pictures as .npz"),
    (b"GIF8", "a picture", "give arrays of pictures as .npz"),
    (b"\x89HDF", "an HDF5 file", "write it with pandas.DataFrame.to_parquet"),
    (b"$FL2", "an SPSS file", f"{_AS_CSV} in SPSS, or read it with pandas.read_spss"),
    (b"RDX", "an R workspace", "write it with write.csv, or arrow::write_parquet"),
    (b"X\n\x00\x00", "an R object (.rds)", "write it with write.csv, or arrow::write_parquet"),
    (b"\x80\x02", "a pickle, which can run code", "write it with pandas.DataFrame.to_parquet"),
    (b"\x80\x03", "a pickle, which can run code", "write it with pandas.DataFrame.to_parquet"),
    (b"\x80\x04", "a pickle, which can run code", "write it with pandas.DataFrame.to_parquet"),
    (b"\x80\x05", "a pickle, which can run code", "write it with pandas.DataFrame.to_parquet"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it and give the file in it"),
    (b"Rar!", "a RAR archive", "unpack it and give the file in it"),
    (b"Obj\x01", "an Avro file", "write it with pandas.DataFrame.to_parquet"),
)
"""First bytes of what is not read, what it is, and what to do."""

_LOOKS = (
    (re.compile(r"\s*(\[\s*[\[{]|\{\s*\")"), FileKind.JSON),
    (re.compile(r"(\s*(%.*)?\n)*\s*@relation\s", re.IGNORECASE), FileKind.ARFF),
    (re.compile(r"(#.*\n)*[-+.\de]+( qid:\d+)?( \d+:[-+.\de]+)+\s*[\r\n]"), FileKind.SVMLIGHT),
)
"""How text of a kind begins, where an ending says nothing."""

_NO_TABLES = (
    (
        r"\s*<(\?xml|!doctype|html|table)",
        "a page of HTML or XML (a download that went wrong?): save the table itself, as CSV",
    ),
    (
        r"-- \w+( database)? dump|(--.*\n|/\*.*?\*/;?|PRAGMA .*;|BEGIN TRANSACTION;|\s)*"
        r"(CREATE (TABLE|DATABASE)|INSERT INTO|DROP TABLE)\s",
        "statements of SQL: make a database of them (sqlite3 new.db < FILE) and give it, or save "
        "the table as CSV",
    ),
    (r"(---\s*\n)?- \w+: \S.*\n\s+\w+: ", "a YAML file: write it as JSON"),
)
"""How text begins that is no table, what it is, and what to do."""


def kind_of(content: FileContent) -> FileKind:
    """Return what kind a file is.

    Raises:
        InputError: a kind that is not read; the message has the way out.

    >>> kind_of(FileContent("t.csv", "t.csv", b"PAR1...")), kind_of(FileContent("t", "t", b"a,b"))
    (<FileKind.PARQUET: 'a Parquet file'>, <FileKind.TEXT: 'a table of text'>)
    """
    head = content.head(64)
    if content.inner.lower().endswith("-ubyte"):
        return FileKind.IDX
    for magic, kind in MAGIC:
        if head.startswith(magic):
            return kind
    for magic, what, way_out in REFUSED:
        if head.startswith(magic):
            raise InputError(f"expected a table, got {what}: {way_out}")
    if head[8:12] == b"DUCK":
        return FileKind.DUCKDB
    if head.startswith(ZIP_MAGIC):
        return _kind_of_zip(content)
    kind = ENDINGS.get(content.ending)
    return _kind_of_text(content, kind) if kind in (None, FileKind.TEXT) else kind


def _kind_of_zip(content: FileContent) -> FileKind:
    import zipfile

    with zipfile.ZipFile(content.stream()) as archive:
        names = archive.namelist()
    if all(name.endswith(".npy") for name in names):
        return FileKind.NPZ
    if "xl/workbook.xml" in names:
        return FileKind.WORKBOOK
    what = "a binary workbook (.xlsb)" if "xl/workbook.bin" in names else "a document"
    raise InputError(f"expected a table, got {what}: save it as .xlsx or CSV")


def _kind_of_text(content: FileContent, promised: FileKind | None) -> FileKind:
    text = bytes(content.head(1000)).decode("latin-1").removeprefix("ï»¿")
    for pattern, way_out in _NO_TABLES:
        if re.match(pattern, text, re.IGNORECASE):
            raise InputError(f"expected a table, got {way_out}")
    look = next((kind for pattern, kind in _LOOKS if pattern.match(text)), FileKind.TEXT)
    return promised if promised and look is FileKind.SVMLIGHT else look
