"""What `_descent.c` does, in NumPy: for where it was not built, and to test it by.

Newton's steps on the pattern are left out: they change how soon it ends, not where.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

_WITHIN = 10

Penalty = tuple[np.ndarray, np.ndarray, np.ndarray]


def descend_plainly(
    q: np.ndarray,
    w: np.ndarray,
    g: np.ndarray,
    penalty: Penalty,
    starts: np.ndarray,
    tolerance: float,
    most: int,
) -> int:
    """Move weights to the minimizer, in place, and return the sweeps.

    Args:
        q: (n, n), symmetric.
        w: (n,) weights.
        g: (n,) the gradient there, without the penalty; kept up to date.
        penalty: α (n,), β (n,) and the strength of each block's length (blocks,).
        starts: (blocks + 1,) where each block begins, and the end.
        tolerance: by how much a gradient may be off.
        most: sweeps.
    """
    alpha, beta, reach = penalty
    own, alone = np.diag(q).copy(), np.diff(starts) == 1
    bounds = [
        min(float(np.abs(q[a:b, a:b]).sum(axis=1).max()), float(own[a:b].sum()))
        for a, b in pairwise(starts)
    ]
    everything = True
    for sweep in range(1, most + 1):
        largest = 0.0
        there = np.add.reduceat(w != 0, starts[:-1]) > 0
        for block in range(len(reach)) if everything else np.flatnonzero(there):
            first = int(starts[block])
            if alone[block]:
                change = _single(q, w, g, first, own[first], alpha[first] + reach[block], beta)
            else:
                some = slice(first, int(starts[block + 1]))
                numbers = alpha[some], beta[some], float(reach[block]), bounds[block]
                change = _together(q, w, g, some, numbers)
            largest = max(largest, change)
        if largest <= tolerance:
            if everything:
                return sweep
            everything = True
        else:
            everything = False
    return most


def _shrunk(v: np.ndarray, by: np.ndarray) -> np.ndarray:
    return v - np.clip(v, -by, by)


def _single(
    q: np.ndarray,
    w: np.ndarray,
    g: np.ndarray,
    j: int,
    own: float,
    threshold: float,
    beta: np.ndarray,
) -> float:
    curved = own + beta[j]
    if not curved > 0:
        return 0.0
    ahead = own * w[j] - g[j]
    moved = (ahead - min(max(ahead, -threshold), threshold)) / curved - w[j]
    if moved:
        w[j] += moved
        g += moved * q[j]
    return curved * abs(moved)


def _together(
    q: np.ndarray,
    w: np.ndarray,
    g: np.ndarray,
    some: slice,
    numbers: tuple[np.ndarray, np.ndarray, float, float],
) -> float:
    """Take proximal gradient steps inside a block."""
    alpha, beta, reach, bound = numbers
    if not bound > 0:
        return 0.0
    u, h, inner, largest = w[some].copy(), g[some].copy(), q[some, some], 0.0
    for _ in range(_WITHIN):
        ahead = _shrunk(bound * u - h, alpha)
        length = float(np.sqrt(ahead @ ahead))
        left = 1 - reach / length if length > reach else 0.0
        step = left * ahead / (bound + beta) - u
        change = bound * float(np.sqrt(step @ step))
        u += step
        largest = max(largest, change)
        if change < 0.1 * largest or not change:
            break
        h += inner @ step
    moved = u - w[some]
    w[some] = u
    g += moved @ q[some]
    return largest
