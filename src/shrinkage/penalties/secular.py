"""The prox of c‖u‖ in a diagonal metric: one root per group, by Newton's method.

Who uses this: the group penalty under Adam, RMSprop and Adagrad, whose steps differ by weight.
With r = ‖u‖ > 0, stationarity (u − w)/t + c·u/r = 0 gives u = w·r / (r + c·t), and r solves
φ(r) = Σ (w/(r + c·t))² = 1. The function 1/√φ − 1 is increasing and concave, so that Newton's
method started left of the root climbs to it and never passes it: no bracket, no damping.
"""

from __future__ import annotations

import math
from typing import Any

from shrinkage.arrays import Array, Axes, library_of, norm, positive_zeros


def group_prox_closed(w: Array, threshold: Array, axes: Axes) -> Array:
    """Return argmin_u ½‖u − w‖² + threshold·‖u‖ for each group.

    Formula: w · max(0, 1 − threshold/‖w‖), with zero groups exactly +0.0.

    Args:
        w: weights.
        threshold: c·t, with length 1 along `axes`.
        axes: the axes within a group.

    Returns:
        A new array of the shape of `w`.

    >>> import numpy as np
    >>> group_prox_closed(np.array([3.0, 4.0]), np.array([1.0]), (0,))
    array([2.4, 3.2])

    Source: Yuan and Lin, Model selection and estimation in regression with grouped variables,
    JRSS B 68 (2006).
    """
    library = library_of(w)
    length = norm(w, axes, keepdims=True)
    remaining = length - threshold
    gone = length <= threshold
    shrunk = library.where(length == math.inf, w, positive_zeros(w * (remaining / length)))
    return library.where(gone, library.cast(0.0, w), shrunk)


def _start(w: Array, threshold: Array, axes: Axes) -> Array:
    """Return a lower bound of the root, at which no |w|/(r + threshold) exceeds 1."""
    library = library_of(w)
    size = library.abs(w)
    counts = size > 0  # weights of 0 do not move the root: without them the start is nearer to it
    nothing = library.cast(0.0, w)
    by_weight = library.max(library.where(counts, size - threshold, nothing), axes, keepdims=True)
    largest = library.max(library.where(counts, threshold, nothing), axes, keepdims=True)
    by_norm = norm(w, axes, keepdims=True) - largest
    # The largest of three, written so that NaN loses: it is handled by the caller.
    by_weight = library.where(by_weight > 0, by_weight, nothing)
    return library.where(by_norm > by_weight, by_norm, by_weight)


def group_prox_diagonal(w: Array, threshold: Array, axes: Axes) -> Array:
    """Return argmin_u Σ (u − w)²/(2 t) + c‖u‖ for each group, given threshold = c·t per weight.

    Formula: u = w·r/(r + c·t), φ(r) = Σ (w/(r + c·t))² = 1; u = 0 iff Σ (w/(c·t))² <= 1.

    Args:
        w: weights.
        threshold: c·t >= 0, inf allowed, broadcastable to `w`.
        axes: the axes within a group.

    Returns:
        A new array of the shape of `w`; NaN or infinite groups come back as NaN.

    >>> import numpy as np
    >>> u = group_prox_diagonal(np.array([3.0, 4.0]), np.array([1.0, 2.0]), (0,))
    >>> bool(np.allclose((u - [3, 4]) / [1, 2] + u / np.linalg.norm(u), 0))
    True

    Source: the secular equation of trust-region methods, Moré and Sorensen, Computing a trust
    region step, SIAM J. Sci. Stat. Comput. 4 (1983), for the concavity and the start.
    """
    library = library_of(w)
    zero, unit = library.cast(0.0, w), library.cast(1.0, w)
    tolerance = 2 * library.epsilon(w)

    def ratios(root: Array) -> tuple[Array, Array, Array]:
        reach = root + threshold
        reach = library.where(reach > 0, reach, unit)  # w is 0 wherever the reach is
        squares = (w / reach) ** 2
        return reach, squares, library.sum(squares, axes, keepdims=True)

    def newton(root: Array) -> tuple[Array, Any]:
        reach, squares, total = ratios(root)
        slope = library.sum(squares / reach, axes, keepdims=True)
        move = total * (library.sqrt(total) - 1) / slope
        active = move > tolerance * root  # False for NaN, and for good once converged
        return library.where(active, root + move, root), library.any(active)

    start = _start(w, threshold, axes)
    _, _, total = ratios(start)
    gone = (start == 0) & (total <= 1)
    root = library.repeat(newton, library.where(gone, unit, start))
    root = library.where(total >= 0, root, total)  # a diverged group is NaN as a whole
    moved = positive_zeros(w * (root / (root + threshold)))
    return library.where(gone, zero, library.where(threshold == 0, w, moved))


