"""`shrinkage example NAME`: an experiment of the introductory texts, and the setting that works."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shrinkage.errors import InputError

NOT_MET = 1


def command(
    name: Annotated[
        str | None, typer.Argument(help="The experiment; --list names them.", show_default=False)
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Name the experiments.")] = False,
    full: Annotated[bool, typer.Option("--full", help="On all of the data: minutes.")] = False,
    data: Annotated[
        str | None,
        typer.Option(help="A data set's name, or a file or folder of it.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for what is written. [default: runs/examples/NAME]"),
    ] = None,
) -> None:
    """Run an experiment: as published, what the audit says, and what works.

    Exit status 0: all stated numbers were met; 1: one was not; 2: bad input.

    Examples:

      shrinkage example --list

      shrinkage example torch-l1
    """
    if listed:
        _show_list()
        return
    if name is None:
        raise InputError("expected the name of an experiment, got none: see example --list")
    from shrinkage.examples import run_experiment

    if not run_experiment(name, full=full, data=data, out=out).met:
        raise typer.Exit(NOT_MET)


def _show_list() -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from shrinkage.examples import EXPERIMENTS

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("experiment", no_wrap=True)
    table.add_column("what it shows")
    for experiment in EXPERIMENTS.values():
        table.add_row(experiment.name, experiment.summary)
    Console(highlight=False, markup=False).print(table)
