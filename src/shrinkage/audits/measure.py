"""One parameter at one scale: which mechanisms moved it, and with which factor.

Who uses this: the neutral audit and that of PyTorch, which measures one parameter after another
so that no second copy of a network is held. What two runs of the same step did to a parameter,
one without the terms and one with them, is compared with what the terms should do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from shrinkage.audits.expected import MECHANISMS, Expectation
from shrinkage.audits.fits import Fit, dot, exceeds, extent, fit

Array = Any


@dataclass(frozen=True, eq=False)
class Pair:
    """A parameter in a run without the terms (`zero`) and one with them at a scale.

    `start` is where both began; gradients are those before clipping, None where they are unknown.
    `step` is the rounding of the weights' dtype (its machine epsilon), `slope_step` that of the
    gradients'. `own` is what the optimizer itself adds to the gradient, in units of the weights;
    `metric` is the step size of a prox in the optimizer's metric: a number, one per weight, or a
    function that returns them when they are needed.
    """

    start: Array
    zero: Array
    after: Array
    zero_gradient: Array | None = None
    gradient: Array | None = None
    step: float = 0.0
    slope_step: float = 0.0
    own: float = 0.0
    metric: Any = None


@dataclass(frozen=True)
class Measured:
    """What was seen of one parameter at one scale.

    `slope` compares the gradients. `changes` compares the weights, by mechanism: all of the
    change where gradients are unknown, else the part that the gradients do not explain; empty
    where the optimizer does not let it be told. `kept` is ⟨rounded shrink, shrink⟩ and ‖shrink‖²,
    `clip` how far the whole change is along the step itself.
    """

    finite: bool
    slope: Fit | None
    changes: dict[str, Fit] = field(default_factory=dict)
    kept: tuple[float, float] = (1.0, 1.0)
    whole: Fit = field(default_factory=Fit)
    clip: Fit = field(default_factory=Fit)
    plain: bool = False
    loop: Fit | None = None  # the loop's gradients alone, where the optimizer adds to them

    @property
    def survives(self) -> float:
        """The share of the expected shrink that the weights' dtype can hold."""
        return self.kept[0] / self.kept[1] if self.kept[1] > 0 else 1.0

    @property
    def moved(self) -> bool:
        """Whether the weights ended elsewhere, by more than rounding."""
        return self.whole.present


def measure(
    pair: Pair,
    expectation: Expectation,
    rate: float,
    scale: float,
    *,
    allowed: tuple[str, ...] = MECHANISMS,
) -> Measured:
    """Compare two runs of one parameter.

    Args:
        pair: the two runs.
        expectation: what the terms should do at scale 1; no parts for an unselected parameter.
        rate: the learning rate.
        scale: by how much the strengths were multiplied.
        allowed: mechanisms that would be right; the others are tried where none of these fits.

    Returns:
        The `Measured`.
    """
    expected = expectation.scaled(scale)
    first = MECHANISMS[:2] if pair.gradient is None else MECHANISMS[1:2]
    found = _measure(pair, expected, rate, first)
    if not expected.parts or not found.finite or _is_settled(found, allowed):
        return found
    full = replace(pair, metric=pair.metric() if callable(pair.metric) else pair.metric)
    return _measure(full, expected, rate, MECHANISMS)


def _is_settled(found: Measured, allowed: tuple[str, ...]) -> bool:
    """Return whether one look was enough: the penalty arrived, once, as it should."""
    right = [one for name, one in found.changes.items() if name in allowed and one.present]
    if any(one.fits and one.is_one() for one in right):
        return found.slope is None or not found.slope.present
    beside = any(one.present for one in found.changes.values())
    return found.slope is not None and found.slope.present and not beside


def _measure(pair: Pair, expected: Expectation, rate: float, names: tuple[str, ...]) -> Measured:
    count = int(np.prod(pair.start.shape))
    pieces = expected.pieces(count)
    return _merged([_piece(_cut(pair, where), part, rate, names) for where, part in pieces])


def _piece(pair: Pair, expected: Expectation, rate: float, names: tuple[str, ...]) -> Measured:
    numbers = (pair.start, pair.zero, pair.after, pair.zero_gradient, pair.gradient)
    if not all(bool(np.isfinite(x).all()) for x in numbers if x is not None):
        return Measured(False, None)
    w, zero, after = pair.start, pair.zero, pair.after
    bound = pair.step * (np.abs(zero) + np.abs(after) + 4 * np.abs(after - w))
    change = after - zero
    one = Measured(True, None, whole=extent(change, bound))
    if not expected.parts:
        one = replace(one, clip=fit(change, zero - w, bound))
    elif len(names) == len(MECHANISMS):
        one = replace(one, kept=_kept(expected, w, rate, pair.step))
    if pair.gradient is None or pair.zero_gradient is None:
        if not expected.parts:
            return one
        rates = _rates(pair, rate, names)
        return replace(one, changes=_changes(expected, (w, zero), (change, bound), rates))
    return _with_gradients(pair, expected, rate, (one, bound, names))


