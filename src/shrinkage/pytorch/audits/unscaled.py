"""Penalties that are there with all strengths at 0: no `scale` multiplies them.

Who uses this: `audit`. They are alike in every run, so no difference of two shows them; shown are
they by the run without the terms itself. What of its loss goes around the outputs of the model's
modules, or is added to gradients by hooks and by hand, is what the step is taken with where these
outputs pass no gradient on; what the loop moves beside the optimizer's step is measured there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from shrinkage.audits.findings import Finding, Seen
from shrinkage.audits.intended import Intended
from shrinkage.audits.measuring import Expectation, Fit, Pair, measure
from shrinkage.audits.measuring.fits import fit
from shrinkage.audits.measuring.pair import as_float64
from shrinkage.audits.wording import unscaled as wording
from shrinkage.penalties import L1, L2, GroupLasso
from shrinkage.pytorch.audits.glance import are_equal
from shrinkage.pytorch.audits.replays import pushed_without_gradient
from shrinkage.pytorch.audits.runs import Runs
from shrinkage.terms import Part

_FEWEST = 4  # weights: fewer lie along anything by chance
_STRAY = 1e-3  # of its length: so little of a pull lies across a penalty's
_ROUNDINGS = 4
_ABSENT = ("no-effect", "selected-unchanged")
_SLIGHT = 1e-3  # of the strength: what is less makes no second penalty


@dataclass(frozen=True)
class Pull:
    """What pulls on a parameter at strengths of 0.

    Args:
        name: of the parameter.
        words: the penalty that it is the pull of, empty where that is not known.
        factor: how often that is there.
        own: whether it is one that the terms have on the parameter.
        place: where it arrives.
    """

    name: str
    words: str
    factor: float = 1.0
    own: bool = False
    place: str = wording.IN_GRADIENT


def pulls_of(runs: Runs, intended: Mapping[str, Intended]) -> list[Pull]:
    """Return what pulls on parameters in the run without the terms, beside the data.

    Args:
        runs: of the step; the twin stands elsewhere afterwards.
        intended: by parameter.
    """
    pulls = [
        *_in_gradients(runs, intended),
        *_beside_gradients(runs, intended),
        *_within_step(runs, intended),
    ]
    return [pull for pull in pulls if abs(pull.factor) > _SLIGHT or not pull.own]


def _in_gradients(runs: Runs, intended: Mapping[str, Intended]) -> Iterator[Pull]:
    zero, outputs = runs.zero, runs.outputs
    names = {id(tensor): name for name, tensor in runs.twin.parameters.items()}
    around = {
        cut: {names[leaf] for leaf in outputs.around(cut) if leaf in names}
        for cut in ("all", "holders")
    }
    unseen = not outputs.walked and zero.saw_gradients
    told: set[str] = set()
    if around["all"] or zero.adds or unseen:
        left = runs.around_outputs("all")
        for name in intended if left is not None else ():
            gradients = () if left is None else left.get(name, ())
            if not gradients:
                continue
            told.add(name)
            pulls = _pulls(name, intended[name], runs.twin.start[name], gradients)
            yield from pulls or ([Pull(name, "")] if intended[name].words else [])
        if left is None:
            yield from (Pull(n, "") for n in sorted(around["all"]) if intended[n].words)
            told |= around["all"]
    if around["holders"] - told:
        left = runs.around_outputs("holders") or {}
        for name in sorted(around["holders"] - told):
            gradients, data = left.get(name, ()), runs.gradient(name, zero)
            pulls = _pulls(name, intended[name], runs.twin.start[name], gradients)
            yield from pulls
            is_data = data is not None and bool(gradients) and are_equal(gradients[-1], data)
            if not pulls and intended[name].words and is_data:
                yield Pull(name, "")  # no output of a module has a part in it


def _pulls(
    name: str, meant: Intended, start: torch.Tensor, gradients: Sequence[torch.Tensor]
) -> list[Pull]:
    """Return the penalties whose gradient one is, as made and as the step has it.

    What a loop makes of a gradient, its sign say, may look like another penalty's.
    """
    found = [pulls for g in gradients if (pulls := _pull(name, meant, start, g))]
    words = [[pull.words for pull in pulls] for pulls in found]
    alike = len(found) > 1 and words[0] == words[1]
    return (found[-1] if alike else found[0]) if found else []


def _pull(name: str, meant: Intended, start: torch.Tensor, gradient: torch.Tensor) -> list[Pull]:
    """Return which penalty's gradient a gradient is, nothing where it is none's that is known."""
    w, pull = as_float64(start), as_float64(gradient)
    if np.count_nonzero(w * pull) < _FEWEST or not np.isfinite(pull).all():
        return []
    noise = _ROUNDINGS * torch.finfo(gradient.dtype).eps * np.abs(pull)
    found = _along(name, meant, w, pull, noise)
    return [found] if found is not None else _of_two(name, meant, w, pull, noise)


def _along(name: str, meant: Intended, w: Any, pull: Any, noise: Any) -> Pull | None:
    reached = pull != 0  # all, or those that a mask leaves
    for words, own, expectation in _kinds(meant, w.ndim):
        found = fit(pull, expectation.subgradient(w) * reached, noise)
        if found.present and _lies_along(found):
            return Pull(name, words, found.factor, own)
    return None


def _of_two(name: str, meant: Intended, w: Any, pull: Any, noise: Any) -> list[Pull]:
    """Return an elastic net's two pulls."""
    slopes = np.sign(w), w
    both = np.stack([slope.ravel() for slope in slopes])
    factors = np.linalg.lstsq(both.T, pull.ravel(), rcond=None)[0]
    parts = [factor * slope for factor, slope in zip(factors, slopes, strict=True)]
    if not _lies_along(fit(pull, parts[0] + parts[1], noise)):
        return []
    found = (_along(name, meant, w, part, 0 * noise) for part in parts)
    return [pull for pull in found if pull is not None]


