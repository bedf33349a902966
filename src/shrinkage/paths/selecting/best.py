"""The best so many columns for a network: members nominate, one last training decides.

Who uses this: `shrinkage.ranking`. Members are the folds of an ordinary plan, so that runners,
the store, scores and the preparation of the columns are those of a path. Each trains a network from
all columns down to those that are asked for, on its own rows and from its own seed; what any of
them keeps is a candidate, and a last network, on all rows, goes from the candidates to the
selection. One training alone depends on its seed: of fifty pixels of MNIST two agree on half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from shrinkage.errors import InputError
from shrinkage.paths.engines.lone import is_known
from shrinkage.paths.fit import run_jobs
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.progress import Progress
from shrinkage.paths.running.store import Store
from shrinkage.paths.selecting.elimination import Eliminating
from shrinkage.paths.selecting.records import BestColumns
from shrinkage.paths.settings import Settings

SIZES = 15
"""How many sizes are told, from all columns to those that are asked for."""


def select_best(plan: Plan, keep: int, store: Store, progress: Progress) -> BestColumns:
    """Return the best `keep` columns of a plan, whose folds are the members.

    Raises:
        InputError: more columns are asked for than there are, or the first layer reads no columns.
    """
    scaling = plan.preparation.preprocessing
    places = list(scaling.used_columns)
    if keep > len(places):
        raise InputError(
            f"expected to keep at most {len(places)} columns, which make inputs, got {keep}: keep "
            "fewer"
        )
    sizes = column_counts(len(places), keep)
    shared = is_known(plan.module, plan.problem.recipe)
    members = replace(plan, engine=Eliminating(sizes, side_by_side=shared), watched=False)
    jobs = members.jobs("members", _settings(plan, sizes))
    progress.stage(
        f"{members.folds} networks, from {len(places)} columns to {keep}", members.steps(jobs)
    )
    outcomes = run_jobs(members, jobs, store, progress)
    used = np.stack([_used(outcome, scaling.columns)[:, places] for outcome in outcomes])
    frequency = used[:, -1].mean(axis=0)
    candidates = np.zeros(len(scaling.columns), dtype=bool)
    candidates[places] = frequency > 0
    last = replace(members, engine=Eliminating((keep,), candidates, shared))
    (job,) = last.refit_jobs(_settings(plan, (keep,)))
    progress.stage(f"one network, from {candidates.sum()} columns to {keep}", last.steps([job]))
    (outcome,) = run_jobs(last, [job], store, progress)
    support = _used(outcome, scaling.columns)[0, places]
    return BestColumns(
        columns=tuple(scaling.columns[place] for place in places),
        support=support,
        frequency=frequency,
        path=used.mean(axis=0),
        sizes=np.array(sizes),
        scores=np.stack([outcome.values["score"] for outcome in outcomes], axis=1),
        places=np.array(places),
    )


def column_counts(columns: int, keep: int) -> tuple[int, ...]:
    """Return how many columns networks have on the way, evenly apart in their logarithms.

    >>> column_counts(100, 50)[:3], column_counts(100, 50)[-1], column_counts(4, 3)
    ((100, 95, 91), 50, (4, 3))
    """
    counts = np.geomspace(columns, keep, SIZES).round().astype(int)
    return tuple(int(count) for count in dict.fromkeys(counts.tolist()))


def _settings(plan: Plan, sizes: tuple[int, ...]) -> Settings:
    """Return a row for each size: the strength of the constraint that allows so many."""
    columns = len(plan.preparation.preprocessing.used_columns)
    return plan.problem.terms.settings((columns / size,) for size in sizes)


def _used(outcome: UnitOutcome, columns: Sequence[str]) -> np.ndarray:
    """Return which columns a network has at each size, (sizes, columns)."""
    used = outcome.columns_used(len(columns))
    assert used is not None  # the engine trains no other network
    return used
