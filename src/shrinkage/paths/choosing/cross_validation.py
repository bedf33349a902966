"""The outcomes of all folds, joined along the settings.

Who uses this: `fit_path` chooses from it and may extend it; `assembly` makes the result of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from shrinkage.paths.results.records import Status, standard_error
from shrinkage.paths.running.outcomes import UnitOutcome, common_names
from shrinkage.paths.settings import Settings


@dataclass(frozen=True)
class CrossValidation:
    """Measures over settings and folds.

    `measures[name]` has shape (settings, folds), `curves[name]` (settings, epochs, folds);
    `unregularized` holds the same for the model that was trained beside them with every strength 0.
    """

    settings: Settings
    measures: dict[str, np.ndarray]
    curves: dict[str, np.ndarray]
    epochs: np.ndarray
    unregularized: CrossValidation | None = field(default=None, repr=False)
    rounds: int = 1

    @classmethod
    def of(
        cls, settings: Settings, folds: Sequence[UnitOutcome], rounds: int = 1
    ) -> CrossValidation:
        """Join the outcomes of the folds; the first of the settings is the unregularized one.

        Args:
            settings: what was trained.
            folds: the outcome of each, round by round.
            rounds: how many rounds of folds there are.
        """
        joined = replace(_joined(settings, folds), rounds=rounds)
        return replace(joined.rows(range(1, len(settings))), unregularized=joined.rows([0]))

    @property
    def strengths(self) -> tuple[float, ...]:
        """Return the strengths of the first term, which varies along a path."""
        return self.settings.column(self.settings.columns[0])

    def extended(
        self, settings: Settings, folds: Sequence[UnitOutcome], *, below: bool
    ) -> CrossValidation:
        """Return this with more settings before its own (`below`) or behind them."""
        extra = _joined(settings, folds)
        first, second = (extra, self) if below else (self, extra)
        return replace(
            self,
            settings=first.settings + second.settings,
            measures=_stacked(first.measures, second.measures),
            curves=_stacked(first.curves, second.curves),
        )

    def rows(self, positions: Sequence[int]) -> CrossValidation:
        """Return only some settings."""
        rows = list(positions)
        return CrossValidation(
            self.settings.take(rows),
            {name: value[rows] for name, value in self.measures.items()},
            {name: value[rows] for name, value in self.curves.items()},
            self.epochs,
            rounds=self.rounds,
        )

    @property
    def mean(self) -> np.ndarray:
        """Return the mean score of each of the settings."""
        return self.measures["score"].mean(axis=1)

    @property
    def standard_error(self) -> np.ndarray:
        """Return the standard error of each mean score."""
        return standard_error(self.measures["score"], self.rounds)

    @property
    def log_loss(self) -> np.ndarray | None:
        """Return the log losses, (settings, folds), None where they were not measured."""
        loss = self.measures.get("log_loss")
        return None if loss is None or np.isnan(loss).all() else loss

    @property
    def learned(self) -> np.ndarray:
        """Return where no fold's model says the same for every row, (settings,)."""
        return (self.measures["status"] != list(Status).index(Status.COLLAPSED)).all(axis=1)

    def judged_by(self, measure: str) -> np.ndarray:
        """Return what chooses, the higher the better, (settings, folds).

        Args:
            measure: `score`, or `loss`: minus the log loss, of numbers minus half the mean squared
                error.
        """
        if measure == "score":
            return self.measures["score"]
        return -(self.measures["validation_loss"] if self.log_loss is None else self.log_loss)

    @property
    def total_nonzero(self) -> np.ndarray:
        """Return the nonzero penalised weights, shape (settings, folds)."""
        return np.sum(list(self.named("nonzero").values()), axis=0)

    @property
    def ends_empty(self) -> bool:
        """Return whether no fold has a weight at the largest strength, nor has beyond it."""
        return not self.total_nonzero[-1].any()

    @property
    def residual(self) -> np.ndarray | None:
        """Return how far each model is from a minimizer, (settings, folds), where measured."""
        residual = self.measures.get("residual")
        return None if residual is None or np.isnan(residual).all() else residual

    def frequency(self, columns: int) -> np.ndarray | None:
        """Return in which share of the folds each source column is used, (settings, columns)."""
        packed = self.measures.get("columns_used")
        if packed is None:
            return None
        return np.unpackbits(packed, axis=2, count=columns).mean(axis=1)

    @property
    def status(self) -> tuple[Status, ...]:
        """Return how training ended for each of the settings over its folds.

        Diverged in any fold is diverged, collapsed in most folds is collapsed, and not converged
        in any fold is not converged.
        """
        known = list(Status)
        return tuple(
            _over_folds([known[int(code)] for code in row]) for row in self.measures["status"]
        )

    def named(self, prefix: str) -> dict[str, np.ndarray]:
        """Return the measures whose name starts with `prefix/`, under the rest of their name."""
        start = prefix + "/"
        return {
            name.removeprefix(start): value
            for name, value in self.measures.items()
            if name.startswith(start)
        }


def _over_folds(ends: list[Status]) -> Status:
    if Status.DIVERGED in ends:
        return Status.DIVERGED
    if ends.count(Status.COLLAPSED) * 2 > len(ends):
        return Status.COLLAPSED
    return Status.NOT_CONVERGED if Status.NOT_CONVERGED in ends else Status.OK


def _joined(settings: Settings, folds: Sequence[UnitOutcome]) -> CrossValidation:
    first = folds[0].values
    names = common_names([fold.values for fold in folds])
    measures = {
        name: np.stack([fold.values[name] for fold in folds], axis=1)
        for name in names
        if not name.startswith("curve/")
    }
    names = [name for name in names if name.startswith("curve/") and name != "curve/epochs"]
    curves = {
        name.removeprefix("curve/"): np.stack([fold.values[name].T for fold in folds], axis=2)
        for name in names
    }
    epochs = first.get("curve/epochs", np.array([], dtype=np.int64))
    return CrossValidation(settings, measures, curves, epochs)


def _stacked(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name: np.concatenate([first[name], second[name]]) for name in common_names([first, second])
    }
