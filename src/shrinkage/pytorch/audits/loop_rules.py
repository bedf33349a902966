"""Findings that need no measured factor: who is penalised, and by which kind of optimizer.

Who uses this: `audit`. One function a rule; `LoopFacts` is what they know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shrinkage.audits.decays import MeasuredDecay, OwnDecay
from shrinkage.audits.findings import Finding, finding
from shrinkage.audits.intended import Intended
from shrinkage.audits.judging import Case
from shrinkage.parameters import ROLES, ParameterInfo
from shrinkage.penalties.base import Combination
from shrinkage.pytorch.audits.glance import has_nonzero
from shrinkage.pytorch.audits.mixtures import is_one_kind
from shrinkage.pytorch.audits.runs import Runs
from shrinkage.pytorch.audits.taken_back import said
from shrinkage.pytorch.audits.watch import Watch
from shrinkage.terms import Assignment


@dataclass(frozen=True, eq=False)
class LoopFacts:
    """What is known of a loop after its runs."""

    infos: tuple[ParameterInfo, ...]
    assignment: Assignment
    cases: Mapping[str, Case]
    mechanisms: Mapping[str, str]  # by parameter, as `Seen` has it
    runs: Runs
    watch: Watch  # of the run at scale 1
    held: frozenset[str]  # names in the optimizer
    decays: Mapping[str, float]
    own: Mapping[str, MeasuredDecay]  # how the optimizer's own decay acts
    known: Mapping[str, OwnDecay]  # how it is known to act
    attached: frozenset[str]
    beside: Mapping[str, tuple[str, float]]  # other optimizers that hold it too, and their decay
    start: Mapping[str, Any]
    gradients: Mapping[str, Any]  # of the data alone
    given: bool  # whether a person has named the terms
    mixed: Mapping[str, Intended]  # the others, where a term among them is the optimizer's decay

    @classmethod
    def of(
        cls,
        runs: Runs,
        assignment: Assignment,
        cases: Mapping[str, Case],
        mechanisms: Mapping[str, str],
        watch: Watch,
        *,
        given: bool,
        mixed: Mapping[str, Intended],
    ) -> LoopFacts:
        """Return what is known after the runs; `watch` is that of scale 1."""
        twin = runs.twin
        attachment = twin.their_attachment
        slots = attachment.slots if attachment is not None else ()
        return cls(
            assignment.infos,
            assignment,
            cases,
            mechanisms,
            runs,
            watch,
            twin.held,
            watch.decays,
            runs.decays,
            {name: twin.known_decay_of(name) for name in runs.decays},
            frozenset(slot.target.name for slot in slots),
            watch.beside,
            twin.start,
            {info.name: runs.gradient(info.name, runs.zero) for info in assignment.infos},
            given,
            mixed,
        )

    def penalised(self) -> list[ParameterInfo]:
        """Return the parameters with terms."""
        return [info for info in self.infos if self.assignment.parts[info.name]]


_VECTORS = {
    "bias": "a bias",
    "norm": "a normalization scale",
    "other": "a vector (a scale, a gate or the like)",
}


def bias_or_norm(facts: LoopFacts) -> list[Finding]:
    """Return biases, normalization scales and other vectors that terms are on by no choice."""
    return [
        finding(
            "bias-or-norm-penalised",
            info.name,
            f"{_VECTORS[info.role]} is penalised, which makes nothing sparser or smoother",
            "put it into a parameter group with weight_decay=0, or leave the term on weights()",
        )
        for info in facts.penalised()
        if info.role in ("bias", "norm") or (info.role == "other" and len(info.shape) < 2)
        if not _is_chosen(facts, info)
    ]


def _is_chosen(facts: LoopFacts, info: ParameterInfo) -> bool:
    """Return whether the terms on a parameter were put there for its role, as by `norms()`."""
    terms = facts.assignment.terms.by_id
    selections = [terms[part.term].selection for part in facts.assignment.parts[info.name]]
    others = [replace(info, role=role) for role in ROLES]
    return all(not all(selection(other) for other in others) for selection in selections)


def on_no_weight(facts: LoopFacts) -> list[Finding]:
    """Return that an optimizer decays biases and normalizations and no weight that it holds."""
    decayed = [info for info in facts.penalised() if facts.decays.get(info.name, 0) > 0]
    roles = ("weight", "embedding")
    weights = [
        i.name for i in facts.infos if i.role in roles and i.trainable and i.name in facts.held
    ]
    if facts.given or facts.attached or not decayed or not weights or facts.beside:
        return []
    if any(info.role in roles or len(info.shape) > 1 for info in decayed):
        return []
    groups = sorted({str(facts.runs.twin.place_of(info.name)) for info in decayed})
    named = ", ".join(info.name for info in decayed[:3]) + (", …" if len(decayed) > 3 else "")
    return [
        finding(
            "no-effect",
            "",
            f"weight_decay lies on biases, normalizations and other vectors alone (parameter group "
            f"{' and '.join(groups)}: {named}): no weight is regularized ({weights[0]} is not)",
            "exchange the groups: a decay for the weights, weight_decay=0 for the others",
        )
    ]


def not_in_optimizer(facts: LoopFacts) -> list[Finding]:
    """Return penalised parameters that nobody trains."""
    return [
        finding(
            "not-in-optimizer",
            info.name,
            "a term is on it, but the optimizer does not hold it",
            "build the optimizer from this model's parameters, after the last layer was added",
        )
        for info in facts.penalised()
        if info.trainable and info.name not in facts.held and not facts.runs.moves(info.name)
    ]


def twice(facts: LoopFacts) -> list[Finding]:
    """Return parameters with a decay and a term, or penalised under each of their names."""
    findings = []
    for info in facts.penalised():
        name = info.name
        if name in facts.attached and facts.decays.get(name, 0) > 0:
            if name in facts.mixed:
                findings += _mixture(facts, info)
                continue
            words = f"weight_decay={facts.decays[name]:g} and a term of regularize"
        elif name in facts.beside:
            kind, decay = facts.beside[name]
            words = (
                f"what is audited and by weight_decay={decay:g} of another optimizer that the step "
                f"takes ({kind})"
            )
        elif info.aliases and _is_each_counted(facts, info):
            words = f"its {len(info.names)} names ({', '.join(info.names)}), each counted"
        else:
            continue
        findings.append(
            finding(
                "penalised-twice",
                name,
                f"it is penalised by {words}",
                "keep one: set weight_decay=0 on its group, or count a tied array once",
            )
        )
    return findings


def _mixture(facts: LoopFacts, info: ParameterInfo) -> list[Finding]:
    """Return what is said of a term of regularize beside the optimizer's own decay.

    Two of one kind are one penalty twice; a decay beside another is a penalty of two parts, which
    nobody may have meant who has not named both.
    """
    if facts.given:
        return []
    name, decay = info.name, facts.decays[info.name]
    words, parts = facts.mixed[name].words, facts.mixed[name].expectation.parts
    if is_one_kind(parts, facts.start[name]):
        return [
            finding(
                "penalised-twice",
                name,
                f"it is penalised by weight_decay={decay:g} and a term of regularize ({words})",
                "keep one: set weight_decay=0 on its group, or detach the term",
            )
        ]
    kind = type(facts.runs.twin.optimizer).__name__
    is_net = all(part.penalty.combines is Combination.THRESHOLD for part in parts)
    net = "an elastic net" if is_net else "a penalty of two parts"
    return [
        finding(
            "penalised-twice",
            name,
            f"{kind}'s own weight_decay={decay:g} acts beside {words}: {net}, with two strengths",
            f"keep both knowingly (terms={words} + {decay:g} * L2() names them to the audit), or "
            "set weight_decay=0 on its group",
            severity="warning",
        )
    ]


def _is_each_counted(facts: LoopFacts, info: ParameterInfo) -> bool:
    """Return whether a tied array is penalised once a name more than arrays of one name are."""
    gradient = facts.cases[info.name].once.gradient
    if gradient is None or not gradient.fits:
        return False
    others = [
        fit.factor
        for other in facts.penalised()
        if not other.aliases and (fit := facts.cases[other.name].once.gradient) is not None
        if fit.fits and fit.factor > 0
    ]
    times = gradient.factor / (sorted(others)[len(others) // 2] if others else 1.0)
    count = round(times)
    return 2 <= count <= len(info.names) and abs(times - count) < 0.02 * times


def taken_back(facts: LoopFacts) -> list[Finding]:
    """Return penalised parameters of whose steps the loop takes a part back: more than a decay."""
    kept, multiplied = facts.runs.kept, facts.runs.multiplied
    return [
        said(info.name, kept[info.name])
        for info in facts.penalised()
        if info.name in kept and info.name not in multiplied
    ]


def through_adaptive(facts: LoopFacts) -> list[Finding]:
    """Return penalties in the gradient of an optimizer that divides by the gradient's size."""
    coupled = [
        info
        for info in facts.penalised()
        if facts.mechanisms.get(info.name) in ("gradient", "both")
    ]
    if not coupled or not facts.runs.adapts:
        return []
    kind = type(facts.runs.twin.optimizer).__name__
    return [
        finding(
            "coupled-through-adam",
            info.name,
            f"the penalty goes through {kind}, which divides it by the size of the gradient: "
            "weights with large gradients are hardly shrunk, and L1 makes no exact zeros",
            f"use regularize(…, update='proximal' or 'decoupled'), or {kind}'s decoupled decay",
        )
        for info in coupled
    ]


