"""Which rule explains the walks of one parameter.

Who uses this: `measure`. One function a rule; each returns what it measured, or None where the rule
does not explain what was seen. A new rule is one function and its place in a tuple.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from shrinkage.audits.decays.rule import MeasuredDecay, OwnDecay
from shrinkage.audits.decays.walks import Walked
from shrinkage.audits.measuring.fits import Fit

_ONE = 0.01  # a factor this near to 1 is 1
_FADED, _GROWN = 0.5, 2.0  # how far a factor moves along a walk where the rule is another one
_LEAST = 3  # weights that a mask has on either side, at least
_VANISHES = 0.05  # of the usual shrink: what is less is none


def coupled(walked: Walked) -> MeasuredDecay | None:
    """λw in the gradient: the walk ends where the joined one does, after every step.

    In the first step alone a factor may be told; over several it has to be 1.
    """
    if walked.joined is None:
        return None
    fits = [
        walked.fit_place(step, walked.joined[step] - walked.plain[step])
        for step in range(1, walked.steps + 1)
    ]
    acting = [fit for fit in fits if fit.present]
    if not acting or not all(fit.fits for fit in acting):
        return None
    if walked.steps > 1 and not all(fit.is_one(_ONE) for fit in acting):
        return None
    if len(acting) < len(fits) and any(fit.expects and fit.visible for fit in fits[: -len(acting)]):
        return None
    return _measured(OwnDecay.COUPLED, acting[-1], walked)


def beside(walked: Walked) -> MeasuredDecay | None:
    """c·lr·λ·w beside the gradient, in the first step that decays at all.

    Later steps are from other weights, and an optimizer may step by the size of the weights: they
    have to do about the same.
    """
    acting = acting_steps(walked)
    if not acting:
        return None
    first = _closest(walked, acting[0])
    if first is None:
        return None
    last = walked.fit_step(acting[-1], walked.beside(acting[-1]))
    if last.factor + last.error < _FADED * first.factor:
        return None  # the step forgets it, as one that makes the weights anew each time
    idle = [step for step in range(1, walked.steps + 1) if step not in acting]
    if idle:
        return _measured(OwnDecay.INTERMITTENT, first, walked, acting)
    grows = last.factor - last.error > _GROWN * first.factor  # in the momentum, or with the rate
    is_one = first.is_one(_ONE) and not grows
    rule = OwnDecay.DECOUPLED if is_one else OwnDecay.SCALED
    return _measured(rule, first, walked, acting)


def _closest(walked: Walked, step: int) -> Fit | None:
    """Return the fit of a decay before the step, after it, or implicit: they differ by lr·λ."""
    ways = (walked.beside, walked.behind, walked.implicit)
    fits = [fit for way in ways if (fit := walked.fit_step(step, way(step))).fits]
    return min(fits, key=lambda fit: (not fit.is_one(_ONE), fit.residual)) if fits else None


def masked(walked: Walked) -> MeasuredDecay | None:
    """c·lr·λ·w on some weights, nothing on the others."""
    acting = acting_steps(walked)
    if not acting:
        return None
    step = acting[0]
    expected, seen = walked.beside(step), walked.increment(step)
    ratios = np.divide(seen, expected, out=np.zeros_like(seen), where=expected != 0)
    largest = np.abs(ratios).max()
    mask = np.abs(ratios) > _VANISHES * largest
    if min(int(mask.sum()), int((~mask).sum())) < _LEAST:
        return None
    fit = walked.fit_step(step, np.where(mask, expected, 0.0))
    if not fit.fits or fit.factor <= 0:
        return None
    return replace(_measured(OwnDecay.MASKED, fit, walked, acting), share=float(mask.mean()))


def rescaled(walked: Walked) -> MeasuredDecay | None:
    """a·(the step without decay) + b·lr·λ·w, as where a norm of both rescales their sum."""
    acting = acting_steps(walked)
    if not acting or walked.plain[0].size < 2 * _LEAST:
        return None
    step = acting[0]
    own = walked.plain[step] - walked.plain[step - 1]
    along = walked.beside(step)
    columns = np.stack([own.reshape(-1), along.reshape(-1)], axis=1)
    (share, factor), *_ = np.linalg.lstsq(columns, walked.increment(step).reshape(-1), rcond=None)
    if not factor:
        return None
    predicted = share / factor * own + along
    fit = walked.fit_step(step, predicted)
    if not fit.fits or fit.factor <= 0:
        return None
    return _measured(OwnDecay.RESCALED, fit, walked, acting)


_Rule = Callable[[Walked], MeasuredDecay | None]
_ONE_NUMBER: tuple[_Rule, ...] = (coupled, beside)
_MORE_NUMBERS: tuple[_Rule, ...] = (masked, rescaled)  # explain what those with one number do, too


def explanations(walked: Walked) -> list[MeasuredDecay]:
    """Return what the rules that explain the walks measured, the likeliest first.

    Of two rules of one number the one with a factor of 1 comes first, then the closer one; rules
    of more numbers are asked where those explain nothing.
    """
    if not walked.is_finite:
        return []
    measured = _explaining(walked, _ONE_NUMBER)
    measured.sort(key=lambda said: (not _is_one(said), round(said.residual, 4)))
    return measured or _explaining(walked, _MORE_NUMBERS)


def _explaining(walked: Walked, rules: Iterable[_Rule]) -> list[MeasuredDecay]:
    return [said for rule in rules if (said := rule(walked)) is not None]


def acting_steps(walked: Walked) -> tuple[int, ...]:
    """Return the steps, from 1, in which the decay did something that rounding cannot."""
    fits = ((step, walked.fit_step(step, walked.beside(step))) for step in _steps(walked))
    return tuple(step for step, fit in fits if fit.present)


def _steps(walked: Walked) -> range:
    return range(1, walked.steps + 1)


def _is_one(measured: MeasuredDecay) -> bool:
    return abs(measured.factor - 1) <= _ONE + measured.error


def _measured(
    rule: OwnDecay, fit: Fit, walked: Walked, acting: tuple[int, ...] = ()
) -> MeasuredDecay:
    return MeasuredDecay(
        rule, fit.factor, fit.error, fit.residual, acting=acting, steps=walked.steps
    )
