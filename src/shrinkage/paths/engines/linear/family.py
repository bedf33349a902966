"""The penalties of the models of a path: one shape at many strengths.

Who uses this: the engine hands the solver a family; where all models are solved in one go, their
certificates are, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from shrinkage.paths.engines.linear.norms import Norms
from shrinkage.penalties import Combination
from shrinkage.terms import ProximalSum

_KINDS = {Combination.THRESHOLD: 0, Combination.RIDGE: 1, Combination.GROUP: 2}


@dataclass(frozen=True, eq=False)
class Family:
    """Penalties that differ by α, β and γ alone.

    Args:
        shape: any of them.
        levels: (models, 3) α, β and γ of each.
    """

    shape: Norms
    levels: np.ndarray

    @classmethod
    def of(
        cls, penalty: ProximalSum, rows: Sequence[Mapping[str, float]], shape: tuple[int, int]
    ) -> Family | None:
        """Return the penalties of strengths by term; None where they are another sum."""
        norms = Norms.of(penalty, shape)
        if norms is None:
            return None
        levels = np.zeros((len(rows), 3))
        for part in penalty.inside.assigned:
            own = [part.share * strengths[part.term] for strengths in rows]
            levels[:, _KINDS[part.penalty.combines]] += own
        return cls(norms, levels)

    def __len__(self) -> int:
        return len(self.levels)

    def norms(self, place: int) -> Norms:
        """Return one of the penalties."""
        return self.shape.at(self.levels[place])

    def take(self, places: np.ndarray) -> Family:
        """Return some of the penalties."""
        return replace(self, levels=self.levels[places])

    def of_two_classes(self) -> Family:
        """Return the penalties of w where the two classes have −w/2 and w/2."""
        labels, free = self.shape.labels, self.shape.free
        if labels is not None:
            labels = np.unique(labels[1:], return_inverse=True)[1].reshape(1, -1)
            labels = np.where(free, -1, labels - int(free.any()))
        return Family(replace(self.shape, labels=labels), self.levels * (1.0, 0.5, 1.0))

    def values(self, w: np.ndarray) -> np.ndarray:
        """Return the penalties (models,) of one output each: weights (models, inputs)."""
        held, (alpha, beta, gamma) = w * self.shape.held, self.levels.T
        values = alpha * np.abs(held).sum(axis=1)
        values += 0.5 * beta * np.einsum("ij,ij->i", held, held)
        if gamma.any():
            values += gamma * (self._lengths(held) @ self.shape.roots)
        return values

    def conjugates(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return scales and values (models,), those of `Norms.conjugate` row by row."""
        u, (alpha, beta, gamma) = u * self.shape.held, self.levels.T
        grouped, ridged = gamma.any(), (beta > 0).all()
        if (beta > 0).any() > ridged or (grouped and alpha.any() and not ridged):
            both = [self.norms(row).conjugate(own[None]) for row, own in enumerate(u)]
            return np.array([scale for scale, _ in both]), np.array([value for _, value in both])
        if not ridged and not grouped:
            largest = np.maximum(np.abs(u).max(axis=1), np.finfo(float).tiny)
            return np.minimum(1.0, alpha / largest), np.zeros(len(u))
        beyond = np.maximum(np.abs(u) - alpha[:, None], 0.0)
        if grouped:
            lengths, reach = self._lengths(beyond), gamma[:, None] * self.shape.roots
            if not ridged:
                safe = np.where(lengths > 0, lengths, 1.0)
                shares = np.where(lengths > 0, reach / safe, 1.0)
                return np.minimum(1.0, shares.min(axis=1)), np.zeros(len(u))
            beyond = np.maximum(lengths - reach, 0.0)
        return np.ones(len(u)), (beyond**2).sum(axis=1) / (2 * beta)

    def _lengths(self, w: np.ndarray) -> np.ndarray:
        """Return ‖w_g‖ (models, groups)."""
        order, starts = self._sorted
        return np.sqrt(np.add.reduceat((w * w)[:, order], starts, axis=1))

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the inputs group by group, and where each group begins."""
        assert self.shape.labels is not None
        labels = self.shape.labels[0]
        order = np.argsort(labels, kind="stable")[int((labels < 0).sum()) :]
        return order, np.flatnonzero(np.diff(labels[order], prepend=-1))
