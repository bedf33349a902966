"""Attached terms beside a loop that adds their penalty itself: what arrives without them.

Who uses this: `audit`, where something is odd on a parameter that `regularize` has terms on. The
step is taken again with these at strength 0: what stays is the loop's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from shrinkage.audits.findings import Finding
from shrinkage.audits.intended import Intended
from shrinkage.audits.judging import Case, Judgement, Outcome, decide
from shrinkage.audits.wording.own_decay import attached_and_again
from shrinkage.pytorch.audits.glance import are_equal
from shrinkage.pytorch.audits.measuring import measure_run
from shrinkage.pytorch.audits.runs import Runs

_DISTORTED = (
    "wrong-factor",
    "double-counted",
    "wrong-direction",
    "wrong-update",
    "not-linear",
    "cannot-judge",
)
_IN_GRADIENT = {"gradient", "loss"}


def by_attached(
    judgement: Judgement,
    runs: Runs,
    intended: Mapping[str, Intended],
    cases: Mapping[str, Case],
) -> Judgement:
    """Return the judgement, with what the loop adds to attached terms named as that.

    Args:
        judgement: of the step as it is.
        runs: of the step.
        intended: by parameter.
        cases: what was measured with the attached terms.
    """
    doubtful = _doubtful(judgement, runs, cases)
    if not doubtful:
        return judgement
    with_them = _traces(runs, doubtful, attached=True)
    without = _traces(runs, doubtful, attached=False)
    acting = [name for name in doubtful if not _are_alike(with_them[name], without[name])]
    if not acting:
        return judgement
    once, twice = (
        measure_run(runs, scale, intended, decays=False, attached=False)[0] for scale in (1.0, 2.0)
    )
    judged = {one.parameter: one.mechanism for one in judgement.seen}
    again: dict[str, Finding] = {}
    joined: set[str] = set()
    for name in acting:
        case = replace(cases[name], once=once[name], twice=twice[name], own=None, held_back=False)
        verdict = decide(case)
        if verdict.outcome is Outcome.BOTH or (
            verdict.outcome is Outcome.ARRIVED and verdict.aligned
        ):
            assert verdict.fits is not None
            if "gradient" in (verdict.mechanism, judged[name]) or verdict.outcome is Outcome.BOTH:
                joined.add(name)
            again[name] = attached_and_again(case, verdict.mechanism, verdict.fits[0].factor)
    if not again:
        return judgement
    said = (s for s in judgement.findings if s.parameter not in again or s.rule not in _DISTORTED)
    seen = tuple(
        replace(one, mechanism="both") if one.parameter in joined else one for one in judgement.seen
    )
    mechanisms = {one.mechanism for one in seen if one.factor is not None}
    update = mechanisms.pop() if len(mechanisms) == 1 else None
    return Judgement((*said, *again.values()), seen, update)


def _traces(
    runs: Runs, names: Sequence[str], *, attached: bool
) -> dict[str, tuple[torch.Tensor, ...]]:
    """Return what a step has made of some parameters: weights, and gradients where there are."""
    watch = runs.run(1.0, decays=False, attached=attached)
    traces = {}
    for name in names:
        tensors = runs.twin.parameters[name], runs.gradient(name, watch)
        traces[name] = tuple(x.detach().clone() for x in tensors if x is not None)
    return traces


def _are_alike(first: tuple[torch.Tensor, ...], second: tuple[torch.Tensor, ...]) -> bool:
    return len(first) == len(second) and all(map(are_equal, first, second))


def _doubtful(judgement: Judgement, runs: Runs, cases: Mapping[str, Case]) -> list[str]:
    """Return parameters of attached terms that do not come as these alone would."""
    distorted = {said.parameter for said in judgement.findings if said.rule in _DISTORTED}
    attachment = runs.twin.their_attachment
    found = []
    for slot in attachment.slots if attachment is not None else ():
        case = cases.get(slot.target.name)
        if case is None or not case.words:
            continue
        gradient = case.once.gradient
        joined = gradient is not None and gradient.present
        if case.name in distorted or (joined and not slot.named & _IN_GRADIENT):
            found.append(case.name)
    return found
