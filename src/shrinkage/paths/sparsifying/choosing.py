"""Which point of a sparsity path a goal takes: by the scores of the folds, and by sizes.

Who uses this: `shrinkage.paths.fit`, once folds and refit are done. Sizes are those of the models
on all training rows, which are the ones that are given: a budget is kept by what is in the file.
Scores are those of rows left out, never of test rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from shrinkage.compaction.sparse_files import sparse_size
from shrinkage.errors import InputError, ShrinkageError
from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.results.fitted import FittedPath
from shrinkage.paths.results.goal import ASKED, GOAL, GoalRecord
from shrinkage.paths.results.records import standard_error
from shrinkage.paths.results.refits import Refit
from shrinkage.paths.results.smaller import compact_path
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.sparsifying.counted import Units, file_bytes
from shrinkage.paths.sparsifying.engine import SparsifyingEngine
from shrinkage.paths.sparsifying.goals import SIZES, Goal, Points


def goal_record(plan: Plan, goal: Goal, refit: Refit) -> GoalRecord:
    """Return the sizes of all points of a refitted ladder."""
    values, weights = refit.outcome.values, refit.outcome.named("weights")
    nonzero = np.sum(list(refit.outcome.named("nonzero").values()), axis=0)
    columns = values.get("inputs_kept")
    sizes = [
        sparse_size({name: torch.as_tensor(own[place]) for name, own in weights.items()})
        for place in range(1, len(refit.settings))
    ]
    dense = file_bytes(
        {name: own.shape[1:] for name, own in weights.items()},
        {name: own.itemsize for name, own in weights.items()},
    )
    shapes = {info.name: info.shape for info in plan.problem.assignment.infos}
    return GoalRecord(
        text=goal.text,
        counts=SIZES[goal.counts],
        budget=goal.budget,
        least_score=goal.least_score,
        weights=tuple(int(own) for own in nonzero[1:]),
        features=None if columns is None else tuple(int(own) for own in columns[1:]),
        bytes=tuple(sizes),
        total_weights=sum(int(np.prod(shapes[name])) for name in plan.problem.counted),
        total_features=plan.preparation.data.n_features,
        dense_bytes=dense,
        **_of_units(plan, weights, len(refit.settings)),
    )


def with_columns(plan: Plan, record: GoalRecord, refit: Refit, point: int) -> GoalRecord:
    """Return a record that names the columns of the chosen point, where columns were made few."""
    names = plan.preparation.preprocessing.columns
    used = refit.outcome.columns_used(len(names))
    if record.counts != "features" or used is None:
        return record
    return replace(record, columns=tuple(np.array(names)[used[point + 1]].tolist()))


def _of_units(plan: Plan, weights: Mapping[str, np.ndarray], points: int) -> dict[str, Any]:
    """Return how many units each point has, and its bytes without the others."""
    counted = plan.engine.counted if isinstance(plan.engine, SparsifyingEngine) else None
    if not isinstance(counted, Units):
        return {}
    models = [{name: own[place] for name, own in weights.items()} for place in range(1, points)]
    alive = [counted.alive(own) for own in models]
    return {
        "units": tuple(int(own.sum()) for own in alive),
        "total_units": len(counted.members),
        "plain_bytes": tuple(map(counted.dense_bytes, models, alive)),
    }


def point_of(
    goal: Goal, record: GoalRecord, validation: CrossValidation, choose_by: str = "score"
) -> int:
    """Return the place of the point that a goal takes.

    With a budget it is the best of those within it, of equals the smallest; else the smallest that
    does what is asked. `choose_by` says what is best, as in `PathOptions`.

    Raises:
        InputError: no point will do; the nearest is named, and a layer that is dead.
    """
    judged = validation.judged_by(choose_by)
    points = Points(
        validation.mean,
        judged.mean(axis=1),
        standard_error(judged, validation.rounds),
        np.isfinite(validation.mean) & validation.learned,
        {name: np.array(own) for name, own in record.sizes().items()},
    )
    if not points.usable.any():
        raise InputError(
            f"expected a network that learns, but at every size {_dead(validation, 0)}: give "
            "weaker strengths, or more epochs"
        )
    meets = goal.meets(points)
    usable = np.flatnonzero(meets & points.usable)
    if not len(usable):
        raise InputError(_nearest(goal, points, validation, np.flatnonzero(meets)))
    if goal.budget is None:
        return int(usable[-1])
    return points.best_of(meets & points.usable, points.judged)


def _nearest(goal: Goal, points: Points, validation: CrossValidation, dead: np.ndarray) -> str:
    """Return why no point will do, and which is the nearest."""
    total = points.sizes["weights"]
    if goal.budget is None:
        best = points.best_of(points.usable, points.score)
        score, error = points.score[best], validation.standard_error[best]
        spread = f" ± {error:.4f}" if np.isfinite(error) else ""
        return (
            f"expected a score of {goal.least_score:g} for the goal {goal.text!r}, but the nearest "
            f"of the path scores {score:.4f}{spread}, with {total[best]:,} weights: ask for that, "
            "or give it more epochs"
        )
    what = goal.budget[0]
    usable = np.flatnonzero(points.usable)
    place = usable[int(np.argmin(points.sizes[what][usable]))]
    because = f", where {_dead(validation, int(dead[0]))}" if len(dead) else ""
    return (
        f"expected a network of at most {goal.text}{because}; the nearest that still learns has "
        f"{points.sizes[what][place]:,} {what} and scores {points.score[place]:.4f}: ask for that"
    )


def _dead(validation: CrossValidation, place: int) -> str:
    """Say which layer has nothing left at a point."""
    left = {name: own[place].min() for name, own in validation.named("nonzero").items()}
    name = min(left, key=lambda own: left[own])
    if left[name]:
        return "the network answers the same for every row"
    return f"all units of the layer {name.rpartition('.')[0] or name} are dead"


def with_compact_size(path: FittedPath) -> FittedPath:
    """Return a path whose goal's model has been made a smaller dense one, too, to know its size.

    The size stays None where no unit can go, or a run directory cannot hold what is left.
    """
    assert path.goal is not None
    try:
        _, found = compact_path(path, GOAL, timed=False)
    except ShrinkageError:
        return path
    record = replace(path.goal, compact_bytes=found.proof.after.file_bytes)
    return replace(path, goal=record, summary={**path.summary, ASKED: record.to_dict()})
