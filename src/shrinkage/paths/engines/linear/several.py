"""Several numbers or labels a row: each solved alone where nothing couples them, else all at once.

Who uses this: the linear engine. Their data losses are sums over targets, so under a penalty that
is a sum over weights the joint minimizer is that of each target by itself. Groups that hold weights
of several targets couple them: then the losses stand side by side.
"""

from __future__ import annotations

import numpy as np

from shrinkage.paths.engines.base import Problem, Rows, Unit
from shrinkage.paths.engines.label_losses import StackedBinaryCrossEntropy
from shrinkage.paths.engines.linear.classes import Logistic
from shrinkage.paths.engines.linear.counted_rows import counted
from shrinkage.paths.engines.linear.family import Family
from shrinkage.paths.engines.linear.losses import Squared
from shrinkage.paths.engines.linear.side_by_side import OneTarget, SideBySide
from shrinkage.paths.engines.linear.solver import Path, Solver
from shrinkage.paths.engines.losses import StackedSquaredError
from shrinkage.terms import ProximalSum


def solved_several(problem: Problem, unit: Unit, rows: Rows, proximal: ProximalSum) -> Path | None:
    """Return the models of every strength; None where they have no solver.

    The gap of a model whose targets are solved each by itself is the largest of theirs.
    """
    of_labels = isinstance(problem.loss, StackedBinaryCrossEntropy)
    of_numbers = isinstance(problem.loss, StackedSquaredError) and problem.n_outputs > 1
    if not (of_labels or of_numbers):
        return None
    settings = unit.settings
    strengths = [settings.strengths(model) for model in range(len(settings))]
    x, target, share = counted(rows)
    target = target.astype(np.float64)
    shape = problem.n_outputs, x.shape[1]
    joint, alone = (Family.of(proximal, strengths, own) for own in (shape, (1, shape[1])))
    if joint is None or alone is None or (of_labels and not _has_both(target)):
        return None

    def loss_of(own: np.ndarray) -> OneTarget:
        return Logistic(x, own.astype(np.int64), share) if of_labels else Squared(x, own, share)

    order = np.argsort([-sum(row) for row in settings.rows], kind="stable")
    coupled = joint.levels[order, 2] > 0
    models = len(order)
    path = Path(np.zeros((models, *shape)), np.zeros((models, shape[0])), np.zeros(models))
    if coupled.any():
        both = Solver(SideBySide([loss_of(own) for own in target.T]))
        _put(path, order[coupled], both.path(joint.take(order[coupled])))
    if not coupled.all():
        own_paths = [Solver(loss_of(own)).path(alone.take(order[~coupled])) for own in target.T]
        _put(path, order[~coupled], _beside(own_paths))
    return path


def _put(path: Path, places: np.ndarray, solved: Path) -> None:
    path.weights[places], path.intercepts[places] = solved.weights, solved.intercepts
    path.gaps[places] = solved.gaps


def _beside(paths: list[Path]) -> Path:
    return Path(
        np.concatenate([path.weights for path in paths], axis=1),
        np.concatenate([path.intercepts for path in paths], axis=1),
        np.max([path.gaps for path in paths], axis=0),
    )


def _has_both(target: np.ndarray) -> bool:
    """Return whether every label is there in some rows and not in others."""
    return bool((target.min(axis=0) < target.max(axis=0)).all())
