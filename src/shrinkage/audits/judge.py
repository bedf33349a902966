"""From what was measured of every parameter to findings.

Who uses this: the neutral audit and that of PyTorch. One `Case` a parameter; what is judged is
whether the penalty arrived, by which mechanism, with which factor, in which direction, on which
parameters, and whether it is linear in the strength.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shrinkage.audits.causes import causes
from shrinkage.audits.findings import Finding, Seen, finding
from shrinkage.audits.fits import Fit
from shrinkage.audits.measure import Measured
from shrinkage.audits.verdicts import Case, DecayUse, Verdict, decide

_LINEAR = 0.02
_OPPOSITE = -0.5
_LOST = 0.5  # below-resolution where less than this share of the shrink is representable


def judge(cases: Sequence[Case]) -> tuple[list[Finding], list[Seen], str | None]:
    """Return the findings, what was seen of each parameter, and the update that fits them all.

    Args:
        cases: every parameter.

    Returns:
        All three; the update is None where parameters differ or nothing arrived.
    """
    clipped = bool(_clip_factors([case for case in cases if not case.words]))
    selected = [(c, replace(decide(c), clipped=clipped)) for c in cases if c.words]
    findings = [one for case, verdict in selected for one in _of_selected(case, verdict)]
    findings += _absent(selected)
    plain = any(v.fits is not None and v.aligned for _, v in selected)
    findings += _unselected([case for case in cases if not case.words], plain=plain)
    mechanisms = {v.mechanism for _, v in selected if v.fits is not None and v.aligned}
    verdicts = {id(case): verdict for case, verdict in selected}
    seen = [_seen(case, verdicts.get(id(case))) for case in cases]
    return findings, seen, mechanisms.pop() if len(mechanisms) == 1 else None


def _seen(case: Case, verdict: Verdict | None) -> Seen:
    if verdict is None:
        moved = case.once.moved or (case.once.slope is not None and case.once.slope.present)
        return Seen(case.name, case.shape, "", "something" if moved else "nothing")
    if verdict.fits is None or not verdict.aligned:
        words = verdict.mechanism if verdict.fits is None else "another push"
        return Seen(case.name, case.shape, case.words, words)
    once = verdict.fits[0]
    return Seen(case.name, case.shape, case.words, verdict.mechanism, once.factor, once.error)


def _of_selected(case: Case, verdict: Verdict) -> list[Finding]:
    if verdict.mechanism == "not finite":
        return [
            finding(
                "not-finite",
                case.name,
                "expected numbers after one step, got NaN or infinity",
                "lower the learning rate, or look for a division by 0 (a norm of zeros)",
            )
        ]
    if verdict.mechanism == "nothing expected":
        return [
            finding(
                "cannot-judge",
                case.name,
                "all its weights are where the penalty has no slope, so none can be seen",
                "audit a step from other weights",
            )
        ]
    if verdict.mechanism == "unclear":
        return [_unclear(case)]
    if verdict.fits is None:
        return []
    if verdict.mechanism == "both":
        return [_double(case, verdict.fits[0])]
    if not verdict.aligned:
        return [_astray(case, verdict)]
    return _of_fit(case, verdict, verdict.fits[0], verdict.fits[1])


def _of_fit(case: Case, verdict: Verdict, once: Fit, twice: Fit) -> list[Finding]:
    found = []
    if once.factor < 0:
        return [_opposite(case, once)]
    if verdict.mechanism not in case.allowed:
        found.append(
            finding(
                "wrong-update",
                case.name,
                f"expected the update {' or '.join(case.allowed)}, got {verdict.mechanism}",
                "name the update that you mean, or move the penalty to where that update has it",
            )
        )
    if abs(twice.factor - once.factor) > _LINEAR * abs(once.factor) + once.error + twice.error:
        found.append(
            finding(
                "not-linear",
                case.name,
                f"twice the strength gave {2 * twice.factor / once.factor:.3g} times the push "
                f"(factors {once.factor:.4g} and {twice.factor:.4g})",
                "multiply the penalty by its strength once, and nothing else of it",
            )
        )
    elif not once.is_one():
        found.append(_off(case, verdict, once))
    return found


def _off(case: Case, verdict: Verdict, once: Fit) -> Finding:
    survives = case.once.survives
    if verdict.mechanism != "gradient" and survives < 0.99 and abs(once.factor - survives) < 0.1:
        return _rounded(case)
    if verdict.clipped and case.once.slope is None:
        return _unclear(case)
    if not verdict.certain and 1.02 < once.factor < 1.98:
        return finding(
            "cannot-judge",
            case.name,
            f"the weights moved {once.factor:.4g} times as far as expected, as Nesterov momentum "
            f"of {once.factor - 1:.3g} makes them",
            "return the gradients too: (before, after, gradients)",
        )
    reasons = causes(once.factor, case.rate, case.known, once.error)
    return finding(
        "wrong-factor",
        case.name,
        f"{case.words} arrives {once.factor:.4g} ± {once.error:.1g} times; likely {reasons}",
        f"multiply the strength in the loop by {1 / once.factor:.4g}, or correct the terms",
    )


def _opposite(case: Case, once: Fit) -> Finding:
    return finding(
        "wrong-direction",
        case.name,
        f"{case.words} arrives {once.factor:.4g} times: weights are pushed away from zero",
        "add the penalty to the loss (or its gradient to the gradient), do not subtract it",
    )


def _astray(case: Case, verdict: Verdict) -> Finding:
    assert verdict.fits is not None
    once = verdict.fits[0]
    if case.decay is DecayUse.OTHER_RULE:
        return _unclear(case)
    if verdict.certain or once.cosine < _OPPOSITE:
        return finding(
            "wrong-direction",
            case.name,
            f"what arrives is not along the gradient of {case.words} (cosine {once.cosine:.2f})",
            "look which penalty, on which array, the loop really computes",
        )
    return _unclear(case)


def _unclear(case: Case) -> Finding:
    if case.once.survives < _LOST:
        return _rounded(case)
    if case.decay is DecayUse.OTHER_RULE:
        return finding(
            "cannot-judge",
            case.name,
            "the optimizer's own weight_decay acts neither as λw in the gradient nor as lr·λ·w "
            "beside it: its strength cannot be told",
            "read which rule it has; regularize(…, update='decoupled') has one that is known",
        )
    if case.once.slope is None:
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


def _rounded(case: Case) -> Finding:
    survives = max(0.0, case.once.survives)
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
        severity="error" if survives < _LOST else "warning",
    )


def _double(case: Case, slope: Fit) -> Finding:
    loop, others = case.once.loop, case.once.changes.values()
    if loop is not None and loop.present:
        first, second = loop.factor, slope.factor - loop.factor
        where = "by the optimizer's weight_decay"
    else:
        first, second = slope.factor, max(others, key=lambda one: one.cosine).factor
        where = "in the update of the weights"
    return finding(
        "double-counted",
        case.name,
        f"{case.words} arrives in the gradient of the loss ({first:.4g} times) and again {where} "
        f"({second:.4g} times)",
        "keep one: the term in the loss, or the optimizer's own weight decay",
    )


def _absent(selected: Sequence[tuple[Case, Verdict]]) -> list[Finding]:
    gone = [case for case, verdict in selected if verdict.mechanism == "absent"]
    found = [_unreached(case) for case in gone if not case.reached]
    found += [_stands_still(case) for case in gone if case.reached and not case.rate]
    gone = [case for case in gone if case.reached and case.rate]
    lost = [case for case in gone if case.once.survives < _LOST]
    gone = [case for case in gone if case.once.survives >= _LOST]
    found += [_rounded(case) for case in lost]
    arrived = any(
        verdict.fits is not None or verdict.mechanism == "unclear" for _, verdict in selected
    )
    if gone and not arrived and not lost:
        return [*found, _no_effect(gone)]
    return found + [
        finding(
            "selected-unchanged",
            case.name,
            f"{case.words} does not arrive here, though it does elsewhere",
            "look whether the loop's list of parameters has this one, under this name",
        )
        for case in gone
    ]


def _no_effect(gone: Sequence[Case]) -> Finding:
    names = ", ".join(case.name for case in gone[:4]) + (", …" if len(gone) > 4 else "")
    message = f"the step is the same with strengths times 0, 1 and 2: nothing reaches {names}"
    if all(case.decay is DecayUse.IGNORED for case in gone):
        return finding(
            "no-effect",
            "",
            f"{message}; the optimizer stores weight_decay and its step does not use it",
            "add the term to the loss, or shrinkage.pytorch.regularize(optimizer, model, terms)",
        )
    return finding(
        "no-effect",
        "",
        message,
        "differentiate the penalty (add it to the loss before the gradient is computed, "
        "or its gradient to the gradient), and multiply it by `scale` in the step",
    )


def _unreached(case: Case) -> Finding:
    return finding(
        "cannot-judge",
        case.name,
        "the loss of this step does not depend on it, so no step is taken on it",
        "audit a batch that uses it",
    )


def _stands_still(case: Case) -> Finding:
    return finding(
        "cannot-judge",
        case.name,
        "the learning rate is 0 in this step, so nothing moves",
        "audit a step after the first of a warm-up",
    )


def _unselected(cases: Sequence[Case], *, plain: bool) -> list[Finding]:
    clipped = _clip_factors(cases)
    found = []
    for case in cases:
        once = case.once
        if not (once.finite and case.twice.finite):
            found.append(_of_selected(case, Verdict("not finite"))[0])
        elif once.slope is not None and once.slope.present:
            found.append(_stray(case))
        elif once.moved and not _is_clipping(once, clipped):
            hidden = once.slope is None and not plain
            found.append(_unclear(case) if hidden else _stray(case))
    return found


def _clip_factors(cases: Sequence[Case]) -> list[float]:
    """Return by how much unselected parameters moved less, where it was along their step."""
    return [
        case.once.clip.factor
        for case in cases
        if case.once.moved and case.once.clip.fits and _size(case.shape) >= 4
    ]


def _is_clipping(once: Measured, clipped: Sequence[float]) -> bool:
    """Return whether a parameter moved only because all gradients were scaled down together."""
    if once.plain or not once.clip.fits:
        return False
    return any(abs(once.clip.factor - factor) <= 0.02 * abs(factor) for factor in clipped)


def _stray(case: Case) -> Finding:
    kind = "a bias or norm" if len(case.shape) < 2 else "a parameter"
    return finding(
        "unselected-changed",
        case.name,
        f"{kind} that no term selects is changed by the strength",
        "leave it out of the loop's penalty or decay, or select it in the terms",
    )


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