def unlike_known(facts: LoopFacts) -> list[Finding]:
    """Return where a known optimizer was measured to decay otherwise than it is known to."""
    kind = type(facts.runs.twin.optimizer).__name__
    return [
        finding(
            "unlike-known",
            name,
            f"{kind} is known for this decay: {facts.known[name].value}; measured: "
            f"{own.rule.value}",
            "believe the measurement; if the class is torch's own, report it",
        )
        for name, own in facts.own.items()
        if facts.known[name] not in (own.rule, OwnDecay.UNKNOWN)
        and own.rule is not OwnDecay.UNKNOWN
    ]


def _touched(case: Case) -> bool:
    """Return whether the strength reaches a parameter, by its weights or in its gradient."""
    gradient = case.once.gradient
    return case.once.moved or (gradient is not None and gradient.present)


def without_gradient(facts: LoopFacts) -> list[Finding]:
    """Return parameters that the data does not reach, and that shrink all the same."""
    findings = []
    for info in facts.infos:
        gradient, case = facts.gradients.get(info.name), facts.cases[info.name]
        reached = gradient is not None and has_nonzero(gradient)
        if not reached and info.trainable and _touched(case):
            findings.append(
                finding(
                    "decays-without-gradient",
                    info.name,
                    "the loss does not depend on it in this step, yet it is shrunk",
                    "zero gradients with set_to_none=True, or leave unused layers out",
                )
            )
    return findings


