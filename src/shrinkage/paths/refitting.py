"""The chosen models on all training rows: once more where one did not learn, and some together.

Who uses this: paths, surfaces and searches, once their choice is made. Just below the strength at
which a network stops to learn, the weights that it starts from decide whether it does: one that
collapses on all rows where most of the folds' models learned had bad luck, and starts anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.results.records import Status
from shrinkage.paths.results.refits import Refit
from shrinkage.paths.running.outcomes import UnitOutcome, joined
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.runners.base import Job
from shrinkage.paths.settings import Settings, StrengthRow

MOST_STARTS = 4
"""How often a network that collapses is started, in all."""

Run = Callable[[Sequence[Job]], list[UnitOutcome]]


def refit(
    plan: Plan,
    settings: Settings,
    best: Settings | None,
    validation: CrossValidation,
    run: Run,
    of: str = "",
) -> Refit:
    """Return the models of some settings on all training rows.

    Args:
        plan: what is trained.
        settings: of each model.
        best: the one that several networks are wanted of; None: of none.
        validation: says at which settings most folds learned.
        run: trains jobs, or takes them from the store.
        of: behind the name of each job.
    """
    jobs = plan.refit_jobs(settings)
    members = [] if best is None else plan.member_jobs(best)
    named = [replace(job, name=f"{job.name}{of}") for job in (*jobs, *members)]
    outcomes = run(named)
    first, further = joined(outcomes[: len(jobs)]), outcomes[len(jobs) :]
    starts: dict[StrengthRow, int] = {}
    for place in _unlucky(plan, settings, first, validation):
        row = settings.take([place])
        for start in range(1, MOST_STARTS):
            starts[row.rows[0]] = start + 1
            (again,) = run([plan.restart_job(row, start, f"{of}-model-{place}")])
            if Status.COLLAPSED not in again.status:
                first = _with_model(first, place, again)
                break
    return Refit(settings, first, tuple(further), starts)


def _unlucky(
    plan: Plan, settings: Settings, outcome: UnitOutcome, validation: CrossValidation
) -> list[int]:
    """Return the places of models that collapsed where most of the folds' did not.

    What is solved, and the points of one ladder, have no other start.
    """
    if plan.engine.is_solver or plan.options.goal is not None:
        return []
    learned = {
        row
        for row, status in zip(validation.settings.rows, validation.status, strict=True)
        if status is not Status.COLLAPSED
    }
    pairs = enumerate(zip(settings.rows, outcome.status, strict=True))
    return [place for place, (row, end) in pairs if end is Status.COLLAPSED and row in learned]


def _with_model(outcome: UnitOutcome, place: int, again: UnitOutcome) -> UnitOutcome:
    """Return an outcome with one of its models replaced."""
    values = {name: np.array(value) for name, value in outcome.values.items()}
    for name, value in values.items():
        value[place] = again.values[name][0]
    return UnitOutcome(values)
