"""Files of other formats, and compressed ones."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import feather, orc, parquet

from made.base import SAYS, Made, Table, Write, csv_file
from made.layouts import plain


def file_of(name: str, save: Callable[[pd.DataFrame, Path], object]) -> Write:
    """Return what writes the plain table by a function of the frame and the path."""

    def write(folder: Path, random: np.random.Generator) -> str:
        save(plain(Table(random)), folder / name)
        return name

    return write


def zst(frame: pd.DataFrame, path: Path) -> None:
    """Write a compressed file of text."""
    with pa.CompressedOutputStream(str(path), "zstd") as file:
        file.write(frame.to_csv(index=False).encode())


def arff(frame: pd.DataFrame, path: Path) -> None:
    """Write a file as Weka does."""
    head = ["@relation table", "@attribute x numeric", "@attribute z numeric"]
    head += ["@attribute city {Oslo,Rome,Lima}", "@attribute y numeric", "@data"]
    path.write_text("\n".join(head) + "\n" + frame.to_csv(index=False, header=False))


def libsvm(frame: pd.DataFrame, path: Path) -> None:
    """Write rows of `label index:value`."""
    rows = zip(frame["y"], frame["x"], frame["z"], strict=True)
    path.write_text("".join(f"{y} 1:{x} 2:{z}\n" for y, x, z in rows))


def parts(frame: pd.DataFrame, path: Path) -> None:
    """Write a folder of two Parquet files, as Spark does."""
    path.mkdir()
    for number, half in enumerate(np.array_split(np.arange(len(frame)), 2)):
        frame.iloc[half].to_parquet(path / f"part-{number}.parquet", index=False)
    (path / "_SUCCESS").write_text("")


def sqlite(frame: pd.DataFrame, path: Path) -> None:
    """Write a database of one table."""
    with sqlite3.connect(path) as connection:
        frame.to_sql("rows", connection, index=False)
    connection.close()


def mixed_types(frame: pd.DataFrame, path: Path) -> None:
    """Write columns of many types."""
    rows = np.arange(len(frame))
    more = {
        "small": (rows % 7).astype("int8"),
        "flag": rows % 2 == 0,
        "level": pd.Categorical(np.where(rows % 3 == 0, "low", "high")),
        "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(rows * 7 % 365, unit="D"),
        "maybe": pd.array([None if row % 9 == 0 else int(row % 5) for row in rows], dtype="Int64"),
    }
    frame.assign(**more).to_parquet(path, index=False)


def nested(frame: pd.DataFrame, path: Path) -> None:
    """Write a column of lists and one of structs."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    lists = pa.array([[1.0, 2.0]] * len(frame))
    structs = pa.array([{"a": 1, "b": 2}] * len(frame))
    parquet.write_table(table.append_column("l", lists).append_column("s", structs), path)


def xlsx(frame: pd.DataFrame, path: Path) -> None:
    """Write the least workbook that there is: one sheet, text in its cells."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"

    def cell(value: object) -> str:
        if isinstance(value, float):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'

    lines = [list(frame.columns), *frame.itertuples(index=False)]
    rows = "".join(f"<row>{''.join(map(cell, line))}</row>" for line in lines)
    content = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        f'<Override PartName="/xl/s.xml" ContentType="{kinds}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="data" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="s.xml"/></Relationships>',
        "xl/s.xml": f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in content.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')


def table_of(frame: pd.DataFrame) -> pa.Table:
    """Return the Arrow table of a frame."""
    return pa.Table.from_pandas(frame, preserve_index=False)


def database(folder: Path, random: np.random.Generator) -> str:
    """Write a database and name its table."""
    sqlite(plain(Table(random)), folder / "table.db")
    return "sqlite:table.db:rows"


def arrays(frame: pd.DataFrame, path: Path) -> None:
    """Write X and y as NumPy does."""
    np.savez(path, X=frame[["x", "z"]].to_numpy(), y=frame["y"].to_numpy())


def records(frame: pd.DataFrame, path: Path) -> None:
    """Write a list of records as JSON."""
    path.write_text(json.dumps(frame.to_dict("records")))


FILES = (
    Made("gz", csv_file(plain, "table.csv.gz"), inputs=(5,)),
    Made("gz in capitals", csv_file(plain, "TABLE.CSV.GZ", compression="gzip"), inputs=(5,)),
    Made("bz2", csv_file(plain, "table.csv.bz2"), inputs=(5,)),
    Made("xz", csv_file(plain, "table.csv.xz"), inputs=(5,)),
    Made("zip", csv_file(plain, "table.csv.zip"), inputs=(5,)),
    Made("zst", file_of("table.csv.zst", zst), inputs=(5,)),
    Made("parquet", file_of("t.parquet", lambda f, p: f.to_parquet(p, index=False)), inputs=(5,)),
    Made("parquet of many types", file_of("t.parquet", mixed_types), right=SAYS),
    Made("parquet with lists and structs", file_of("t.parquet", nested), right=SAYS),
    Made("parquet with an index", file_of("t.parquet", lambda f, p: f.to_parquet(p)), inputs=(5,)),
    Made("folder of parquet parts", file_of("parts", parts), inputs=(5,)),
    Made(
        "feather", file_of("t.feather", lambda f, p: feather.write_feather(f, str(p))), inputs=(5,)
    ),
    Made("orc", file_of("t.orc", lambda f, p: orc.write_table(table_of(f), str(p))), inputs=(5,)),
    Made("json records", file_of("t.json", records), inputs=(5,)),
    Made(
        "json lines",
        file_of("t.jsonl", lambda f, p: f.to_json(p, orient="records", lines=True)),
        inputs=(5,),
    ),
    Made("arff", file_of("t.arff", arff), inputs=(5,)),
    Made("libsvm", file_of("t.svm", libsvm), right=SAYS, inputs=(2,)),
    Made("sqlite", database, inputs=(5,)),
    Made("sqlite, no table named", file_of("t.db", sqlite), right=SAYS),
    Made("xlsx", file_of("t.xlsx", xlsx), right=SAYS),
    Made("npz", file_of("t.npz", arrays), (), inputs=(2,)),
    Made("input stream", csv_file(plain), inputs=(5,), stdin=True),
    Made("empty", file_of("t.csv", lambda _, p: p.write_bytes(b"")), right=SAYS),
    Made("no table", file_of("t.csv", lambda _, p: p.write_bytes(bytes(range(256)))), right=SAYS),
)
