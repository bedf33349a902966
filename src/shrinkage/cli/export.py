"""`shrinkage export RUN FILE --to onnx`: a finished run's model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shrinkage.cli.model_option import ModelOfRun
from shrinkage.extras import require

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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No text.")] = False,
) -> None:
    """Write a run's model with the preparation of its rows as one file that needs no Python.

    An ONNX file takes the raw columns as float64, in the order that is told, with NaN for what is
    missing, and gives probabilities of the classes, or numbers in the target's unit. It is run in
    onnxruntime and compared before it is written. Exit status 0: done; 2: bad input, a column of
    text, or a model that has no such form, said in one line.

    \b
    Examples:
      shrinkage export runs/digits digits.onnx
      shrinkage export runs/digits --to onnx digits.onnx --model one_standard_error
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
    written = result.to_onnx(file, model or result.asked_for)
    if not quiet:
        told = result.onnx_columns
        columns = f"{', '.join(told[:5])}{', …' if len(told) > 5 else ''}"
        typer.echo(
            f"{file}: {written.bytes:,} bytes; takes {len(told)} columns as float64 ({columns}), "
            f"gives {result.onnx_answers}; onnxruntime differs by {written.difference:.1e}"
        )
