"""Models of one output solved by the compiled proximal Newton loop, each in one call.

Who uses this: `in_calls.py`. The call holds no lock of Python's, so folds run side by side; BLAS is
SciPy's, handed over as pointers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import cython_blas  # pyright: ignore[reportAttributeAccessIssue]

from shrinkage.paths.engines.linear.kernels import LIBRARY, Blocks

_ARRAY, _SIZE, _NUMBER = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_double


class _Rows(ctypes.Structure):
    """`struct rows` of `_rows.h`."""

    _fields_ = (
        ("x", _ARRAY),
        ("rows", _SIZE),
        ("inputs", _SIZE),
        ("target", _ARRAY),
        ("share", _ARRAY),
        ("held", _ARRAY),
        ("starts", _ARRAY),
        ("roots", _ARRAY),
        ("blocks", _SIZE),
        ("scale", _NUMBER),
        ("unit", _NUMBER),
        ("left", _NUMBER),
        ("aim", _NUMBER),
        ("aim_ridged", _NUMBER),
        ("gemv", _ARRAY),
        ("syrk", _ARRAY),
        ("kind", _SIZE),
        ("most_steps", _SIZE),
        ("most_sweeps", _SIZE),
        ("few", _SIZE),
        ("least_set", _SIZE),
        ("most_set", _SIZE),
    )


def _load() -> Callable[..., int] | None:
    """Return the compiled function, None where it was not built."""
    if LIBRARY is None:
        return None
    function = LIBRARY.newton
    function.argtypes = (_ARRAY, _ARRAY, _ARRAY, _ARRAY, _ARRAY, _NUMBER, _NUMBER)
    function.restype = ctypes.c_int
    return function


def _blas(name: str) -> int:
    """Return where a function of SciPy's BLAS begins."""
    capsule = cython_blas.__pyx_capi__[name]
    name_of = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = ctypes.c_char_p, (ctypes.py_object,)
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    return pointer_of(capsule, name_of(capsule))


_NEWTON = _load()


def is_built() -> bool:
    """Return whether the compiled function is there and not turned off."""
    return _NEWTON is not None


class Newton:
    """Rows that do not change along a path.

    Args:
        x: (rows, inputs), Fortran-contiguous, groups of neighbours.
        target: (rows,).
        share: (rows,).
        blocks: what is penalised.
        numbers: the others of `struct rows`.
    """

    def __init__(
        self,
        x: np.ndarray,
        target: np.ndarray,
        share: np.ndarray,
        blocks: Blocks,
        **numbers: Any,
    ) -> None:
        held, starts, roots, count = blocks.arguments
        self._kept = x, target, share, blocks  # what the pointers lead to
        self._rows = _Rows(
            *(x.ctypes.data, *x.shape, target.ctypes.data, share.ctypes.data),
            *(held, starts, roots, count),
            gemv=_blas("dgemv"),
            syrk=_blas("dsyrk"),
            **numbers,
        )

    def solve(
        self,
        level: np.ndarray,
        weights: np.ndarray,
        intercept: np.ndarray,
        far: tuple[np.ndarray, float] | None,
        share: float,
    ) -> bool:
        """Move weights (inputs,) and intercept (1,) to the minimizer; return whether it got there.

        Args:
            level: (3,) α, β and γ.
            weights: where to begin, and where it ends.
            intercept: of the same.
            far: weights and intercept of a model whose way here leads on.
            share: how much of that way to go on, if the objective is lower there.
        """
        assert _NEWTON is not None
        there = _NEWTON(
            *(ctypes.addressof(self._rows), level.ctypes.data),
            *(weights.ctypes.data, intercept.ctypes.data),
            *((None, 0.0) if far is None else (far[0].ctypes.data, far[1])),
            share,
        )
        if there < 0:
            raise MemoryError
        return bool(there)
