"""Whether a model has settled: what is still to come would change nothing that anybody looks at.

Who uses this: the stacked engine, which ends such models before their last epoch.

Steps of Adam and of a prox scale with the learning rate η, and a training that settles moves less
and less. So what is still to come is at most about what came between some looks, times Σ η of the
steps to come over Σ η of the steps between them; it is taken twice, for safety. A model has settled
where, by this bound, its losses would change by no more than a share `tolerance` (of what the
training loss was at first, and of the validation loss), no more than this share of the weights
would become zero or another number, and no more than this share of the validation rows
would be put into another class; and where its score stays as it is. The count of zeros moves in
steps: one more than was seen is reckoned with, of which a tenth may come, so that it has to have
stood still for twenty times what is to come. Stops
of the field look back alone (Prechelt 1998, Early stopping – but when?); what it costs to end here
is measured in `benchmarks/settling.py`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from shrinkage.paths.engines.curves import Point

LOOKS = 3  # that must agree
SAFETY = 2.0
ONE = 0.1  # weights that may still come to count as none


@dataclass
class Settling:
    """Takes in what is seen of the models of a stack and says which have settled.

    Args:
        tolerance: the share that may still change.
        total: the sum of the learning rates of all steps.
        weights: of a model.
        classes: whether the largest output of a row is its class.
    """

    tolerance: float
    total: float
    weights: int
    classes: bool
    _points: deque[tuple[float, Point]] = field(default_factory=lambda: deque(maxlen=LOOKS))
    _zeros: list[np.ndarray] = field(default_factory=list)
    _rates: list[float] = field(default_factory=list)
    _first: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def look(self, point: Point, rates: float, zeros: np.ndarray) -> np.ndarray:
        """Return which models have settled, (models,); one with a NaN has not.

        Args:
            point: of all models, watched.
            rates: the sum of the learning rates of the steps so far.
            zeros: how many weights of each model are zero.
        """
        if not self._points:
            self._first = np.abs(point.train_loss)
        self._points.append((rates, point))
        self._rates.append(rates)
        self._zeros.append(zeros)
        if len(self._points) < LOOKS:
            return np.zeros(len(zeros), dtype=bool)
        points = [point for _, point in self._points]
        ahead = SAFETY * (self.total - rates) / (rates - self._points[0][0])
        train = ahead * _range([point.train_loss for point in points])
        validation = ahead * _range([point.validation_loss for point in points])
        settled = train <= self.tolerance * self._first
        settled &= validation <= self.tolerance * np.abs(point.validation_loss)
        if not settled.any():
            return settled
        score = _range([point.score for point in points])
        return (
            settled
            & (score == 0 if self.classes else ahead * score <= self.tolerance)
            & (self._zeros_to_come() <= max(ONE, self.tolerance * self.weights))
            & (self._other_classes(points, ahead) <= self.tolerance)
        )

    def _zeros_to_come(self) -> np.ndarray:
        """Return how many weights may still become zero or another number, (models,).

        Of all stretches up to now the one that promises least decides.
        """
        zeros, rates = np.array(self._zeros), np.array(self._rates)
        highest = np.maximum.accumulate(zeros[::-1])[::-1]
        lowest = np.minimum.accumulate(zeros[::-1])[::-1]
        ahead = SAFETY * (self.total - rates[-1]) / (rates[-1] - rates[:-1])
        return ((highest - lowest + 1)[:-1] * ahead[:, None]).min(axis=0)

    def _other_classes(self, points: list[Point], ahead: float) -> np.ndarray:
        """Return the share of the rows whose class may still be another, (models,)."""
        outputs = points[-1].outputs
        assert outputs is not None
        if not self.classes:
            return np.zeros(len(outputs))
        moved = ahead * _range([point.outputs for point in points]).max(axis=1)
        second, first = np.partition(outputs, -2, axis=1)[:, -2:].swapaxes(0, 1)
        return (first - second <= 2 * moved).mean(axis=1)


def _range(values: list[np.ndarray | None]) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # ∞ − ∞ is NaN, which never settles
        return np.ptp(np.array(values), axis=0)
