"""`shrinkage export RUN FILE --to onnx`: a finished run's model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shrinkage.cli.model_option import ModelOfRun
from shrinkage.cli.reading_options import tell_notes
from shrinkage.extras import require

if TYPE_CHECKING:
    from shrinkage.datasets.dataset import RawRows
    from shrinkage.paths.results.fitted import FittedPath
    from shrinkage.paths.results.onnx_file import ModelOnnx

FORMATS = ("onnx",)


def command(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="Directory of a finished run, such as runs/NAME.",
            show_default=False,
        ),
    ],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to write.", show_default=False)
    ],
    to: Annotated[str, typer.Option("--to", help="The format: onnx.", metavar="NAME")] = "onnx",
    model: ModelOfRun = None,
    check: Annotated[
        str | None,
        typer.Option(
            "--check",
            help="Raw rows, such as the training file, to compare on, beside rows that are made; "
            "its spellings of levels are known to the file too.",
            metavar="DATA",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No text.")] = False,
) -> None:
    """Write a run's model with the preparation of its rows as one file that needs no Python.

    An ONNX file takes the raw columns of numbers as one float64 matrix, NaN where a cell is
    missing, and each column of text as an input of its name; it gives probabilities of the
    classes, or numbers in the target's unit. It is run in onnxruntime and compared before it is
    written. Exit status 0: done; 2: bad input, a column that has no place in a file, or a model
    that has no such form, said in one line.

    \b
    Examples:
      shrinkage export runs/digits digits.onnx
      shrinkage export runs/digits --to onnx digits.onnx --model one_standard_error
      shrinkage export runs/table table.onnx --check table.csv
    """
    require("paths")
    from shrinkage.checks import one_of
    from shrinkage.errors import InputError
    from shrinkage.run import load_result

    one_of(to, "format (--to)", FORMATS)
    require("onnx")
    result = load_result(run)
    if file.is_dir():
        raise InputError(f"expected a file to write, got a folder: {file.as_posix()}")
    if run.resolve() in file.resolve().parents:
        raise InputError(f"expected a file outside the run, got {file}: choose another place")
    if not file.absolute().parent.is_dir():
        raise InputError(f"expected a folder that is there for {file}: make it first")
    rows = None if check is None else _rows(result, check)
    written = result.to_onnx(file, model or result.asked_for, rows=rows)
    if not quiet:
        typer.echo(
            f"{file}: {written.bytes:,} bytes; takes {_columns(written)}, gives "
            f"{result.onnx_answers}; onnxruntime differs by {written.difference:.1e}"
        )
        typer.echo(f"\n{written.example}")


def _rows(result: FittedPath, data: str) -> RawRows:
    """Return raw rows of a file, read as the training file was."""
    from shrinkage.datasets import ReadOptions
    from shrinkage.datasets.load import rows_and_notes

    assert result.model_file is not None
    trained = ReadOptions.from_dict(result.model_file.read_options)
    rows = rows_and_notes(data, trained.inherit(*result.model_file.target_columns))
    tell_notes(data, rows.notes)
    return rows.values


def _columns(file: ModelOnnx) -> str:
    """Return in words which columns a file takes."""
    words = {
        "number": ("column", "as float64"),
        "date": ("date", "as seconds since the start of 1970"),
        "text": ("column", "as text"),
    }
    told = []
    for kind, (noun, how) in words.items():
        names = [name for name, own in file.kinds.items() if own == kind]
        first = f"{', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
        if names:
            told.append(f"{len(names)} {noun}{'s' if len(names) > 1 else ''} {how} ({first})")
    return ", ".join(told)
