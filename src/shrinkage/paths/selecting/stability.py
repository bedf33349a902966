"""Stability selection: the columns that most halves of the rows select, with a bound on mistakes.

Who uses this: `shrinkage.stability`, for `select_columns` and the command `select`. Every half is a
fold of a plan, so that engines, runners, memory and the store are those of a path. On a half the
columns are drawn in the order in which the path lets them in, the strongest strength first, and
drawing ends before there would be more than `drawn` of them: so the bound holds for any strengths.
Source: Meinshausen and Bühlmann, Stability selection (2010); Shah and Samworth (2013).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shrinkage.checks import number, positive, whole
from shrinkage.datasets import Dataset
from shrinkage.errors import InputError
from shrinkage.paths.choosing.grid_top import top_of_grid
from shrinkage.paths.data_losses import loss_of
from shrinkage.paths.fit import run_jobs
from shrinkage.paths.options import PathOptions
from shrinkage.paths.running.outcomes import UnitOutcome, joined
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.progress import Progress
from shrinkage.paths.running.row_splits import stratified
from shrinkage.paths.running.store import Store
from shrinkage.paths.selecting.bounds import error_bound, most_drawn
from shrinkage.paths.selecting.halves import complementary_halves
from shrinkage.paths.selecting.records import StableSelection
from shrinkage.paths.settings import Settings
from shrinkage.penalties import Penalty

WIDEST, NARROWEST = 2.0, 0.02
"""The grid of strengths, in tops of the grid of all rows: half the rows let in more noise."""
TOGETHER = 8


@dataclass(frozen=True, kw_only=True)
class StabilityOptions:
    """Choices of a stability selection.

    Args:
        false_selections: expected number of columns selected by mistake, at the most.
        threshold: share of the halves that must draw a column, above ½.
        pairs: complementary pairs of halves: twice as many trainings.
        strengths: how many strengths the path of a half has.
    """

    false_selections: float = 1.0
    threshold: float = 0.75
    pairs: int = 50
    strengths: int = 40

    def __post_init__(self) -> None:
        positive(self.false_selections, "false_selections", "the default is 1")
        number(self.threshold, "threshold", below=1, hint="the default is 0.75")
        if not self.threshold > 0.5:
            raise InputError(
                f"expected a threshold above 0.5 and below 1, got {self.threshold:g}: columns that "
                "half of the halves draw say nothing; the default is 0.75"
            )
        whole(self.pairs, "pairs", 2, "the default is 50")
        whole(self.strengths, "strengths", 2, "the default is 40")


def halved_options(data: Dataset, options: PathOptions, stability: StabilityOptions) -> PathOptions:
    """Return the options of the plan whose folds are the halves; no row is held out.

    Raises:
        InputError: rows that cannot be halved.
    """
    shared = stratified(data, loss_of(options.loss, data))
    classes = shared.task == "classification"
    halves = complementary_halves(
        shared.y, stability.pairs, options.seed, classes=classes, groups=data.groups
    )
    return replace(options, folds=halves, repeats=None, test_size=0, strengths=stability.strengths)


def check_penalty(penalty: Penalty) -> None:
    """Refuse a penalty under which every column stays, however strong it is.

    Raises:
        InputError: it is one.
    """
    if not np.isfinite(penalty.critical_strength(np.ones((1, 1)))):
        raise InputError(
            "expected a penalty that takes columns out, such as l1 or group-lasso, got "
            f"{penalty!r}: under it every column stays"
        )


def select(
    plan: Plan, stability: StabilityOptions, store: Store, progress: Progress
) -> StableSelection:
    """Return the selection of a plan whose folds are the halves.

    Raises:
        InputError: the model's first layer does not read the columns, or none may be drawn.
    """
    scaling = plan.preparation.preprocessing
    columns = tuple(scaling.columns[place] for place in scaling.used_columns)
    drawn = most_drawn(len(columns), stability.threshold, stability.false_selections)
    plan = replace(plan, watched=False)
    strengths = _strengths(plan, stability, store, progress)
    entered = _entered(plan, strengths, drawn, store, progress)
    draws = np.stack([_drawn(half, drawn) for half in entered])
    path = draws.mean(axis=0)
    return StableSelection(
        columns,
        path[0],
        path,
        np.array(strengths[-path.shape[0] :]),
        drawn,
        float(draws[:, 0].sum(axis=1).mean()),
        stability.threshold,
        stability.pairs,
        error_bound(len(columns), drawn, stability.threshold, stability.pairs),
        np.array(scaling.used_columns),
    )


def _entered(
    plan: Plan, strengths: tuple[float, ...], drawn: int, store: Store, progress: Progress
) -> np.ndarray:
    """Return which columns are in use at each strength or above, (halves, strengths, columns).

    The strongest strengths are trained first, and no weaker ones once every half has drawn enough.
    """
    rows = plan.problem.terms.settings((strength,) for strength in strengths)
    parts = rows.cut(-(-len(rows) // TOGETHER))
    entered: np.ndarray | None = None
    for place, settings in enumerate(reversed(parts)):
        used = _used(plan, f"halves-{place}", settings, store, progress)
        if entered is not None:
            used = np.concatenate([used, entered[:, :1]], axis=1)
        so_far = np.logical_or.accumulate(used[:, ::-1], axis=1)[:, ::-1]
        entered = so_far if entered is None else np.concatenate([so_far[:, :-1], entered], axis=1)
        if (entered[:, 0].sum(axis=1) >= drawn).all():
            break
    assert entered is not None
    return entered


def _used(
    plan: Plan, group: str, settings: Settings, store: Store, progress: Progress
) -> np.ndarray:
    """Return which columns each model uses, (halves, strengths, columns)."""
    jobs = plan.jobs(group, settings)
    progress.stage(f"{plan.folds} halves of the rows", plan.steps(jobs))
    by_half: dict[int | None, list[UnitOutcome]] = {}
    for job, outcome in zip(jobs, run_jobs(plan, jobs, store, progress), strict=True):
        by_half.setdefault(job.fold, []).append(outcome)
    scaling = plan.preparation.preprocessing
    used = [joined(parts).columns_used(len(scaling.columns)) for parts in by_half.values()]
    if any(half is None for half in used):
        raise InputError(
            "expected a model whose first layer reads the columns, such as linear or mlp:64,32: "
            "this one has no weights by which a column is in use or not"
        )
    places = list(scaling.used_columns)
    return np.stack([half[:, places] for half in used if half is not None])


def _strengths(
    plan: Plan, stability: StabilityOptions, store: Store, progress: Progress
) -> tuple[float, ...]:
    known = store.note("top")
    if not isinstance(known, float):
        progress.stage("finding the largest strength", 1)
        known = top_of_grid(plan.problem, plan.refit_unit, plan.engine, progress.advance).strength
        store.keep_note("top", known)
    grid = np.geomspace(NARROWEST * known, WIDEST * known, stability.strengths)
    return tuple(float(strength) for strength in grid)


def _drawn(entered: np.ndarray, most: int) -> np.ndarray:
    """Return what a half has drawn at each strength, (strengths, columns): at most so many."""
    allowed = np.flatnonzero(entered.sum(axis=1) <= most)
    if not len(allowed):
        return np.zeros_like(entered)
    return entered[np.maximum(np.arange(len(entered)), allowed[0])]
