"""From what was measured of every parameter to findings.

Who uses this: the neutral audit and that of PyTorch. One `Case` a parameter; what is judged is
whether the penalty arrived, by which mechanism, with which factor, in which direction, on which
parameters, and whether it is linear in the strength.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shrinkage.audits.findings import Finding, Seen
from shrinkage.audits.judging.selected import of_absent, of_selected
from shrinkage.audits.judging.unselected import clip_factors, of_unselected
from shrinkage.audits.judging.verdicts import Case, Outcome, Verdict, decide


@dataclass(frozen=True)
class Judgement:
    """The findings, what was seen of each parameter, and the update that fits them all.

    `update` is None where parameters differ or nothing arrived.
    """

    findings: tuple[Finding, ...]
    seen: tuple[Seen, ...]
    update: str | None


def judge(cases: Sequence[Case]) -> Judgement:
    """Return what is found in the cases of all parameters."""
    others = [case for case in cases if not case.words]
    clipped = bool(clip_factors(others))
    selected = [(c, replace(decide(c), clipped=clipped)) for c in cases if c.words]
    findings = [said for case, verdict in selected for said in of_selected(case, verdict)]
    findings += of_absent(selected)
    mechanisms = {v.mechanism for _, v in selected if v.fits is not None and v.aligned}
    findings += of_unselected(others, plain=bool(mechanisms))
    verdicts = {id(case): verdict for case, verdict in selected}
    seen = tuple(_seen(case, verdicts.get(id(case))) for case in cases)
    update = next(iter(mechanisms)) if len(mechanisms) == 1 else None
    return Judgement(tuple(findings), seen, update)


def _seen(case: Case, verdict: Verdict | None) -> Seen:
    if verdict is None:
        gradient = case.once.gradient
        moved = case.once.moved or (gradient is not None and gradient.present)
        return Seen(case.name, case.shape, "", "something" if moved else "nothing")
    if verdict.outcome is Outcome.OTHERWISE and case.own is not None:
        rule = case.own.rule.name.lower()
        return Seen(case.name, case.shape, case.words, rule, case.own.factor, case.own.error)
    if verdict.fits is None or not verdict.aligned:
        words = verdict.outcome.value if verdict.fits is None else "another push"
        return Seen(case.name, case.shape, case.words, words)
    once = verdict.fits[0]
    return Seen(case.name, case.shape, case.words, verdict.mechanism, once.factor, once.error)
