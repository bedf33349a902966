"""The data losses of classes: two as one weight vector, more as one each.

Who uses this: the solver and the certificate, by the promises of `losses.Loss`.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from shrinkage.paths.engines.linear.losses import (
    Centred,
    OneOutput,
    Place,
    Unknowns,
    outputs_of,
    squares_of,
    summed_over_rows,
)


class Softmax(Centred):
    """Σ share · −log softmax(xwᵀ + b)[label].

    Args:
        x: (rows, inputs).
        labels: (rows,) from 0.
        share: (rows,).
        classes: how many.
    """

    is_even = True
    is_relative = True
    bound = 0.5  # Böhning, Multinomial logistic regression algorithm (1992)

    def __init__(self, x: np.ndarray, labels: np.ndarray, share: np.ndarray, classes: int) -> None:
        super().__init__(x, share)
        self.outputs = classes
        self._hot = np.zeros((classes, len(labels)))
        self._labels, self._rows = labels, np.arange(len(labels))
        self._hot[labels, self._rows] = 1.0
        self._counted = self._hot * share

    def start(self) -> np.ndarray:
        """Return the intercepts of the best constant."""
        logs = np.log(np.maximum(self._counted.sum(axis=1), 1e-300))
        return logs - logs.mean()

    def at(self, weights: np.ndarray, intercept: np.ndarray) -> Place:
        """Return the loss at weights (classes, inputs)."""
        outputs = outputs_of(self.x, weights)
        outputs += intercept[:, None]
        outputs -= outputs.max(axis=0)
        own = outputs[self._labels, self._rows]
        chance = np.exp(outputs, out=outputs)
        total = chance.sum(axis=0)
        value = float(self.share @ (np.log(total) - own))
        chance *= 1 / total
        pull = chance * self.share
        pull -= self._counted
        return Place(weights, intercept, value, pull, chance)

    def curve(self, place: Place, moved: np.ndarray) -> np.ndarray:
        """Return share · (p∘m − p Σ p∘m)."""
        assert place.chance is not None
        weighed = place.chance * moved
        return self.share * (weighed - place.chance * weighed.sum(axis=0))

    def curvature(self, place: Place, unknowns: Unknowns) -> np.ndarray:
        """Return Σ share (p_k δ_kl − p_k p_l) x xᵀ: one product of all, one of each class."""
        chances = place.chance
        assert chances is not None
        width = unknowns.count + self.outputs * unknowns.intercepts
        return summed_over_rows(
            lambda rows: self._curvature_of(rows, chances, unknowns), len(self.x), width
        )

    def _curvature_of(self, rows: slice, chances: np.ndarray, unknowns: Unknowns) -> np.ndarray:
        x, chance, share = self.x[rows].T, chances[:, rows], self.share[rows]
        counted = chance * share
        roots = np.sqrt(counted)
        starts = np.cumsum([0, *map(len, unknowns.columns)])
        unknown = starts[-1] + self.outputs * unknowns.intercepts
        inside = np.empty((unknown, len(share)), dtype=x.dtype)
        blocks = []
        for k, own in enumerate(unknowns.columns):
            part = inside[starts[k] : starts[k + 1]]
            np.take(x, own, axis=0, out=part)
            blocks.append(squares_of(part * roots[k]))
            part *= chance[k] * np.sqrt(share)
        if unknowns.intercepts:
            inside[starts[-1] :] = chance * np.sqrt(share)
        matrix = squares_of(inside)
        np.negative(matrix, out=matrix)
        for k, (own, block) in enumerate(zip(unknowns.columns, blocks, strict=True)):
            some = slice(starts[k], starts[k + 1])
            matrix[some, some] += block
            if unknowns.intercepts:
                pulled, place_of = x[own] @ counted[k], starts[-1] + k
                matrix[some, place_of] += pulled
                matrix[place_of, some] += pulled
                matrix[place_of, place_of] += counted[k].sum()
        return matrix

    def bend(self, place: Place) -> np.ndarray:
        """Return Σ share (p_k δ_kl − p_k p_l)."""
        assert place.chance is not None
        counted = place.chance * self.share
        return np.diag(counted.sum(axis=1)) - counted @ place.chance.T

    def dual(self, place: Place, scale: float) -> float:
        """Return Σ share · H(q), the entropy of q = y − scale · (y − p)."""
        assert place.chance is not None
        q = self._hot + scale * (place.chance - self._hot)
        return -float(_entropies(q).sum(axis=0) @ self.share)

    def separates(self, place: Place, below: float) -> bool:
        """Return whether every row is right and the loss almost 0."""
        if place.value >= below:
            return False
        assert place.chance is not None
        own = place.chance[self._labels, self._rows]
        others = np.where(self._hot > 0, -1.0, place.chance).max(axis=0)
        return bool((own > others).all())


class Logistic(OneOutput):
    """Σ share · log(1 + exp(∓(xw + b))): two classes, whose weights are −w/2 and w/2.

    Args:
        x: (rows, inputs).
        labels: (rows,) 0 or 1.
        share: (rows,).
    """

    is_even = True
    bound = 0.25

    def __init__(self, x: np.ndarray, labels: np.ndarray, share: np.ndarray) -> None:
        super().__init__(x, share)
        self.target = labels.astype(np.float64)
        self._signs = 2.0 * self.target - 1.0

    def start(self) -> np.ndarray:
        """Return the intercept of the best constant."""
        ones, total = self.share @ self.target, self.share.sum()
        return np.array([np.log(max(ones, 1e-300)) - np.log(max(total - ones, 1e-300))])

    def judged(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return losses, pulls and chances of outputs (models, rows)."""
        values = np.logaddexp(0.0, -self._signs * outputs) @ self.share
        chances = expit(outputs)
        return values, self.share * (chances - self.target), chances

    def _bend(self, place: Place) -> np.ndarray:
        """Return share · p (1 − p)."""
        assert place.chance is not None
        return self.share * place.chance[0] * (1 - place.chance[0])

    def duals(self, chances: np.ndarray, scales: np.ndarray) -> np.ndarray:
        """Return Σ share · H(q), the entropy of q = y − scale · (y − p)."""
        q = self.target + scales[:, None] * (chances - self.target)
        return -((_entropies(q) + _entropies(1 - q)) @ self.share)

    def separates(self, place: Place, below: float) -> bool:
        """Return whether every row is right and the loss almost 0."""
        assert place.chance is not None
        right = self._signs * (place.chance[0] - 0.5) > 0
        return bool(right.all()) and place.value < below


def _entropies(q: np.ndarray) -> np.ndarray:
    """Return q log q, 0 where q is 0: SciPy's takes eight times as long."""
    return q * np.log(np.where(q > 0, q, 1.0))
