"""Where the last two models of a path lead: the next one starts there.

Who uses this: the solver, and the calls of compiled code. A path is straight in the strength where
no weight comes in, and under ridges nearly so in its logarithm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shrinkage.paths.engines.linear.losses import Loss, Place
from shrinkage.paths.engines.linear.norms import Norms

_FARTHEST = 2.0


def shares(levels: np.ndarray) -> np.ndarray:
    """Return how much of the way between the two models before each to go on, 0 for the first two.

    Args:
        levels: (models, 3) α, β and γ, none of them all 0.

    >>> shares(np.array([[4.0, 0.0, 0.0], [2.0, 0.0, 0.0], [1.0, 0.0, 0.0]]))
    array([0. , 0. , 0.5])
    """
    sizes = levels.sum(axis=1)
    steps = np.diff(sizes if levels[:, [0, 2]].any() else np.log(sizes))
    own = np.zeros(len(levels))
    some = np.flatnonzero(steps[:-1])
    own[some + 2] = np.clip(steps[some + 1] / steps[some], 0.0, _FARTHEST)
    return own


def ahead(
    loss: Loss, norms: Norms, now: Place, before: Sequence[tuple[np.ndarray, Place]]
) -> Place:
    """Return where the next model starts: where the last two lead, if its objective is lower there.

    Args:
        loss: of the rows.
        norms: its penalty.
        now: where to start otherwise.
        before: levels and places of the last two.
    """
    if len(before) < 2 or norms.is_none or norms.any_free:
        return now
    (older, far), (newer, near) = before
    share = shares(np.array([older, newer, norms.level]))[2]
    if not share:
        return near
    weights = near.weights + share * (near.weights - far.weights)
    if not norms.is_smooth:
        weights[near.weights * weights <= 0] = 0.0
    place = loss.at(weights, near.intercept + share * (near.intercept - far.intercept))
    return place if place.objective(norms) < near.objective(norms) else near
