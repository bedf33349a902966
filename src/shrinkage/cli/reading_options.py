"""The options that say how a file is written, for the commands that read tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shrinkage.cli.lists import LISTED
from shrinkage.comma_lists import CommaList, items_of

if TYPE_CHECKING:
    from shrinkage.datasets import ReadOptions


def data_option(text: str, *names: str, **extra: Any):
    return typer.Option(*names, help=text, rich_help_panel="Data", show_default=False, **extra)


Separator = Annotated[
    str | None,
    data_option(
        "Between cells: , ; | tab blanks; looked for if left out.",
        "--separator",
        metavar="CHARACTER",
    ),
]
Encoding = Annotated[
    str | None,
    data_option(
        "Of a file of text; such as cp1252; looked for if left out.", "--encoding", metavar="NAME"
    ),
]
Header = Annotated[
    bool | None,
    data_option("Whether the first row names the columns.", "--header/--no-header"),
]
Names = Annotated[
    list[CommaList] | None,
    data_option("Names of the columns, instead of a header.", "--names", **LISTED),
]
Sheet = Annotated[
    str | None,
    data_option("Sheet of a workbook. [default: the first table]", "--sheet", metavar="NAME"),
]


def tell_notes(source: str, notes: Sequence[str]) -> None:
    """Say on the error stream what was decided while a file was read, a line each."""
    for note in notes:
        typer.echo(f"{Path(source).name}: {note}", err=True)


def read_options_of(
    separator: str | None,
    encoding: str | None,
    header: bool | None,
    names: list[CommaList] | None,
    sheet: str | None,
) -> ReadOptions:
    """Return what the options say, checked."""
    from shrinkage.datasets import ReadOptions

    return ReadOptions(encoding, separator, header, items_of(names), sheet)
