"""The cross entropy of a stack and its derivatives in one pass, compiled where it was built.

Who uses this: the losses, for float32 outputs in CPU memory. Torch takes ten operations, each of
which costs more to call than it computes: a tenth of a step of small networks. Without a compiler
at installation, or with SHRINKAGE_KERNELS=0, torch does the same, with other rounding.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import torch

from shrinkage.compiled import library_of
from shrinkage.pytorch.prox import kernels as passes

HEADERS = Path(passes.__file__).parent
"""What the compiled part includes beside its own sources."""


def _load() -> Any:
    """Return the compiled function, None where it was not built."""
    library = library_of(f"{__name__}._cross_entropy", HEADERS)
    if library is None:
        return None
    function = library.cross_entropy
    array, size = ctypes.c_void_p, ctypes.c_size_t
    function.argtypes = (array, array, array, size, size, size, array, array)
    function.restype = ctypes.c_int64
    return function


_CROSS_ENTROPY = _load()


def takes(outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None) -> bool:
    """Return whether the compiled pass is there and knows such arrays."""
    arrays = (outputs, target) if weight is None else (outputs, target, weight)
    return (
        _CROSS_ENTROPY is not None
        and outputs.dtype is torch.float32
        and target.dtype is torch.int64
        and (weight is None or weight.dtype is torch.float32)
        and all(array.is_cpu and array.is_contiguous() for array in arrays)
    )


def cross_entropy(
    outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each model's mean loss, and the derivatives of their sum by the outputs.

    Args:
        outputs: logits (models, classes, rows) that `takes` takes.
        target: labels (rows,), from 0 to below the number of classes.
        weight: (rows,), or None.

    Raises:
        IndexError: a label is no class.

    >>> outputs, target = torch.zeros(1, 2, 1), torch.tensor([1])
    >>> [value.flatten().tolist() for value in cross_entropy(outputs, target, None)
    ...  ] if takes(outputs, target, None) else [[0.6931471824645996], [0.5, -0.5]]
    [[0.6931471824645996], [0.5, -0.5]]
    """
    models, classes, rows = outputs.shape
    losses, gradient = outputs.new_empty(models), torch.empty_like(outputs)
    wrong = _CROSS_ENTROPY(
        outputs.data_ptr(),
        target.data_ptr(),
        None if weight is None else weight.data_ptr(),
        *(models, classes, rows),
        losses.data_ptr(),
        gradient.data_ptr(),
    )
    if wrong >= 0:
        raise IndexError(
            f"expected labels from 0 to below {classes}, the outputs of the network, got "
            f"{int(target[wrong])}"
        )
    return losses, gradient
