"""The best so many columns for a network: members nominate, one last training decides.

Who uses this: `shrinkage.ranking`. Members are the folds of an ordinary plan, so that runners,
the store, scores and the preparation of the columns are those of a path. Each trains a network from
all columns down to those that are asked for, on its own rows and from its own seed; what any of
them keeps is a candidate, and a last network, on all rows, goes from the candidates to the
selection. One training alone depends on its seed: of fifty pixels of MNIST two agree on half.

What leaves first is told by the weights, and, where the table is small enough, by rows that the
members keep from their training. Both are tried, and what the members score at the end, on the rows
of their folds, decides: weights of networks that have learned noise by heart name the noise, and
growths of a loss one column at a time let go of two that say the same.
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

HELD, LEAST_HELD, MOST_HELD = 0.2, 25, 500
"""Share of the training rows that rank the columns, at least and at most so many."""
MOST_JUDGED = 30_000
"""Rows times columns that are judged whenever columns leave."""
MOST_COLUMNS = 600
"""Of more, too few rows could be judged to rank them."""
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
    by_weights = Eliminating(sizes, side_by_side=shared)
    held = rows_held(min(len(train) for train, _ in plan.preparation.split.folds), len(places))
    engines = {"members": by_weights}
    if held and len(sizes) > 1:
        engines["members-held"] = replace(by_weights, held=held)
    tried = []
    for group, engine in engines.items():
        members = replace(plan, engine=engine, watched=False)
        jobs = members.jobs(group, _settings(plan, sizes))
        how = "weights" if engine is by_weights else "rows kept apart"
        progress.stage(
            f"{members.folds} networks, from {len(places)} columns to {keep} by {how}",
            members.steps(jobs),
        )
        tried.append((members, run_jobs(members, jobs, store, progress)))
    members, outcomes = tried[-1]
    if len(tried) > 1 and not clearly_more(*(_scores(own)[-1] for _, own in reversed(tried))):
        members, outcomes = tried[0]
    used = np.stack([_used(outcome, scaling.columns)[:, places] for outcome in outcomes])
    frequency = used[:, -1].mean(axis=0)
    candidates = np.zeros(len(scaling.columns), dtype=bool)
    candidates[places] = frequency > 0
    assert isinstance(members.engine, Eliminating)
    engine = replace(members.engine, sizes=(keep,), candidates=candidates)
    last = replace(members, engine=engine)
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
        scores=_scores(outcomes),
        places=np.array(places),
        constant=float(plan.constant.folds.mean()),
    )


def rows_held(rows: int, columns: int) -> int:
    """Return how many of so many training rows rank the columns; 0: too few, or too much work.

    >>> rows_held(300, 8), rows_held(40, 8), rows_held(9_000, 60), rows_held(9_000, 784)
    (60, 0, 500, 0)
    """
    held = min(int(HELD * rows), MOST_HELD, MOST_JUDGED // columns)
    return held if held >= LEAST_HELD and columns <= MOST_COLUMNS else 0


def clearly_more(scores: np.ndarray, others: np.ndarray) -> bool:
    """Return whether scores are more than others, by their own standard error at least.

    >>> clearly_more(np.array([0.9, 0.91]), np.array([0.9, 0.5])), clearly_more(*np.eye(2))
    (True, False)
    """
    error = scores.std(ddof=1) / np.sqrt(len(scores))
    return bool(scores.mean() - others.mean() > error)


def _scores(outcomes: Sequence[UnitOutcome]) -> np.ndarray:
    """Return the score of each network at each size, (sizes, networks)."""
    return np.stack([outcome.values["score"] for outcome in outcomes], axis=1)


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
