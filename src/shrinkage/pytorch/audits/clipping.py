"""Gradients that a loop scales between backward and the step, and whether the penalty is with them.

Who uses this: `audit`. What clipping divides the data's gradient by, it divides no penalty by that
comes behind it: a prox, a decay beside the gradient or one that the optimizer adds. Measured are
the gradients that backward has made and those with which the optimizer steps, whoever scales them;
those that a second backward pass, of the penalty, meets; and how far a bare optimizer goes with
them beside how far it goes with small ones. Where each number of a gradient is cut by itself, what
is left of the penalty is measured weight by weight: at a bound nothing is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

from shrinkage.audits.findings import Finding, finding
from shrinkage.audits.measuring import MECHANISMS
from shrinkage.audits.measuring.fits import dot
from shrinkage.pytorch.audits.adaptivity import clips_by, is_proportional
from shrinkage.pytorch.audits.between import Pair
from shrinkage.pytorch.audits.glance import are_equal, wide_blocks
from shrinkage.pytorch.audits.loop_rules import LoopFacts
from shrinkage.pytorch.audits.scaled import is_bent, is_cut_singly, ratio_of
from shrinkage.pytorch.audits.watch import Watch
from shrinkage.pytorch.optimizers import OwnDecay, facts_of

_TIMES = 2.0  # what gradients are scaled by is told from here on
_SEEN = 0.05  # of the weights on which little of a penalty is left, from here on
_LITTLE, _NOTHING = 0.5, 0.01  # of what is left of the data
_ROUNDINGS = 32  # of a gradient: a penalty that is less in it cannot be told
Pairs = list[Pair]
_BEFORE = "between backward and the step"
_BETWEEN = "between two backward passes"
_WITHIN = "inside of the optimizer's step"
_BESIDE = {rule.name.lower() for rule in OwnDecay if rule.acts_otherwise} - {"rescaled"}


def scaled_gradients(facts: LoopFacts) -> list[Finding]:
    """Return what scales gradients by much: a warning where the penalty is not scaled too."""
    runs, watch = facts.runs, facts.watch
    beside: dict[str, str] = {}
    within, behind = [], []
    for info in facts.penalised():
        mechanism = facts.mechanisms.get(info.name, "")
        if mechanism not in MECHANISMS and info.name in facts.attached:  # too small to be seen
            mechanism = facts.assignment.parts[info.name][0].update
        if mechanism == "gradient" and _comes_behind(runs.zero, watch, info.name):
            behind.append(info.name)
        elif mechanism == "gradient" and is_made_with(runs.zero, watch, info.name):
            within.append(info.name)
        elif mechanism in MECHANISMS:
            beside[info.name] = mechanism
        elif mechanism in _BESIDE:
            beside[info.name] = "decoupled"
    met = runs.zero.between
    found = _apart(facts, _BETWEEN, divided_by([met[name] for name in behind]), list(met.values()))
    if not (runs.zero.scales_gradients or watch.scales_gradients):
        return [*found, *_in_the_step(facts, list(beside))]
    if set(beside.values()) == {"decoupled"} and not is_proportional(runs.stand, runs.zero):
        beside = {}  # the data moves weights as far, clipped or not
    pairs = _made_and_used(runs.zero, [info.name for info in facts.infos])
    found += _apart(facts, _BEFORE, divided_by(_made_and_used(runs.zero, beside)), pairs)
    return [*found, *_together(facts, within)]


def _in_the_step(facts: LoopFacts, names: list[str]) -> list[Finding]:
    """Return what an optimizer that nothing is known of scales, and its decay not with it."""
    runs = facts.runs
    is_known = facts_of(runs.twin.optimizer).own_decay is not OwnDecay.UNKNOWN
    if not names or runs.adapts or is_known:
        return []
    return _apart(facts, _WITHIN, clips_by(runs.twin, runs.zero), [])


def _comes_behind(zero: Watch, watch: Watch, name: str) -> bool:
    """Return whether the penalty joins a gradient that was scaled without it."""
    if name not in zero.between or name not in watch.between:
        return False
    return are_equal(zero.between[name][0], watch.between[name][0])


def is_made_with(zero: Watch, watch: Watch, name: str) -> bool:
    """Return whether the penalty is in the gradient that backward makes, as it is by the loss."""
    without, with_it = zero.gradients.made(name), watch.gradients.made(name)
    if without is None or with_it is None:
        return with_it is not without
    return not are_equal(without, with_it)


def divided_by(pairs: Pairs) -> float:
    """Return what gradients are divided by: ⟨made, used⟩ / ⟨used, used⟩, 1 of none.

    1 where something is taken out of them and the rest left: a mean, or all but a direction.
    """
    along = square = 0.0
    for made, used in pairs:
        for wide, other in wide_blocks(used, made):
            along += dot(wide, other)
            square += dot(wide, wide)
    return along / square if square > 0 else 1.0


def _made_and_used(watch: Watch, names: Iterable[str]) -> Pairs:
    """Return gradients as backward has made them and as the optimizer steps with them."""
    pairs = ((watch.gradients.made(name), watch.gradients.used(name)) for name in names)
    return [(made, used) for made, used in pairs if made is not None and used is not None]


def _apart(facts: LoopFacts, where: str, by: float, pairs: Pairs) -> list[Finding]:
    """Return that the data's gradients are divided by a number somewhere, and the penalty not."""
    if not _is_much(by):
        return []
    strengths = " and ".join(
        f"{term.strength:.3g} → {term.strength / by:.2g}" for term in facts.assignment.terms
    )
    how = f"divided by {by:.3g}" if by > 1 else f"multiplied by {1 / by:.3g}"
    weighs = f"{by:.3g} times as large" if by > 1 else f"{1 / by:.3g} times as small"
    return [
        finding(
            "clipped",
            "",
            f"{where} the data's gradients are scaled{_norms(pairs)}, "
            f"and the penalty is not: the data's push is {how} in this step, the penalty's is "
            f"not, which weighs as a strength {weighs} does",
            f"{'lower' if by > 1 else 'raise'} the strength ({strengths}), clip less or divide the "
            "loss, or put the penalty into the loss, where it is scaled with the data; audit a "
            "later step too, gradients get smaller",
            severity=None if by > 1 else "info",  # nobody clips upwards: that is an algorithm
        )
    ]


