"""The application `shrinkage`: its commands, and how errors reach a person."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import shrinkage
from shrinkage.cli import path, penalties, predict, report
from shrinkage.errors import ShrinkageError

BAD_INPUT = 2

app = typer.Typer(
    name="shrinkage",
    help="Regularize neural networks, and know that it works.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("path")(path.command)
app.command("report")(report.command)
app.command("predict")(predict.command)
app.command("penalties")(penalties.command)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"shrinkage {shrinkage.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Regularize neural networks, and know that it works."""
    del version


def run() -> None:
    """Run the command line and end the process with its exit status."""
    try:
        app(standalone_mode=True)
    except ShrinkageError as error:
        typer.echo("error: " + " ".join(str(error).split("\n")), err=True)
        sys.exit(BAD_INPUT)
