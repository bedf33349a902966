"""A closure returns a loss and makes its gradient: a penalty belongs in both.

Who uses this: `audit`. An optimizer with a line search, such as LBFGS, compares losses along its
way; where those have another penalty than the gradients, it searches for the least of neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch

from shrinkage.audits.findings import Finding, finding
from shrinkage.audits.judging import Case
from shrinkage.pytorch.audits.runs import Runs
from shrinkage.pytorch.audits.watch import Watch
from shrinkage.pytorch.loss import penalty_loss
from shrinkage.terms import Terms

_ROUNDINGS = 8
_UNCLEAR = ("cannot-judge", "no-effect", "selected-unchanged")


def by_closure(
    findings: Iterable[Finding], runs: Runs, terms: Terms, cases: Mapping[str, Case], watch: Watch
) -> list[Finding]:
    """Return the findings, with what loss and gradient of a closure say of each other.

    Args:
        findings: of the parameters.
        runs: of the step.
        terms: what should arrive.
        cases: what was measured.
        watch: of the run at scale 1.
    """
    findings, zero = list(findings), runs.zero.value
    if not watch.asked_again or zero is None or watch.value is None:
        return findings
    eps = max(torch.finfo(tensor.dtype).eps for tensor in runs.twin.parameters.values())
    rounding = _ROUNDINGS * eps * (abs(zero) + abs(watch.value))
    fits = [case.once.gradient for case in cases.values() if case.words]
    differs = abs(watch.value - zero) > rounding
    if differs and all(fit is not None and fit.is_zero for fit in fits):
        return [_value_only(), *(s for s in findings if s.rule not in _UNCLEAR)]
    arrives = any(fit is not None and fit.present for fit in fits)
    if arrives and not differs and _is_missed(runs, terms, rounding):
        return [*findings, _gradient_only()]
    return findings


def _is_missed(runs: Runs, terms: Terms, rounding: float) -> bool:
    """Return whether the step would end elsewhere with the penalty in the loss that is returned."""

    def penalty() -> float:
        with torch.no_grad():
            return float(penalty_loss(runs.twin.model, terms))

    return bool(np.isfinite(own := penalty())) and own > rounding and runs.goes_by(penalty)


def _value_only() -> Finding:
    return finding(
        "no-effect",
        "",
        "the loss that the closure returns has the penalty, its gradient has not: backward() ran "
        "without it",
        "add the penalty to the loss before backward(), and return that sum",
    )


def _gradient_only() -> Finding:
    return finding(
        "wrong-direction",
        "",
        "the gradient that the closure makes has the penalty, the loss that it returns has not: "
        "the optimizer, which compares losses, goes by the data alone",
        "return the sum of loss and penalty from the closure",
    )
