"""The outcomes of all folds, joined along ascending strengths.

Who uses this: `fit_path` chooses from it and may extend it; `assembly` makes the result of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from shrinkage.paths.choosing.grid import Extension
from shrinkage.paths.choosing.rules import standard_error
from shrinkage.paths.results.records import Status
from shrinkage.paths.running.outcomes import UnitOutcome


@dataclass(frozen=True)
class CrossValidation:
    """Measures over strengths and folds.

    `measures[name]` has shape (strengths, folds), `curves[name]` (strengths, epochs, folds);
    `unregularized` holds the same for the model of strength 0 that was trained beside the grid.
    """

    strengths: tuple[float, ...]
    measures: dict[str, np.ndarray]
    curves: dict[str, np.ndarray]
    epochs: np.ndarray
    unregularized: CrossValidation | None = field(default=None, repr=False)

    @classmethod
    def of(cls, strengths: tuple[float, ...], folds: Sequence[UnitOutcome]) -> CrossValidation:
        """Join the outcomes of the folds; the first model of each has strength 0."""
        whole = _joined((0.0, *strengths), folds)
        return cls(
            strengths,
            {name: value[1:] for name, value in whole.measures.items()},
            {name: value[1:] for name, value in whole.curves.items()},
            whole.epochs,
            whole.rows([0]),
        )

    def extended(self, more: Extension, folds: Sequence[UnitOutcome]) -> CrossValidation:
        """Return this with more strengths on one side."""
        extra = _joined(more.strengths, folds)
        first, second = (extra, self) if more.below else (self, extra)
        return CrossValidation(
            first.strengths + second.strengths,
            _stacked(first.measures, second.measures),
            _stacked(first.curves, second.curves),
            self.epochs,
            self.unregularized,
        )

    def rows(self, positions: list[int]) -> CrossValidation:
        """Return only some strengths."""
        return CrossValidation(
            tuple(self.strengths[position] for position in positions),
            {name: value[positions] for name, value in self.measures.items()},
            {name: value[positions] for name, value in self.curves.items()},
            self.epochs,
        )

    @property
    def mean(self) -> np.ndarray:
        """Return the mean score of each strength."""
        return self.measures["score"].mean(axis=1)

    @property
    def standard_error(self) -> np.ndarray:
        """Return the standard error of each mean score."""
        return standard_error(self.measures["score"])

    @property
    def total_nonzero(self) -> np.ndarray:
        """Return the nonzero penalised weights, shape (strengths, folds)."""
        return np.sum(list(self.named("nonzero").values()), axis=0)

    @property
    def status(self) -> tuple[Status, ...]:
        """Return how training ended for each strength over its folds.

        Diverged in any fold is diverged, collapsed in most folds is collapsed, and not converged
        in any fold is not converged.
        """
        known = list(Status)
        found = []
        for row in self.measures["status"]:
            codes = [known[int(code)] for code in row]
            if Status.DIVERGED in codes:
                found.append(Status.DIVERGED)
            elif codes.count(Status.COLLAPSED) * 2 > len(codes):
                found.append(Status.COLLAPSED)
            elif Status.NOT_CONVERGED in codes:
                found.append(Status.NOT_CONVERGED)
            else:
                found.append(Status.OK)
        return tuple(found)

    def named(self, prefix: str) -> dict[str, np.ndarray]:
        """Return the measures whose name starts with `prefix/`, under the rest of their name."""
        start = prefix + "/"
        return {
            name.removeprefix(start): value
            for name, value in self.measures.items()
            if name.startswith(start)
        }


def _joined(strengths: tuple[float, ...], folds: Sequence[UnitOutcome]) -> CrossValidation:
    first = folds[0].values
    measures = {
        name: np.stack([fold.values[name] for fold in folds], axis=1)
        for name in first
        if not name.startswith("curve/")
    }
    names = [name for name in first if name.startswith("curve/") and name != "curve/epochs"]
    curves = {
        name.removeprefix("curve/"): np.stack([fold.values[name].T for fold in folds], axis=2)
        for name in names
    }
    epochs = first.get("curve/epochs", np.array([], dtype=np.int64))
    return CrossValidation(strengths, measures, curves, epochs)


def _stacked(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([first[name], second[name]]) for name in first}