def _with_gradients(
    pair: Pair, expected: Expectation, rate: float, known: tuple[Measured, Array, tuple[str, ...]]
) -> Measured:
    one, bound, names = known
    w, zero, before = pair.start, pair.zero, pair.zero_gradient
    assert pair.gradient is not None
    assert before is not None
    made = pair.gradient - before
    sizes = np.abs(pair.gradient) + np.abs(before)
    noise = 2 * pair.slope_step * sizes
    slope = expected.slope(w) if expected.parts else np.zeros_like(w)
    steeper = made + pair.own * w if pair.own else made
    gradients = fit(steeper, slope, noise)
    own = pair.step * 2 * (np.abs(zero) + np.abs(w)) + 2 * rate * noise
    plain = not exceeds(zero - w + rate * before, own)
    changes = {}
    if expected.parts and (plain or gradients.is_zero):
        base = zero - rate * steeper if plain else zero
        wider = bound + 2 * rate * noise
        rates = _rates(pair, rate, tuple(name for name in names if name != "gradient"))
        changes = _changes(expected, (w, base), (pair.after - base, wider), rates)
    alone = fit(made, slope, noise) if pair.own else None
    return replace(one, slope=gradients, changes=changes, plain=plain, loop=alone)


def _rates(pair: Pair, rate: float, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the step size by mechanism: a prox may be measured in the optimizer's metric."""
    found: dict[str, Any] = dict.fromkeys(names, rate)
    if "proximal" in names and pair.metric is not None:
        found["proximal"] = pair.metric
    return found


def _changes(
    expected: Expectation,
    places: tuple[Array, Array],
    measured: tuple[Array, Array],
    rates: dict[str, Any],
) -> dict[str, Fit]:
    """Fit a change, known up to a bound, to what each mechanism would do from `places`."""
    w, base = places
    change, bound = measured

    def predict(name: str) -> Callable[[float], Array]:
        return lambda factor: expected.scaled(factor).change(name, w, base, rates[name])

    return {name: _best_fit(predict(name), change, bound) for name in rates}


def _best_fit(predict: Callable[[float], Array], change: Array, bound: Array) -> Fit:
    """Fit a change that is not linear in the strength: predict anew at the factor found."""
    first = fit(change, predict(1.0), bound)
    if first.fits or first.factor <= 0:
        return first
    total, found = 1.0, first
    for _ in range(4):
        total *= found.factor
        found = fit(change, predict(total), bound)
        if found.factor <= 0 or not found.expects:
            return first
        if found.fits:
            total *= found.factor
            expected = predict(total) / total
            return fit(change, expected, bound)
    return first


def _kept(expected: Expectation, w: Array, rate: float, step: float) -> tuple[float, float]:
    """Compare a decoupled shrink that is rounded like the weights with the shrink itself."""
    if not expected.parts or not step:
        return 1.0, 1.0
    shrink = expected.change("decoupled", w, w, rate)
    spacing = step * np.exp2(np.floor(np.log2(np.maximum(np.abs(w), np.finfo(float).tiny))))
    kept = np.rint(shrink / spacing) * spacing
    return dot(kept, shrink), dot(shrink, shrink)


def _cut(pair: Pair, where: slice | None) -> Pair:
    def piece(x: Any) -> Any:
        if x is None:
            return None
        return as_float64(x if where is None else x.reshape(-1)[where])

    return Pair(
        piece(pair.start),
        piece(pair.zero),
        piece(pair.after),
        piece(pair.zero_gradient),
        piece(pair.gradient),
        pair.step,
        pair.slope_step,
        pair.own,
        piece(pair.metric) if hasattr(pair.metric, "shape") else pair.metric,
    )


def as_float64(x: Any) -> Array:
    """Return an array, or a torch tensor, in float64."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        x = (x if str(x.dtype) in ("torch.float32", "torch.float64") else x.double()).numpy()
    return np.asarray(x, dtype=np.float64)


def _merged(pieces: list[Measured]) -> Measured:
    first, *others = pieces
    if not all(piece.finite for piece in pieces):
        return Measured(False, None)
    if not others:
        return first
    names = set(first.changes).intersection(*(piece.changes for piece in others))
    slopes = [piece.slope for piece in pieces if piece.slope is not None]
    return Measured(
        True,
        sum(slopes, Fit()) if len(slopes) == len(pieces) else None,
        {
            name: sum((piece.changes[name] for piece in pieces), Fit())
            for name in MECHANISMS
            if name in names
        },
        (sum(piece.kept[0] for piece in pieces), sum(piece.kept[1] for piece in pieces)),
        sum((piece.whole for piece in pieces), Fit()),
        sum((piece.clip for piece in pieces), Fit()),
        all(piece.plain for piece in pieces),
        None if first.loop is None else sum((piece.loop or Fit() for piece in pieces), Fit()),
    )
