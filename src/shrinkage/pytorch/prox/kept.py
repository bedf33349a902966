"""The optimizer's tensors of some parameters, as they lay at the last step.

Who uses this: `Batch`. Between the steps of a network all code and all objects come from memory
anew, and most of a hook was looking at every tensor from all sides. What cannot have changed while
a tensor is the same object at the same address is looked at once; a step is read where it lies.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from shrinkage.pytorch.optimizers import Group
from shrinkage.pytorch.optimizers.motion import ByStep
from shrinkage.pytorch.prox.kernels import places

_POINTER = torch.Tensor.data_ptr

States = Mapping[torch.Tensor, Mapping[str, Any]]


class _Kept(NamedTuple):
    """What belongs to one parameter; its step is read in the memory that is kept for that."""

    square: torch.Tensor
    push: torch.Tensor
    memory: torch.Tensor
    count: ctypes.c_float  # no longer goes on where the step has moved


class KeptTensors:
    """Squares, pushes and steps that stay where they are.

    Args:
        parameters: to which they belong.
        by_step: how they are called.
    """

    def __init__(self, parameters: Sequence[torch.Tensor], by_step: ByStep) -> None:
        self._parameters, self._by_step = parameters, by_step
        self._kept: list[_Kept] = []
        self._belonging: list[torch.Tensor] = []
        self._pointers: list[int] = []
        self._places: list[tuple] = []
        self._step = 0.0

    def step(self, group: Group, states: States) -> float | None:
        """Return the step that all have just taken, the next one; None: look at them anew."""
        if not self._kept:
            return None
        self._step = step = self._step + 1
        square, push = self._by_step.square(group), self._by_step.push
        for parameter, kept in zip(self._parameters, self._kept, strict=True):
            state, (own_square, own_push, _, count) = states[parameter], kept
            if (
                count.value != step
                or state[square] is not own_square
                or state[push] is not own_push
            ):
                return None
        if list(map(_POINTER, self._belonging)) != self._pointers:
            return None
        return step if places(self._parameters) == self._places else None

    def keep(self, group: Group, states: States) -> None:
        """Keep the tensors of a step that is done, where all have taken as many."""
        names = self._by_step.square(group), self._by_step.push, "step"
        own = [tuple(states[parameter][name] for name in names) for parameter in self._parameters]
        self._kept.clear()
        if all(_is_readable(step) for _, _, step in own):
            for square, push, step in own:
                count = ctypes.c_float.from_address(step.data_ptr())
                self._kept.append(_Kept(square, push, step.detach(), count))
            self._step = self._kept[0].count.value
            if any(kept.count.value != self._step for kept in self._kept):
                self._kept.clear()
        self._belonging = [tensor for square, push, _ in own for tensor in (square, push)]
        self._pointers = list(map(_POINTER, self._belonging))
        self._places = places(self._parameters)


def _is_readable(step: Any) -> bool:
    """Return whether a step is a float32 number in the memory of the CPU."""
    return isinstance(step, torch.Tensor) and step.dtype is torch.float32 and step.is_cpu
