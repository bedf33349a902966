"""What `shrinkage select` shows: the most frequent columns and the answer, data as plain text."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shrinkage.drawing.text import count_text, plain, strength_text
from shrinkage.ranking import RankedColumns
from shrinkage.reports.wording import score_wording
from shrinkage.stability import ColumnSelection

MOST_ROWS = 20
FEW_DRAWN = 0.5


def show_selection(selection: ColumnSelection, folder: Path, *, quiet: bool) -> None:
    """Print the most frequent columns, what is selected, the bound, and where it is kept."""
    console = Console(highlight=False)
    if not quiet:
        console.print(_table(selection))
    for sentence in sentences(selection):
        console.print(Text(sentence))
    print(f"columns: {folder / 'columns.csv'}")


def _table(selection: ColumnSelection) -> Table:
    stable, universal = selection.stable, selection.universal
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    headers = ("column", "drawn by", "selected", *(() if universal is None else ("universal",)))
    for header in headers:
        table.add_column(header, justify="right" if header == "drawn by" else "left")
    named = (
        stable.frequency > 0 if universal is None else (stable.frequency > 0) | universal.support
    )
    places = np.flatnonzero(named)
    order = places[np.argsort(-stable.frequency[places], kind="stable")][:MOST_ROWS]
    for place in order:
        chosen = bool(stable.support[place])
        cells = [plain(stable.columns[place]), f"{100 * stable.frequency[place]:.0f} %"]
        cells.append("yes" if chosen else "")
        if universal is not None:
            cells.append("yes" if universal.support[place] else "")
        table.add_row(*(Text(cell) for cell in cells), style="bold" if chosen else "")
    return table


def sentences(selection: ColumnSelection) -> list[str]:
    """Return what is selected and how far to trust it."""
    stable, universal = selection.stable, selection.universal
    count, halves = len(stable.selected), 2 * stable.pairs
    said = [
        f"{count_text(count, 'column')} of {len(stable.columns):,} drawn by at least "
        f"{100 * stable.threshold:.0f} % of {halves} halves of the rows. Expected among them by "
        f"mistake: at most {stable.bound.any_halves:.2g} ({stable.bound.unimodal:.2g} where "
        "frequencies have one mode)."
    ]
    said += _limit(selection)
    if stable.drawn_mean < FEW_DRAWN * stable.drawn:
        said.append(
            f"warning: a half drew {stable.drawn_mean:.1f} columns where {stable.drawn} were "
            "allowed: many enter at once, which more --strengths tell apart, or are not taken out "
            "in so few steps (--epochs)"
        )
    if universal is None:
        said.append(
            "No universal threshold: the strength at which the first column enters has no formula "
            "for this model and loss (linear models of smooth losses have one)."
        )
    else:
        used = count_text(int(universal.support.sum()), "column")
        said.append(
            f"Universal threshold (level {universal.level:g}): strength "
            f"{strength_text(universal.strength)}, at which a model of all rows uses {used}."
        )
    return said


def _limit(selection: ColumnSelection) -> list[str]:
    """Say how many columns can be selected at all, where that holds others back.

    The shares of all columns add up to what a half may draw, so no more than that over the
    threshold reach it.
    """
    stable, universal = selection.stable, selection.universal
    most = math.floor(stable.drawn / stable.threshold + 1e-9)
    wished = 0 if universal is None else int(universal.support.sum())
    if most >= len(stable.columns) or (len(stable.selected) < most and wished <= most):
        return []
    return [
        f"No more than {count_text(most, 'column')} can be selected here: a half may draw "
        f"{stable.drawn:,}, so that mistakes stay as rare as that; a larger --false lets more in."
    ]


def show_best_columns(ranked: RankedColumns, folder: Path, *, quiet: bool) -> None:
    """Print the best columns, what networks of so many score, and where they are kept."""
    console, best = Console(highlight=False), ranked.best
    if not quiet:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column("column")
        table.add_column("kept by", justify="right")
        for place in best.order[: min(MOST_ROWS, len(best.selected))]:
            table.add_row(Text(plain(best.columns[place])), f"{100 * best.frequency[place]:.0f} %")
        console.print(table)
    last = ranked.sizes().iloc[-1]
    wording = score_wording(ranked.score_name)
    score = f"{wording.text(last['score'])} ± {wording.text(last['standard_error'])}"
    count, networks = count_text(len(best.selected), "column"), best.scores.shape[1]
    said = (
        f"The best {count} of {len(best.columns):,}: networks of so many have {wording.label} "
        f"{score} on rows that they have not seen. Kept by: the share of the {networks} "
        "networks that nominate, which says how alike they choose and not how sure a column is."
    )
    console.print(Text(said))
    if ranked.caution:
        console.print(Text(f"warning: {ranked.caution}"))
    print(f"columns: {folder / 'columns.csv'}")
