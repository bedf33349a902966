"""Proximal Newton steps: the loss's second-order model with the penalty, by coordinate descent.

Who uses this: the solver, for every penalty with zeros. The model stands on a working set of
weights, intercepts and free weights; whole groups are in it or out of it.

Source: Friedman, Hastie and Tibshirani, Regularization paths for generalized linear models via
coordinate descent, J. Stat. Softw. 33 (2010); Lee, Sun and Saunders, Proximal Newton-type methods,
SIAM J. Optim. 24 (2014).
"""

from __future__ import annotations

import numpy as np

from shrinkage.paths.engines.linear.kernels import Blocks, descend
from shrinkage.paths.engines.linear.losses import Loss, Place, Unknowns
from shrinkage.paths.engines.linear.newton import searched, slopes
from shrinkage.paths.engines.linear.norms import Norms

_DAMPING = 1e-12
_MOST = 80  # sweeps: what is slower is left to Newton's method on the pattern
_MOST_SLOW = 2000  # where a model solved in part leads nowhere


class Working:
    """A working set: which weights move, in blocks, and which of them a penalty is on.

    Args:
        norms: the penalty.
        chosen: (outputs, inputs) truths, free weights left out, groups whole.
        intercepts: whether they move too.
    """

    def __init__(self, norms: Norms, chosen: np.ndarray, intercepts: bool) -> None:
        self.unknowns = Unknowns(chosen | norms.free, intercepts)
        self._shape = norms.free, norms.labels if norms.gamma else None
        extra = chosen.shape[0] if intercepts else 0
        columns = (norms.held[own] for own in self.unknowns.columns)
        held = np.concatenate([*columns, np.zeros(extra)])
        count = len(held)
        starts, roots, self._order = np.arange(count + 1), np.zeros(count), None
        if norms.gamma and norms.labels is not None:
            labels = np.append(norms.labels[self.unknowns.chosen], np.full(extra, -1))
            self._order = np.argsort(labels, kind="stable")
            labels, held = labels[self._order], held[self._order]
            alone = int((labels < 0).sum())
            first = np.flatnonzero(np.diff(labels[alone:], prepend=-1)) + alone
            starts = np.concatenate([np.arange(alone), first, [count]])
            roots = np.append(np.zeros(alone), norms.roots[labels[first]])
        self._blocks = Blocks(held, starts, roots)

    def serves(self, norms: Norms, chosen: np.ndarray) -> bool:
        """Return whether this is the working set of these weights under such a penalty."""
        shape = norms.free, norms.labels if norms.gamma else None
        same = all(own is other for own, other in zip(shape, self._shape, strict=True))
        return same and np.array_equal(self.unknowns.chosen, chosen | norms.free)

    def descent(
        self,
        loss: Loss,
        norms: Norms,
        place: Place,
        tolerance: float,
        slope: np.ndarray | None = None,
        *,
        slow: bool = False,
    ) -> tuple[Place, bool]:
        """Return a place that is not worse, and whether it is the minimizer of the model.

        Args:
            loss: of the data.
            norms: the penalty.
            place: where to start.
            tolerance: by how much a gradient of the model may be off.
            slope: the loss's gradient by all weights there, where it is known.
            slow: whether models solved in part led nowhere, as where risk sets or exponentials
                bend they do.
        """
        unknowns = self.unknowns
        matrix = loss.curvature(place, unknowns)
        matrix.reshape(-1)[:: len(matrix) + 1] *= 1 + _DAMPING
        slope = slopes(loss, place, unknowns) if slope is None else slope
        gradient = unknowns.taken(slope, place.pull.sum(axis=1))
        now = unknowns.taken(place.weights, place.intercept)
        most = _MOST if loss.is_even and not slow else _MOST_SLOW
        moved, there = self.along(matrix, gradient, now, norms.level[None], tolerance, most)
        direction = unknowns.put(moved[0] - now, loss.outputs)
        return searched(loss, norms, place, direction), bool(there[0])

    def along(
        self,
        matrix: np.ndarray,
        gradient: np.ndarray,
        start: np.ndarray,
        levels: np.ndarray,
        tolerance: float,
        most: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the minimizers at levels (models, 3) one after the other, and which got there."""
        order = self._order
        if order is None:
            return descend(matrix, gradient, start, self._blocks, levels, tolerance, most)
        matrix = np.ascontiguousarray(matrix[np.ix_(order, order)])
        own, there = descend(
            matrix, gradient[order], start[order], self._blocks, levels, tolerance, most
        )
        moved = np.empty_like(own)
        moved[:, order] = own
        return moved, there
