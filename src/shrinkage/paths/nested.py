"""Nested cross validation: what the whole procedure scores, the choice of a strength included.

Who uses this: `fit_dataset`, where `nested` is asked for. The rows that are no test rows are
divided into outer folds; in each the whole procedure (grid, cross validation, choice, refit) sees
the other rows alone, and the model that it chooses is scored on those left out.
Source: Varma and Simon 2006, Bias in error estimation when using cross-validation for model
selection, BMC Bioinformatics 7; Stone 1974, Cross-validatory choice and assessment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from shrinkage.datasets.splits import RowSplit
from shrinkage.errors import InputError
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.fit import fit
from shrinkage.paths.results.nested_score import NestedScore
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.progress import Progress, Within
from shrinkage.paths.running.row_splits import divided
from shrinkage.paths.running.store import Store

NESTED_LABEL = 3_000


def nested_plans(
    plan: Plan, plan_of: Callable[[RowSplit], Plan], *, own_validation: bool = False
) -> tuple[Plan, ...]:
    """Return the plan of each outer fold, whose test rows are those left out.

    Args:
        plan: of all rows.
        plan_of: makes the plan of (training rows, test rows).
        own_validation: whether a validation set of one's own chooses the strength.

    Raises:
        InputError: rows that cannot be divided so often, or a score that is not defined on them.
    """
    count, preparation = plan.options.nested, plan.preparation
    if count is None:
        return ()
    if own_validation or not isinstance(plan.options.folds, int):
        what = "validation rows" if own_validation else "folds"
        raise InputError(
            f"expected a number of folds beside nested cross validation (--nested), got {what} of "
            "one's own: leave one out"
        )
    train = preparation.split.train
    seed = derived_seed(plan.options.seed, NESTED_LABEL) % 2**32
    pairs = divided(preparation.data, train, count, seed, preparation.data_loss)
    plans = tuple(plan_of((train[fit_rows], train[held])) for fit_rows, held in pairs)
    for number, inner in enumerate(plans, start=1):
        rows = inner.preparation.test_rows
        reason = plan.problem.scorer.undefined(rows.y, rows.weight, inner.preparation.target)
        if reason:
            raise InputError(
                f"the score {plan.problem.scorer.name} is not defined on the {len(rows.y)} rows of "
                f"outer fold {number} ({reason.rstrip('.')}): use fewer --nested, or another score"
            )
    return plans


def nested_score(plans: Sequence[Plan], store: Store, progress: Progress) -> NestedScore:
    """Return the scores of the outer folds, training only what is not in the store."""
    rows: list[dict[str, Any]] = []
    for number, plan in enumerate(plans, start=1):
        name = f"nested-{number}"
        kept = store.note(name)
        if kept is None:
            inner = Within(progress, f"outer fold {number} of {len(plans)}")
            best = fit(plan, store.inside(name), inner).best
            kept = {"score": best.test_score, "strength": best.strength, "loss": best.test_log_loss}
            store.keep_note(name, kept)
        rows.append(cast("dict[str, Any]", kept))
    scores = tuple(float("nan") if row["score"] is None else row["score"] for row in rows)
    losses = [row["loss"] for row in rows]
    return NestedScore(
        scores,
        tuple(row["strength"] for row in rows),
        None if None in losses else tuple(losses),
    )
