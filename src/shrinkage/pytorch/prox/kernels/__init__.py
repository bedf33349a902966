"""The compiled kernels, where they were built: one pass over the weights instead of nine.

Who uses this: `Shrink` and `Batch`, for L1 and L2 on single float32 models in dense CPU memory.
They are optional: without a compiler at installation, or with SHRINKAGE_KERNELS=0, the same
operations run in torch, with results that differ by rounding in a diagonal metric and by nothing
in a scalar one. On Linux they share torch's own threads, which are awake after the optimizer's
step; a pool of their own would have to be woken, and would fight with it.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from shrinkage.compiled import library_of


class _Pool(ctypes.Structure):
    """`struct pool` of the C file."""

    _fields_: ClassVar = [(name, ctypes.c_void_p) for name in ("parallel", "number", "count")]


class _Tensors(ctypes.Structure):
    """`struct tensors` of the C file, kept: arguments of a call take as long as little work."""

    _fields_: ClassVar = [
        ("w", ctypes.c_void_p),
        ("square", ctypes.c_void_p),
        ("push", ctypes.c_void_p),
        ("n", ctypes.c_void_p),
        ("count", ctypes.c_size_t),
        ("rows", ctypes.c_void_p),
        ("pool", ctypes.c_void_p),
    ]


def _load() -> Any:
    """Return the library of functions, None where it was not built."""
    library = library_of("shrinkage.pytorch.prox.kernels._shrink")
    if library is None:
        return None
    tensors, number = (ctypes.c_void_p, ctypes.c_uint), ctypes.c_float
    library.shrink_decay.argtypes = (*tensors, number)
    library.shrink_scalar.argtypes = (*tensors, number, number)
    library.shrink_within_reach.argtypes = tensors
    for function in (library.shrink_decay, library.shrink_scalar, library.shrink_within_reach):
        function.restype = None
    return library


def _pool() -> _Pool:
    """Return the OpenMP library that torch itself has loaded; no threads where it is unknown."""
    for path in sorted(Path(torch.__file__).parent.glob("lib/libgomp*.so*")):
        try:
            library = ctypes.CDLL(str(path), mode=os.RTLD_NOLOAD)
            entries = library.GOMP_parallel, library.omp_get_thread_num, library.omp_get_num_threads
        except (OSError, AttributeError):
            continue
        return _Pool(*(ctypes.cast(function, ctypes.c_void_p) for function in entries))
    return _Pool()


_LIBRARY = _load()
_POOL = _pool()


def are_built() -> bool:
    """Return whether the compiled kernels are there and not turned off."""
    return _LIBRARY is not None


class TensorAddresses:
    """The addresses of several tensors, as the kernels take them; looked up anew when they move.

    Args:
        count: how many tensors there will be.

    >>> w = torch.tensor([3.0, -0.5])
    >>> TensorAddresses(1).point_to([w]) is are_built()
    True
    """

    def __init__(self, count: int) -> None:
        self._seen: list[tuple] = []
        self.strides: list[tuple[int, ...]] = []
        self.addresses = (ctypes.c_void_p * count)()
        self.sizes = (ctypes.c_size_t * count)()
        self._flat: Any = (ctypes.c_float * (6 * count))()
        self.numbers = np.frombuffer(self._flat, np.float32).reshape(count, 6)
        self._beside: tuple[TensorAddresses | None, ...] = (None, None)
        self._tensors = _Tensors(
            w=ctypes.addressof(self.addresses),
            n=ctypes.addressof(self.sizes),
            count=count,
            rows=ctypes.addressof(self._flat),
            pool=ctypes.addressof(_POOL),
        )
        self._at = ctypes.addressof(self._tensors)
        self._pack = struct.Struct(f"{6 * count}f").pack_into
        self._dense = False
        self._count = count

    def point_to(self, tensors: Sequence[torch.Tensor]) -> bool:
        """Look at these tensors; return whether kernels may work on them."""
        seen = places(tensors)
        if seen != self._seen:
            self._seen, self.strides = seen, [strides for _, _, strides, _ in seen]
            self._dense = _LIBRARY is not None and all(map(_is_dense, tensors))
            self.addresses[:] = [tensor.data_ptr() for tensor in tensors]
            self.sizes[:] = [tensor.numel() for tensor in tensors]
        return self._dense

    def point_to_models(self, stack: torch.Tensor) -> bool:
        """Look at the models along the first axis of a tensor, which lie one after the other."""
        seen = [(stack.data_ptr(), stack.shape, stack.stride(), stack.dtype)]
        if seen != self._seen:
            self._seen = seen
            plain = stack.dtype is torch.float32 and stack.is_cpu and stack.is_contiguous()
            self._dense = _LIBRARY is not None and plain
            size = stack[0].numel()
            start, step = stack.data_ptr(), size * stack.element_size()
            self.addresses[:] = [start + number * step for number in range(self._count)]
            self.sizes[:] = [size] * self._count
        return self._dense

    def take_numbers(self, numbers: Sequence[Any]) -> None:
        """Fill `numbers`, row by row, without NumPy, which takes longer than the rest."""
        self._pack(self._flat, 0, *numbers)

    def decay(self, factor: float) -> None:
        """w ← w · factor for every tensor."""
        _LIBRARY.shrink_decay(self._at, torch.get_num_threads(), factor)

    def shrink_scalar(self, divisor: float, threshold: float) -> None:
        """w ← soft(w / divisor, threshold) for every tensor."""
        _LIBRARY.shrink_scalar(self._at, torch.get_num_threads(), divisor, threshold)

    def shrink_diagonal(self, squares: TensorAddresses, pushes: TensorAddresses | None) -> None:
        """w ← soft(w − w·pull·r, threshold·r) with r = 1/(√square + offset) for every tensor.

        In a row of `numbers` a tensor has offset, pull, threshold, how far any weight may go, and
        own and ε, where it may go own·|push|/(√square + ε).

        Args:
            squares: of the same shapes and layouts.
            pushes: the same, or none.
        """
        if self._beside != (squares, pushes):
            self._beside = squares, pushes
            self._tensors.square = ctypes.addressof(squares.addresses)
            self._tensors.push = None if pushes is None else ctypes.addressof(pushes.addresses)
        _LIBRARY.shrink_within_reach(self._at, torch.get_num_threads())


def places(tensors: Sequence[torch.Tensor]) -> list[tuple]:
    """Return all that a kernel relies on: an address may be used again by another tensor."""
    return [(t.data_ptr(), t.numel(), t.stride(), t.dtype) for t in tensors]


def lie_alike(first: Sequence[torch.Tensor], second: Sequence[torch.Tensor]) -> bool:
    """Return whether tensors have the strides of their partners, so that addresses correspond.

    >>> lie_alike([torch.ones(2, 3)], [torch.ones(3, 2).T])
    False
    """
    return all(a.stride() == b.stride() for a, b in zip(first, second, strict=True))


def _is_dense(w: torch.Tensor) -> bool:
    """Return whether float32 elements fill one stretch of CPU memory, in whatever order."""
    if w.dtype is not torch.float32 or not w.is_cpu:
        return False
    return w.is_contiguous() or (w.ndim == 4 and w.is_contiguous(memory_format=torch.channels_last))
