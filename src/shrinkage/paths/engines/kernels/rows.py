"""The first layer of a stack on rows that are mostly zero, in float32: zeros are left out.

Who uses this: the stacked network where rows are judged, of pictures on black, counts, one-hot
columns. A dense product multiplies zeros, too: of MNIST four numbers in five.
"""

from __future__ import annotations

import ctypes
from typing import Any, ClassVar

import torch

from shrinkage.compiled import library_of
from shrinkage.paths.engines.kernels import HEADERS, mlp
from shrinkage.pytorch.prox import kernels as passes

PAYS = 0.3  # share of the numbers that are not zero, below which lists are faster than a product
LEAST_ROWS = 128
MOST_WEIGHTS = 2**22  # of which a copy is made
SAMPLE = 256
_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t


class _Product(ctypes.Structure):
    """`struct product` of the C file."""

    _fields_: ClassVar = [
        *((name, _POINTER) for name in ("x", "weight", "out")),
        *((name, _SIZE) for name in ("rows", "inputs", "outputs")),
        *(("panels", _POINTER), ("room", _POINTER), ("room_of_one", _SIZE), ("pool", _POINTER)),
        ("width", _SIZE),
    ]


def _load() -> Any:
    """Return the library, None where it was not built."""
    library = library_of(f"{__package__}._cross_entropy", HEADERS)
    if library is not None:
        for function in (library.rows_room, library.rows_panels):
            function.restype, function.argtypes = _SIZE, (_POINTER,)
        library.rows_product.restype = None
        library.rows_product.argtypes = (_POINTER, ctypes.c_uint)
    return library


_LIBRARY = _load()


def takes(weight: torch.Tensor, x: torch.Tensor) -> bool:
    """Return whether the compiled product is there, knows such arrays, and is faster on these rows.

    Args:
        weight: (outputs, inputs).
        x: (rows, inputs).
    """
    pays = len(x) >= LEAST_ROWS and weight.numel() <= MOST_WEIGHTS
    if _LIBRARY is None or torch.is_grad_enabled() or not pays:
        return False
    both = (weight, x)
    known = (own.is_cpu and own.dtype is torch.float32 and own.is_contiguous() for own in both)
    return all(known) and float((x[:: -(-len(x) // SAMPLE)] != 0).float().mean()) < PAYS


def product(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return weight · xᵀ, (outputs, rows), of arrays that `takes` takes.

    Zeros of `x` count as nothing, also where a weight is not finite.

    >>> x, weight = torch.eye(3).repeat(64, 1), torch.arange(6.0).view(2, 3)
    >>> with torch.no_grad():
    ...     product(weight, x)[:, :3].tolist() if takes(weight, x) else weight.tolist()
    [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    """
    (rows, inputs), outputs = x.shape, len(weight)
    out, threads = x.new_empty(outputs, rows), torch.get_num_threads()
    own = _Product(x.data_ptr(), weight.data_ptr(), out.data_ptr(), rows, inputs, outputs)
    own.room_of_one = _LIBRARY.rows_room(ctypes.byref(own))
    panels = x.new_empty(_LIBRARY.rows_panels(ctypes.byref(own)))
    room = torch.empty(threads * own.room_of_one, dtype=torch.uint8)
    own.panels, own.room = panels.data_ptr(), room.data_ptr()
    own.pool, own.width = ctypes.addressof(passes._POOL), mlp.WIDEST
    _LIBRARY.rows_product(ctypes.byref(own), threads)
    return out
