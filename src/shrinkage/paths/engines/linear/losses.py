"""The data loss of one linear model: its value, gradient, second derivatives and dual.

Who uses this: the solver and the certificate. Inputs are centred, so that the intercept does not
pull on the weights; squared errors eliminate it, and the rows are replaced by the triangle of a QR
decomposition where there are more of them than columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import expit, xlogy


@dataclass(frozen=True, eq=False)
class Place:
    """Where a model stands: weights (outputs, inputs), intercepts (outputs,), and the loss there.

    `pull` (rows, outputs) is the derivative of the loss by the outputs, shares included.
    """

    weights: np.ndarray
    intercept: np.ndarray
    value: float
    pull: np.ndarray
    chance: np.ndarray | None = None  # of every class, (rows, outputs)


class Loss(Protocol):
    """A convex loss of the outputs of a linear model."""

    x: np.ndarray
    share: np.ndarray
    outputs: int
    has_intercept: bool

    def start(self) -> np.ndarray:
        """Return the intercepts of the best constant."""
        ...

    def at(self, weights: np.ndarray, intercept: np.ndarray) -> Place:
        """Return the loss at weights and intercepts."""
        ...

    def curve(self, place: Place, moved: np.ndarray) -> np.ndarray:
        """Return what the outputs' movement (rows, outputs) changes of the pull, to first order."""
        ...

    def block(self, place: Place, first: int, second: int) -> np.ndarray:
        """Return the second derivative by two outputs, of every row."""
        ...

    def dual(self, place: Place, scale: float) -> float:
        """Return the dual's part that does not depend on the penalty, at scale · (−pull)."""
        ...

    def intercept_of(self, weights: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return the intercepts of inputs that are not centred."""
        ...

    @property
    def bound(self) -> float:
        """What no second derivative of a row by its outputs exceeds, over the row's share."""
        ...


class Squared:
    """½ Σ share (y − xw − b)², the intercept eliminated.

    Args:
        x: (rows, inputs).
        y: (rows,).
        share: (rows,) what a row counts.
    """

    outputs = 1
    has_intercept = False
    bound = 1.0

    def __init__(self, x: np.ndarray, y: np.ndarray, share: np.ndarray) -> None:
        total = share.sum()
        self.center, self._y_center = share @ x / total, float(share @ y / total)
        root = np.sqrt(share)
        self.x = (x - self.center) * root[:, None]
        self.target = (y - self._y_center) * root
        self._rest = 0.0
        if len(self.x) > self.x.shape[1] + 1:
            both = np.column_stack([self.x, self.target])
            triangle = np.asarray(np.linalg.qr(both, mode="r"))
            self.x, self.target = triangle[:-1, :-1], triangle[:-1, -1]
            self._rest = 0.5 * float(triangle[-1, -1] ** 2)
        self.share = np.ones(len(self.x))  # the rows are weighed already

    def start(self) -> np.ndarray:
        """Return nothing to begin with: it is eliminated."""
        return np.zeros(1)

    def at(self, weights: np.ndarray, intercept: np.ndarray) -> Place:
        """Return the loss at weights (1, inputs)."""
        pull = (self.x @ weights[0] - self.target)[:, None]
        return Place(weights, intercept, 0.5 * float((pull * pull).sum()) + self._rest, pull)

    def curve(self, place: Place, moved: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return the movement."""
        return moved

    def block(self, place: Place, first: int, second: int) -> np.ndarray:  # noqa: ARG002
        """Return ones."""
        return np.ones(len(self.x))

    def dual(self, place: Place, scale: float) -> float:
        """Return ½‖t‖² − ½‖t − θ‖² with θ = scale · residual, and what no weight explains."""
        theta = -scale * place.pull[:, 0]
        return float(theta @ self.target - 0.5 * theta @ theta) + self._rest

    def intercept_of(self, weights: np.ndarray, intercept: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return the intercept of inputs that are not centred."""
        return self._y_center - weights @ self.center


class _OfClasses:
    """Inputs centred by their shares, beside which intercepts stay."""

    has_intercept = True

    def __init__(self, x: np.ndarray, share: np.ndarray) -> None:
        self.center = share @ x / share.sum()
        self.x, self.share = x - self.center, share

    def intercept_of(self, weights: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return the intercepts of inputs that are not centred."""
        return intercept - weights @ self.center


class Softmax(_OfClasses):
    """Σ share · −log softmax(xwᵀ + b)[label].

    Args:
        x: (rows, inputs).
        labels: (rows,) from 0.
        share: (rows,).
        classes: how many.
    """

    bound = 0.5  # Böhning, Multinomial logistic regression algorithm (1992)

    def __init__(self, x: np.ndarray, labels: np.ndarray, share: np.ndarray, classes: int) -> None:
        super().__init__(x, share)
        self.outputs = classes
        self._hot = np.eye(classes)[labels]
        self._labels, self._rows = labels, np.arange(len(labels))

    def start(self) -> np.ndarray:
        """Return the intercepts of the best constant."""
        counts = self.share @ self._hot
        logs = np.log(np.maximum(counts, 1e-300))
        return logs - logs.mean()

    def at(self, weights: np.ndarray, intercept: np.ndarray) -> Place:
        """Return the loss at weights (classes, inputs)."""
        outputs = self.x @ weights.T
        outputs += intercept
        outputs -= outputs.max(axis=1, keepdims=True)
        own = outputs[self._rows, self._labels]
        chance = np.exp(outputs, out=outputs)
        total = chance.sum(axis=1)
        value = float(self.share @ (np.log(total) - own))
        chance /= total[:, None]
        return Place(weights, intercept, value, self.share[:, None] * (chance - self._hot), chance)

    def curve(self, place: Place, moved: np.ndarray) -> np.ndarray:
        """Return share · (p∘m − p Σ p∘m)."""
        assert place.chance is not None
        weighed = place.chance * moved
        return self.share[:, None] * (weighed - place.chance * weighed.sum(1, keepdims=True))

    def block(self, place: Place, first: int, second: int) -> np.ndarray:
        """Return share · (p_k δ_kl − p_k p_l)."""
        assert place.chance is not None
        own = place.chance[:, first]
        return self.share * own * ((first == second) - place.chance[:, second])

    def dual(self, place: Place, scale: float) -> float:
        """Return Σ share · H(q), the entropy of q = y − scale · (y − p)."""
        assert place.chance is not None
        q = self._hot + scale * (place.chance - self._hot)
        return -float(self.share @ xlogy(q, q).sum(axis=1))

    def separates(self, place: Place, below: float) -> bool:
        """Return whether every row is right and the loss almost 0."""
        assert place.chance is not None
        own = place.chance[self._rows, self._labels]
        others = np.where(self._hot > 0, -1.0, place.chance).max(axis=1)
        return bool((own > others).all()) and place.value < below


class Logistic(_OfClasses):
    """Σ share · log(1 + exp(∓(xw + b))): two classes, whose weights are −w/2 and w/2.

    Args:
        x: (rows, inputs).
        labels: (rows,) 0 or 1.
        share: (rows,).
    """

    outputs = 1
    bound = 0.25

    def __init__(self, x: np.ndarray, labels: np.ndarray, share: np.ndarray) -> None:
        super().__init__(x, share)
        self._labels = labels.astype(np.float64)
        self._signs = 2.0 * self._labels - 1.0

    def start(self) -> np.ndarray:
        """Return the intercept of the best constant."""
        ones, total = self.share @ self._labels, self.share.sum()
        return np.array([np.log(max(ones, 1e-300)) - np.log(max(total - ones, 1e-300))])

    def at(self, weights: np.ndarray, intercept: np.ndarray) -> Place:
        """Return the loss at weights (1, inputs)."""
        margins = self.x @ weights[0] + intercept[0]
        value = float(self.share @ np.logaddexp(0.0, -self._signs * margins))
        chance = expit(margins)
        pull = self.share * (chance - self._labels)
        return Place(weights, intercept, value, pull[:, None], chance[:, None])

    def curve(self, place: Place, moved: np.ndarray) -> np.ndarray:
        """Return share · p (1 − p) m."""
        return self.block(place, 0, 0)[:, None] * moved

    def block(self, place: Place, first: int, second: int) -> np.ndarray:  # noqa: ARG002
        """Return share · p (1 − p)."""
        assert place.chance is not None
        return self.share * place.chance[:, 0] * (1 - place.chance[:, 0])

    def dual(self, place: Place, scale: float) -> float:
        """Return Σ share · H(q), the entropy of q = y − scale · (y − p)."""
        assert place.chance is not None
        q = self._labels + scale * (place.chance[:, 0] - self._labels)
        return -float(self.share @ (xlogy(q, q) + xlogy(1 - q, 1 - q)))

    def separates(self, place: Place, below: float) -> bool:
        """Return whether every row is right and the loss almost 0."""
        assert place.chance is not None
        right = self._signs * (place.chance[:, 0] - 0.5) > 0
        return bool(right.all()) and place.value < below
