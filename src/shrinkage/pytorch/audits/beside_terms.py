"""The optimizer's own decay beside terms that were asked for: what arrives without it.

Who uses this: `audit`, where something is wrong on a parameter whose group has a `weight_decay`.
The step is taken again with that at 0: what goes away with it is the optimizer's, what stays the
loop's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shrinkage.audits.decays import OwnDecay
from shrinkage.audits.findings import Finding
from shrinkage.audits.intended import Intended
from shrinkage.audits.judging import Case, Outcome, decide
from shrinkage.audits.judging.selected import of_selected
from shrinkage.audits.wording.own_decay import alone, beside, where_no_term_is
from shrinkage.pytorch.audits.measuring import measure_run
from shrinkage.pytorch.audits.runs import Runs
from shrinkage.pytorch.audits.watch import Watch

_DISTORTED = (
    "wrong-factor",
    "double-counted",
    "wrong-direction",
    "wrong-update",
    "unselected-changed",
    "not-linear",
)


def by_own_decay(
    findings: tuple[Finding, ...],
    runs: Runs,
    intended: Mapping[str, Intended],
    cases: Mapping[str, Case],
    watch: Watch,
    left: Mapping[str, Intended],
) -> tuple[Finding, ...]:
    """Return the findings, those that the optimizer's own decay has made by its name.

    Args:
        findings: with the decay.
        runs: of the step.
        intended: by parameter.
        cases: what was measured with the decay.
        watch: of the run at scale 1.
        left: to the loop, where a term is the decay and `cases` are without it already.
    """
    decays = {said.parameter: watch.decays.get(said.parameter, 0.0) for said in findings}
    doubtful = dict.fromkeys(
        said.parameter
        for said in findings
        if said.rule in _DISTORTED and decays[said.parameter] > 0
        if cases[said.parameter].own_rule is not OwnDecay.NONE
    )
    if not doubtful:
        return findings
    once, _ = measure_run(runs, 1.0, intended, decays=False)
    twice, _ = measure_run(runs, 2.0, intended, decays=False)
    kind = type(runs.twin.optimizer).__name__
    anew = []
    for name in doubtful:
        words, allowed = intended[name].words, intended[name].allowed
        case = replace(cases[name], once=once[name], twice=twice[name], own=None)
        case = replace(case, words=words, allowed=allowed)
        said = tuple(s for s in findings if s.parameter == name and s.rule in _DISTORTED)
        told = _anew(said, case, f"{kind}'s own weight_decay={decays[name]:g}")
        anew += said if name in left and len(told) != 1 else told
    return (
        *(s for s in findings if s.parameter not in doubtful or s.rule not in _DISTORTED),
        *anew,
    )


def _anew(said: tuple[Finding, ...], case: Case, decay: str) -> list[Finding]:
    """Return what is found on a parameter; `case` is what the loop does without the decay."""
    if not case.words:
        gradient = case.once.gradient
        moved = case.once.moved or (gradient is not None and gradient.present)
        return list(said) if moved else [where_no_term_is(case, decay)]
    verdict = decide(case)
    if verdict.outcome is Outcome.ABSENT:
        return [alone(case, decay, said[0].rule)]
    rest = [one for one in of_selected(case, verdict) if one.severity != "info"]
    return [*rest, beside(case, decay)]
