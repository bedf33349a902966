"""The numbers along the path as rows: for the terminal and for the page.

Who uses this: the command line (with its own colours), `text_table` for a plain terminal, and the
page. Rows carry the numbers; `cells` gives them as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shrinkage.drawing.text import number_text, share_text, strength_text
from shrinkage.paths.results.records import PathResult, Status
from shrinkage.reports.reading import (
    chosen_or_none,
    fold_mean,
    value_text,
    varied_name,
    zero_shares,
)
from shrinkage.reports.wording import ScoreWording, score_wording

COLUMNS = ("strength", "score", "± 1 s.e.", "train loss", "validation loss", "zeros", "status", "")


@dataclass(frozen=True)
class PathRow:
    """One strength of the path: means over the folds, and what was chosen.

    `mark` is `best`, `1 s.e.`, both, or empty; `zeros` is a share from 0 to 1. `places` are the
    values on the axes of a surface.
    """

    strength: float
    score: float
    standard_error: float
    train_loss: float
    validation_loss: float
    zeros: float
    status: Status
    mark: str
    wording: ScoreWording
    places: tuple[str, ...] = ()

    @property
    def cells(self) -> tuple[str, ...]:
        """Return the row as text, in the order of `COLUMNS`."""
        return (
            *(self.places or (strength_text(self.strength),)),
            self.wording.text(self.score),
            self.wording.text(self.standard_error),
            number_text(self.train_loss),
            number_text(self.validation_loss),
            share_text(self.zeros),
            self.status.value.replace("_", " "),
            self.mark,
        )


def path_table(result: PathResult) -> tuple[PathRow, ...]:
    """Return one row for each strength, in the order of the path.

    Args:
        result: a finished path.

    >>> from shrinkage.reports.example import example_result
    >>> [(row.strength, row.mark) for row in path_table(example_result())]
    [(0.001, ''), (0.01, 'best'), (0.1, '1 s.e.'), (1.0, '')]
    """
    wording, surface = score_wording(result.score_name), result.surface
    columns = (
        np.asarray(result.strengths, dtype=float),
        fold_mean(result.fold_scores),
        result.score_error,
        fold_mean(result.train_loss),
        fold_mean(result.validation_loss),
        zero_shares(result),
    )
    return tuple(
        PathRow(
            *(float(column[i]) for column in columns),
            status=result.status[i],
            mark=_mark(result, i),
            wording=wording,
            places=() if surface is None else tuple(map(value_text, surface.cells[i])),
        )
        for i in range(len(result.strengths))
    )


def columns_of(result: PathResult) -> tuple[str, ...]:
    """Return the headings of all columns, that of the residual where it was judged."""
    columns = (*places_of(result), *COLUMNS[1:])
    return columns if result.residual is None else (*columns[:-2], "residual", *columns[-2:])


def places_of(result: PathResult) -> tuple[str, ...]:
    """Return the headings of what varies: the strength, or the axes of a surface."""
    if result.surface is None:
        return (varied_name(result),)
    return tuple(axis.name.replace("_", " ") for axis in result.surface.axes)


def rows_of(result: PathResult) -> Iterator[tuple[str, ...]]:
    """Yield the cells of every strength; the residual is the largest of the folds.

    Of networks it is that of `engines/stationarity.py`, of linear models the relative duality gap.
    """
    for index, row in enumerate(path_table(result)):
        if result.residual is None:
            yield row.cells
            continue
        largest = float(np.max(result.residual[index]))
        text = f"{largest:.1e}" if np.isfinite(largest) else "–"
        yield (*row.cells[:-2], text, *row.cells[-2:])


def text_table(result: PathResult) -> str:
    """Return the path as a table of plain text, numbers aligned to the right.

    >>> from shrinkage.reports.example import example_result
    >>> print(text_table(example_result()).splitlines()[2].rstrip())
        0.01  97.0 %    0.5 %       0.100            0.150   50 %         ok    best
    """
    columns = (*places_of(result), *COLUMNS[1:])
    rows = [columns, *(row.cells for row in path_table(result))]
    widths = [max(len(row[c]) for row in rows) for c in range(len(columns))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def _mark(result: PathResult, index: int) -> str:
    simple = "1 s.e." if result.surface is None else "simplest"
    labels = {"goal": "goal", "best": "best", "one_standard_error": simple}
    models = ((label, chosen_or_none(result, role)) for role, label in labels.items())
    return ", ".join(label for label, model in models if model and model.index == index)
