"""Intercepts and free weights at their best, the others staying: what the dual asks for.

Who uses this: the solver, before every certificate.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shrinkage.paths.engines.linear.losses import Loss, Place, Unknowns
from shrinkage.paths.engines.linear.newton import newton_step, slopes
from shrinkage.paths.engines.linear.norms import Norms

_SETTLED = 1e-11  # of the largest derivative: what is left of theirs
_ROUNDING = 1e-14  # of the loss, where the largest derivative is smaller yet
_POLISHES = 25
_HALVINGS = 30


class Intercepts:
    """Settles them by Newton's method.

    Args:
        loss: of the rows.
        scale: the largest derivative of the model without inputs.
        value: its loss.
    """

    def __init__(self, loss: Loss, scale: float, value: float) -> None:
        self._loss = loss
        self.left = max(_SETTLED * max(scale, 1e-3), _ROUNDING * value)

    def settled(self, place: Place, norms: Norms) -> Place:
        """Return the place with intercepts and free weights at their best."""
        if not self._loss.has_intercept and not norms.any_free:
            return place
        step = self._free_step(norms) if norms.any_free else self._step
        for _ in range(_POLISHES):
            moved = step(place)
            if moved is place:
                break
            place = moved
        return place

    def _step(self, place: Place) -> Place:
        left = place.pull.sum(axis=1)
        largest = np.abs(left).max()
        if largest <= self.left:
            return place
        bend = self._loss.bend(place)
        if len(bend) == 1:
            step = left / max(float(bend[0, 0]), 1e-300)
        else:
            bend += 1e-11 * max(float(bend.diagonal().max()), 1e-300) * np.eye(len(bend))
            step = np.linalg.solve(bend, left)
        for _ in range(_HALVINGS):
            moved = self._loss.at(place.weights, place.intercept - step)
            if moved.value <= place.value or np.abs(moved.pull.sum(axis=1)).max() <= 0.5 * largest:
                return moved
            step *= 0.5
        return place

    def _free_step(self, norms: Norms) -> Callable[[Place], Place]:
        free = np.broadcast_to(norms.free, (self._loss.outputs, len(norms.free)))
        unknowns = Unknowns(free, self._loss.has_intercept)
        nothing = Norms.none(norms.free)

        def step(place: Place) -> Place:
            left = unknowns.taken(slopes(self._loss, place, unknowns), place.pull.sum(axis=1))
            if np.abs(left).max() <= self.left:
                return place
            return newton_step(self._loss, nothing, place, unknowns)

        return step
