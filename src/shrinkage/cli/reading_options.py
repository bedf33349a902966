"""The options that say how a file is written, for the commands that read tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shrinkage.datasets import ReadOptions


def _option(text: str, *names: str):
    return typer.Option(*names, help=text, rich_help_panel="Data", show_default=False)


Separator = Annotated[
    str | None,
    _option("Between cells: , ; | tab blanks; looked for if left out.", "--separator"),
]
Encoding = Annotated[
    str | None, _option("Of a file of text; looked for if left out.", "--encoding")
]
Header = Annotated[
    bool | None,
    _option("Whether the first row names the columns.", "--header/--no-header"),
]
Names = Annotated[
    str, _option("Names of the columns, comma separated, instead of a header.", "--names")
]
Sheet = Annotated[str | None, _option("Sheet of a workbook.", "--sheet")]


def read_options_of(
    separator: str | None,
    encoding: str | None,
    header: bool | None,
    names: str,
    sheet: str | None,
) -> ReadOptions:
    """Return what the options say, checked."""
    from shrinkage.datasets import ReadOptions

    listed = tuple(name.strip() for name in names.split(",")) if names.strip() else ()
    return ReadOptions(encoding, separator, header, listed, sheet)
