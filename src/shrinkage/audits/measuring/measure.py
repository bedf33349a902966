"""One parameter at one scale: which mechanisms moved it, and with which factor.

Who uses this: the neutral audit and that of PyTorch, which measures one parameter after another
so that no second copy of a network is held. What two runs of the same step did to a parameter,
one without the terms and one with them, is compared with what the terms should do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shrinkage.audits.measuring.expected import ENOUGH, MECHANISMS, Expectation
from shrinkage.audits.measuring.fits import Fit, dot, exceeds, extent, fit
from shrinkage.audits.measuring.measured import Measured, PartSeen, merged
from shrinkage.audits.measuring.pair import Pair, as_float64, is_finite

Array = Any
_ROUNDINGS = 8
_EVERY = 17  # of some weights: no fraction of a usual width
_MANY = 1 << 13
_TRIES = 4


def measure(
    pair: Pair,
    expectation: Expectation,
    rate: float,
    scale: float,
    *,
    allowed: tuple[str, ...] = MECHANISMS,
    enough: int = ENOUGH,
) -> Measured:
    """Compare two runs of one parameter.

    Args:
        pair: the two runs.
        expectation: what the terms should do at scale 1; no parts for an unselected parameter.
        rate: the learning rate.
        scale: by how much the strengths were multiplied.
        allowed: mechanisms that would be right; the others are tried where none of these fits.
        enough: weights that tell as much as all; the others are only seen to be finite.

    Returns:
        The `Measured`.
    """
    expected = expectation.scaled(scale)
    first = MECHANISMS[:2] if pair.gradient is None else MECHANISMS[1:2]
    if allowed == MECHANISMS[2:]:
        first = allowed  # nothing else is to be tried where it fits
    measured = _measure(pair, expected, rate, first, enough)
    if not expected.parts or not measured.finite or _is_settled(measured, allowed):
        return _with_parts(measured, pair, expected, rate, enough)
    measured = _measure(pair, expected, rate, MECHANISMS, enough)
    return _with_parts(measured, pair, expected, rate, enough)


def _with_parts(
    measured: Measured, pair: Pair, expected: Expectation, rate: float, enough: int
) -> Measured:
    """Return what was measured, with each of several parts where they are not in their proportion.

    The change is split into the parts' own by least squares.
    """
    fits = (measured.gradient, *measured.changes.values())
    is_one = any(fit is not None and fit.present and fit.fits for fit in fits)
    if len(expected.parts) < 2 or is_one or not measured.finite:
        return measured
    if not all(part.penalty.finite for part in expected.parts) or (
        pair.gradient is None and not rate
    ):
        return measured
    count = len(expected.parts)
    square, along, size, noise = np.zeros((count, count)), np.zeros(count), 0.0, 0.0
    for where, part in expected.blocks(int(np.prod(pair.start.shape)), enough):
        block = pair.block(where)
        change, bound = _as_gradient(block, rate)
        slopes = [Expectation((own,)).subgradient(block.start).reshape(-1) for own in part.parts]
        square += [[dot(a, b) for b in slopes] for a in slopes]
        along += [dot(change, a) for a in slopes]
        size, noise = size + dot(change, change), noise + dot(bound, bound)
    factors = np.linalg.lstsq(square, along, rcond=None)[0]
    seen = Fit(size, float(factors @ along), float(factors @ square @ factors), 0.0, noise)
    if not seen.fits:
        return measured
    parts = (
        PartSeen(repr(part.penalty), float(part.strength), float(factor))
        for part, factor in zip(expected.parts, factors, strict=True)
    )
    return replace(measured, parts=tuple(parts))


def _as_gradient(pair: Pair, rate: float) -> tuple[Array, Array]:
    """Return what joins the gradient, and its rounding; of plain steps where none is known."""
    if pair.gradient is None or pair.zero_gradient is None:
        bound = pair.rounding * (np.abs(pair.zero) + np.abs(pair.after)) / rate
        return (pair.zero - pair.after) / rate, bound
    noise = 2 * pair.gradient_rounding * (np.abs(pair.gradient) + np.abs(pair.zero_gradient))
    return pair.gradient - pair.zero_gradient + pair.own * pair.start, noise


def _is_settled(measured: Measured, allowed: tuple[str, ...]) -> bool:
    """Return whether one look was enough: the penalty arrived, once, as it should."""
    gradient = measured.gradient
    right = [fit for name, fit in measured.changes.items() if name in allowed and fit.present]
    if any(fit.fits and fit.is_one() for fit in right):
        return gradient is None or not gradient.present
    beside = any(fit.present for fit in measured.changes.values())
    return gradient is not None and gradient.present and not beside


def _measure(
    pair: Pair, expected: Expectation, rate: float, names: tuple[str, ...], enough: int
) -> Measured:
    if not expected.parts and pair.is_unchanged:
        step = _step_of(pair) if pair.gradient is None else Fit()
        return Measured(True, None if pair.gradient is None else Fit(), clip=step)
    if not is_finite(pair.after):
        return Measured(False, None)
    count = int(np.prod(pair.start.shape))
    names = expected.mechanisms(names)

    def seen(by: Expectation) -> Measured:
        blocks = by.blocks(count, enough)
        return merged([_block(pair.block(where), part, rate, names) for where, part in blocks])

    measured = seen(expected)
    if not expected.parts or measured.gradient is None or measured.gradient.fits:
        return measured
    axes = _centred_axes(pair)
    if axes is None:
        return measured
    centred = seen(expected.centred(as_float64(pair.start), axes))
    assert centred.gradient is not None
    return replace(centred, centred=True) if centred.gradient.fits else measured


def _block(pair: Pair, expected: Expectation, rate: float, names: tuple[str, ...]) -> Measured:
    if "proximal" in names:
        pair = pair.with_metric().block(None)
    numbers = (pair.start, pair.zero, pair.after, pair.zero_gradient, pair.gradient)
    if not all(bool(np.isfinite(x).all()) for x in numbers if x is not None):
        return Measured(False, None)
    w, zero, after = pair.start, pair.zero, pair.after
    rounding = pair.rounding * (np.abs(zero) + np.abs(after) + 4 * np.abs(after - w))
    bound = rounding + pair.slack
    change = after - zero
    measured = Measured(True, None, displacement=extent(change, bound))
    if not expected.parts:
        measured = replace(measured, clip=fit(change, zero - w, bound))
    elif len(names) == len(MECHANISMS):
        measured = replace(measured, representable=_representable(expected, w, rate, pair.rounding))
    if pair.gradient is None or pair.zero_gradient is None:
        if not expected.parts:
            return measured
        rates = _rates(pair, expected, rate, names)
        return replace(measured, changes=_changes(expected, (w, zero), (change, bound), rates))
    return _with_gradients(pair, expected, rate, (measured, bound, names))


def _with_gradients(
    pair: Pair, expected: Expectation, rate: float, known: tuple[Measured, Array, tuple[str, ...]]
) -> Measured:
    measured, bound, names = known
    w, zero, before = pair.start, pair.zero, pair.zero_gradient
    assert pair.gradient is not None
    assert before is not None
    added = pair.gradient - before
    noise = 2 * pair.gradient_rounding * (np.abs(pair.gradient) + np.abs(before))
    subgradient = expected.subgradient(w) if expected.parts else np.zeros_like(w)
    joined, uncertain = added, noise
    if pair.own:
        joined, uncertain = added + pair.own * w, noise + pair.own_error * np.abs(w)
    gradient = fit(joined, subgradient, uncertain)
    plain = _is_plain((w, zero), rate * before, pair.rounding, rate * noise)
    changes = {}
    if expected.parts and (plain or gradient.is_zero):
        base = zero - rate * joined if plain else zero
        wider = bound + 2 * rate * uncertain
        rates = _rates(pair, expected, rate, tuple(name for name in names if name != "gradient"))
        changes = _changes(expected, (w, base), (pair.after - base, wider), rates)
    alone = fit(added, subgradient, noise) if pair.own else None
    return replace(measured, gradient=gradient, changes=changes, plain=plain, loop=alone)


def _is_plain(weights: tuple[Array, Array], step: Array, rounding: float, uncertain: Array) -> bool:
    """Return whether weights go where the gradient alone brings them.

    Args:
        weights: before and after.
        step: how far that is.
        rounding: of the weights.
        uncertain: how far the step is known to be off.
    """
    w, zero = weights
    own = rounding * 2 * (np.abs(zero) + np.abs(w)) + 2 * uncertain
    told = exceeds(step, 4 * own)  # a step as small as its rounding is like any other
    return told and not exceeds(zero - w + step, own)


def _centred_axes(pair: Pair) -> tuple[int, ...] | None:
    """Return the axes over which both runs' gradients have no mean, None where they have one.

    Gradient centralization takes it out, of data and penalty alike.
    """
    gradients = (pair.zero_gradient, pair.gradient)
    dimensions = len(pair.start.shape)
    if dimensions < 2 or any(gradient is None for gradient in gradients):
        return None
    for axes in (tuple(range(1, dimensions)), tuple(range(dimensions - 1))):
        units = 0 if axes[0] else dimensions - 1
        if all(_lacks_means(g, units, pair.gradient_rounding) for g in gradients):
            return axes
    return None


def _lacks_means(gradient: Any, units: int, rounding: float) -> bool:
    """Return whether the gradient of no unit has a mean; `units` is their axis."""
    shape = gradient.shape
    for count in (1, shape[units]):  # of most gradients the first unit tells
        few = as_float64(gradient[:count] if units == 0 else gradient[..., :count])
        rows = np.moveaxis(few, units, 0).reshape(few.shape[units], -1)
        small = _ROUNDINGS * rounding * np.abs(rows).max(axis=1, initial=0.0)
        if (np.abs(rows.mean(axis=1)) > small).any():
            return False
    return bool(rows.any()) and rows.shape[1] > 1


def _rates(
    pair: Pair, expected: Expectation, rate: float, names: tuple[str, ...]
) -> dict[str, tuple[Any, Any]]:
    """Return step size and reach by mechanism: a prox may be in the optimizer's metric."""
    if getattr(pair.metric, "ndim", 0) and not expected.is_diagonal:
        names = tuple(name for name in names if name != "proximal")  # it cannot have come so
    rates: dict[str, tuple[Any, Any]] = dict.fromkeys(names, (rate, None))
    if "proximal" in names and pair.metric is not None:
        rates["proximal"] = pair.metric, pair.reach
    return rates


