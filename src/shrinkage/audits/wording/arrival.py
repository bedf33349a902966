"""What is said of a penalty that arrives, otherwise than it should.

Who uses this: `judging`. One function a sentence; which is said is decided there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shrinkage.audits.decays import OwnDecay
from shrinkage.audits.findings import Finding, finding
from shrinkage.drawing.text import with_minus

if TYPE_CHECKING:
    from shrinkage.audits.judging.causes import Cause
    from shrinkage.audits.judging.verdicts import Case
    from shrinkage.audits.measuring.fits import Fit
    from shrinkage.audits.measuring.measured import PartSeen

_ONE = 0.01


def wrong_update(case: Case, mechanism: str) -> Finding:
    """Say that it comes by another update."""
    return finding(
        "wrong-update",
        case.name,
        f"expected the update {' or '.join(case.allowed)}, got {mechanism}",
        "name the update that you mean, or move the penalty to where that update has it",
    )


def not_linear(case: Case, once: Fit, twice: Fit) -> Finding:
    """Say that the strength does not multiply it."""
    growth = with_minus(f"{2 * twice.factor / once.factor:.3g}")
    return finding(
        "not-linear",
        case.name,
        f"twice the strength gave {growth} times the push "
        f"(factors {_signed(once.factor)} and {_signed(twice.factor)})",
        "multiply the penalty by its strength once, and nothing else of it",
    )


def wrong_factor(case: Case, once: Fit, cause: Cause) -> Finding:
    """Say how strongly it arrives, and what that comes from."""
    by_strength = f"multiply the strength in the loop by {1 / once.factor:.4g}"
    return finding(
        "wrong-factor",
        case.name,
        f"{case.words} arrives {once.factor:.4g} ± {once.error:.1g} times; likely {cause}",
        f"{cause.remedy or by_strength}, or correct the terms",
        cause=cause,
    )


def in_some_gradients(case: Case, factors: Sequence[float]) -> Finding:
    """Say that a step asks for gradients at several weights, and not each has the penalty."""
    times = ", ".join(with_minus(f"{factor:.3g}") for factor in factors)
    return finding(
        "wrong-factor",
        case.name,
        f"the step asks for gradients at several weights, and {case.words} is not alike in them: "
        f"{times} times",
        "add the same penalty whenever the step asks for loss and gradient",
    )


def away_from_zero(case: Case, once: Fit, *, without_rate: bool) -> Finding:
    """Say that its sign is wrong; `without_rate`: as that of a decay added to the update."""
    return finding(
        "wrong-direction",
        case.name,
        f"{case.words} arrives {_signed(once.factor)} times: weights are pushed away from zero"
        + (", by λw that the learning rate does not multiply" if without_rate else ""),
        "put the decay in front of the −learning rate (in optax, earlier in the chain)"
        if without_rate
        else "add the penalty to the loss (or its gradient to the gradient), do not subtract it",
    )


def another_push(case: Case, once: Fit) -> Finding:
    """Say that what arrives is something else."""
    meant = "the projection" if case.is_set else "along the gradient"
    return finding(
        "wrong-direction",
        case.name,
        f"what arrives is not {meant} of {case.words}: {once.astray:.0%} of it lies across",
        "look which penalty, on which array, the loop really computes",
    )


def out_of_proportion(case: Case, parts: Sequence[PartSeen]) -> Finding:
    """Say how strongly each of several parts arrives."""
    given = sorted(part.strength for part in parts)
    arriving = sorted(part.strength * part.factor for part in parts)
    moved = any(abs(part.factor - 1) > _ONE for part in parts)
    exchanged = moved and all(
        abs(seen - meant) <= _ONE * meant for seen, meant in zip(arriving, given, strict=True)
    )
    each = " and ".join(
        f"{part.penalty} with {with_minus(f'{_rounded(part):.4g}')}" for part in parts
    )
    return finding(
        "wrong-factor",
        case.name,
        f"expected {case.words}, got {each}" + (": strengths are exchanged" if exchanged else ""),
        "give each its own strength in the loop, or correct the terms",
    )


def without_its_mean(case: Case) -> Finding:
    """Say that gradients lose their mean, and the penalty with them."""
    return finding(
        "wrong-direction",
        case.name,
        f"the loop takes the mean out of the gradient of every unit, and out of {case.words} with "
        "it: what is left of the penalty does not shrink the mean of a unit's weights",
        "mean it, or add the penalty behind the centralization of the gradients",
        severity="warning",
    )


def double_counted(case: Case, first: float, second: float, *, own: bool) -> Finding:
    """Say that it arrives in the gradient and once more; `own`: by the optimizer's decay."""
    where = "by the optimizer's weight_decay" if own else "in the update of the weights"
    return finding(
        "double-counted",
        case.name,
        f"{case.words} arrives in the gradient of the loss ({first:.4g} times) and again {where} "
        f"({second:.4g} times)",
        "keep one: the term in the loss, or the optimizer's own weight decay",
    )


