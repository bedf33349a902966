"""Coordinate descent on quadratic models, compiled where it was built.

Who uses this: the solver, for every penalty with zeros. scikit-learn's coordinate descent has no
groups, takes a triangle in place of a matrix of second derivatives, and validates for longer than
a small problem takes. Without a compiler at installation, or with SHRINKAGE_KERNELS=0, `plain.py`
does the same in NumPy, to the same weights, about thirty times as slowly.
"""

from __future__ import annotations

import ctypes
import importlib
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.paths.engines.linear.kernels.plain import descend_plainly


@dataclass(frozen=True, eq=False)
class Blocks:
    """The penalty of a quadratic model: Σ α_j|w_j| + ½ Σ β_j w_j² + Σ_b reach_b ‖w_b‖.

    Args:
        alpha: (n,) thresholds.
        beta: (n,) ridges.
        starts: (blocks + 1,) where each block of neighbours begins, and the end, of type intp.
        reach: (blocks,) strengths of the lengths.
    """

    alpha: np.ndarray
    beta: np.ndarray
    starts: np.ndarray
    reach: np.ndarray


def _load() -> Any:
    """Return the compiled function, None where it was not built."""
    if os.environ.get("SHRINKAGE_KERNELS", "1") == "0":
        return None
    try:
        built = importlib.import_module(f"{__name__}._descent")
        function = ctypes.CDLL(str(built.__file__)).descend
    except (ImportError, OSError, AttributeError):
        return None
    array, size = ctypes.c_void_p, ctypes.c_size_t
    function.argtypes = (array, size, *[array] * 6, size, ctypes.c_double, ctypes.c_long)
    function.restype = ctypes.c_long
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
    tolerance: float,
    most: int,
) -> tuple[np.ndarray, bool]:
    """Return the minimizer of a quadratic model with a penalty, and whether it got there.

    Args:
        curvature: (n, n), symmetric, C-contiguous.
        gradient: (n,) at the start, without the penalty.
        start: (n,) where to begin.
        blocks: the penalty.
        tolerance: by how much a gradient may be off.
        most: sweeps.

    >>> blocks = Blocks(np.array([0.5, 0.5]), np.zeros(2), np.arange(3), np.zeros(2))
    >>> descend(np.eye(2), np.array([-2.0, 0.1]), np.zeros(2), blocks, 1e-12, 10)
    (array([1.5, 0. ]), True)
    """
    weights, pull = start.astype(np.float64), gradient.astype(np.float64)
    if _DESCEND is None:
        sweeps = descend_plainly(
            curvature,
            weights,
            pull,
            (blocks.alpha, blocks.beta, blocks.starts, blocks.reach),
            tolerance,
            most,
        )
        return weights, sweeps < most
    arrays = (weights, pull, blocks.alpha, blocks.beta, blocks.starts, blocks.reach)
    sweeps = _DESCEND(
        curvature.ctypes.data,
        len(weights),
        *(array.ctypes.data for array in arrays),
        len(blocks.reach),
        tolerance,
        most,
    )
    if sweeps < 0:
        raise MemoryError
    return weights, sweeps < most
