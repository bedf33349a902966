"""Weights in half precision: half the bytes, and what the rounding costs.

Who uses this: `compact`, where a file in half precision is asked for, and what writes such files.
A weight is rounded once; a network computes in the precision that it had, on weights that such a
file holds exactly, so that what is measured here is what a reader of the file gets.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import torch
from torch import nn

from shrinkage.checks import one_of
from shrinkage.compaction.proof import answers, difference, file_bytes, random_for
from shrinkage.compaction.tracing import in_evaluation
from shrinkage.errors import InputError

HALF = {"float16": torch.float16, "bfloat16": torch.bfloat16}
"""The types of half precision, by name: of 11 and of 8 significant bits."""

Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class Rounding:
    """What weights in half precision cost and save.

    Attributes:
        stored_as: the type of the file.
        difference_real: largest difference of an output on the rows of the example from that of
            the network with its own weights, relative to the largest output there.
        difference_random: the same on random rows.
        changed: share of the rows whose prediction is another one; None where the outputs are not
            (rows, classes).
        file_bytes: of the parameters and buffers in a safetensors file of that type.
    """

    stored_as: str
    difference_real: float
    difference_random: float
    changed: float | None
    file_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self)


def in_half(tensors: Mapping[str, torch.Tensor], stored_as: str) -> dict[str, torch.Tensor]:
    """Return tensors as a file in half precision holds them: rounded to the nearest, ties to even.

    Exact zeros stay zeros; whole numbers, and what is in half precision already, stay as they are.

    Args:
        tensors: by name.
        stored_as: `float16` or `bfloat16`.

    Raises:
        InputError: the type is another, or a number is too large for it.

    >>> in_half({"weight": torch.tensor([0.0, 0.1])}, "float16")
    {'weight': tensor([0.0000, 0.1000], dtype=torch.float16)}
    """
    dtype = HALF[one_of(stored_as, "type of half precision", HALF)]
    rounded = {
        name: own.to(dtype) if own.is_floating_point() and own.element_size() > 2 else own
        for name, own in tensors.items()
    }
    for name, own in rounded.items():
        lost = own.isinf() & tensors[name].isfinite()
        if lost.any():
            largest = tensors[name][lost].abs().max().item()
            raise InputError(
                f"expected weights that {stored_as} holds, up to {torch.finfo(dtype).max:g}, got "
                f"{largest:g} in {name}: keep them in float32"
                + (", or take bfloat16" if stored_as == "float16" else "")
            )
    return rounded


def rounded(module: Module, inputs: tuple[Any, ...], stored_as: str) -> tuple[Module, Rounding]:
    """Return a copy of a network with the weights of a file in half precision, and their cost.

    Args:
        module: a network; the copy computes in its precision. Evaluation is what is compared.
        inputs: what it is called with.
        stored_as: as in `in_half`.

    Raises:
        InputError: as `in_half`.
    """
    state = module.state_dict()
    tensors = {name: own for name, own in state.items() if isinstance(own, torch.Tensor)}
    copy = deepcopy(module)
    copy.load_state_dict({**state, **in_half(tensors, stored_as)})
    both = in_evaluation(module), in_evaluation(copy)
    real = difference(*both, inputs)
    random = difference(*both, random_for(both[0], inputs))
    size = file_bytes(copy, lambda own: in_half(own, stored_as))
    return copy, Rounding(stored_as, real, random, _changed(*both, inputs), size)


def _changed(module: nn.Module, copy: nn.Module, inputs: tuple[Any, ...]) -> float | None:
    """Return the share of rows whose largest output is another one."""
    told = [answers(own, inputs) for own in (module, copy)]
    if len(told[0]) != 1 or told[0][0].ndim != 2 or told[0][0].shape[1] < 2:
        return None
    first, second = (own[0].argmax(1) for own in told)
    return (first != second).double().mean().item()
