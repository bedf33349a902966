"""From data to a chosen strength: the path, end to end.

Who uses this: people, from Python (`fit_path`), and the command line (`fit_dataset`). The work is
cut into units, each kept in the run directory as soon as it is done; the order is grid, cross
validation, choice, perhaps more strengths beyond an edge, refit, one look at the test rows,
results.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from shrinkage.datasets import Dataset
from shrinkage.errors import InputError
from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.grid import MOST_EXTENSIONS, extension, log_grid, top_of_grid
from shrinkage.paths.choosing.rules import Choice, choose
from shrinkage.paths.options import PathOptions
from shrinkage.paths.own_sets import given_dataset
from shrinkage.paths.results.assembly import assemble
from shrinkage.paths.results.directory import load_result
from shrinkage.paths.results.fitted import FittedPath
from shrinkage.paths.running import outcomes
from shrinkage.paths.running.estimate import Estimate, estimate
from shrinkage.paths.running.plan import Job, Model, Plan, identity_of_data, make_plan
from shrinkage.paths.running.progress import Progress, progress_bar
from shrinkage.paths.running.store import (
    Store,
    fingerprint_of,
    is_finished,
    mark_finished,
    open_store,
)
from shrinkage.paths.running.threads import run_side_by_side
from shrinkage.penalties import L1, Penalty


def fit_path(
    model: Model,
    X: object,
    y: object,
    *,
    penalty: Penalty | None = None,
    task: str | None = None,
    groups: object = None,
    sample_weight: object = None,
    validation: tuple[object, object] | None = None,
    test: tuple[object, object] | None = None,
    store: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    **options: object,
) -> FittedPath:
    """Train a model over a path of strengths with cross validation, and choose a strength.

    It minimizes `mean data loss + strength · penalty` (half squared error for regression) for
    every strength and fold, scores on the rows left out, takes the best strength and the largest
    one within one standard error of it, refits both and an unregularized model on all training
    rows, and looks once at the test rows.

    Args:
        model: `linear`, `mlp:64,32`, a function of (n_inputs, n_outputs), or a module.
        X: rows, an array (n, d) or a `pandas.DataFrame`; text columns become one-hot.
        y: targets, (n,): labels or numbers.
        penalty: without a strength; `L1()` when None.
        task: `classification` or `regression`; None guesses from `y`.
        groups: rows with equal values stay together in test and folds, (n,).
        sample_weight: weights ≥ 0, (n,).
        validation: `(X, y)` of one's own to choose the strength with, instead of folds.
        test: `(X, y)` of one's own for the one look, instead of a share of the rows.
        store: a folder for the run, which then survives a kill and holds the report.
        resume: go on with the run in `store`.
        progress: show a bar; None shows it when a terminal watches.
        **options: the fields of `PathOptions`: strengths, folds, update, select, seed, epochs,
            batch_size, learning_rate, scorer, test_size, refit, engine, device, dtype.

    Returns:
        The result: `result.best`, `result.one_standard_error`, `result.table()`, …

    Raises:
        InputError: something in the arguments or the data is not as described here.
        RunDirectoryError: the folder holds another run or cannot be written.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> result = fit_path("linear", X, y, strengths=(0.1, 1.0, 10.0), folds=3)
    >>> result.nonzero.mean(axis=1).round(1).tolist()
    [9.3, 8.0, 3.7]

    Source: Hastie, Tibshirani and Friedman, The elements of statistical learning (2009), 7.10.
    """
    known = PathOptions.__dataclass_fields__
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise InputError(
            f"fit_path has no option {unknown[0]!r}: expected some of {', '.join(known)}"
        )
    if isinstance(options.get("strengths"), (list, np.ndarray)):
        options["strengths"] = tuple(float(s) for s in options["strengths"])  # type: ignore
    data, positions = given_dataset(
        X,
        y,
        task=task,
        groups=groups,
        sample_weight=sample_weight,
        validation=validation,
        test=test,
    )
    return fit_dataset(
        model,
        data,
        penalty=L1() if penalty is None else penalty,
        options=PathOptions(**options),  # type: ignore[arg-type]
        validation=positions,
        store=None if store is None else Path(store),
        resume=resume,
        progress=progress,
    )


def fit_dataset(
    model: Model,
    data: Dataset,
    *,
    penalty: Penalty,
    options: PathOptions,
    validation: np.ndarray | None = None,
    store: Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    announce: Callable[[Estimate], None] | None = None,
) -> FittedPath:
    """Run a path on a dataset; `fit_path` describes what it does.

    Args:
        model: as in `fit_path`.
        data: the dataset.
        penalty: the penalty.
        options: the choices.
        validation: positions of a validation set of the user's own.
        store: the run directory.
        resume: go on in it.
        progress: show a bar.
        announce: called with the estimate before the cross validation starts.

    Returns:
        The result.
    """
    begin = time.perf_counter()
    with torch.random.fork_rng(devices=[]), progress_bar(progress) as told:
        plan = make_plan(model, data, penalty, options, validation)
        fingerprint = fingerprint_of(plan.identity(options), identity_of_data(data, validation))
        kept = open_store(store, fingerprint, resume=resume)
        if store is not None and is_finished(store):
            return load_result(store)
        result = _run(plan, options, kept, told, announce)
        seconds = round(time.perf_counter() - begin, 2)
        result = replace(result, summary={**result.summary, "wall_seconds": seconds})
        if store is not None:
            result.write(store)
            mark_finished(kept, fingerprint)
        return result


def _run(
    plan: Plan,
    options: PathOptions,
    store: Store,
    told: Progress,
    announce: Callable[[Estimate], None] | None,
) -> FittedPath:
    strengths = _grid(plan, options, store, told)
    if announce is not None:
        announce(_estimate(plan, (0.0, *strengths)))
    folds = _validate(plan, 0, (0.0, *strengths), store, told, "cross validation")
    found = CrossValidation.of(strengths, folds)
    choice = choose(found.mean, found.standard_error)
    if not isinstance(options.strengths, tuple):
        found, choice = _extended(plan, found, choice, store, told)
    chosen = _refit(plan, options, found, choice, store, told)
    return assemble(
        plan.problem, plan.preparation, plan.engine, plan.whole, options, found, choice, chosen
    )


def _grid(plan: Plan, options: PathOptions, store: Store, told: Progress) -> tuple[float, ...]:
    if isinstance(options.strengths, tuple):
        return options.strengths
    top = store.note("grid")
    if not isinstance(top, float):
        told.stage("finding the largest strength", 1)
        top = top_of_grid(plan.problem, plan.whole, plan.engine)
        store.keep_note("grid", top)
        told.advance(1)
    return log_grid(top, options.strengths)


def _estimate(plan: Plan, strengths: tuple[float, ...]) -> Estimate:
    jobs = plan.jobs(0, strengths)
    steps = sum(plan.steps(job) for job in jobs)
    workers = min(plan.workers, len(jobs))
    shared = plan.preparation.data.pixels
    return estimate(plan.problem, plan.unit(jobs[0]), plan.engine, steps, workers, shared)


def _validate(
    plan: Plan, group: int, strengths: tuple[float, ...], store: Store, told: Progress, stage: str
) -> list[outcomes.UnitOutcome]:
    """Return the outcome of each fold, training only what is not in the store."""
    jobs = plan.jobs(group, strengths)
    told.stage(stage, sum(plan.steps(job) for job in jobs))

    def work(job: Job, check: Callable[[], None]) -> outcomes.UnitOutcome:
        kept = store.unit(job.name)
        if kept is not None:
            told.advance(plan.steps(job))
            return kept

        def advance(steps: int) -> None:
            check()
            told.advance(steps)

        unit = plan.unit(job)
        trained = plan.engine.train(plan.problem, unit, advance)
        outcome = outcomes.validated(plan.problem, unit, trained)
        store.keep_unit(job.name, outcome)
        return outcome

    found = run_side_by_side(work, jobs, plan.workers)
    by_fold: dict[int, list[outcomes.UnitOutcome]] = {}
    for job, outcome in zip(jobs, found, strict=True):
        by_fold.setdefault(job.fold, []).append(outcome)
    return [outcomes.joined(parts) for parts in by_fold.values()]


def _extended(
    plan: Plan, found: CrossValidation, choice: Choice, store: Store, told: Progress
) -> tuple[CrossValidation, Choice]:
    """Add a decade of strengths, at most twice, while the best lies on an edge of the grid."""
    for group in range(1, MOST_EXTENSIONS + 1):
        more = extension(found.strengths, choice.best)
        if more is None:
            break
        side = "weaker" if more.below else "stronger"
        told.say(f"The best strength is on the edge of the grid: trying {side} ones.")
        stage = f"{side} strengths"
        found = found.extended(more, _validate(plan, group, more.strengths, store, told, stage))
        choice = choose(found.mean, found.standard_error)
    return found, choice


def _refit(
    plan: Plan,
    options: PathOptions,
    found: CrossValidation,
    choice: Choice,
    store: Store,
    told: Progress,
) -> tuple[tuple[float, ...], outcomes.UnitOutcome]:
    """Return the strengths that were refitted on all training rows, and the outcome."""
    wanted = {0.0, found.strengths[choice.best], found.strengths[choice.one_standard_error]}
    if options.refit == "all":
        wanted.update(found.strengths)
    strengths = tuple(sorted(wanted))
    unit = replace(plan.whole, strengths=strengths)
    told.stage("refit", plan.engine.steps(plan.problem, len(unit.data.train), len(strengths)))
    outcome = store.unit(unit.name)
    if outcome is None:
        trained = plan.engine.train(plan.problem, unit, told.advance)
        outcome = outcomes.refitted(plan.problem, unit, trained)
        store.keep_unit(unit.name, outcome)
    return strengths, outcome
