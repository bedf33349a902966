"""The figures of each class on the test rows, or those of the folds, as a table of texts.

Who uses this: the page. With few classes the table shows what each is taken for, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from shrinkage.drawing.text import MISSING, plain, share_text
from shrinkage.paths.results import ClassFigures, PathResult

MOST_TAKEN_FOR = 12
"""With more classes than this the table has no columns for what a class is taken for."""


@dataclass(frozen=True)
class ClassTable:
    """Column names and rows of cells, the class first."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def class_table(result: PathResult) -> ClassTable | None:
    """Return the table of the best model on the test rows, None where there is no such figure.

    >>> from dataclasses import replace
    >>> import numpy as np
    >>> from shrinkage.paths.results import ClassFigures
    >>> from shrinkage.reports.example import example_result
    >>> figures = ClassFigures(("no", "yes"), np.array([[8, 2], [0, 0]]))
    >>> class_table(replace(example_result(), classes=figures)).rows[1]
    ('yes', '0', '–', '0 %', '0', '0')
    """
    return _table(result.classes, "test rows")


def fold_class_table(result: PathResult) -> ClassTable | None:
    """Return the table of the best strength on the rows that the folds left out, or None."""
    return _table(result.fold_classes, "rows left out")


def _table(figures: ClassFigures | None, rows_are: str) -> ClassTable | None:
    if figures is None:
        return None
    labels = [plain(label, 30) for label in figures.classes]
    full = len(labels) <= MOST_TAKEN_FOR
    columns = ("class", rows_are, "found", "right among those taken for it")
    columns += tuple(f"taken for {label}" for label in labels) if full else ()
    rows = []
    for place, label in enumerate(labels):
        taken = [f"{count:,}" for count in figures.confusion[place].tolist()] if full else []
        shares = _share(figures.recall[place]), _share(figures.precision[place])
        rows.append((label, f"{figures.rows[place]:,}", *shares, *taken))
    return ClassTable(columns, tuple(rows))


def _share(value: float | None) -> str:
    return MISSING if value is None else share_text(value)