def _changes(
    expected: Expectation,
    places: tuple[Array, Array],
    measured: tuple[Array, Array],
    rates: dict[str, tuple[Any, Any]],
) -> dict[str, Fit]:
    """Fit a change, known up to a bound, to what each mechanism would do from `places`.

    A decay beside the gradient is that of the old weights, or of the moved ones behind the step; a
    prox may act on the old weights too, where it comes before the step.
    """
    w, base = places

    def fitted(name: str, weights: Array, moved: Array = base) -> Fit:
        return _best_fit(_Guess(expected, name, weights, moved, *measured, *rates[name]))

    fits = {name: fitted(name, w) for name in rates}
    first = fits.get("decoupled")
    if first is not None and not (first.fits and first.is_one()):
        behind = fitted("decoupled", base)
        better = behind.fits and (behind.is_one() or not first.fits)
        fits["decoupled"] = behind if better else first
    if fits and not any(fit.fits for fit in fits.values()):
        for name in fits.keys() - {"gradient"}:
            before = fitted(name, w, w)
            fits[name] = before if before.fits else fits[name]
    return fits


def _step_of(pair: Pair) -> Fit:
    """Return how far a step goes that the terms do not change, beside the weights' rounding."""
    step, weights = pair.zero - pair.start, pair.zero
    noise = pair.rounding**2 * float((weights * weights).sum())
    return Fit(ee=float((step * step).sum()), noise_squared=noise)


