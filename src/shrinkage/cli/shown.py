"""What the commands show of a result: a table and the answer, with data as plain text."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from shrinkage.cli.shown_surface import show_surface
from shrinkage.compaction import Compaction
from shrinkage.errors import LostWorkerWarning, UnseenCellsWarning
from shrinkage.extras import missing
from shrinkage.paths import FittedPath, PathResult
from shrinkage.paths.running.estimate import Estimate
from shrinkage.reports import path_table, summary_sentence
from shrinkage.reports.cautions import caution_text
from shrinkage.reports.gain import gain_sentence
from shrinkage.reports.group_table import groups_sentence
from shrinkage.reports.models_table import ModelRow, model_rows
from shrinkage.reports.reading import counted_units
from shrinkage.reports.sentence import classes_sentence, constant_sentence, ended_sentence
from shrinkage.reports.table import places_of
from shrinkage.reports.target_told import target_text

HEADERS = ("strength", "score", "± s.e.", "train", "valid.", "zeros", "status", "choice")
INPUTS, COLUMNS = "inputs", "columns"
TEXTS = ("status", "choice", "model")
MODEL_HEADERS = {
    "label": "model",
    "strength": "where",
    "cv_score": "score",
    "apart": "best − it",
    "cv_log_loss": "log loss",
    "test_score": "test",
    "test_log_loss": "test loss",
    "zeros": "zeros",
    "seconds": "time",
}
MODELS_DO_WITHOUT = ("zeros", "time", "test loss", "log loss", "where")
# What a narrow terminal does without, the first first.
DISPENSABLE = ("train", "valid.", INPUTS, COLUMNS, "± s.e.", "zeros", "choice")
ANY_WIDTH = 1000
MOST_TRIALS = 12  # of a search


def announce(estimate: Estimate) -> None:
    """Say how long the run will take and how much memory, before it starts."""
    Console(stderr=True).print(str(estimate), markup=False, highlight=False)


def with_warnings_as_lines(
    function: Callable[..., Any], *arguments: Any, shown: bool, **options: Any
) -> Any:
    """Return what a function returns; its warnings of unseen cells are lines, where `shown`.

    Those of lost workers always are.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("always" if shown else "ignore", UnseenCellsWarning)
        warnings.simplefilter("always", LostWorkerWarning)
        usual = warnings.showwarning

        def show(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, (UnseenCellsWarning, LostWorkerWarning)):
                print(f"warning: {message}", file=sys.stderr)
            else:
                usual(message, category, *place, **more)

        warnings.showwarning = show
        return function(*arguments, **options)


def show_result(result: FittedPath, folder: Path, *, quiet: bool) -> None:
    """Print the table of the path, the warnings, the answer and where the report is."""
    console = Console(highlight=False)
    if not quiet:
        show_table(result, console)
        show_models(result, console)
        for sentence in filter(None, _sentences(result)):
            console.print(Text(sentence))
    if result.target is not None and result.target.merged:
        console.print(Text(target_text(result.target)))
    for warning in [*result.warnings, *map(caution_text, result.cautions)]:
        console.print(Text(f"warning: {warning}", style="yellow"))
    console.print(Text(summary_sentence(result)))
    if groups := groups_sentence(result):
        console.print(Text(groups))
    if gain := gain_sentence(result):
        console.print(Text(gain))
    page = folder / "report.html"
    print(f"report: {page}" if page.exists() else no_report(folder))


def _sentences(result: FittedPath) -> tuple[str, ...]:
    return constant_sentence(result), classes_sentence(result), ended_sentence(result)


def show_compaction(
    result: FittedPath, found: Compaction, folder: Path, *, proven_on: str | None, quiet: bool
) -> None:
    """Print what a smaller model saves, how far its outputs are, and where it is."""
    console = Console(highlight=False)
    before, after = found.proof.before, found.proof.after
    assert result.model_file is not None
    inputs = result.model_file.n_inputs
    kept = inputs if found.kept_inputs is None else len(found.kept_inputs)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for header in ("", "before", "after"):
        table.add_column(header, justify="right" if header else "left")
    table.add_row("inputs", f"{inputs:,}", f"{kept:,}")
    for layer in found.layers[:-1]:
        table.add_row(f"units of {layer.name}", f"{layer.before:,}", f"{layer.after:,}")
    table.add_row("parameters", f"{before.parameters:,}", f"{after.parameters:,}")
    table.add_row("multiply-adds a row", f"{before.multiply_adds:,}", f"{after.multiply_adds:,}")
    table.add_row("bytes of the file", f"{before.file_bytes:,}", f"{after.file_bytes:,}")
    if found.rounding is not None:
        bytes_ = f"{found.rounding.file_bytes:,}"
        table.add_row(f"bytes in {found.rounding.stored_as}", "", bytes_)
    for name, was, is_ in (
        ("µs for one row", before.seconds_one, after.seconds_one),
        (f"µs for {found.proof.rows:,} rows", before.seconds_batch, after.seconds_batch),
    ):
        if was is not None and is_ is not None:
            table.add_row(name, f"{1e6 * was:,.0f}", f"{1e6 * is_:,.0f}")
    if not quiet:
        console.print(table)
        for note in found.notes:
            console.print(Text(f"note: {note}"))
    proof = found.proof
    worst = max(proof.difference_real, proof.difference_random, proof.difference_lengths)
    on = "random rows" if proven_on is None else f"the rows of {proven_on} and random ones"
    console.print(Text(f"largest difference of an output, on {on}: {worst:.1e} of the largest"))
    rounding = found.rounding
    if rounding is not None:
        worst = max(rounding.difference_real, rounding.difference_random)
        told = f"then rounded to {rounding.stored_as}: differs by {worst:.1e} of the largest"
        if rounding.changed is not None:
            rows = "random rows" if proven_on is None else f"the rows of {proven_on}"
            told += f"; {100 * rounding.changed:.3g} % of {rows} are of another class"
        console.print(Text(told))
    print(f"smaller model: {folder}")


