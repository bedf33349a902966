"""Several numbers or labels a row, each solved alone: the quick way where nothing couples them.

Who uses this: the linear engine. Their data losses are sums over targets, so under a penalty that
is a sum over weights the joint minimizer is that of each target by itself, and the solver with a
certificate finds it. Groups that hold weights of several targets couple them: then there is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage.paths.engines.base import Problem, Rows, Unit
from shrinkage.paths.engines.label_losses import StackedBinaryCrossEntropy
from shrinkage.paths.engines.linear.classes import Logistic
from shrinkage.paths.engines.linear.counted_rows import counted
from shrinkage.paths.engines.linear.family import Family
from shrinkage.paths.engines.linear.losses import Loss, Squared
from shrinkage.paths.engines.linear.solver import Solver
from shrinkage.paths.engines.losses import StackedSquaredError
from shrinkage.terms import ProximalSum


@dataclass(frozen=True, eq=False)
class Separately:
    """Weights (models, targets, inputs), intercepts and gaps (models, targets)."""

    weights: np.ndarray
    intercepts: np.ndarray
    gaps: np.ndarray


def solved_separately(
    problem: Problem, unit: Unit, rows: Rows, proximal: ProximalSum
) -> Separately | None:
    """Return the models of every strength, each target by itself; None where that is not it."""
    of_labels = isinstance(problem.loss, StackedBinaryCrossEntropy)
    of_numbers = isinstance(problem.loss, StackedSquaredError) and problem.n_outputs > 1
    if proximal.groups or not (of_labels or of_numbers):
        return None
    settings = unit.settings
    strengths = [settings.strengths(model) for model in range(len(settings))]
    family = Family.of(proximal, strengths, (1, rows.x.shape[1]))
    x, target, share = counted(rows)
    target = target.astype(np.float64)
    if family is None or (of_labels and not _has_both(target)):
        return None
    order = np.argsort([-sum(row) for row in settings.rows], kind="stable")
    back, family = np.argsort(order), family.take(order)
    paths = []
    for own in target.T:
        loss: Loss = Squared(x, own, share)
        if of_labels:
            loss = Logistic(x, own.astype(np.int64), share)
        paths.append(Solver(loss).path(family))
    return Separately(
        np.concatenate([path.weights for path in paths], axis=1)[back],
        np.concatenate([path.intercepts for path in paths], axis=1)[back],
        np.stack([path.gaps for path in paths], axis=1)[back],
    )


def _has_both(target: np.ndarray) -> bool:
    """Return whether every label is there in some rows and not in others."""
    return bool((target.min(axis=0) < target.max(axis=0)).all())
