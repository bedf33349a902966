"""The grid of strengths: where it starts, how it is spaced, and when it grows.

Who uses this: `fit_path`. Networks have no critical strength that a formula gives (all-zero
hidden weights are stationary), so the top is found by training: one short fit of a stack of
strengths, each twice the one before, and of them the least at which the network ends no better
than a constant. Linear models have the exact one.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np

from shrinkage.errors import InputError
from shrinkage.paths.engines.base import Engine, Problem, Unit, spread

DECADES = 4
MOST_EXTENSIONS = 2
SEARCH_STEPS = 200
DOUBLINGS = range(-20, 11)
NO_BETTER = 0.99
SEARCH_ROWS = 2000


def log_grid(top: float, count: int) -> tuple[float, ...]:
    """Return `count` ascending strengths, evenly spaced in logarithm, from 1e-4·top to top.

    >>> [float(f"{strength:.3g}") for strength in log_grid(1.0, 3)]
    [0.0001, 0.01, 1.0]
    """
    exponents = np.linspace(-DECADES, 0, count)
    return tuple(float(top * 10.0**exponent) for exponent in exponents)


def check_strengths(strengths: tuple[float, ...]) -> tuple[float, ...]:
    """Return user-given strengths as they are when they are finite, positive and ascending.

    Raises:
        InputError: fewer than two, a negative, NaN or infinite one, or not ascending.
    """
    if len(strengths) < 2:
        raise InputError(
            f"expected a count of at least 2 strengths or an ascending list, got {len(strengths)}"
        )
    for strength in strengths:
        if not math.isfinite(strength) or strength < 0:
            raise InputError(
                f"expected strengths that are finite and not negative, got {strength:g}"
            )
    if any(b <= a for a, b in itertools.pairwise(strengths)):
        raise InputError(
            "expected strengths in ascending order, each once, got "
            + ",".join(f"{strength:g}" for strength in strengths)
        )
    return strengths


@dataclass(frozen=True)
class Extension:
    """Strengths to add beyond an edge of the grid, ascending."""

    strengths: tuple[float, ...]
    below: bool


def extension(strengths: tuple[float, ...], best: int) -> Extension | None:
    """Return one more decade beyond the edge on which the best lies, or None."""
    if 0 < best < len(strengths) - 1:
        return None
    ratio = strengths[1] / strengths[0]
    count = max(1, round(math.log(10) / math.log(ratio)))
    if best == 0:
        down = [strengths[0] / ratio**k for k in range(count, 0, -1)]
        return Extension(tuple(down), below=True)
    up = [strengths[-1] * ratio**k for k in range(1, count + 1)]
    return Extension(tuple(up), below=False)


def top_of_grid(problem: Problem, unit: Unit, engine: Engine) -> float:
    """Return the strength at the top of the grid for a unit of all training rows.

    Args:
        problem: the problem; its recipe is shortened for the search.
        unit: all training rows, no validation; its settings do not matter.
        engine: trains the search, unless it knows the critical strength.

    Raises:
        InputError: every strength from 2^-40 to 2^30 is as bad as a constant, or none is.
    """
    exact = engine.critical_strength(problem, unit)
    if exact is not None and math.isfinite(exact) and exact > 0:
        return exact
    constant = _constant_loss(problem, unit)
    shift = 0
    for _ in range(2):
        losses, strengths = _search_losses(problem, unit, engine, shift)
        useless = losses >= NO_BETTER * constant
        if useless.any() and not useless.all():
            return strengths[_first_of_tail(useless)]
        shift = -20 if useless.all() else 20
    raise InputError(
        "no strength between 2^-40 and 2^30 separates a model that learns from one that is no "
        "better than a constant, so the grid has no top; look at the data and the learning rate, "
        "or give the strengths yourself, for example --strengths 0.001,0.01,0.1"
    )


def _first_of_tail(useless: np.ndarray) -> int:
    """Return the start of the run of True that reaches the end, or the first True."""
    useful = np.flatnonzero(~useless)
    after = int(useful[-1]) + 1 if len(useful) else 0
    return after if after < len(useless) else int(np.flatnonzero(useless)[0])


def _search_losses(
    problem: Problem, unit: Unit, engine: Engine, shift: int
) -> tuple[np.ndarray, tuple[float, ...]]:
    strengths = tuple(2.0 ** (k + shift) for k in DOUBLINGS)
    rows = len(unit.data.train)
    epochs = max(1, round(SEARCH_STEPS / problem.recipe.steps_per_epoch(rows)))
    limit = min(rows, SEARCH_STEPS * problem.recipe.batch_size)
    order = np.random.default_rng(unit.seed).permutation(rows)[:limit]
    positions = unit.data.train[np.sort(order)]
    short = replace(problem, recipe=replace(problem.recipe, epochs=epochs))
    data = replace(unit.data, train=positions, validation=None)
    settings = problem.terms.settings((strength,) for strength in strengths)
    search = replace(unit, name="grid", settings=settings, data=data)
    trained = engine.train(short, search, lambda _: None)
    sample = data.rows.take(spread(positions, SEARCH_ROWS))
    losses = problem.loss(trained.outputs(sample.x), sample.target, sample.weight)
    return np.nan_to_num(losses.cpu().numpy(), nan=np.inf), strengths


def _constant_loss(problem: Problem, unit: Unit) -> float:
    rows = unit.data.rows.take(unit.data.train)
    weight = None if rows.weight is None else rows.weight.cpu().numpy()
    return problem.loss.constant(rows.target.cpu().numpy(), weight)