def ball_projection(w: Array, step: Array, radius: Array, axes: Axes) -> Array:
    """Return argmin_u Σ (u − w)²/(2 step) with ‖u‖ <= radius for each group.

    Formula: u = w/(1 + μ·step), with the least μ >= 0 for which ‖u‖ <= radius; with equal steps in
    a group w·radius/‖w‖. The function 1/‖u‖ is concave in μ, so Newton's method climbs to the root
    from the left.

    Args:
        w: weights.
        step: broadcastable to `w`; weights of step 0 stay.
        radius: with length 1 along `axes`, inf allowed.
        axes: the axes within a group.

    Returns:
        A new array of the shape of `w`.

    >>> import numpy as np
    >>> ball_projection(np.array([3.0, 4.0]), np.array(1.0), np.array([1.0]), (0,))
    array([0.6, 0.8])

    Source: Moré and Sorensen, Computing a trust region step, SIAM J. Sci. Stat. Comput. 4 (1983).
    """
    library = library_of(w)
    length = norm(w, axes, keepdims=True)
    even = step.ndim == 0 or all(step.shape[axis] == 1 for axis in axes)
    if even:
        moved = w * (radius / length)
    else:
        moved = _in_ball_of_metric(w, step, radius, axes)
        again = norm(moved, axes, keepdims=True)  # rounding may leave it a little outside
        moved = library.where(again > radius, moved * (radius / again), moved)
        moved = library.where(step == 0, w, moved)
    return library.where(length <= radius, w, moved)


def _in_ball_of_metric(w: Array, step: Array, radius: Array, axes: Axes) -> Array:
    """Return w/(1 + μ·step), with ν = μ·radius where steps are relative to the group's longest."""
    library = library_of(w)
    finite = library.where(step < math.inf, step, library.cast(0.0, step))
    longest = library.max(finite, axes, keepdims=True)
    longest = library.where(longest > 0, longest, library.cast(1.0, step))
    relative = library.where(step < math.inf, step / longest, library.cast(1.0, step))
    tolerance = 2 * library.epsilon(w)

    def newton(root: Array) -> tuple[Array, Any]:
        reach = radius + root * relative
        shares = w / reach
        length = norm(shares, axes, keepdims=True)
        falls = library.sum(shares * shares * (relative / reach), axes, keepdims=True)
        move = (length - 1) * length * length / falls
        active = (move > tolerance * root) & (move < math.inf)
        return library.where(active, root + move, root), library.any(active)

    start = norm(w, axes, keepdims=True) - radius
    root = library.repeat(newton, library.where(start > 0, start, library.zeros_like(start)))
    return w * (radius / (radius + root * relative))


def sparse_group_critical(g: Array, ratio: float, root_size: float, axes: Axes) -> Array:
    """Return the root λ of ‖soft(g, ratio·λ)‖ = (1 − ratio)·root_size·λ for each group.

    The difference is convex and falls, so Newton's method climbs to the root from below it.

    Args:
        g: gradients.
        ratio: the share of L1.
        root_size: √|g|.
        axes: the axes within a group.

    Returns:
        One number a group, with length 1 along `axes`.

    >>> import numpy as np
    >>> print(f"{sparse_group_critical(np.array([3.0, 4.0]), 0.5, 2**0.5, (0,))[0]:.4f}")
    3.5714

    Source: Simon, Friedman, Hastie and Tibshirani, A sparse-group lasso, J. Comput. Graph. Stat.
    22 (2013).
    """
    library = library_of(g)
    size, tolerance = library.abs(g), 2 * library.epsilon(g)
    pull = (1 - ratio) * root_size

    def newton(root: Array) -> tuple[Array, Any]:
        threshold = ratio * root
        left = size - library.clip(size, -threshold, threshold)
        length = norm(left, axes, keepdims=True)
        falls = ratio * library.sum(left, axes, keepdims=True)
        safe = library.where(length > 0, length, library.cast(1.0, g))
        move = (length - pull * root) / (falls / safe + pull)
        active = move > tolerance * root
        return library.where(active, root + move, root), library.any(active)

    # Below the root: Ω <= √|g|·‖w‖ on one group, and Ω(e_i) = ratio + pull.
    start = norm(g, axes, keepdims=True) / root_size
    return library.repeat(newton, start) if ratio < 1 else library.max(size, axes, keepdims=True)