def _together(facts: LoopFacts, names: list[str]) -> list[Finding]:
    """Return by what gradients are divided that have the penalty in them."""
    pairs = _made_and_used(facts.watch, names)
    weak, lost = left_beside(facts.runs.zero, facts.watch, names)
    if weak >= _SEEN:
        return [_one_by_one(weak, lost)]
    are_several = any(ratio_of(made, used) is None for made, used in pairs)
    by = divided_by(pairs)
    if not _is_much(by):
        return []
    how = f"divided by {by:.3g}" if by > 1 else f"multiplied by {1 / by:.3g}"
    each = " (the mean of several numbers)" if are_several else ""
    where = " where one number divides them" if are_several else ""
    return [
        finding(
            "clipped",
            "",
            f"between backward and the step gradients are {how}{each}, and the penalty too, which "
            f"is in the loss: their balance is that of the terms{where}",
            "nothing, if that is meant",
            severity="info",
        )
    ]


def _one_by_one(weak: float, lost: float) -> Finding:
    """Say of how many weights the penalty is gone, or nearly, where each gradient is cut alone."""
    shares = [f"it has no effect on {lost:.0%} of the weights"] if lost else []
    if round(weak, 2) > round(lost, 2):
        rest = "less than half of it is left, beside what is left of the data"
        shares += [f"{rest}, on {weak:.0%} of the weights"]
    return finding(
        "clipped",
        "",
        "between backward and the step gradients are cut or bent one by one (by value, a sign, a "
        f"root), and the penalty with them: {'; '.join(shares)}",
        "divide all gradients by one number, as clipping by their norm does, or put the penalty "
        "behind that: regularize(…, update='proximal' or 'decoupled')",
    )


def left_beside(zero: Watch, watch: Watch, names: Iterable[str]) -> tuple[float, float]:
    """Return on which share of the weights little, and nothing, is left of a penalty in the loss.

    Each weight's Δused / Δmade, of gradients with the penalty less those without, is compared with
    used / made of the data alone: equal where one number divides both, 0 at a bound.
    """
    weak = lost = count = 0
    for name in names:
        runs = [(run.gradients.made(name), run.gradients.used(name)) for run in (zero, watch)]
        (data, used), (made, stepped) = runs
        if data is None or used is None or made is None or stepped is None:
            continue
        bent = is_bent(data, used) and ratio_of(data, used) is None
        cut = bent or is_cut_singly(data, used) or is_cut_singly(made, stepped)
        rounding = _ROUNDINGS * torch.finfo(made.dtype).eps
        data, used, made, stepped = (g.double() for g in (data, used, made, stepped))
        pushes = (made - data).abs()
        told = (pushes > rounding * data.abs()) & (data != 0) & (used != 0)
        left = ((stepped - used) * data / (used * (made - data)))[told].abs()
        count += int(told.sum())
        weak += int((left < _LITTLE).sum()) if cut else 0
        lost += int((left < _NOTHING).sum()) if cut else 0
    return (weak / count, lost / count) if count else (0.0, 0.0)


def _norms(pairs: Pairs) -> str:
    """Return the norms of all gradients, which are what a loop clips by."""
    if not pairs:
        return ""
    made, used = (math.hypot(*(float(g.norm()) for g in side)) for side in zip(*pairs, strict=True))
    return f" from a norm of {made:.3g} to {used:.3g}"


def _is_much(by: float) -> bool:
    return by >= _TIMES or 0 < by <= 1 / _TIMES
