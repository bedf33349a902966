"""From a plan to a chosen strength: the path, end to end.

Who uses this: `shrinkage.run`, which keeps and reports what comes of it. The work is cut into
units, each in the store as soon as it is done; the order is grid, cross validation, choice,
perhaps more strengths beyond an edge, refit, one look at the test rows, results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.grid import MOST_EXTENSIONS, extension, log_grid
from shrinkage.paths.choosing.grid_top import (
    DEFAULT_TOP,
    GridSource,
    GridTop,
    search_length,
    search_steps,
    top_of_grid,
)
from shrinkage.paths.choosing.rules import Choice, choose
from shrinkage.paths.comparing.compare import PeerScores, compare
from shrinkage.paths.comparing.other_rates import at_best_rate
from shrinkage.paths.fast_validation import is_fast, validate_fast
from shrinkage.paths.refitting import Run, refit
from shrinkage.paths.results.assembly import assemble
from shrinkage.paths.results.fitted import FittedPath
from shrinkage.paths.results.records import standard_error
from shrinkage.paths.results.refits import Refit
from shrinkage.paths.running.estimate import Estimate, estimate
from shrinkage.paths.running.outcomes import UnitOutcome, joined
from shrinkage.paths.running.outer_estimate import with_outer_folds
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.progress import Progress
from shrinkage.paths.running.runners.base import Errand, Job, Work
from shrinkage.paths.running.store import Store
from shrinkage.paths.settings import Settings
from shrinkage.paths.sparsifying.choosing import (
    goal_record,
    point_of,
    with_columns,
    with_compact_size,
)


def fit(
    plan: Plan,
    store: Store,
    progress: Progress,
    announce: Callable[[Estimate], None] | None = None,
    before_refit: Callable[[], object] | None = None,
) -> FittedPath:
    """Return the result of a plan, training only what is not in the store.

    Args:
        plan: what is fixed.
        store: keeps each unit that is done.
        progress: is told of every step.
        announce: called with the estimate before anything is trained but a short trial.
        before_refit: called when the strengths are chosen: the end is near.
    """
    if announce is not None:
        told = _estimate(plan, store)
        store.keep_note("estimate", asdict(told))
        announce(told)
    strengths, source = _grid(plan, store, progress)
    left_out = None
    if is_fast(plan, len(strengths)):
        validation, left_out = validate_fast(
            plan,
            _settings(plan, strengths),
            lambda plan, group, settings, stage: validate(
                plan, group, settings, store, progress, stage
            ),
        )
    else:
        settings = plan.problem.terms.unregularized + _settings(plan, strengths)
        folds = validate(plan, 0, settings, store, progress, "cross validation")
        validation = CrossValidation.of(settings, folds, plan.preparation.split.rounds)
    choice = chosen_of(plan, validation)
    if not isinstance(plan.options.strengths, tuple):
        validation, choice = _extended(plan, validation, choice, store, progress)
    if before_refit is not None:
        before_refit()
    models = _refit(plan, validation, choice, store, progress)
    others = others_of(plan, validation, store, progress)
    goal = plan.options.wanted
    if goal is None:
        return assemble(plan, validation, choice, models, source, left_out, others)
    record = goal_record(plan, goal, models)
    point = point_of(goal, record, validation, plan.options.choose_by)
    small = point, with_columns(plan, record, models, point)
    return with_compact_size(
        assemble(plan, validation, choice, models, source, left_out, others, small)
    )


def others_of(
    plan: Plan, validation: CrossValidation, store: Store, progress: Progress
) -> tuple[PeerScores, ...]:
    """Return what a plan is to be compared with, on its folds: nothing where it is not asked for.

    These are models of other kinds, and of a network the one without a penalty at its best rate.

    Args:
        plan: what was trained; the unregularized model of `validation` is of it.
        validation: the cross validation.
        store: keeps what is trained.
        progress: is told of it.
    """
    if not plan.options.compare:
        return ()

    def train(other: Plan, jobs: Sequence[Job]) -> list[UnitOutcome]:
        progress.stage("unregularized at other rates", other.steps(jobs))
        return run_jobs(other, jobs, store, progress)

    others = compare(plan, store, progress)
    if plan.engine.is_solver:
        return others
    return (*others, at_best_rate(plan, validation, train))


def chosen_of(plan: Plan, validation: CrossValidation) -> Choice:
    """Return the strengths that score or loss choose."""
    judged = validation.judged_by(plan.options.choose_by)
    error = standard_error(judged, validation.rounds)
    return choose(judged.mean(axis=1), error, validation.learned)


def _settings(plan: Plan, strengths: Iterable[float]) -> Settings:
    """Return a row for each strength of the one term that varies."""
    return plan.problem.terms.settings((strength,) for strength in strengths)


def _grid(plan: Plan, store: Store, progress: Progress) -> tuple[tuple[float, ...], GridSource]:
    strengths = plan.options.strengths
    if isinstance(strengths, tuple):
        return strengths, GridSource.GIVEN
    top = GridTop.of_note(store.note("grid"))
    if top is None:
        searched = plan.problem, plan.refit_unit, plan.engine
        fast = is_fast(plan, strengths)
        length = search_length(plan.fold_steps, plan.folds, strengths + 1, fast=fast)
        progress.stage("finding the largest strength", search_steps(*searched, length))
        top = top_of_grid(*searched, progress.advance, length)
        store.keep_note("grid", top.to_note())
        if top.source.is_default:
            progress.say("No strength marks where learning ends: the default grid is taken.")
    return log_grid(top.strength, strengths), top.source


def _estimate(plan: Plan, store: Store) -> Estimate:
    """Return what is still to be done; the strengths of the trial are those of a default grid."""
    strengths = plan.options.strengths
    counted = not isinstance(strengths, tuple)
    grid = log_grid(DEFAULT_TOP, strengths) if counted else strengths
    settings = plan.problem.terms.unregularized + _settings(plan, grid)
    searched = counted and store.note("grid") is None

    def told(jobs: Sequence[Job]) -> Estimate:
        return estimate(plan, jobs, len(settings), searched=searched)

    return with_outer_folds(told, _jobs(plan, 0, settings, store), store, plan.options.nested)


def _jobs(plan: Plan, group: int | str, settings: Settings, store: Store) -> list[Job]:
    """Return the jobs of a group, cut as before in a resumed run: what is free has changed since.

    Where a cap of the memory was given, a finer cut is taken.
    """
    name, parts = f"parts-of-group-{group}", plan.parts(len(settings))
    known = store.note(name)
    if isinstance(known, int) and (known >= parts or plan.options.memory is None):
        parts = known
    elif store.root is not None:
        store.keep_note(name, parts)
    return plan.jobs(group, settings, parts)


def run_jobs(
    plan: Plan, jobs: Sequence[Job], store: Store, progress: Progress
) -> list[UnitOutcome]:
    """Return the outcome of each job: from the store, or from the runner, which fills it."""
    outcomes = {job.name: store.unit(job.name) for job in jobs}
    missing = [job for job in jobs if outcomes[job.name] is None]
    progress.advance(plan.steps(job for job in jobs if job not in missing))
    told: list[float] = []

    def keep(job: Job, outcome: UnitOutcome) -> None:
        store.keep_unit(job.name, outcome)
        most = outcome.values["halved_to"].max()
        if most and most not in told:
            told.append(most)
            progress.say(f"Memory ran out: going on with {most:.0f} models at a time.")

    work = Work(plan.engine, plan.problem, plan.limit)
    fresh = plan.runner.run(Errand(work, missing, plan.unit, keep, progress.advance))
    outcomes.update(zip((job.name for job in missing), fresh, strict=True))
    return [outcome for outcome in outcomes.values() if outcome is not None]


def validate(
    plan: Plan, group: int | str, settings: Settings, store: Store, progress: Progress, stage: str
) -> list[UnitOutcome]:
    """Return the outcome of each fold."""
    jobs = _jobs(plan, group, settings, store)
    progress.stage(stage, plan.steps(jobs))
    by_fold: dict[int | None, list[UnitOutcome]] = {}
    for job, outcome in zip(jobs, run_jobs(plan, jobs, store, progress), strict=True):
        by_fold.setdefault(job.fold, []).append(outcome)
    return [joined(parts) for parts in by_fold.values()]


def _extended(
    plan: Plan, validation: CrossValidation, choice: Choice, store: Store, progress: Progress
) -> tuple[CrossValidation, Choice]:
    """Add a decade of strengths, at most twice, while the best lies on an edge of the grid.

    None beyond models without a weight: the stronger ones are the same.
    """
    for group in range(1, MOST_EXTENSIONS + 1):
        more = extension(validation.strengths, choice.best)
        if more is None or (validation.ends_empty and not more.below):
            break
        side = "weaker" if more.below else "stronger"
        progress.say(f"The best strength is on the edge of the grid: trying {side} ones.")
        settings = _settings(plan, more.strengths)
        folds = validate(plan, group, settings, store, progress, f"{side} strengths")
        validation = validation.extended(settings, folds, below=more.below)
        choice = chosen_of(plan, validation)
    return validation, choice


def _refit(
    plan: Plan, validation: CrossValidation, choice: Choice, store: Store, progress: Progress
) -> Refit:
    """Return the settings that were refitted on all training rows, and the outcome."""
    chosen = validation.settings
    if plan.options.refit != "all":
        chosen = chosen.take((choice.best, choice.one_standard_error))
    settings = (plan.problem.terms.unregularized + chosen).distinct()
    best = validation.settings.take([choice.best])
    return refit(plan, settings, best, validation, runs_refits(plan, store, progress))


def runs_refits(plan: Plan, store: Store, progress: Progress) -> Run:
    """Return what trains jobs of a refit, and tells it."""

    def run(jobs: Sequence[Job]) -> list[UnitOutcome]:
        progress.stage("refit", plan.steps(jobs))
        return run_jobs(plan, jobs, store, progress)

    return run
