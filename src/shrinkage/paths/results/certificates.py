"""Which linear models are not known to be at their minimizer, and why.

Who uses this: the warnings of paths and surfaces. Every model counts: those of each fold, those
without a penalty, and those of all training rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.engines.linear.solver import AWAY, GAP, SEPARATED
from shrinkage.paths.results.records import Status
from shrinkage.paths.results.refits import Refit
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.settings import StrengthRow

MOST_LISTED = 40
ROUNDED = 1e-6
"""What float64 may leave of a number's digits, as a share of the spread of all."""

_REASONS = {
    "classification": "a hyperplane separates classes, or some rows of one from the others,",
    "regression": "no finite weights fit some rows best",
}
_NO_MINIMIZER = (
    "at strength 0 there is no minimizer, the weights grow for ever, and where they stopped says "
    "little, nor does their loss on other rows"
)


def not_certified(plan: Plan, validation: CrossValidation, refit: Refit | None = None) -> str:
    """Return the sentence on models without a certificate, empty where all have one.

    Args:
        plan: of linear models, which are solved.
        validation: those of the folds, and of the folds without a penalty.
        refit: those of all training rows.
    """
    axes = plan.problem.terms.axes
    places: dict[StrengthRow, list[tuple[str, np.ndarray]]] = {}
    for row, where, gaps in (*_of_folds(validation), *_of_all_rows(refit)):
        places.setdefault(row, []).append((where, gaps))
    listed = [
        f"{' × '.join(f'{strength:.3g}' for strength in row[:axes])} "
        f"{' and '.join(where for where, _ in found)} "
        f"({_gap(np.concatenate([gaps for _, gaps in found]))})"
        for row, found in places.items()
    ]
    if not listed:
        return ""
    more = f" and {len(listed) - MOST_LISTED} more" if len(listed) > MOST_LISTED else ""
    return (
        "linear models were not certified (in brackets the relative duality gap that they reached) "
        f"at strength {', '.join(listed[:MOST_LISTED])}{more}"
        f"{_far_off(plan) or _separated(plan, validation)}"
    )


def _tables(validation: CrossValidation) -> list[CrossValidation]:
    """Return the models without a penalty, unless they are in the grid, and those of the grid."""
    plain = validation.unregularized
    if plain is None or plain.settings.rows[0] in validation.settings.rows:
        return [validation]
    return [plain, validation]


def _of_folds(validation: CrossValidation) -> Iterator[tuple[StrengthRow, str, np.ndarray]]:
    known = list(Status)
    for table in _tables(validation):
        codes = table.measures["status"]
        gaps = table.measures.get("residual", np.full(codes.shape, np.nan))
        ended = (gaps > GAP) | (codes == known.index(Status.NOT_CONVERGED))
        for row, own, open_folds in zip(table.settings.rows, gaps, ended, strict=True):
            if open_folds.any():
                folds = f"in {int(open_folds.sum())} of {len(own)} fold{'s' * (len(own) > 1)}"
                yield row, folds, own[open_folds]


def _of_all_rows(refit: Refit | None) -> Iterator[tuple[StrengthRow, str, np.ndarray]]:
    values = {} if refit is None else refit.outcome.values
    if refit is None or "residual" not in values:
        return
    for row, gap in zip(refit.settings.rows, values["residual"], strict=True):
        if gap > GAP:
            yield row, "on all training rows", np.atleast_1d(gap)


def _gap(gaps: np.ndarray) -> str:
    return "unknown" if np.isnan(gaps).all() else f"{np.nanmax(gaps):.1g}"


def _far_off(plan: Plan) -> str:
    """Return what numbers lack digits that lie far from 0 beside their spread, empty for none."""
    rows = plan.refit_unit.data.rows
    told = []
    for what, numbers in (("the target", rows.target.double()), ("columns", rows.x.double())):
        spread = numbers.amax(dim=0) - numbers.amin(dim=0)
        largest = numbers.abs().amax(dim=0)
        if what == "columns" or plan.preparation.data.task == "regression":
            rounding = torch.finfo(torch.float64).eps * largest[spread > 0] / spread[spread > 0]
            told += [what] if bool((rounding > ROUNDED).any()) else []
    if not told:
        return ""
    return (
        f"; beside their distance from 0 the numbers of {' and '.join(told)} hardly differ, and "
        "float64 has few digits for what they differ by: take a constant from them"
    )


def _separated(plan: Plan, validation: CrossValidation) -> str:
    """Return why models without a penalty have no minimizer, where that is so."""
    for table in _tables(validation):
        gaps = table.measures.get("residual")
        if gaps is None:
            continue
        for place, row in enumerate(table.settings.rows):
            right = table.measures["train_loss"][place] < SEPARATED
            count = int(((gaps[place] > GAP) & (right | (gaps[place] > AWAY))).sum())
            if count and not any(row):
                folds = f"in {count} of {gaps.shape[1]} folds"
                return f"; {_REASONS[plan.preparation.data.task]} {folds}: {_NO_MINIMIZER}"
    return ""
