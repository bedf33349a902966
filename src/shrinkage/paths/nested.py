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
from shrinkage.paths.results.fitted import FittedPath
from shrinkage.paths.results.nested_score import NestedScore
from shrinkage.paths.running.outer_estimate import outer_name
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.progress import Progress, Within
from shrinkage.paths.running.row_splits import divided
from shrinkage.paths.running.store import Store

NESTED_LABEL = 3_000


PlanOf = Callable[[RowSplit], Plan]
Fitted = Callable[[Plan, Store, Progress], FittedPath]


def nested_plans(
    plan: Plan,
    plan_of: PlanOf,
    count: int | None,
    *,
    option: str = "--nested",
    own_validation: bool = False,
) -> tuple[Plan, ...]:
    """Return the plan of each outer fold, whose test rows are those left out.

    Args:
        plan: of all rows.
        plan_of: makes the plan of (training rows, test rows).
        count: of outer folds; None or 0: none.
        option: what asks for them.
        own_validation: whether a validation set of one's own chooses the strength.

    Raises:
        InputError: rows that cannot be divided so often, or a score that is not defined on them.
    """
    preparation = plan.preparation
    if not count:
        return ()
    if own_validation or isinstance(plan.options.folds, tuple):
        what = "validation rows of your own" if own_validation else "folds as row numbers"
        raise InputError(
            f"expected folds that can be drawn anew beside nested cross validation ({option}), got "
            f"{what}: leave one out"
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
                f"outer fold {number} ({reason.rstrip('.')}): use fewer {option}, or another score"
            )
    return plans


def nested_score(
    plans: Sequence[Plan], store: Store, progress: Progress, fitted: Fitted | None = None
) -> NestedScore:
    """Return the scores of the outer folds, training only what is not in the store.

    Args:
        plans: of the outer folds.
        store: keeps what is done of each in a folder of its own.
        progress: is told of every step.
        fitted: fits one of them, the choice included; None: a path.
    """
    fitted = fit if fitted is None else fitted
    rows: list[dict[str, Any]] = []
    for number, plan in enumerate(plans, start=1):
        name = outer_name(number)
        kept = store.note(name)
        if kept is None:
            inner = Within(progress, f"outer fold {number} of {len(plans)}")
            result = fitted(plan, store.inside(name), inner)
            best = result.by_role(result.asked_for)
            plain = result.unregularized.test_score
            kept = {"score": best.test_score, "strength": best.strength, "loss": best.test_log_loss}
            kept |= {"unregularized": plain, "setting": dict(best.setting or {})}
            store.keep_note(name, kept)
        rows.append(cast("dict[str, Any]", kept))
    scores, plain = (
        tuple(float("nan") if row[name] is None else row[name] for row in rows)
        for name in ("score", "unregularized")
    )
    losses = [row["loss"] for row in rows]
    return NestedScore(
        scores,
        tuple(row["strength"] for row in rows),
        None if None in losses else tuple(losses),
        plain,
        tuple(row["setting"] for row in rows),
    )
