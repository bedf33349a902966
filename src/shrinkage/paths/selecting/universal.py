"""The universal threshold: a strength that lets nothing in where no column says anything.

Who uses this: `shrinkage.stability`. It needs no cross validation: the least strength at which no
weight enters is computed for many targets that have nothing to do with the rows, and the strength
is the quantile above which only a share `level` of them lie. Such targets are the person's own in a
random order, so that no distribution is assumed. Their spread holds what the columns explain, too:
where they explain much, the strength is larger than it had to be, and selects less.
Source: Giacobino, Sardy, Diaz-Rodriguez and Hengartner, Quantile universal threshold (2017).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from shrinkage.checks import number, whole
from shrinkage.paths.engines.base import Rows, Unit
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.fit import run_jobs
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.progress import Progress
from shrinkage.paths.running.store import Store
from shrinkage.paths.selecting.records import UniversalThreshold

ORDERS_LABEL = 3_000


def universal_threshold(
    plan: Plan, store: Store, progress: Progress, *, level: float = 0.05, orders: int = 400
) -> UniversalThreshold | None:
    """Return the threshold of a plan; None for a model without a formula of its top strength.

    Args:
        plan: of a linear model; its folds are not used.
        store: keeps what is done.
        progress: is told of every order.
        level: share of meaningless targets that let something in.
        orders: how many random orders of the targets.
    """
    number(level, "level", below=1, hint="the default is 0.05")
    whole(orders, "orders", 20, "the default is 400")
    unit = plan.refit_unit
    if plan.engine.critical_strength(plan.problem, unit) is None:
        return None
    strength = store.note("universal")
    if not isinstance(strength, float):
        strength = float(np.quantile(_criticals(plan, unit, orders, progress), 1 - level))
        store.keep_note("universal", strength)
    jobs = plan.refit_jobs(plan.problem.terms.settings([(strength,)]))
    (outcome,) = run_jobs(plan, jobs, store, progress)
    scaling = plan.preparation.preprocessing
    used = outcome.columns_used(len(scaling.columns))
    assert used is not None
    return UniversalThreshold(strength, level, orders, used[0, list(scaling.used_columns)])


def _criticals(plan: Plan, unit: Unit, orders: int, progress: Progress) -> np.ndarray:
    """Return the critical strength of each random order of the targets, weights with them."""
    progress.stage("targets without meaning", orders)
    data = unit.data
    rows = data.rows.take(data.train)
    train = torch.arange(len(rows))
    generator = np.random.default_rng(derived_seed(plan.options.seed, ORDERS_LABEL))
    strengths = []
    for _ in range(orders):
        order = torch.from_numpy(generator.permutation(len(rows)))
        weight = None if rows.weight is None else rows.weight[order]
        shuffled = Rows(rows.x, rows.target[order], weight)
        known = replace(unit, data=replace(data, rows=shuffled, train=train))
        strengths.append(plan.engine.critical_strength(plan.problem, known))
        progress.advance(1)
    return np.array(strengths, dtype=float)
