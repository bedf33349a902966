"""The prox of LassoNet's penalty in a diagonal metric: one root per input, by Newton's method.

Who uses this: `Hierarchical` under Adam, RMSprop and Adagrad, whose steps differ by weight. For one
input with skips θ that come from a by steps t, hidden weights W from b by steps s, and r = ‖θ‖,

    W_k = clip(b_k, ±M·r), θ_i = a_i/(1 + μ·t_i) with the μ > −1/max t for which ‖θ‖ = r,

the nearest point of a sphere in the metric. Its distance Σ (θ − a)²/(2t) has the slope −μ·r in r,
and with c_i = a_i²/(1 + μ·t_i)³ that slope grows by Σ c/Σ c·t > 0, ever less, since larger r give
the longer steps more weight. What the hidden weights cost has the slope −M·Σ (|b_k| − M·r)₊/s_k,
which grows, and ever less, too. So the objective is strictly convex in r and its slope concave:
there is one r, to which Newton's method climbs from the left. Only a direction may be two-valued:
where a_i is 0 at the longest step and the others do not reach r, θ_i may have either sign.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from shrinkage.arrays import Array, Axes, library_of, norm

_LONGEST, _SHORTEST = 1e6, 1e-10  # against the longest finite step: limits of inf and 0


def skips_in_metric(
    skip: Array, steps: Array, rest: Array, rest_steps: Array, ratio: float, within: Axes
) -> Array:
    """Return the θ of argmin Σ (θ − a)²/(2t) + Σ (W − b)²/(2s) + ‖θ‖ with |W| <= ratio·‖θ‖.

    Args:
        skip: a, at least in float32.
        steps: t > 0, of its shape.
        rest: b.
        rest_steps: s, of its shape.
        ratio: M.
        within: the axes of one input's weights.

    Returns:
        θ; the W are those of `rest` clipped to ratio·‖θ‖.

    >>> import numpy as np
    >>> a, b = np.array([0.0, 0.6]), np.array([3.0])
    >>> skips_in_metric(a, np.array([2.0, 1.0]), b, np.array([1.0]), 1.0, (0,)).round(4)
    array([0.5812, 1.2   ])

    Source: Moré and Sorensen, Computing a trust region step, SIAM J. Sci. Stat. Comput. 4 (1983),
    for the points of a sphere; the rest is derived above.
    """
    library, size = library_of(skip), library_of(skip).abs(rest)
    tolerance = 2 * library.epsilon(skip)
    longest, relative, stiffness = _scaled(steps, rest_steps, within)

    def total(x: Array) -> Array:
        return library.sum(x, within, keepdims=True)

    def newton(root: Array, pull: Array, growth: Array) -> Array:
        """Return the move to the zero of the tangent, of the slope times the longest step."""
        beyond = size - ratio * root
        held = library.where(beyond > 0, stiffness, library.zeros_like(stiffness))
        missing = pull + ratio * total(held * beyond) - longest
        return missing / (growth + ratio**2 * total(held))

    def climb(root: Array) -> tuple[Array, Any]:
        number, reach = _on_sphere(skip, relative, root, within)
        shares = (skip / (reach * root)) ** 2 / reach
        weighted = total(shares * relative)
        growth = library.where(weighted > 0, total(shares) / weighted, weighted * 0 + 1)
        move = newton(root, (number - 1) * root, growth)
        active = move > tolerance * root  # False for NaN, and for good once converged
        return library.where(active, root + move, root), library.any(active)

    far = library.abs(skip) / relative
    pull = norm(far, within, keepdims=True)
    shares = library.where(pull > 0, far / pull, library.zeros_like(far)) ** 2
    growth = library.where(pull > 0, total(shares / relative), library.zeros_like(pull) + 1)
    start = newton(library.zeros_like(pull), pull, growth)
    gone = start <= 0
    root = library.repeat(climb, library.where(gone, library.zeros_like(start) + 1, start))
    number, reach = _on_sphere(skip, relative, root, within)
    moved = skip / reach
    left = 1 - total((moved / root) ** 2)
    free = (relative == 1) & (skip == 0) & (number == 0) & (left > 0)
    alone = root * library.sqrt(left) + library.zeros_like(moved)
    moved = library.where(first_of(free, moved, within), alone, moved)
    moved = library.where(gone, library.zeros_like(moved), moved)
    whole = norm(skip, within, keepdims=True) + total(size)
    return library.where(whole < math.inf, moved, whole - whole + 0 * moved)


def first_of(mask: Array, like: Array, within: Axes) -> Array:
    """Return the mask with at most one place an input, the first; `like` has its shape.

    >>> import numpy as np
    >>> first_of(np.array([False, True, True]), np.zeros(3), (0,))
    array([False,  True, False])
    """
    library = library_of(like)
    shape = [n if axis in within else 1 for axis, n in enumerate(like.shape)]
    places = library.cast(np.arange(math.prod(shape), 0, -1.0).reshape(shape), like)
    nowhere = library.zeros_like(like)
    score = library.where(mask, places + nowhere, nowhere)
    return mask & (score == library.max(score, within, keepdims=True))


def _scaled(steps: Array, rest_steps: Array, within: Axes) -> tuple[Array, Array, Array]:
    """Return the longest step of the skips, theirs over it, and it over those of the others."""
    library = library_of(steps)
    ends = [
        library.max(
            library.where(own < math.inf, own, library.zeros_like(own)), within, keepdims=True
        )
        for own in (steps, rest_steps)
    ]
    finite = library.where(ends[0] > ends[1], *ends)
    finite = library.where(finite > 0, finite, library.zeros_like(finite) + 1)
    steps = library.clip(steps, _SHORTEST * finite, _LONGEST * finite)
    longest = library.max(steps, within, keepdims=True)
    floor = _SHORTEST * finite + 0 * rest_steps
    return longest, steps / longest, longest / library.where(rest_steps > floor, rest_steps, floor)


def _on_sphere(skip: Array, relative: Array, root: Array, within: Axes) -> tuple[Array, Array]:
    """Return 1 + μ·(longest step) >= 0 of the point with ‖a/(1 + μt)‖ = root, and its 1 + μt.

    As ‖a/(1 + μt)‖⁻¹ is concave in μ, Newton's method climbs from a lower bound: that of the weight
    which alone has the length. At 0 the other weights do not reach the sphere.
    """
    library = library_of(skip)
    tolerance, size = 2 * library.epsilon(skip), library.abs(skip) / root

    def reach_at(number: Array) -> Array:
        reach = (1 - relative) + number * relative
        return library.where(reach > 0, reach, library.zeros_like(reach) + 1)  # size is 0 there

    def climb(number: Array) -> tuple[Array, Any]:
        reach = reach_at(number)
        squares = (size / reach) ** 2
        total = library.sum(squares, within, keepdims=True)
        falls = library.sum(squares * relative / reach, within, keepdims=True)
        move = total * (library.sqrt(total) - 1) / falls
        active = move > tolerance * number
        return library.where(active, number + move, number), library.any(active)

    start = library.max((size - (1 - relative)) / relative, within, keepdims=True)
    number = library.repeat(climb, library.where(start > 0, start, library.zeros_like(start)))
    return number, reach_at(number)
