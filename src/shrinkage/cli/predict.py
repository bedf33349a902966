"""`shrinkage predict RUN NEWDATA`: predictions for raw rows."""

from __future__ import annotations

import csv
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from shrinkage.cli.model_option import ModelOfRun
from shrinkage.cli.reading_options import (
    Encoding,
    Header,
    Names,
    Separator,
    Sheet,
    read_options_of,
    tell_notes,
)
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
        str,
        typer.Argument(
            metavar="DATA",
            help="Raw rows with the columns of the training file, in a format of `path`; a target "
            "is not needed.",
            show_default=False,
        ),
    ],
    model: ModelOfRun = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Add a column of probabilities for each class.")
    ] = False,
    separator: Separator = None,
    encoding: Encoding = None,
    header: Header = None,
    names: Names = None,
    sheet: Sheet = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="CSV file. [default: the output stream]", metavar="FILE"),
    ] = None,
) -> None:
    """Predict raw rows with a model of a finished run, read and prepared as in training.

    One line a row, in the order of the rows, as CSV with a header. Exit status 0: done; 2: bad
    input, said in one line.

    \b
    Examples:
      shrinkage predict runs/table.csv new.csv --probabilities
      shrinkage predict runs/table.csv new.csv --out predictions.csv
    """
    require("paths")
    from shrinkage.datasets import ReadOptions
    from shrinkage.datasets.load import rows_and_notes
    from shrinkage.errors import InputError, UnseenCellsWarning
    from shrinkage.paths.data_losses import predictions_said
    from shrinkage.paths.results.predictions import prediction_columns, write_predictions
    from shrinkage.run import load_result

    result = load_result(run)
    if out is not None and out.is_dir():
        raise InputError(f"expected a file for --out, got a folder: {out.as_posix()}")
    if out is not None and out.exists() and run.resolve() in out.resolve().parents:
        raise InputError(
            f"expected a new file for the predictions, but {out} is there and in the run; "
            "choose another --out"
        )
    assert result.model_file is not None
    trained = ReadOptions.from_dict(result.model_file.read_options)
    read_options = trained.inherit(*result.model_file.target_columns).overruled_by(
        read_options_of(separator, encoding, header, names, sheet)
    )
    said = predictions_said(result.summary.get("loss"))
    if said:
        typer.echo(f"predictions are {said}", err=True)
    rows = rows_and_notes(data, read_options)
    tell_notes(data, rows.notes)
    which = model or result.asked_for
    for counts in result.examine(rows.values, which):
        if counts.worth_telling:
            typer.echo(f"{'warning: ' if counts.wholly_unseen else ''}{counts}", err=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnseenCellsWarning)  # they are told in lines
        columns = prediction_columns(result, rows.values, which, probabilities=probabilities)
    if out is not None:
        write_predictions(columns, out)
        typer.echo(f"predictions: {out}")
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
