"""The precision of the products of a stack: float32, or bfloat16 where the processor has it.

Who uses this: the plan settles what `--precision` asked for, layers take their products here.
With bfloat16 the weights, Adam's moments, activations and losses stay in float32; what goes into a
product and comes out of it is rounded to 8 bits. Sums inside are in float32. The benchmark
`precision.py` holds its scores against those of float32.
"""

from __future__ import annotations

import os
from functools import cache

import torch

from shrinkage.errors import InputError

PRECISIONS = ("auto", "float32", "bfloat16")
# Of a model's weights in a layer: with fewer, its products take less than the rounding.
LEAST_WEIGHTS = 1 << 14
# Set to 1, bfloat16 may be asked for on any processor: rounded like it, in the time of float32.
EMULATE = "SHRINKAGE_EMULATE_BFLOAT16"


@cache
def is_there(device_type: str) -> bool:
    """Return whether a device multiplies bfloat16 matrices faster than float32.

    On the CPU that is AMX or AVX512-BF16; other processors would convert to float32 and back.
    """
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device_type != "cpu":
        return False
    asked = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in asked)


def settled(asked: str, device: torch.device, dtype: torch.dtype, *, narrows: bool) -> str:
    """Return the precision of a path's products, `float32` or `bfloat16`.

    Args:
        asked: one of `PRECISIONS`; `auto` takes bfloat16 where it is faster.
        device: where the path is trained.
        dtype: of its weights; those of float64 have products in float64.
        narrows: whether the engine knows bfloat16.

    Raises:
        InputError: bfloat16 was asked for and cannot be.
    """
    possible = narrows and dtype is torch.float32
    if asked == "float32" or (asked == "auto" and not (possible and is_there(device.type))):
        return "float32"
    if not possible:
        raise InputError(
            "expected float32 weights of a network that can be stacked for precision bfloat16 "
            "(--precision), got others: use auto"
        )
    if not is_there(device.type) and os.environ.get(EMULATE) != "1":
        raise InputError(
            f"precision 'bfloat16' is not there on this {device.type}: expected a processor with "
            "AMX or AVX512-BF16, or a GPU that has it; use auto or float32"
        )
    return "bfloat16"


def product(left: torch.Tensor, right: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """Return a matrix product, batched in three dimensions, in `out`.

    Of bfloat16 where the device has it not: sums in float32 and one rounding, as those that have.
    """
    if left.dtype is torch.bfloat16 and not is_there(left.device.type):
        return out.copy_(torch.matmul(left.float(), right.float()))
    return torch.mm(left, right, out=out) if left.ndim == 2 else torch.bmm(left, right, out=out)
