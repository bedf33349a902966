"""What a training step closes over, given back as it was: scalers, schedulers.

Who uses this: `audit`. A loop's gradient scaler or scheduler is neither its model nor its
optimizer, so no copy of it can be handed in; what has a state dict is set back afterwards.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.optim import Optimizer


@contextmanager
def others_kept(optimizer: Optimizer, step: Callable[..., Any]) -> Iterator[None]:
    """Give back the states of what a step closes over, and the optimizer's hyperparameters."""
    states = [(one, copy.deepcopy(one.state_dict())) for one in _closed_over(step)]
    groups = [
        {key: value for key, value in group.items() if key != "params"}
        for group in optimizer.param_groups
    ]
    try:
        yield
    finally:
        for one, state in states:
            one.load_state_dict(state)
        for group, values in zip(optimizer.param_groups, groups, strict=True):
            group.update(values)


def _closed_over(step: Callable[..., Any]) -> list[Any]:
    """Return the objects with a state that a function refers to, by closure or by global name."""
    cells = getattr(step, "__closure__", None) or ()
    code = getattr(step, "__code__", None)
    found = [cell.cell_contents for cell in cells]
    if code is not None:
        space = getattr(step, "__globals__", {})
        found += [space[name] for name in code.co_names if name in space]
    return [one for one in found if _has_state(one)]


def _has_state(one: Any) -> bool:
    if isinstance(one, nn.Module | Optimizer | type):
        return False
    return callable(getattr(one, "state_dict", None)) and callable(
        getattr(one, "load_state_dict", None)
    )
