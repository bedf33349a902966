"""`shrinkage data DATA`: a look at a table before anything is trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from shrinkage.cli import reading_options
from shrinkage.cli.lists import LISTED
from shrinkage.cli.path_data_options import DATA, Target
from shrinkage.comma_lists import CommaList


def _option(text: str, *names: str, **extra: Any):
    return typer.Option(*names, help=text, show_default=False, **extra)


def command(
    data: Annotated[str, DATA],
    target: Target = None,
    drop: Annotated[
        list[CommaList] | None,
        typer.Option("--drop", help="Columns to leave out; repeatable.", **LISTED),
    ] = None,
    split_by: Annotated[
        str | None, _option("Column of what stays together.", "--split-by", metavar="COLUMN")
    ] = None,
    sample_weight: Annotated[
        str | None, _option("Column of row weights.", "--sample-weight", metavar="COLUMN")
    ] = None,
    event: Annotated[
        str | None,
        _option(
            "The target is of times: column that says whether the event came (1) or not yet (0).",
            "--event",
            metavar="COLUMN",
        ),
    ] = None,
    task: Annotated[
        str | None,
        _option("classification or regression; guessed if left out.", "--task", metavar="TASK"),
    ] = None,
    columns: Annotated[
        Path | None, _option("What columns are: a columns.toml.", "--columns", metavar="FILE")
    ] = None,
    write: Annotated[
        Path | None,
        _option("Write what was decided, to be edited: a columns.toml.", "--write", metavar="FILE"),
    ] = None,
    as_json: Annotated[bool, _option("All of it as JSON.", "--json")] = False,
    separator: reading_options.Separator = None,
    encoding: reading_options.Encoding = None,
    header: reading_options.Header = None,
    names: reading_options.Names = None,
    sheet: reading_options.Sheet = None,
) -> None:
    """Tell what each column is taken for, what is missing, and what would be refused.

    Exit status 0: told; 2: bad input, said in one line. Columns that `path` would refuse are told.

    \b
    Examples:
      shrinkage data table.csv
      shrinkage data table.csv --target price --write columns.toml
      shrinkage data trial.csv --target days --event died
      shrinkage path table.csv --target price --columns columns.toml
    """
    from shrinkage.atomic import write_bytes
    from shrinkage.cli.told import show_look
    from shrinkage.datasets.column_specs import read_specs, specs_text
    from shrinkage.datasets.load import open_table
    from shrinkage.datasets.roles import Roles
    from shrinkage.datasets.table_look import look_at_table

    specs = {} if columns is None else read_specs(columns)
    reading = reading_options.read_options_of(separator, encoding, header, names, sheet)
    opened = open_table(data, target=target, read_options=reading)
    first, *further = target or opened.targets or (None,)
    task = "regression" if event is not None else task
    roles = Roles(first, tuple(drop or ()), split_by, sample_weight, task, specs)
    roles = replace(roles, further_targets=tuple(filter(None, further)), event=event)
    look = look_at_table(opened.name, opened.table, roles)
    if write is not None:
        write_bytes(write, specs_text(look.specs()).encode())
    if as_json:
        typer.echo(json.dumps(look.to_dict(), indent=2, ensure_ascii=False))
    else:
        show_look(look, write)
