"""What a PyTorch loop tells of a wrong factor: its loss scale, its micro-batches, its processes.

Who uses this: `audit`. Numbers of the loop are looked for in a factor; two of them have a rule of
their own, beside `wrong-factor`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch.distributed as distributed

from shrinkage.audits.findings import Finding, finding
from shrinkage.audits.judging.causes import CauseKind
from shrinkage.audits.measuring import Measured
from shrinkage.pytorch.audits.watch import Watch

_CONSEQUENCES = ("wrong-factor", "double-counted", "not-linear", "wrong-direction", "wrong-update")
_ABSENT = ("no-effect", "selected-unchanged")
_LOSS_SCALE, _MICRO_BATCHES = "loss scale", "micro-batches"


def numbers_of(watch: Watch, zero: Watch) -> dict[str, float]:
    """Return numbers of the loop that a wrong factor may come from.

    Args:
        watch: what was seen of a step.
        zero: the same with strengths of 0, where a penalty's own backward pass brings nothing, so
            that what is counted are those of the data loss.
    """
    numbers: dict[str, float] = {
        _LOSS_SCALE: watch.loss_scale,
        _MICRO_BATCHES: max(zero.counts.values(), default=1),
    }
    if distributed.is_available() and distributed.is_initialized():
        numbers["processes"] = distributed.get_world_size()
    return numbers


def other_rates(name: str, watch: Watch, once: Mapping[str, Measured]) -> tuple[float, ...]:
    """Return learning rates of other groups by which a loop may have multiplied a penalty.

    Where one of them is the rate of all, what arrives on the parameters that have it is as meant.

    Args:
        name: of the parameter.
        watch: what was seen of a step.
        once: what the step did to every parameter.
    """
    own, others = watch.rates.get(name, 0.0), set(watch.rates.values())
    for other, rate in watch.rates.items():
        seen = [fit for fit in once[other].changes.values() if fit.present and fit.fits]
        if seen and not any(fit.is_one() for fit in seen):
            others.discard(rate)
    return tuple(sorted(others - {own, 0.0}))


def by_cause(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, a wrong factor under the rule of its cause where the cause has one."""
    return [_of_cause(said) or said for said in findings]


def by_outside(findings: Iterable[Finding], watch: Watch) -> list[Finding]:
    """Return the findings, where nothing arrives with the reason if the step is at fault.

    A step that works on the parameters of the model outside is right in its loop, where that is
    the one that trains.
    """
    outside = sorted(watch.outside)
    named = ", ".join(outside[:3]) + (", …" if len(outside) > 3 else "")
    remedy = (
        "let the step work on the model that it is given, which is a copy: this one works on "
        f"{named} of the model outside"
    )
    return [
        replace(said, remedy=remedy)
        if said.rule in _ABSENT
        and (said.parameter in watch.outside or (outside and not said.parameter))
        else said
        for said in findings
    ]


def without_consequences(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings without what comes of a penalty that is there twice."""
    findings = list(findings)
    twice = {
        said.parameter
        for said in findings
        if said.rule == "penalised-twice" and said.severity == "error"
    }
    return [s for s in findings if s.rule not in _CONSEQUENCES or s.parameter not in twice]


def _of_cause(off: Finding) -> Finding | None:
    if off.cause is None:
        return None
    if off.cause.name == _LOSS_SCALE:
        return finding(
            "amp-unscaled",
            off.parameter,
            f"the factor is that of the loss scale ({off.cause.number:g})",
            "add the penalty to the loss before scaler.scale(loss).backward()",
            cause=off.cause,
        )
    if off.cause.name == _MICRO_BATCHES and off.cause.kind is CauseKind.TIMES_KNOWN:
        return finding(
            "accumulation-multiplied",
            off.parameter,
            "the penalty is added in every micro-batch "
            f"({off.cause.number:g}), while the data loss is a mean",
            "divide the penalty by the number of micro-batches too, or add it once",
            cause=off.cause,
        )
    return None