def _kinds(meant: Intended, axes: int) -> Iterator[tuple[str, bool, Expectation]]:
    """Yield penalties that a loop may have added: words, whether terms have it, what it does."""
    parts = [part for part in meant.expectation.parts if part.penalty.finite]
    if parts and len(parts) == len(meant.expectation.parts):
        yield meant.words, True, meant.expectation
    if len(parts) > 1:
        for part in parts:
            words = f"{float(part.strength):g} * {part.penalty!r}"
            yield words, True, replace(meant.expectation, parts=(part,))
    groups = (GroupLasso(per="output"), GroupLasso(per="input")) if axes > 1 else ()
    for penalty in (L2(), L1(), *groups):
        yield repr(penalty), False, Expectation.of([Part(1.0, penalty)])


def _lies_along(found: Fit) -> bool:
    return found.expects and found.rest <= _STRAY**2 * found.cc + 4 * found.noise_squared


def _beside_gradients(runs: Runs, intended: Mapping[str, Intended]) -> Iterator[Pull]:
    """Yield what the loop does to weights before and behind the optimizer's step."""
    for name, meant in intended.items():
        rate = runs.zero.rates.get(name, 0.0)
        start = runs.twin.start[name]
        before, stepped = runs.zero.before_step.get(name), runs.stepped.get(name)
        if not rate or not start.is_floating_point():
            continue
        if before is not None:
            yield from _move(name, meant, (start, before), rate)
        end = runs.ends.get(name)
        if stepped is None or end is None or are_equal(stepped, end):
            continue
        multiple = runs.multiplied.get(name)
        if multiple is not None:
            yield from _decay(name, meant, as_float64(stepped), (1 - multiple) / rate)
        else:
            yield from _move(name, meant, (stepped, end), rate, smooth=False)


def _within_step(runs: Runs, intended: Mapping[str, Intended]) -> Iterator[Pull]:
    """Yield what the optimizer's class does to weights whatever its groups say."""
    if not runs.zero.replayable:
        return
    stepped = pushed_without_gradient(runs.stand, runs.zero, runs.seed)
    for name, meant in intended.items():
        before, after = stepped.get(name, (None, None))
        rate = runs.zero.rates.get(name, 0.0)
        if before is None or after is None or not rate or are_equal(before, after):
            continue
        if before.shape == runs.twin.start[name].shape:
            yield from _move(name, meant, (before, after), rate)


def _decay(name: str, meant: Intended, w: Any, strength: float) -> Iterator[Pull]:
    for words, own, expectation in _kinds(meant, w.ndim):
        found = fit(strength * w, expectation.subgradient(w), np.zeros_like(w))
        if _lies_along(found):
            yield Pull(name, words, found.factor, own, wording.IN_UPDATE)
            return


def _move(
    name: str,
    meant: Intended,
    places: Sequence[torch.Tensor],
    rate: float,
    *,
    smooth: bool = True,
) -> Iterator[Pull]:
    """Yield by which penalty's update weights went from one place to another.

    A multiple of all weights is a decay where it is no length that is set: `smooth` says so.
    """
    first, last = places
    pair = Pair(first, first, last, rounding=torch.finfo(first.dtype).eps)
    for words, own, expectation in _kinds(meant, first.ndim):
        if not smooth and all(part.penalty.smooth for part in expectation.parts):
            continue
        fits = measure(pair, expectation, rate, 1.0).changes.values()
        found = next((f for f in fits if f.present and f.factor > 0 and _lies_along(f)), None)
        if found is not None:
            yield Pull(name, words, found.factor, own, wording.IN_UPDATE)
            return


def by_unscaled(
    findings: Sequence[Finding],
    seen: Sequence[Seen],
    pulls: Sequence[Pull],
    *,
    reads_scale: bool,
) -> tuple[list[Finding], list[Seen]]:
    """Return findings and table, with penalties that no strength reaches.

    Args:
        findings: of what strengths reach.
        seen: of the same.
        pulls: at strengths of 0.
        reads_scale: whether the step may read the scale that it is called with.
    """
    table = {one.parameter: one for one in seen}
    found, alone = list[Finding](), set[str]()
    not_finite = {said.parameter for said in findings if said.rule == "not-finite"}
    for pull in pulls:
        one = table[pull.name]
        if pull.name in not_finite:
            continue
        if not pull.words:
            found.append(wording.untold(pull.name))
        elif not pull.own:
            found.append(wording.of_another_kind(one, pull.words, pull.factor, pull.place))
        elif one.factor is None:
            alone |= {pull.name} if pull.words == one.expected else set()
            told = pull.words, pull.factor, pull.place
            found.append(wording.alone(pull.name, *told, reads_scale=reads_scale))
        else:
            found.append(wording.again(one, pull.words, pull.factor, pull.place))
            if (one.mechanism == "gradient") != (pull.place == wording.IN_GRADIENT):
                table[pull.name] = replace(one, mechanism="both")
    nowhere = {one.parameter for one in seen if one.expected} <= alone
    gone = {(rule, name) for rule in _ABSENT for name in alone}
    gone |= {("no-effect", "")} if nowhere else set()
    before = [said for said in findings if (said.rule, said.parameter) not in gone]
    return [*before, *found], list(table.values())