def no_report(folder: Path) -> str:
    """Say that a run has no page, and how to draw one."""
    lacking = missing("reports")
    reason = "it was not drawn" if lacking is None else lacking
    return f"no report: {reason}; then `shrinkage report {folder}` draws it"


def show_table(result: PathResult, console: Console) -> None:
    """Print the path as a table that fits the terminal, and name the columns it does without."""
    if result.surface is not None and result.surface.is_grid:
        show_surface(result, console)
        return
    shown = _shown_rows(result)
    columns = [
        _Column(column.header, [column.cells[row] for row in shown]) for column in _columns(result)
    ]
    rows = path_table(result)
    marks = [bool(rows[place].mark) for place in shown]
    left_out: list[str] = []
    table = _table(columns, marks)
    for header in DISPENSABLE:
        if _width(table, console) <= console.width:
            break
        if any(column.header == header for column in columns):
            columns = [column for column in columns if column.header != header]
            left_out.append(header)
            table = _table(columns, marks)
    console.print(table)
    if len(shown) < len(rows):
        text = f"the best {len(shown)} of {len(rows)} trials; all are in path.csv"
        console.print(Text(text, style="dim"))
    if left_out:
        names = ", ".join(left_out)
        console.print(Text(f"not shown at this width: {names}; all is in path.csv", style="dim"))


def _shown_rows(result: PathResult) -> list[int]:
    """Return which rows are shown: all, or the best trials of a search and what was chosen."""
    if result.surface is None:
        return list(range(len(result.strengths)))
    order = np.argsort(-np.nan_to_num(result.score_mean, nan=-np.inf), kind="stable")
    chosen = [m.index for m in result.chosen if m.index is not None]
    first = [place for place in order.tolist() if place not in chosen]
    some = {*chosen, *first[: MOST_TRIALS - len(set(chosen))]}
    return [place for place in order.tolist() if place in some]


def show_models(result: PathResult, console: Console) -> None:
    """Print the models side by side; what no model has is left out, and what is too wide too."""
    rows = model_rows(result)
    fields = [name for name in MODEL_HEADERS if any(getattr(row, name) for row in rows)]
    if result.surface is None:
        fields.remove("strength")  # it stands in the table of the path
    columns = [
        _Column(MODEL_HEADERS[name], [_model_text(row, name) for row in rows]) for name in fields
    ]
    marks = [row.key == "best" for row in rows]
    table = _table(columns, marks)
    for header in MODELS_DO_WITHOUT:
        if _width(table, console) <= console.width:
            break
        columns = [column for column in columns if column.header != header]
        table = _table(columns, marks)
    console.print(table)


def _model_text(row: ModelRow, name: str) -> str:
    text = str(getattr(row, name))
    return text if name == "label" else _short(text.split(" (")[0])


@dataclass(frozen=True)
class _Column:
    header: str
    cells: Sequence[str]


def _columns(result: PathResult) -> list[_Column]:
    rows = [row.cells for row in path_table(result)]
    columns = [
        _Column(header, [_short(row[place]) for row in rows])
        for place, header in enumerate((*places_of(result), *HEADERS[1:]))
    ]
    if result.inputs_kept is not None:
        kept = result.inputs_kept.mean(axis=1)
        grouped = counted_units(result) == COLUMNS
        columns.append(_Column(COLUMNS if grouped else INPUTS, list(map(_mean_count, kept))))
        if grouped and result.network_inputs_kept is not None:
            used = result.network_inputs_kept.mean(axis=1)
            columns.append(_Column(INPUTS, list(map(_mean_count, used))))
    return columns


def _mean_count(mean: float) -> str:
    """Return a mean of counts with one decimal, where it is no whole number.

    >>> _mean_count(3.9333), _mean_count(4.0), _mean_count(0.02), _mean_count(12000.0)
    ('3.9', '4', '<0.1', '12,000')
    """
    if 0 < mean < 0.05:
        return "<0.1"
    return f"{mean:,.0f}" if float(mean).is_integer() else f"{mean:,.1f}"


def _short(cell: str) -> str:
    return cell.replace("under ", "<").replace("over ", ">")


def _table(columns: Sequence[_Column], marks: Sequence[bool]) -> Table:
    """Return a table of these columns, the chosen rows in bold."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        side = "left" if column.header in TEXTS else "right"
        table.add_column(column.header, justify=side, overflow="fold")
    for index, mark in enumerate(marks):
        cells = (Text(column.cells[index]) for column in columns)
        table.add_row(*cells, style="bold" if mark else "")
    return table


def _width(table: Table, console: Console) -> int:
    options = console.options.update(width=ANY_WIDTH)
    return Measurement.get(console, options, table).maximum
