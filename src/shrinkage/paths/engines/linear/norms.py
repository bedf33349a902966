"""The penalty of one linear model as numbers: α·Σ|w| + ½β·Σw² + γ·Σ_g √|g| ‖w_g‖.

Who uses this: the solver and the certificate. Terms about a reference, and penalties that are no
such sum, have no place here; the engine takes its slower way for them.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shrinkage.terms import ProximalSum


@dataclass(frozen=True, eq=False)
class Norms:
    """The penalty on weights (outputs, inputs); inputs that are `free` have none.

    Args:
        alpha: strength of Σ|w|.
        beta: strength of ½Σw².
        gamma: strength of Σ_g √|g| ‖w_g‖.
        labels: (outputs, inputs) numbers of groups from 0, −1 for free inputs; None: no groups.
        free: (inputs,) truths.
    """

    alpha: float
    beta: float
    gamma: float
    labels: np.ndarray | None
    free: np.ndarray

    @classmethod
    def of(cls, penalty: ProximalSum, shape: tuple[int, int]) -> Norms | None:
        """Return the numbers of a sum at one strength each; None where it is another sum."""
        units, penalty = penalty.units, penalty.inside
        if penalty.others or any(part.reference is not None for part in penalty.parts):
            return None
        free = np.zeros(shape[1], dtype=bool)
        if units is not None:
            free[:] = True
            free[list(units.chosen)] = False
        alpha, beta, gamma = (
            float(sum(part.strength for part in parts))
            for parts in (penalty.thresholds, penalty.ridges, penalty.groups)
        )
        labels = None
        if penalty.groups:
            own = penalty.groups[0].penalty.group_labels((shape[0], int((~free).sum())))
            if own is None:
                return None
            labels = np.full(shape, -1)
            labels[:, ~free] = own
        return cls(alpha, beta, gamma, labels, free)

    @classmethod
    def none(cls, free: np.ndarray) -> Norms:
        """Return no penalty at all, beside inputs that would have none."""
        return cls(0.0, 0.0, 0.0, None, free)

    def at(self, level: np.ndarray) -> Norms:
        """Return this at other strengths α, β and γ; what does not depend on them is kept."""
        own, (alpha, beta, gamma) = copy.copy(self), level.tolist()
        vars(own).update(alpha=alpha, beta=beta, gamma=gamma)
        return own

    @property
    def level(self) -> np.ndarray:
        """Return α, β and γ."""
        return np.array([self.alpha, self.beta, self.gamma])

    @property
    def is_smooth(self) -> bool:
        """Whether it makes no zeros."""
        return not self.alpha and not self.gamma

    @property
    def is_none(self) -> bool:
        """Whether it is 0 everywhere."""
        return self.is_smooth and not self.beta

    @cached_property
    def any_free(self) -> bool:
        """Whether any input has no penalty."""
        return bool(self.free.any())

    @cached_property
    def held(self) -> np.ndarray:
        """Return which inputs are penalised, as numbers 0 and 1."""
        return np.where(self.free, 0.0, 1.0)

    @cached_property
    def groups(self) -> int:
        """The number of groups."""
        return 0 if self.labels is None else int(self.labels.max()) + 1

    @cached_property
    def roots(self) -> np.ndarray:
        """√|g| of every group."""
        assert self.labels is not None
        return np.sqrt(np.bincount(self.labels[self.labels >= 0], minlength=self.groups))

    @cached_property
    def _inside(self) -> np.ndarray | None:
        """Return which weights are in a group; None: all."""
        assert self.labels is not None
        inside = self.labels >= 0
        return None if inside.all() else inside

    def by_groups(self, numbers: np.ndarray) -> np.ndarray:
        """Return the sum over every group of numbers (outputs, inputs)."""
        assert self.labels is not None
        inside = self._inside
        if inside is None:
            return np.bincount(self.labels.ravel(), numbers.ravel(), self.groups)
        return np.bincount(self.labels[inside], numbers[inside], self.groups)

    def lengths(self, w: np.ndarray) -> np.ndarray:
        """Return ‖w_g‖ of every group."""
        return np.sqrt(self.by_groups(w * w))

    def pressing(self, slope: np.ndarray) -> np.ndarray:
        """Return by how much the loss's gradient exceeds what holds each weight, or group, at 0."""
        if not self.gamma:
            return (np.abs(slope) - self.alpha) * self.held
        beyond = np.maximum(np.abs(slope) - self.alpha, 0.0)
        return self.spread(self.lengths(beyond) - self.gamma * self.roots)

    def there(self, w: np.ndarray) -> np.ndarray:
        """Return which weights are not 0, or in a group that is not."""
        if not self.gamma:
            return w != 0
        return self.spread(self.by_groups(w != 0)) > 0

    def value(self, w: np.ndarray) -> float:
        """Return the penalty."""
        held = (w * self.held if self.any_free else w).ravel()
        total = 0.0
        if self.alpha:
            total += self.alpha * float(np.abs(held).sum())
        if self.beta:
            total += 0.5 * self.beta * float(held @ held)
        if self.gamma:
            total += self.gamma * float(self.roots @ self.lengths(w))
        return total

    def subgradient(self, w: np.ndarray) -> np.ndarray:
        """Return the gradient where there is one, and the parts that are smooth elsewhere."""
        slope = self.alpha * np.sign(w) * self.held + self.beta * w * self.held
        if self.gamma:
            slope += self.spread(self.gamma * self.roots / self._safe(self.lengths(w))) * w
        return slope

    def prox(self, w: np.ndarray, step: float) -> np.ndarray:
        """Return argmin_u ‖u − w‖²/(2 step) + penalty(u)."""
        shrunk = w / (1 + step * self.beta * self.held)
        if self.alpha:
            limit = self.alpha * step / (1 + step * self.beta) * self.held
            shrunk = shrunk - np.clip(shrunk, -limit, limit)
        if self.gamma:
            reach = self.gamma * step / (1 + step * self.beta) * self.roots
            factor = np.maximum(0.0, 1 - reach / self._safe(self.lengths(shrunk)))
            shrunk = shrunk * self.spread(factor, free=1.0)
        return shrunk

    def shared(self, w: np.ndarray) -> np.ndarray:
        """Return what all outputs of an input may lose, (inputs,), to where the penalty is least.

        Classes do not see it, and along nothing but it where a ridge is weak descent crawls. The
        least of α Σ|w_k − t| + ½β Σ(w_k − t)² is the median of w_k and of all w̄ + α(K − 2i)/(βK).

        Source: Li and Osher, A new median formula with applications to PDE based denoising (2009).
        """
        outputs = len(w)
        if self.gamma or not self.alpha or not self.beta:
            return np.zeros(w.shape[1])
        steps = self.alpha * (outputs - 2 * np.arange(outputs + 1)) / (self.beta * outputs)
        return np.median(np.concatenate([w, w.mean(axis=0) + steps[:, None]]), axis=0) * self.held

    def conjugate(self, u: np.ndarray) -> tuple[float, float]:
        """Return the largest c ≤ 1 at which c·u is in the domain of g*, and g*(c·u) there.

        g*(u) = Σ (|u| − α)₊²/(2β), of a group (‖(|u| − α)₊‖ − γ√|g|)₊²/(2β) (Moreau's identity);
        without a ridge it is 0 where those are 0, and infinite elsewhere.
        """
        u = u * self.held
        if self.beta:
            return 1.0, float((self._beyond(u) ** 2).sum() / (2 * self.beta))
        if not self.gamma:
            largest = float(np.abs(u).max(initial=0.0))
            return min(1.0, self.alpha / largest) if largest else 1.0, 0.0
        beyond = self._beyond(u)
        if not beyond.any():
            return 1.0, 0.0
        if not self.alpha:
            lengths = self.lengths(u)
            return float((self.gamma * self.roots / self._safe(lengths))[lengths > 0].min()), 0.0
        assert self.labels is not None
        some = self.spread(beyond) > 0  # those that no scale below 1 moves are left out
        few, labels = u[some], np.unique(self.labels[some], return_inverse=True)[1]
        reach = self.gamma * self.roots[np.unique(self.labels[some])]
        low, high = 0.0, 1.0
        for _ in range(60):
            scale = 0.5 * (low + high)
            shrunk = np.maximum(np.abs(scale * few) - self.alpha, 0.0)
            out = np.sqrt(np.bincount(labels, shrunk**2)) > reach
            low, high = (low, scale) if out.any() else (scale, high)
        return low, 0.0

    def _beyond(self, u: np.ndarray) -> np.ndarray:
        """Return by how much every weight, or group, exceeds what the penalty holds."""
        beyond = np.maximum(np.abs(u) - self.alpha, 0.0) * self.held
        if not self.gamma:
            return beyond
        return np.maximum(self.lengths(beyond) - self.gamma * self.roots, 0.0)

    def spread(self, numbers: np.ndarray, free: float = 0.0) -> np.ndarray:
        """Return the number of each weight's group."""
        assert self.labels is not None
        return np.append(numbers, free)[self.labels]

    @staticmethod
    def _safe(lengths: np.ndarray) -> np.ndarray:
        return np.where(lengths > 0, lengths, 1.0)
