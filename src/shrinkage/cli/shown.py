"""What the commands show of a result: a table and the answer, with data as plain text."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shrinkage.paths import FittedPath
from shrinkage.paths.running.estimate import Estimate
from shrinkage.reports import path_table, summary_sentence

HEADERS = ("strength", "score", "± s.e.", "train", "valid.", "zeros", "status", "choice")


def announce(estimate: Estimate) -> None:
    """Say how long the run will take and how much memory, before it starts."""
    Console(stderr=True).print(
        f"The cross validation will take {estimate}.", markup=False, highlight=False
    )


def show_result(result: FittedPath, folder: Path, *, quiet: bool) -> None:
    """Print the table of the path, the warnings, the answer and where the report is."""
    console = Console(highlight=False)
    if not quiet:
        console.print(_table(result))
    for warning in result.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
    console.print(Text(summary_sentence(result)))
    print(f"report: {folder / 'report.html'}")


def _table(result: FittedPath) -> Table:
    """Return the path as a table for 80 columns, the chosen rows in bold."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in HEADERS:
        numbers = column not in ("status", "choice")
        table.add_column(column, justify="right" if numbers else "left", no_wrap=True)
    inputs = result.inputs_kept
    if inputs is not None:
        table.add_column("inputs", justify="right", no_wrap=True)
    for index, row in enumerate(path_table(result)):
        cells = [cell.replace("under ", "<").replace("over ", ">") for cell in row.cells]
        cells += [] if inputs is None else [f"{inputs[index].mean():.3g}"]
        table.add_row(*(Text(cell) for cell in cells), style="bold" if row.mark else "")
    return table
