"""The parameters that an optimizer holds, group by group: loops change them in training.

Who uses this: `Attachment`, which asks before every step. Groups are added, left out and put into
another order, and a parameter is replaced by another one: a layer that grows, a new head, points
that are split. Terms follow, as the optimizer does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from torch.optim import Optimizer

from shrinkage.pytorch.slots import Slot

Follow = Callable[[Sequence[Slot]], Sequence[Slot]]


class Held:
    """Which parameters an optimizer held when it was last looked at.

    Args:
        optimizer: any.

    >>> import torch
    >>> first, second = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    >>> optimizer = torch.optim.SGD([first], lr=0.1)
    >>> held = Held(optimizer)
    >>> optimizer.param_groups[0]["params"][0] = second
    >>> held.has_changed()
    True
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self.look()

    def look(self) -> None:
        """Remember what it holds now."""
        self._params = [list(group["params"]) for group in self._optimizer.param_groups]

    def has_changed(self) -> bool:
        """Return whether it holds others now, or in other groups; asked at every step."""
        groups = self._optimizer.param_groups
        if len(groups) != len(self._params):
            return True
        for group, known in zip(groups, self._params, strict=True):
            params = group["params"]
            if len(params) != len(known) or not all(map(operator.is_, params, known)):
                return True
        return False


def places_of(optimizer: Optimizer) -> dict[int, int]:
    """Return the index of the parameter group of every parameter, by its id."""
    return {
        id(parameter): index
        for index, group in enumerate(optimizer.param_groups)
        for parameter in group["params"]
    }


def still_held(optimizer: Any, slots: Sequence[Slot]) -> list[Slot]:
    """Return the slots whose parameters an optimizer holds, told in which group.

    Args:
        optimizer: any.
        slots: known ones.
    """
    places = places_of(optimizer)
    held = [slot for slot in slots if id(slot.parameter) in places]
    for slot in held:
        slot.group = places[id(slot.parameter)]
    return held
