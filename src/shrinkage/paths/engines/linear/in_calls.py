"""Models of one output, each solved by one call of compiled code, and certified all at once.

Who uses this: the solver. On tables of a few hundred rows most of what a Newton step costs in
Python is Python. The certificates are reckoned here by other formulas than those by which the
compiled loop stops; models without one are left to the solver's own steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage.paths.engines.linear.ahead import shares
from shrinkage.paths.engines.linear.counts import Counts
from shrinkage.paths.engines.linear.family import Family
from shrinkage.paths.engines.linear.kernels import Blocks
from shrinkage.paths.engines.linear.kernels.newton import Newton, is_built
from shrinkage.paths.engines.linear.losses import OneOutput, Place
from shrinkage.paths.engines.linear.together import Together

FEW = 150
"""Unknowns of which all are in the working set, and for which Newton's method is quick."""

LEAST_SET, MOST_SET = 100, 2500
"""Weights of a working set."""

_MOST_SWEEPS = 500
_ROUNDED = 10.0  # by how much two ways to reckon the same nothing differ


@dataclass(frozen=True)
class Ends:
    """What ends the compiled loop.

    Args:
        left: of the derivatives of intercepts and free weights.
        gap: that is small enough.
        of_ridges: the same, with a ridge.
        steps: the most, each with a working set of its own.
    """

    left: float
    gap: float
    of_ridges: float
    steps: int


def solved_in_calls(
    loss: OneOutput, family: Family, zero: Place, scale: float, ends: Ends
) -> Together | None:
    """Return the models of a path, the strongest first; None where this is not the way.

    Args:
        loss: of the rows.
        family: the penalties.
        zero: the model without inputs.
        scale: its largest derivative.
        ends: when to stop.
    """
    smooth = not family.levels[:, [0, 2]].any()
    if not is_built() or family.shape.free.all() or (smooth and loss.x.shape[1] >= FEW):
        return None
    weights, intercepts, there = _along(loss, family, zero, scale, ends)
    values, pulls, chances = loss.judged(weights @ loss.x.T + intercepts[:, None])
    slope = pulls @ loss.x
    scales, conjugates = family.conjugates(-slope)
    duals = loss.duals(chances, scales)
    gaps = (values + family.values(weights) - duals + conjugates) / max(zero.value, 1e-300)
    left = np.abs(pulls.sum(axis=1))
    if family.shape.any_free:
        left = np.maximum(left, np.abs(slope[:, family.shape.free]).max(axis=1))
    aims = np.where(family.levels[:, 1] > 0, ends.of_ridges, ends.gap)
    settled = there & (left <= _ROUNDED * ends.left) & (gaps <= _ROUNDED * aims)
    return Together(weights, intercepts, np.maximum(gaps, 0.0), settled)


def _along(
    loss: OneOutput, family: Family, zero: Place, scale: float, ends: Ends
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights (models, inputs), intercepts, and which the loop itself calls certified."""
    order, blocks = _blocks(family)
    x = loss.x if order is None else np.asfortranarray(loss.x[:, order])
    target, share = (np.ascontiguousarray(a, dtype=float) for a in (loss.target, loss.share))
    newton = Newton(
        *(x, target, share, blocks),
        kind=int(isinstance(loss, Counts)),
        scale=scale,
        unit=max(zero.value, 1e-300),
        left=ends.left,
        aim=ends.gap,
        aim_ridged=ends.of_ridges,
        most_steps=ends.steps,
        most_sweeps=_MOST_SWEEPS,
        few=FEW - 1,
        least_set=LEAST_SET,
        most_set=MOST_SET,
    )
    count = len(family)
    own = np.zeros((count, x.shape[1]))
    intercepts, there = np.full(count, zero.intercept[0]), np.zeros(count, dtype=bool)
    ways = shares(family.levels)
    for model, level in enumerate(family.levels):
        if model:
            own[model], intercepts[model] = own[model - 1], intercepts[model - 1]
        far = (own[model - 2], float(intercepts[model - 2])) if model > 1 else None
        there[model] = newton.solve(
            level, own[model], intercepts[model : model + 1], far, ways[model]
        )
    if order is None:
        return own, intercepts, there
    weights = np.empty_like(own)
    weights[:, order] = own
    return weights, intercepts, there


def _blocks(family: Family) -> tuple[np.ndarray | None, Blocks]:
    """Return an order of the inputs in which groups are neighbours, None as they are, and them."""
    norms, inputs = family.shape, len(family.shape.free)
    if norms.labels is None or not family.levels[:, 2].any():
        return None, Blocks(norms.held, np.arange(inputs + 1), np.zeros(inputs))
    labels = norms.labels[0]
    order = np.argsort(labels, kind="stable")
    alone = int((labels < 0).sum())
    first = np.flatnonzero(np.diff(labels[order][alone:], prepend=-1)) + alone
    starts = np.concatenate([np.arange(alone), first, [inputs]])
    roots = np.append(np.zeros(alone), norms.roots[labels[order][first]])
    same = bool((order[1:] > order[:-1]).all())
    return None if same else order, Blocks(norms.held[order], starts, roots)
