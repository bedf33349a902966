"""Squared errors at all strengths in one go, certificates included.

Who uses this: the solver, where columns are few, and for ridges alone.
On tables of a few hundred rows, what a model costs in Python is more than what it costs to solve.
Models that are not at their minimizer afterwards are left to the solver's other ways.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage.paths.engines.linear.descents import Working
from shrinkage.paths.engines.linear.family import Family
from shrinkage.paths.engines.linear.losses import Squared
from shrinkage.paths.engines.linear.ridges import Ridges

CERTAIN = 1e-11
"""The gap at which a model is left as it is."""

MOST_COLUMNS = 300
"""With more columns descent on all of them costs more than a working set."""

_EXACT = 1e-13  # of the largest derivative
_MOST = 2000  # sweeps
_SETTLED = 1e-11  # of the largest derivative: what is left of a free weight's


@dataclass(frozen=True, eq=False)
class Together:
    """Weights (models, inputs), intercepts and gaps (models,), and which are at their minimizer."""

    weights: np.ndarray
    intercepts: np.ndarray
    gaps: np.ndarray
    settled: np.ndarray


def solved_together(loss: Squared, family: Family, scale: float, unit: float) -> Together | None:
    """Return the models of a path; None where this is not the way.

    Args:
        loss: squared errors.
        family: the penalties, the strongest first.
        scale: the largest derivative of the model without inputs.
        unit: its loss, over which gaps are told.
    """
    smooth = not family.levels[:, [0, 2]].any()
    free = family.shape.free.any()
    if not smooth and loss.x.shape[1] <= MOST_COLUMNS:
        weights = _descended(loss, family, scale)
    elif smooth and not free and family.levels[:, 1].all():
        weights = Ridges(loss).squares(family.levels[:, 1])
    else:
        return None
    pull = weights @ loss.x.T - loss.target
    slope = pull @ loss.x
    scales, conjugates = family.conjugates(-slope)
    values = 0.5 * np.einsum("ij,ij->i", pull, pull) + loss.rest + family.values(weights)
    theta = -scales[:, None] * pull
    duals = theta @ loss.target - 0.5 * np.einsum("ij,ij->i", theta, theta) + loss.rest
    gaps = (values - duals + conjugates) / unit
    settled = gaps <= CERTAIN
    if free:
        left = np.abs(slope[:, family.shape.free]).max(axis=1)
        settled &= left <= _SETTLED * scale
    return Together(weights, np.zeros(len(weights)), np.maximum(gaps, 0.0), settled)


def _descended(loss: Squared, family: Family, scale: float) -> np.ndarray:
    """Return the weights by block coordinate descent on the inner products."""
    working = Working(family.shape, ~family.shape.free[None], intercepts=False)
    start = np.zeros(loss.x.shape[1])
    levels, exact = family.levels, _EXACT * scale
    return working.along(loss.products, loss.gradient(start), start, levels, exact, _MOST)[0]
