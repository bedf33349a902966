"""Findings on parameters that terms are on.

Who uses this: `judge`.
"""

from __future__ import annotations

from collections.abc import Sequence

from shrinkage.audits.decays import OwnDecay
from shrinkage.audits.findings import Finding
from shrinkage.audits.judging.causes import CauseKind, likely_cause
from shrinkage.audits.judging.verdicts import Case, Outcome, Verdict
from shrinkage.audits.measuring.fits import Fit
from shrinkage.audits.wording import absence, arrival

_LINEAR = 0.02
_ARRIVES = (Outcome.UNCLEAR, Outcome.OTHERWISE)  # somehow, without a factor to compare
_OPPOSITE = -0.5
_LOST = 0.5  # below-resolution where less than this share of the shrink is representable


def of_selected(case: Case, verdict: Verdict) -> list[Finding]:
    """Return what is found on one parameter, what is absent apart."""
    if verdict.outcome is Outcome.NOT_FINITE:
        return [absence.not_finite(case)]
    if case.once.is_uneven:
        return [arrival.in_some_gradients(case, [fit.factor for fit in case.once.along])]
    if verdict.outcome is Outcome.NOTHING_EXPECTED:
        return [absence.no_subgradient(case)]
    if verdict.outcome is Outcome.OTHERWISE:
        return [arrival.by_own_rule(case)]
    if verdict.outcome is Outcome.UNCLEAR:
        return [unclear(case)]
    if verdict.fits is None:
        return []
    if verdict.outcome is Outcome.BOTH:
        return [_double(case, verdict.fits[0])]
    if not verdict.aligned:
        return [_astray(case, verdict, verdict.fits[0])]
    if case.own is not None and case.decays_otherwise:
        own = arrival.double_counted(case, verdict.fits[0].factor, case.own.factor, own=True)
        return [*_of_fits(case, verdict, *verdict.fits), own]
    also = [] if case.rate else [absence.stands_still(case)]
    if case.once.centred:
        also.append(arrival.without_its_mean(case))
    return [*_of_fits(case, verdict, *verdict.fits), *also]


def _of_fits(case: Case, verdict: Verdict, once: Fit, twice: Fit) -> list[Finding]:
    if once.factor < 0:
        cause = likely_cause(-once.factor, case.rate, error=once.error)
        beside = case.once.gradient is None or verdict.mechanism != "gradient"
        without_rate = beside and cause.kind is CauseKind.RATE_MISSING
        return [arrival.away_from_zero(case, once, without_rate=without_rate)]
    findings = []
    if verdict.mechanism not in case.allowed:
        findings.append(arrival.wrong_update(case, verdict.mechanism))
    if case.held_back and not (once.is_one() and twice.is_one()):
        return [*findings, arrival.rounded_away(case, lost=_LOST)]
    if abs(twice.factor - once.factor) > _LINEAR * abs(once.factor) + once.error + twice.error:
        findings.append(arrival.not_linear(case, once, twice))
    elif not once.is_one():
        findings.append(_off(case, verdict, once))
    return findings


def _off(case: Case, verdict: Verdict, once: Fit) -> Finding:
    """Return the finding of a factor that is not 1."""
    survives = case.once.survives
    if verdict.mechanism != "gradient" and survives < 0.99 and abs(once.factor - survives) < 0.1:
        return arrival.rounded_away(case, lost=_LOST)
    if verdict.clipped and case.once.gradient is None:
        return unclear(case)
    if not verdict.certain and 1.02 < once.factor < 1.98:
        return arrival.by_momentum(case, once)
    rates = () if verdict.mechanism == "gradient" else case.other_rates
    cause = likely_cause(once.factor, case.rate, case.known, once.error, case.sizes(), rates)
    return arrival.wrong_factor(case, once, cause)


def _astray(case: Case, verdict: Verdict, once: Fit) -> Finding:
    if case.once.parts:
        return arrival.out_of_proportion(case, case.once.parts)
    certain = verdict.certain or once.cosine < _OPPOSITE
    if certain and case.own_rule is not OwnDecay.UNKNOWN:
        return arrival.another_push(case, once)
    return unclear(case)


def unclear(case: Case) -> Finding:
    """Return why a factor cannot be told."""
    if case.set_length:
        return arrival.by_set_length(case)
    if case.once.survives < _LOST:
        return arrival.rounded_away(case, lost=_LOST)
    if case.own_rule is OwnDecay.UNKNOWN:
        return arrival.by_another_rule(case)
    return arrival.hidden(case)


def _double(case: Case, gradient: Fit) -> Finding:
    loop = case.once.loop
    if loop is not None and loop.present:
        return arrival.double_counted(case, loop.factor, gradient.factor - loop.factor, own=True)
    beside = max(case.once.changes.values(), key=lambda fit: fit.cosine)
    return arrival.double_counted(case, gradient.factor, beside.factor, own=False)


def of_absent(selected: Sequence[tuple[Case, Verdict]]) -> list[Finding]:
    """Return what is found where nothing arrives, of all parameters together."""
    absent = [case for case, verdict in selected if verdict.outcome is Outcome.ABSENT]
    findings = [absence.not_reached(case) for case in absent if not case.reached]
    findings += [absence.stands_still(case) for case in absent if case.reached and not case.rate]
    absent = [case for case in absent if case.reached and case.rate]
    lost = [case for case in absent if _is_small(case)]
    absent = [case for case in absent if not _is_small(case)]
    findings += [arrival.rounded_away(case, lost=_LOST) for case in lost]
    arrived = any(
        verdict.fits is not None or verdict.outcome in _ARRIVES for _, verdict in selected
    )
    if absent and not arrived and not lost:
        stored = all(case.own_rule is OwnDecay.NONE for case in absent)
        return [*findings, absence.no_effect(absent, stored=stored)]
    return findings + [absence.selected_unchanged(case) for case in absent]


def _is_small(case: Case) -> bool:
    """Return whether a shrink does not arrive because one step of it is too small."""
    return case.held_back or case.once.survives < _LOST