def by_momentum(case: Case, once: Fit) -> Finding:
    """Say that a factor may be momentum's."""
    return finding(
        "cannot-judge",
        case.name,
        f"the weights moved {once.factor:.4g} times as far as expected, as Nesterov momentum "
        f"of {once.factor - 1:.3g} makes them",
        "return the gradients too: (before, after, gradients)",
    )


def by_set_length(case: Case) -> Finding:
    """Say that the loop sets a length after its step, which hides what arrives beside it."""
    return finding(
        "cannot-judge",
        case.name,
        f"something arrives, but the loop then sets the length of {case.set_length}, which hides "
        "its factor",
        "audit without that line; what a decay takes there is given back anyway",
    )


def by_another_rule(case: Case) -> Finding:
    """Say that the optimizer's own decay is of no rule that is known."""
    return finding(
        "cannot-judge",
        case.name,
        "the optimizer's own weight_decay acts by none of the rules that are known: its strength "
        "cannot be told",
        "read which rule it has; regularize(…, update='decoupled') has one that is known",
    )


def by_own_rule(case: Case) -> Finding:
    """Say by which rule the optimizer decays, where that is no update's; an error if asked for."""
    assert case.own is not None
    remedy = "mean it, and convert the strength; regularize(…, update='decoupled') takes lr · λ · w"
    if case.own.rule is OwnDecay.CORRECTED:
        peak = case.rate / case.own.factor
        remedy = f"see that {peak:.3g}, its largest learning rate, is your schedule's; {remedy}"
    return finding(
        "decays-otherwise",
        case.name,
        f"{case.own.rule.value}: the optimizer's own weight_decay takes {case.own}",
        remedy,
        severity="error" if case.asked else None,
    )


def hidden(case: Case) -> Finding:
    """Say that a factor cannot be told."""
    if case.once.gradient is None:
        return finding(
            "cannot-judge",
            case.name,
            "something arrives, but an adaptive optimizer, Nesterov or clipping hides its factor",
            "return the gradients before clipping too: (before, after, gradients)",
        )
    return finding(
        "cannot-judge",
        case.name,
        "the optimizer reshapes the push, or it drowns in rounding: its factor cannot be told",
        "audit with a larger strength, or in float64; PyTorch loops: shrinkage.pytorch.audit",
    )


def rounded_away(case: Case, *, lost: float) -> Finding:
    """Say how much the weights' dtype can hold; under a share of `lost` that is an error."""
    survives = max(0.0, case.once.survives)
    if case.held_back:
        return finding(
            "below-resolution",
            case.name,
            "the shrink of one step would be rounded by more than 1 %, so the attached terms hold "
            "it back, and apply it when it has grown",
            "nothing: ledger and weights show it after more steps",
            severity="info",
        )
    if case.accumulates:
        return finding(
            "below-resolution",
            case.name,
            f"{survives:.0%} of the shrink of one step is representable; the attached terms "
            "accumulate the rest",
            "nothing: ledger and weights show it after more steps",
            severity="info",
        )
    return finding(
        "below-resolution",
        case.name,
        f"{survives:.0%} of the shrink is left when the weights are rounded to their dtype",
        "raise learning rate × strength, hold the weights in float32 or float64, or use "
        "shrinkage.pytorch.regularize, which accumulates what is too small",
        severity="error" if survives < lost else "warning",
    )


def _signed(factor: float) -> str:
    return with_minus(f"{factor:.4g}")


def _rounded(part: PartSeen) -> float:
    """Return the strength of what arrives, 0 where that is a rounding."""
    return part.strength * part.factor if abs(part.factor) > 1e-6 else 0.0
