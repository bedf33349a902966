"""A surface in the terminal: the scores as a table of two axes, the choices marked."""

from __future__ import annotations

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shrinkage.paths import PathResult
from shrinkage.reports.figures.surface import shown_cells
from shrinkage.reports.reading import chosen_or_none, fold_mean, value_text
from shrinkage.reports.wording import score_wording

BEST, SIMPLE, WITHIN = "*", "°", "·"
CELL = 8  # letters of a column with its margin
HEAD = 16


def show_surface(result: PathResult, console: Console) -> None:
    """Print the scores, the axis with fewer values across; a wide one in several tables."""
    surface = result.surface
    assert surface is not None
    cells = shown_cells(result)
    down, across = surface.axes[0], surface.axes[1]
    if len(across.values) > len(down.values):
        down, across = across, down
    else:
        cells = cells.T
    wording = score_wording(result.score_name)
    console.print(
        Text(f"{wording.label} on validation rows: {down.label} down, {across.label} across")
    )
    widest = max(len(value_text(value)) for value in across.values)
    at_once = max(1, (console.width - HEAD) // max(CELL, widest + CELL // 2))
    for first in range(0, len(across.values), at_once):
        some = range(first, min(first + at_once, len(across.values)))
        console.print(_table(result, cells, some, down.values, across.values))
    legend = f"{BEST} best, {SIMPLE} simplest within one standard error, {WITHIN} within it"
    if len(surface.axes) > 2:
        others = ", ".join(axis.name for axis in surface.axes[2:])
        legend += f"; each the best along {others}"
    console.print(Text(f"{legend}; all is in path.csv", style="dim"))


def _table(
    result: PathResult,
    cells: np.ndarray,
    columns: range,
    down: tuple[float | str, ...],
    across: tuple[float | str, ...],
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", justify="right", no_wrap=True)
    for column in columns:
        table.add_column(value_text(across[column]), justify="right", no_wrap=True)
    for row, value in enumerate(down):
        texts = [_cell(result, int(cells[row, column])) for column in columns]
        table.add_row(value_text(value), *texts)
    return table


def _cell(result: PathResult, cell: int) -> Text:
    assert result.surface is not None
    wording = score_wording(result.score_name)
    text = wording.text(float(fold_mean(result.fold_scores)[cell])).removesuffix(" %")
    place = _place(result, cell)
    if place == _place(result, result.best.index):
        return Text(text + BEST, style="bold")
    simple = chosen_or_none(result, "one_standard_error")
    if simple is not None and place == _place(result, simple.index):
        return Text(text + SIMPLE, style="bold")
    return Text(text + (WITHIN if result.surface.within[cell] else " "))


def _place(result: PathResult, cell: int | None) -> tuple[float | str, ...]:
    """Return where a cell is on the two axes that are shown; no place where there is no cell."""
    assert result.surface is not None
    return () if cell is None else result.surface.cells[cell][:2]