def rows_without_gradient(facts: LoopFacts) -> list[Finding]:
    """Return embeddings whose rows outside the batch shrink in every step."""
    findings = []
    for info in facts.penalised():
        gradient, case = facts.gradients.get(info.name), facts.cases[info.name]
        if info.role != "embedding" or gradient is None or not case.once.moved:
            continue
        idle = int((gradient.flatten(1) == 0).all(1).sum())
        if 0 < idle < gradient.shape[0]:
            findings.append(
                finding(
                    "decays-without-gradient",
                    info.name,
                    f"{idle} of {gradient.shape[0]} rows are not in the batch, yet they are shrunk "
                    "in every step: rare entries go to zero",
                    "leave embeddings out of the decay",
                )
            )
    return findings


def frozen(facts: LoopFacts) -> list[Finding]:
    """Return frozen parameters that shrink."""
    return [
        finding(
            "frozen-but-decays",
            info.name,
            "requires_grad is False, yet the strength changes it",
            "take it out of the optimizer (and out of the loop's own decay), or set its .grad to "
            "None when you freeze it",
        )
        for info in facts.infos
        if not info.trainable and _touched(facts.cases[info.name])
    ]


def selected_but_frozen(facts: LoopFacts) -> list[Finding]:
    """Return frozen parameters that terms or decays are on: nothing arrives there."""
    findings = []
    for info in facts.infos:
        terms = [term for term in facts.assignment.terms if term.selection.within_weights()(info)]
        meant = terms or facts.decays.get(info.name, 0) > 0
        if info.trainable or not meant or _touched(facts.cases[info.name]):
            continue
        named = any(term.selection.words() for term in terms)
        findings.append(
            finding(
                "selected-but-frozen",
                info.name,
                "a term or a weight_decay is on it, but requires_grad is False: nothing arrives",
                "let it train, or leave it out; of an adapter's factors, look which one trains",
                severity="warning" if named else None,
            )
        )
    return findings


RULES_OF_FACTS: tuple[Callable[[LoopFacts], list[Finding]], ...] = (
    bias_or_norm,
    on_no_weight,
    not_in_optimizer,
    twice,
    through_adaptive,
    without_gradient,
    rows_without_gradient,
    selected_but_frozen,
    frozen,
    unlike_known,
    taken_back,
)
