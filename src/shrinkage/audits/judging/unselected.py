"""Findings on parameters that no term is on: nothing may arrive there, clipping apart.

Who uses this: `judge`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from shrinkage.audits.findings import Finding
from shrinkage.audits.judging.selected import unclear
from shrinkage.audits.judging.verdicts import Case
from shrinkage.audits.measuring.fits import Fit
from shrinkage.audits.measuring.measure import Measured
from shrinkage.audits.wording import absence

_ROUNDINGS = 4


def of_unselected(cases: Sequence[Case], *, plain: bool) -> list[Finding]:
    """Return what is found; `plain`: the penalty was seen to arrive on others."""
    clipped = clip_factors(cases)
    findings = []
    for case in cases:
        once = case.once
        if not (once.finite and case.twice.finite):
            findings.append(absence.not_finite(case))
        elif once.gradient is not None and once.gradient.present:
            findings.append(absence.unselected_changed(case))
        elif once.moved and not _is_clipping(once, clipped):
            hidden = once.gradient is None and not plain
            findings.append(unclear(case) if hidden else absence.unselected_changed(case))
    return findings


def clip_factors(cases: Sequence[Case]) -> list[float]:
    """Return by how much unselected parameters moved less, where it was along their step.

    A clipping moves all of them so: where one that would be seen to move stands, there is none.
    """
    factors = [
        case.once.clip.factor
        for case in cases
        if case.once.moved and case.once.clip.fits and math.prod(case.shape) >= 4
    ]
    least = min(map(abs, factors), default=0.0)
    standing = (case.once.clip for case in cases if not case.once.moved)
    return [] if any(_would_be_seen(clip, least) for clip in standing) else factors


def _would_be_seen(step: Fit, factor: float) -> bool:
    """Return whether so much less of a parameter's step would stand out from rounding."""
    return factor * math.sqrt(step.ee) > _ROUNDINGS * math.sqrt(step.noise_squared)


def _is_clipping(once: Measured, clipped: Sequence[float]) -> bool:
    """Return whether a parameter moved only because all gradients were scaled down together."""
    if once.plain or not once.clip.fits:
        return False
    return any(abs(once.clip.factor - factor) <= 0.02 * abs(factor) for factor in clipped)
