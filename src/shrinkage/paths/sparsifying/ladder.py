"""How far down to go, and in which steps: the strengths of a sparsity path.

Who uses this: the plan of a path with a goal, in the place of a search for the top of a grid.
Strengths are compressions: all that is counted over what is kept. They are evenly spaced in their
logarithm, and the last of them is the budget itself, or so few weights that hardly anything is
learned with fewer.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from shrinkage.compaction.sparse_files import sparse_size
from shrinkage.errors import InputError
from shrinkage.paths.engines.base import Problem
from shrinkage.paths.sparsifying.engine import units_of
from shrinkage.paths.sparsifying.goals import Goal

LEAST_SHARE = 1e-3
LEAST_OF_OUTPUTS = 4
"""The last point keeps a thousandth of the weights, and so many for each output and layer."""
SPARE = 0.98
"""Share of a budget of bytes that is aimed at: what places take differs a little between models."""


def ladder(
    problem: Problem, module: nn.Module, goal: Goal, points: int | tuple[float, ...]
) -> tuple[float, ...]:
    """Return the compressions of a goal, ascending.

    Args:
        problem: of the path.
        module: what its models start as.
        goal: what is asked for.
        points: how many, at most; or the compressions themselves.

    Raises:
        InputError: the budget is more than there is, or less than a network can have.
    """
    if isinstance(points, tuple):
        return points
    units = units_of(problem, goal.counts)
    if units < 2:
        raise InputError(
            f"expected at least two weights or features to choose from for the goal '{goal.text}', "
            f"got {units}: there is nothing to make smaller"
        )
    last = _last(problem, module, goal, units)
    kept = np.geomspace(units, last, points + 1)[1:]
    return compressions(units, (max(last, round(float(own))) for own in kept))


def compressions(units: int, kept: Iterable[int]) -> tuple[float, ...]:
    """Return the compressions at which so many of the units are kept, each once, ascending.

    Where that is but one, the point that keeps all stands before it.

    >>> compressions(100, (50, 10, 10)), compressions(2, (1,))
    ((2.0, 10.0), (1.0, 2.0))
    """
    smaller = sorted({own for own in kept if own < units}, reverse=True)
    return tuple(units / own for own in (smaller if len(smaller) > 1 else [units, *smaller]))


def _last(problem: Problem, module: nn.Module, goal: Goal, units: int) -> int:
    """Return how many weights or features the smallest network keeps."""
    if goal.budget is None:
        outputs = problem.n_outputs + len(problem.counted)
        return min(units - 1, max(LEAST_OF_OUTPUTS * outputs, round(LEAST_SHARE * units)))
    what, most = goal.budget
    if what == "bytes":
        return _weights_in(problem, module, units, most)
    if most >= units:
        raise InputError(
            f"expected a goal of fewer than the {units:,} {what} of the model on this data, got "
            f"'{goal.text}': ask for fewer"
        )
    return int(most)


def _weights_in(problem: Problem, module: nn.Module, units: int, most: float) -> int:
    """Return how many weights a file of so many bytes holds, found by bisection."""
    state = {name: own.detach().cpu() for name, own in module.state_dict().items()}
    names = problem.counted
    root = torch.cat([state[name].abs().flatten() for name in names])
    order = root.argsort(descending=True)

    def size(keep: int) -> int:
        mask = torch.zeros_like(root, dtype=torch.bool)
        mask[order[:keep]] = True
        parts = mask.split([state[name].numel() for name in names])
        own = {
            name: state[name].masked_fill(~part.view_as(state[name]), 0.0)
            for name, part in zip(names, parts, strict=True)
        }
        return sparse_size({**state, **own})

    least, whole = size(1), size(units)
    if most < least:
        raise InputError(
            f"expected a budget of at least {least:,} bytes, which biases and names take of this "
            f"model, got {most:,.0f}: ask for more, or for a count of weights"
        )
    if most >= whole:
        raise InputError(
            f"expected a budget under the {whole:,} bytes of the whole model, got {most:,.0f}: ask "
            "for less"
        )
    low, high = 1, units
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) <= SPARE * most else (low, middle)
    return low
