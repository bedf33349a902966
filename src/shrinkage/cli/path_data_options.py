"""The options of `shrinkage path` about data: which rows and columns, and what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shrinkage.cli.lists import LISTED
from shrinkage.cli.reading_options import data_option
from shrinkage.comma_lists import CommaList

DATA = typer.Argument(
    metavar="DATA",
    help="A file: text in any layout, Parquet, a workbook, JSON, …, also packed; a folder of parts "
    "or of IDX images; sqlite:FILE:TABLE; openml:NAME; - for the input stream; or digits, "
    "breast-cancer, wine, diabetes, mnist.",
    show_default=False,
)

Target = Annotated[
    list[CommaList] | None,
    data_option("Column to predict, or several; repeatable.", "--target", **LISTED),
]
Drop = Annotated[
    list[CommaList] | None,
    data_option("Columns to leave out; repeatable.", "--drop", **LISTED),
]
SplitBy = Annotated[
    str | None,
    data_option(
        "Column whose equal values (a person, a day) stay together in test and folds.",
        "--split-by",
        metavar="COLUMN",
    ),
]
SampleWeight = Annotated[
    str | None, data_option("Column of row weights.", "--sample-weight", metavar="COLUMN")
]
Time = Annotated[
    str | None,
    data_option(
        "Column of times: the past trains, the future validates and tests.",
        "--time",
        metavar="COLUMN",
    ),
]
Event = Annotated[
    str | None,
    data_option(
        "With --loss cox: column that says whether the event came at the time (1) or not yet (0).",
        "--event",
        metavar="COLUMN",
    ),
]
Task = Annotated[
    str | None,
    data_option("classification or regression; guessed if left out.", "--task", metavar="TASK"),
]
Columns = Annotated[
    Path | None,
    data_option(
        "What columns are: a columns.toml, as `data` writes one.", "--columns", metavar="FILE"
    ),
]
MissingTarget = Annotated[
    str,
    data_option(
        "Rows without a target: refuse, drop, or class (words such as NA are a class). "
        "[default: refuse]",
        "--missing-target",
        metavar="NAME",
    ),
]
DropMissingTarget = Annotated[
    bool, data_option("The same as --missing-target drop.", "--drop-missing-target")
]
Rare = Annotated[
    str,
    data_option(
        "Rare classes: keep, or other (merged into one). [default: keep]",
        "--rare",
        metavar="NAME",
    ),
]
RareBelow = Annotated[
    int | None,
    data_option(
        "With --rare other: fewer rows are rare. [default: by the folds]",
        "--rare-below",
        metavar="COUNT",
    ),
]
ClassWeight = Annotated[
    str,
    data_option(
        "Classes count balanced, none (by their rows), or as LABEL=WEIGHT,… says. [default: none]",
        "--class-weight",
        metavar="NAME",
    ),
]
Validation = Annotated[
    str | None,
    data_option(
        "Rows of your own to choose the strength with, instead of folds.",
        "--validation",
        metavar="FILE",
    ),
]
Test = Annotated[
    str | None,
    data_option("Test rows of your own; they are looked at once.", "--test", metavar="FILE"),
]
TestSize = Annotated[
    float,
    data_option(
        "Share of the rows held out for the test. [default: 0.2]",
        "--test-size",
        metavar="SHARE",
    ),
]
