"""Where a step has asked for gradients: at its start, and at other weights on the way.

Who uses this: `watch`, which notes them; `measuring`. A line search asks along its way, sharpness
aware optimizers a little uphill. Two runs of such a step go different ways as soon as their
gradients differ, so a run is led: it is given the gradients and losses of another one, goes the
same way, and what it made itself at each place is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from shrinkage.pytorch.audits.glance import some

_MOST = 4  # places that are looked at
_SEEN = 1 << 16  # weights by which two places are told apart


class WayEnded(BaseException):
    """A led step has made all the gradients that were asked of it; no loop's handler takes it."""


@dataclass
class Place:
    """Weights of a parameter, and the gradient that was made there."""

    weights: torch.Tensor
    gradient: torch.Tensor
    by_step: bool  # whether the optimizer asked for it, inside of its step
    count: int = 1  # of backward passes


class Places:
    """The places of every parameter along a step, in the order of the step.

    Args:
        lead: the places of a run whose way is followed, None for a way of one's own.
    """

    def __init__(self, lead: Places | None = None) -> None:
        self._lead = lead
        self._visited: dict[str, list[Place]] = {}
        self._losses: list[object] = []

    def of(self, name: str) -> Sequence[Place]:
        """Return the places of a parameter."""
        return self._visited.get(name, ())

    @property
    def are_several(self) -> bool:
        """Whether a parameter has gradients at other weights than at first."""
        return any(len(places) > 1 for places in self._visited.values())

    @property
    def can_lead(self) -> bool:
        """Whether a run can be led: by one gradient a place."""
        return all(place.count == 1 for places in self._visited.values() for place in places)

    def is_new(self, name: str, weights: torch.Tensor) -> bool:
        """Return whether a parameter has been elsewhere before, and never here."""
        visited = self._visited.get(name)
        if not visited:
            return False
        return not torch.equal(some(weights, _SEEN), some(visited[-1].weights, _SEEN))

    def note(
        self, name: str, weights: torch.Tensor, gradient: torch.Tensor, *, by_step: bool
    ) -> torch.Tensor | None:
        """Take a gradient; return the one to go on with where the run is led.

        Args:
            name: of the parameter.
            weights: where it was made; they are copied where they are not those of the start.
            gradient: of no other owner.
            by_step: whether the optimizer asked for it inside of its step.
        """
        visited = self._visited.setdefault(name, [])
        if not visited:
            visited.append(Place(weights, gradient, by_step))
        elif not self.is_new(name, weights):
            visited[-1].gradient = gradient
            visited[-1].count += 1
        elif len(visited) < _MOST:
            visited.append(Place(weights.detach().clone(), gradient, by_step))
        else:
            return None
        led = self._lead.of(name) if self._lead is not None else ()
        return led[len(visited) - 1].gradient if len(led) >= len(visited) else None

    def value(self, value: object) -> object:
        """Take what a closure returned; return what to return where the run is led.

        Raises:
            WayEnded: the run that leads has no more of them.
        """
        self._losses.append(value)
        if self._lead is None or not self._lead.are_several:
            return value
        if len(self._losses) >= min(_MOST, len(self._lead._losses)):
            raise WayEnded
        return self._lead._losses[len(self._losses) - 1]
