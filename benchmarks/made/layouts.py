"""Files of text in the layouts that programs and people write."""

from __future__ import annotations

import pandas as pd

from made.base import SAYS, Made, Table, csv_file, text_file

UCI = ("--no-header", "--names", "x,z,city,y", "--target", "y")


def plain(table: Table) -> pd.DataFrame:
    """Return x, z, a city and y."""
    return table.frame(city=table.pick("Oslo", "Rome", "Lima"))


def text(table: Table, **how: object) -> str:
    """Return the plain table as text."""
    return plain(table).to_csv(**{"index": False, **how})  # type: ignore[return-value]


def quoted(table: Table) -> pd.DataFrame:
    """Return cells that hold separators, quotes and line breaks."""
    return table.frame(note=table.pick('a, "b"', "line\nbreak", "c;d"))


def with_questions(table: Table) -> str:
    """Return rows without a header, some cells of which are `?`, as the UCI archive has them."""
    frame = plain(table).astype(object)
    frame.loc[table.random.random(table.rows) < 0.1, "z"] = "?"
    return frame.to_csv(index=False, header=False).replace(",", ", ")


def years(table: Table) -> pd.DataFrame:
    """Return a header of numbers."""
    return table.frame().rename(columns={"x": "2019", "z": "2020"})


LAYOUTS = (
    Made("comma", csv_file(plain), inputs=(5,)),
    Made("semicolon and decimal commas", csv_file(plain, sep=";", decimal=","), inputs=(5,)),
    Made("tab", csv_file(plain, "table.tsv", sep="\t"), inputs=(5,)),
    Made("tab in a file called csv", csv_file(plain, sep="\t"), inputs=(5,)),
    Made("bar", csv_file(plain, "table.txt", sep="|"), inputs=(5,)),
    Made("blanks", text_file("table.dat", lambda t: plain(t).to_string(index=False)), inputs=(5,)),
    Made("no header", text_file("table.csv", lambda t: text(t, header=False)), UCI, inputs=(5,)),
    Made(
        "no header, nothing said",
        text_file("table.csv", lambda t: text(t, header=False)),
        right=SAYS,
        score=None,
    ),
    Made("uci", text_file("adult.data", with_questions), UCI, right=SAYS, score=None),
    Made("header of numbers", csv_file(years), inputs=(2,)),
    Made(
        "comments", text_file("table.csv", lambda t: "# made\n# by hand\n" + text(t)), inputs=(5,)
    ),
    Made("title", text_file("table.csv", lambda t: "Measurements 2024\n\n" + text(t)), inputs=(5,)),
    Made("excel sep", text_file("t.csv", lambda t: "sep=;\n" + text(t, sep=";")), inputs=(5,)),
    Made(
        "excel: mark, title, semicolons",
        text_file("t.csv", lambda t: "Report;;;\n" + text(t, sep=";", decimal=","), "utf-8-sig"),
        inputs=(5,),
    ),
    Made("saved index", csv_file(plain, index=True), right=SAYS, score=None),
    Made("byte order mark", csv_file(plain, encoding="utf-8-sig"), inputs=(5,)),
    Made("utf-16", csv_file(plain, encoding="utf-16"), inputs=(5,)),
    Made(
        "cp1252",
        csv_file(lambda t: t.frame(stadt=t.pick("Köln", "Zürich", "Málaga")), encoding="cp1252"),
        inputs=(5,),
    ),
    Made("quoted cells", csv_file(quoted), inputs=(5,)),
    Made(
        "single quotes",
        text_file("t.csv", lambda t: text(t).replace("x,z,city,y", "'x','z','city','y'", 1)),
        inputs=(5,),
    ),
    Made("windows line ends", csv_file(plain, lineterminator="\r\n"), inputs=(5,)),
    Made("old mac line ends", csv_file(plain, lineterminator="\r"), inputs=(5,)),
    Made(
        "separator at the line's end",
        text_file("t.csv", lambda t: text(t).replace("\n", ",\n")),
        right=SAYS,
        score=None,
    ),
    Made("blank lines", text_file("t.csv", lambda t: text(t).replace("\n", "\n\n")), inputs=(5,)),
    Made(
        "totals below",
        text_file("t.csv", lambda t: text(t) + "Total,,,12.5\n"),
        right=SAYS,
        score=None,
    ),
    Made("equal names", text_file("t.csv", lambda t: text(t).replace("z", "x", 1)), right=SAYS),
    Made(
        "blanks in names", csv_file(lambda t: plain(t).rename(columns=" {} ".format)), inputs=(5,)
    ),
    Made("a name with a comma", csv_file(lambda t: t.frame(**{"a, b": t.x})), inputs=(3,)),
)
