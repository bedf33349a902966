"""How a model does on each class: precision, recall, and which class is taken for which.

Who uses this: `score_figures` makes them of the best model on the test rows, and the outcome of a
fold counts them of all its models; the result of a path holds them, terminal and report tell them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_COUNTED_CLASSES = 50
"""With more classes than this no confusion is counted over the folds."""


def confusions(outputs: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return how many rows of each class models take for each, (models, classes, classes).

    Args:
        outputs: (models, classes, rows).
        codes: which class each row is, (rows,).

    >>> confusions(np.array([[[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]), np.array([0, 1, 1])).tolist()
    [[[1, 0], [1, 1]]]
    """
    models, count, _ = outputs.shape
    first = np.arange(models)[:, None] * count**2
    pairs = first + codes.astype(np.int64) * count + outputs.argmax(axis=1)
    counted = np.bincount(pairs.ravel(), minlength=models * count**2)
    return counted.reshape(models, count, count)


@dataclass(frozen=True, eq=False)
class ClassFigures:
    """How the best model does on each class of the test rows, or of those that folds left out.

    `confusion[i, j]` counts the rows of class i that are taken for class j.

    >>> figures = ClassFigures(("no", "yes"), np.array([[8, 2], [0, 0]]))
    >>> figures.precision, figures.recall, figures.rows
    ((1.0, 0.0), (0.8, None), (10, 0))
    """

    classes: tuple[str | int | float | bool, ...]
    confusion: np.ndarray

    @property
    def rows(self) -> tuple[int, ...]:
        """Return how many rows each class has."""
        return tuple(self.confusion.sum(axis=1).tolist())

    @property
    def precision(self) -> tuple[float | None, ...]:
        """Return the share of right ones among the rows taken for a class; None without such."""
        return _shares(self.confusion, axis=0)

    @property
    def recall(self) -> tuple[float | None, ...]:
        """Return the share of the rows of a class that are taken for it; None without rows."""
        return _shares(self.confusion, axis=1)

    def to_dict(self) -> dict[str, object]:
        """Return plain values that JSON can hold."""
        return {
            "classes": list(self.classes),
            "rows": list(self.rows),
            "precision": list(self.precision),
            "recall": list(self.recall),
            "confusion": self.confusion.tolist(),
        }


def _shares(confusion: np.ndarray, axis: int) -> tuple[float | None, ...]:
    totals = confusion.sum(axis=axis).tolist()
    right = np.diag(confusion).tolist()
    return tuple(r / t if t else None for r, t in zip(right, totals, strict=True))
