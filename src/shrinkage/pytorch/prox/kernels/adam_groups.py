"""Adam and the prox of a group penalty after it in one pass over a stack: compiled.

Who uses this: the stacked engine, for groups by input. Torch's Adam and `group.GroupThreshold`
after it read the arrays some thirty times, and look for a root of groups that are zero, too.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from shrinkage.pytorch.prox import kernels

TILE = 256  # that of `_groups.c`


def is_built() -> bool:
    """Return whether the compiled pass is there and not turned off."""
    return kernels.are_built()


@dataclass(frozen=True)
class GroupSegment:
    """A model of a parameter, an array (outer, members, inner) with a group along each middle axis.

    `begin` is where it lies in the buffers, and `group` the strength times √members, above 0.
    """

    begin: int
    lengths: tuple[int, int, int]
    l1: float
    l2: float
    group: float
    narrow: bool = False


class AdamGroupPass:
    """Adam and the prox of group·Σ‖w_g‖ + l1·Σ|w| + l2·½Σw² on segments of flat buffers."""

    def __init__(self, segments: Sequence[GroupSegment]) -> None:
        lengths = np.array([own.lengths for own in segments], np.uintp).T
        self._whole = [
            np.array([own.begin for own in segments], np.uintp),
            *(np.ascontiguousarray(row) for row in lengths),
        ]
        numbers = np.array([(own.l1, own.l2, own.group) for own in segments], np.float64).T
        self._strengths = [np.ascontiguousarray(row) for row in numbers]
        self._narrow = np.array([own.narrow for own in segments], np.uint8)
        self._room = 3 * TILE * int(lengths[1].max())
        self._rooms = np.empty(0)
        self._zeros = np.zeros((1, len(segments)), np.int64)
        self._rows = 1

    @property
    def zeros(self) -> np.ndarray:
        """Return the zeros of each segment after the last step."""
        return self._zeros[: self._rows].sum(axis=0)

    def __call__(
        self,
        buffers: Sequence[torch.Tensor],
        numbers: np.ndarray,
        narrow: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> None:
        """Take one step in place.

        Args:
            buffers: weights, gradients and Adam's moments, as `AdamPass` takes them.
            numbers: `AdamNumbers.at` of the step.
            narrow: gradients and weights in bfloat16, of the segments that are narrow.
        """
        threads = torch.get_num_threads()
        if threads > len(self._zeros):
            self._zeros = np.zeros((threads, len(self._narrow)), np.int64)
        if self._rooms.size < threads * self._room:
            self._rooms = np.empty(threads * self._room)  # as float64, which the larger need
        pointer, count = ctypes.c_void_p, ctypes.c_size_t
        self._rows = kernels._LIBRARY.adam_of_groups(
            *(pointer(buffer.data_ptr()) for buffer in buffers),
            int(buffers[0].dtype is torch.float64),
            *(pointer(b.data_ptr()) for b in narrow or ()),
            *((pointer(), pointer()) if narrow is None else ()),
            pointer(None if narrow is None else self._narrow.ctypes.data),
            *(pointer(own.ctypes.data) for own in (*self._whole, *self._strengths)),
            count(len(self._narrow)),
            *(pointer(own.ctypes.data) for own in (numbers, self._zeros, self._rooms)),
            count(8 * self._room),
            ctypes.byref(kernels._POOL),
            ctypes.c_uint(threads),
        )
