"""How far down to go, and in which steps: the strengths of a sparsity path.

Who uses this: the plan of a path with a goal, in the place of a search for the top of a grid.
Strengths are compressions: all that is counted over what is kept. They are evenly spaced in their
logarithm, and the last of them is the budget itself, or so few weights that hardly anything is
learned with fewer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import nn

from shrinkage.compaction.sparse_files import sparse_size
from shrinkage.errors import InputError
from shrinkage.paths.engines.base import Problem
from shrinkage.paths.sparsifying.counted import Counted, Units
from shrinkage.paths.sparsifying.goals import DENSE_BYTES, Goal

SPARE = 0.98
"""Share of a budget of bytes that is aimed at: what places take differs a little between models."""


def ladder(
    problem: Problem,
    module: nn.Module,
    goal: Goal,
    counted: Counted,
    points: int | tuple[float, ...],
) -> tuple[tuple[float, ...], str]:
    """Return the compressions of a goal, ascending, and what to tell of it, '' for nothing.

    Where the whole model fits a budget of bytes, the ladder begins with it and goes all the way.

    Args:
        problem: of the path.
        module: what its models start as.
        goal: what is asked for.
        counted: what it makes few.
        points: how many, at most; or the compressions themselves.

    Raises:
        InputError: the budget is a count of more than there is, or less than a network can have.
    """
    if isinstance(points, tuple):
        return points, ""
    units = counted.total(problem)
    if units < 2:
        raise InputError(
            f"expected at least two weights or features to choose from for the goal '{goal.text}', "
            f"got {units}: there is nothing to make smaller"
        )
    found = _last(problem, module, goal, counted)
    last = counted.least(problem) if isinstance(found, str) else found
    kept = np.geomspace(units, last, points + 1)[1:]
    ways = compressions(units, (max(last, round(float(own))) for own in kept))
    if isinstance(found, str):
        return (1.0, *ways) if ways[0] > 1 else ways, found
    return ways, ""


def compressions(units: int, kept: Iterable[int]) -> tuple[float, ...]:
    """Return the compressions at which so many of the units are kept, each once, ascending.

    Where that is but one, the point that keeps all stands before it.

    >>> compressions(100, (50, 10, 10)), compressions(2, (1,))
    ((2.0, 10.0), (1.0, 2.0))
    """
    smaller = sorted({own for own in kept if own < units}, reverse=True)
    return tuple(units / own for own in (smaller if len(smaller) > 1 else [units, *smaller]))


def _last(problem: Problem, module: nn.Module, goal: Goal, counted: Counted) -> int | str:
    """Return how many weights, features or units the smallest keeps; or that the whole one fits."""
    units = counted.total(problem)
    if goal.budget is None:
        return counted.least(problem)
    what, most = goal.budget
    if isinstance(counted, Units) and what == DENSE_BYTES:
        return _units_in(module, counted, goal)
    if what == "bytes":
        return _weights_in(problem, module, units, goal)
    if most >= units:
        raise InputError(
            f"expected a goal of fewer than the {units:,} {what} of the model on this data, got "
            f"'{goal.text}': ask for fewer"
        )
    return int(most)


def _units_in(module: nn.Module, counted: Units, goal: Goal) -> int | str:
    """Return how many units a dense file of so many bytes holds, whichever they are.

    Units of one layer weigh more than those of another, so that the last point is one that keeps
    those that weigh most, and budgets are kept by what is left of the trained network.
    """
    arrays = {name: own.detach().cpu().numpy() for name, own in module.state_dict().items()}
    count = len(counted.members)
    alone = [counted.dense_bytes(arrays, np.arange(count) != place) for place in range(count)]
    heaviest = np.argsort(alone, kind="stable")  # the less is left without a unit, the more it is
    least, whole = (_with(counted, arrays, heaviest[own:]) for own in (count - 1, 0))
    most = _budget(goal)
    if most < least:
        raise InputError(
            f"expected a budget of at least the {least:,} bytes that this model takes with one "
            f"hidden unit, got {most:,.0f}: ask for more"
        )
    if most >= whole:
        return _fits(goal, whole)
    keep = 1
    while keep + 1 < count and _with(counted, arrays, heaviest[: keep + 1]) <= most:
        keep += 1
    return keep


def _with(counted: Units, arrays: Mapping[str, np.ndarray], kept: np.ndarray) -> int:
    return counted.dense_bytes(arrays, np.isin(np.arange(len(counted.members)), kept))


def _budget(goal: Goal) -> float:
    assert goal.budget is not None
    return goal.budget[1]


def _fits(goal: Goal, whole: int) -> str:
    return (
        f"the whole model takes {whole:,} bytes, which '{goal.text}' holds: the best of all sizes "
        "is taken; for a small one ask for 'smallest', or for less"
    )


def _weights_in(problem: Problem, module: nn.Module, units: int, goal: Goal) -> int | str:
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

    least, whole, most = size(1), size(units), _budget(goal)
    if most < least:
        raise InputError(
            f"expected a budget of at least {least:,} bytes, which biases and names take of this "
            f"model, got {most:,.0f}: ask for more, or for a count of weights"
        )
    if most >= whole:
        return _fits(goal, whole)
    low, high = 1, units
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) <= SPARE * most else (low, middle)
    return low
