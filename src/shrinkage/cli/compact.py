"""`shrinkage compact RUN`: a finished run's model without its dead inputs and units."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shrinkage.cli.model_option import ModelOfRun
from shrinkage.extras import require


def command(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="Directory of a finished run, such as runs/NAME.",
            show_default=False,
        ),
    ],
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            help="Raw rows to prove it on, in a format of `predict`. [default: random rows]",
            show_default=False,
        ),
    ] = None,
    model: ModelOfRun = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="A new folder for the smaller model. [default: RUN/compact]",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    stored_as: Annotated[
        str | None,
        typer.Option(
            "--stored-as",
            help="float16 or bfloat16: round the weights, for half the bytes. [default: as they "
            "are]",
            metavar="TYPE",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No table.")] = False,
) -> None:
    """Take dead inputs and units out of a run's model, and prove that it answers the same.

    The folder is a run directory of its own: `shrinkage predict` takes it, with the columns that
    the smaller model still reads. proof.json has the largest difference, sizes and times, and what
    --stored-as costs: rounded weights do not answer the same. Exit
    status 0: done; 2: bad input, or a model that answers the same for every row, said in one line.

    \b
    Examples:
      shrinkage compact runs/table.csv table.csv
      shrinkage compact runs/digits --model one_standard_error --out small
      shrinkage compact runs/digits --stored-as float16
    """
    require("paths")
    from shrinkage.cli.shown import show_compaction
    from shrinkage.errors import InputError
    from shrinkage.paths.results.smaller import compact_path, write_compacted
    from shrinkage.run import load_result

    result = load_result(run)
    folder = run / "compact" if out is None else out
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        ours = folder.is_dir() and (folder / "proof.json").exists()
        if not ours:
            raise InputError(
                f"expected a new or empty folder, but {folder.as_posix()} is there; choose another "
                "--out"
            )
    rows = None if data is None else _rows(data, result)
    smaller, found = compact_path(result, model or result.asked_for, rows, stored_as=stored_as)
    write_compacted(smaller, found, folder)
    show_compaction(smaller, found, folder, proven_on=data, quiet=quiet)


def _rows(data: str, result: object) -> object:
    from shrinkage.datasets import ReadOptions
    from shrinkage.datasets.load import rows_and_notes
    from shrinkage.paths import FittedPath

    assert isinstance(result, FittedPath)
    assert result.model_file is not None
    trained = ReadOptions.from_dict(result.model_file.read_options)
    return rows_and_notes(data, trained.inherit(*result.model_file.target_columns)).values