@dataclass(frozen=True, eq=False)
class _Guess:
    """That a change, known up to a bound, is what one mechanism does from `base`."""

    expected: Expectation
    mechanism: str
    w: Array
    base: Array
    change: Array
    bound: Array
    rate: Any
    reach: Any

    def predict(self, factor: float) -> Array:
        """Return the change at other strengths."""
        expected = self.expected.scaled(factor)
        return expected.change(self.mechanism, self.w, self.base, self.rate, self.reach)

    def fit(self, factor: float) -> Fit:
        """Return how the change agrees with that at other strengths."""
        return fit(self.change, self.predict(factor), self.bound)

    def some(self) -> _Guess | None:
        """Return the same of some of many weights, None where they are few or not separable."""
        expected = self.expected.some(_EVERY) if self.w.size >= _MANY else None
        if expected is None:
            return None

        def cut(x: Any) -> Any:
            return x.reshape(-1)[::_EVERY] if getattr(x, "ndim", 0) else x

        arrays = (self.w, self.base, self.change, self.bound, self.rate, self.reach)
        return _Guess(expected, self.mechanism, *map(cut, arrays))


def _best_fit(guess: _Guess) -> Fit:
    """Fit a change that is not linear in the strength: predict anew at the factor found.

    Where some of the weights have more across the expected line than all may have, none fits.
    """
    first = guess.fit(1.0)
    if first.fits or first.factor <= 0:
        return first
    some = guess.some()
    if some is not None:
        tried = [seen.rest for _, seen in _factors(some, some.fit(1.0))]
        if len(tried) == _TRIES and min(tried) > first.most_rest:
            return first
    for factor, latest in _factors(guess, first):
        if latest.fits:
            return fit(guess.change, guess.predict(factor) / factor, guess.bound)
    return first


def _factors(guess: _Guess, latest: Fit) -> Iterator[tuple[float, Fit]]:
    """Yield how a guess fits at the factor of the last fit, and the factor behind that."""
    factor = 1.0
    for _ in range(_TRIES):
        if latest.factor <= 0:
            return
        factor *= latest.factor
        latest = guess.fit(factor)
        if latest.factor <= 0:
            return
        yield factor * latest.factor, latest


def _representable(
    expected: Expectation, w: Array, rate: float, rounding: float
) -> tuple[float, float]:
    """Compare a decoupled shrink that is rounded like the weights with the shrink itself."""
    if not expected.parts or not rounding:
        return 1.0, 1.0
    shrink = expected.change("decoupled", w, w, rate)
    spacing = rounding * np.exp2(np.floor(np.log2(np.maximum(np.abs(w), np.finfo(float).tiny))))
    rounded = np.rint(shrink / spacing) * spacing
    return dot(rounded, shrink), dot(shrink, shrink)
