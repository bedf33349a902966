"""How long nested cross validation takes: the same work in every outer fold, told before it starts.

Who uses this: the fits of paths and surfaces. An outer fold trains on fewer rows, in about as many
steps: it is told as long as the run of all rows, which is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from shrinkage.paths.running.estimate import REPORT_SECONDS, Estimate
from shrinkage.paths.running.runners.base import Job
from shrinkage.paths.running.store import Store

NESTED = "nested"


def outer_name(number: int) -> str:
    """Return what an outer fold, counted from 1, is called in the store."""
    return f"{NESTED}-{number}"


def with_outer_folds(
    told: Callable[[Sequence[Job]], Estimate], jobs: Sequence[Job], store: Store, outer: int | None
) -> Estimate:
    """Return the estimate of the jobs that are not done, and of the outer folds that are not.

    Args:
        told: the estimate of some jobs.
        jobs: of the cross validation of all rows.
        store: what is done.
        outer: how many outer folds; None or 0: none.
    """
    missing = [job for job in jobs if store.unit(job.name) is None]
    left = sum(store.note(outer_name(number + 1)) is None for number in range(outer or 0))
    if not left:
        return told(missing)
    own = told(missing or jobs)
    if own.seconds is None or own.computed is None:
        return replace(own, outer=left)
    whole = len(jobs) / len(missing or jobs)
    again = left * whole * max(0.0, own.seconds - REPORT_SECONDS)
    before = own.seconds if missing else REPORT_SECONDS
    return replace(
        own,
        seconds=before + again,
        computed=(own.computed if missing else REPORT_SECONDS)
        + left * whole * max(0.0, own.computed - REPORT_SECONDS),
        outer=left,
    )
