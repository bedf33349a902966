"""Coordinate descent on quadratic models, compiled where it was built.

Who uses this: the solver, for every penalty with zeros. scikit-learn's coordinate descent has no
groups, takes a triangle in place of a matrix of second derivatives, and validates for longer than
a small problem takes. Without a compiler at installation, or with SHRINKAGE_KERNELS=0, `plain.py`
does the same in NumPy, to the same weights, about thirty times as slowly.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from shrinkage.compiled import library_of
from shrinkage.paths.engines.linear.kernels.plain import descend_plainly


@dataclass(frozen=True, eq=False)
class Blocks:
    """The penalty of a quadratic model: α Σ h_j|w_j| + ½β Σ h_j w_j² + γ Σ_b root_b ‖w_b‖.

    Args:
        held: (n,) h, 1 for weights that are penalised, else 0.
        starts: (blocks + 1,) where each block of neighbours begins, and the end, of type intp.
        roots: (blocks,) √|g|, 0 for what is in no group.
    """

    held: np.ndarray
    starts: np.ndarray
    roots: np.ndarray

    @cached_property
    def numbers(self) -> np.ndarray:
        """Return h as numbers."""
        return np.ascontiguousarray(self.held, dtype=np.float64)

    @cached_property
    def arguments(self) -> tuple[int, int, int, int]:
        """Return where the compiled function finds the arrays, and how many blocks there are."""
        held, starts, roots = (a.ctypes.data for a in (self.numbers, self.starts, self.roots))
        return held, starts, roots, len(self.roots)


LIBRARY = library_of(f"{__name__}._descent")
"""What was compiled here, None where it was not built."""


def _load() -> Any:
    """Return the compiled function, None where it was not built."""
    if LIBRARY is None:
        return None
    function = LIBRARY.descend
    array, size, whole = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long
    function.argtypes = (
        *(array, size, array, array, array, array, array, size),
        *(array, size, ctypes.c_double, whole, array, array),
    )
    function.restype = ctypes.c_int
    return function


_DESCEND = _load()


def are_built() -> bool:
    """Return whether the compiled kernel is there and not turned off."""
    return _DESCEND is not None


def descend(
    curvature: np.ndarray,
    gradient: np.ndarray,
    start: np.ndarray,
    blocks: Blocks,
    levels: np.ndarray,
    tolerance: float,
    most: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the minimizers of a quadratic model at some strengths, and which it got to.

    Args:
        curvature: (n, n), symmetric, C-contiguous.
        gradient: (n,) at the start, without the penalty.
        start: (n,) where to begin.
        blocks: what is penalised.
        levels: (models, 3) α, β and γ of each; one begins where the one before it ended.
        tolerance: by how much a gradient may be off.
        most: sweeps.

    >>> blocks = Blocks(np.ones(2), np.arange(3), np.zeros(2))
    >>> level = np.array([[0.5, 0.0, 0.0]])
    >>> descend(np.eye(2), np.array([-2.0, 0.1]), np.zeros(2), blocks, level, 1e-12, 10)
    (array([[1.5, 0. ]]), array([ True]))
    """
    weights, pull = start.astype(np.float64), gradient.astype(np.float64)
    levels = np.ascontiguousarray(levels, dtype=np.float64)
    out, sweeps = np.empty((len(levels), len(weights))), np.empty(len(levels), dtype=np.int_)
    if _DESCEND is None:
        for row, level in enumerate(levels):
            sweeps[row] = descend_plainly(
                curvature,
                weights,
                pull,
                (level[0] * blocks.numbers, level[1] * blocks.numbers, level[2] * blocks.roots),
                blocks.starts,
                tolerance,
                most,
            )
            out[row] = weights
        return out, sweeps < most
    ended = _DESCEND(
        *(curvature.ctypes.data, len(weights), weights.ctypes.data, pull.ctypes.data),
        *blocks.arguments,
        *(levels.ctypes.data, len(levels), tolerance, most, out.ctypes.data, sweeps.ctypes.data),
    )
    if ended < 0:
        raise MemoryError
    return out, sweeps < most
