"""Learning curves: losses and score of every model at some epochs of a unit.

Who uses this: both engines. A curve has at most about 40 points, and its validation values come
from at most 2,000 rows, so that watching a training costs a few per cent of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch

from shrinkage.paths.choosing.judging import judge
from shrinkage.paths.engines.base import Curves, Outputs, Problem, Unit, spread

MOST_ROWS = 2000


@dataclass(frozen=True)
class Point:
    """What a training has come to after an epoch: of all models, on the rows that are watched.

    `outputs` are those for these rows, (models, outputs, rows); None where none are watched.
    """

    epoch: int
    train_loss: np.ndarray
    validation_loss: np.ndarray
    score: np.ndarray
    outputs: np.ndarray | None = None


@dataclass
class CurveRecorder:
    """Collects one unit's curves: of a unit without validation rows the training loss alone.

    That costs nothing, so it is taken after every epoch.
    """

    problem: Problem
    unit: Unit
    positions: torch.Tensor | None
    every: int
    _points: list[Point] = field(default_factory=list)

    @classmethod
    def for_unit(cls, problem: Problem, unit: Unit) -> CurveRecorder:
        """Return the recorder of a unit."""
        every = max(1, -(-problem.recipe.epochs // unit.points))
        positions = unit.data.validation if unit.watched else None
        if unit.data.validation is None:
            every = 1
        return cls(
            problem, unit, None if positions is None else spread(positions, MOST_ROWS), every
        )

    @property
    def is_watched(self) -> bool:
        """Return whether there are rows to judge on."""
        return self.positions is not None

    def record(self, epoch: int, train_loss: np.ndarray, outputs: Outputs) -> Point | None:
        """Add a point after `epoch` (from 0) when it is due, and return it.

        Args:
            epoch: the epoch that has just ended.
            train_loss: mean loss over the epoch's batches, (models,).
            outputs: maps rows to outputs (models, outputs, rows).
        """
        last = epoch == self.problem.recipe.epochs - 1
        unwatched = self.positions is None and self.unit.data.validation is not None
        if unwatched or ((epoch + 1) % self.every and not last):
            return None
        score = loss = np.full_like(train_loss, np.nan)
        values = None
        if self.positions is not None:
            rows = self.unit.data.rows.x[self.positions]
            values, score, loss = judge(self.problem, self.unit.data, outputs(rows), self.positions)
        point = Point(epoch + 1, train_loss, loss, score)
        self._points.append(point)
        return replace(point, outputs=values)

    def curves(self) -> Curves | None:
        """Return what was recorded, or None."""
        if not self._points:
            return None
        points = self._points
        return Curves(
            np.array([point.epoch for point in points]),
            np.array([point.train_loss for point in points]),
            np.array([point.validation_loss for point in points]),
            np.array([point.score for point in points]),
        )
