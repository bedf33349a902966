"""Adam and the prox after it in one pass over a stack: compiled, where the kernels were built.

Who uses this: the stacked engine, whose weights, gradients and moments lie in four flat buffers.
Torch's Adam and the shrink after it read the same arrays one after the other; at 21 models of an
MLP 784-64-32-10 that is the largest part of a step that is no matrix product.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from shrinkage.pytorch.prox import kernels
from shrinkage.terms import FARTHEST

DTYPES = (torch.float32, torch.float64)


def is_built() -> bool:
    """Return whether the compiled pass is there and not turned off."""
    return kernels.are_built()


@dataclass(frozen=True)
class AdamNumbers:
    """What Adam is set to; the defaults are torch's."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def at(self, step: int, rate: float) -> np.ndarray:
        """Return the numbers of a step (from 1) as the kernel takes them, `_adam.c`'s enum.

        With s = √(1 − β2ᵗ), Adam's step rate·m̂/(√v̂ + ε) is (rate·s/(1 − β1ᵗ))·m/(√v + ε·s).
        """
        root = float(np.sqrt(1 - self.beta2**step))
        own = rate * root / (1 - self.beta1**step)
        epsilon, bound = self.epsilon * root, FARTHEST * rate
        return np.array([self.beta1, self.beta2, own, epsilon, rate * root, bound, FARTHEST])

    def table(self, steps: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Return those of many steps, (steps, 7).

        >>> numbers = AdamNumbers()
        >>> bool((numbers.table(np.array([3]), np.array([0.1])) == numbers.at(3, 0.1)).all())
        True
        """
        roots = np.sqrt(1 - self.beta2**steps)
        rows = np.tile(self.at(1, 0.0), (len(steps), 1))
        rows[:, 2] = rates * roots / (1 - self.beta1**steps)
        rows[:, 3], rows[:, 4], rows[:, 5] = self.epsilon * roots, rates * roots, FARTHEST * rates
        return rows


class AdamPass:
    """Adam and the prox of l1·Σ|w| + l2·½Σw² on segments of flat buffers.

    Args:
        segments: (begin, length) of each.
        l1: strength of L1, one a segment.
        l2: strength of L2, one a segment; where both are 0, Adam alone.
        narrow: whether a segment's gradients are in bfloat16, one a segment.

    `zeros` has the number of exact zeros of each segment after the last step.
    """

    def __init__(
        self,
        segments: Sequence[tuple[int, int]],
        l1: np.ndarray,
        l2: np.ndarray,
        narrow: Sequence[bool],
    ) -> None:
        self._from = np.array([begin for begin, _ in segments], np.uintp)
        self._sizes = np.array([length for _, length in segments], np.uintp)
        self._l1, self._l2 = (np.ascontiguousarray(v, np.float64) for v in (l1, l2))
        self._narrow = np.array(narrow, np.uint8)
        self._zeros = np.zeros((1, len(segments)), np.int64)
        self._rows = 1

    @property
    def zeros(self) -> np.ndarray:
        """Return the zeros of each segment."""
        return self._zeros[: self._rows].sum(axis=0)

    def __call__(
        self,
        values: torch.Tensor,
        gradient: torch.Tensor,
        first: torch.Tensor,
        second: torch.Tensor,
        numbers: np.ndarray,
        narrow: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> None:
        """Take one step in place, of dense CPU buffers of one dtype of `DTYPES`.

        Args:
            values: the weights.
            gradient: of all segments that are not narrow.
            first: Adam's first moment.
            second: its second.
            numbers: `AdamNumbers.at` of the step.
            narrow: gradients in bfloat16, and the buffer for a bfloat16 copy of the weights; of
                the segments that are narrow.
        """
        threads = torch.get_num_threads()
        if threads > len(self._zeros):
            self._zeros = np.zeros((threads, self._sizes.size), np.int64)
        pointer, count = ctypes.c_void_p, ctypes.c_size_t
        self._rows = kernels._LIBRARY.adam_of_stack(
            *(pointer(buffer.data_ptr()) for buffer in (values, gradient, first, second)),
            int(values.dtype is torch.float64),
            *(pointer(b.data_ptr()) for b in narrow or ()),
            *((pointer(), pointer()) if narrow is None else ()),
            pointer(None if narrow is None else self._narrow.ctypes.data),
            *(pointer(own.ctypes.data) for own in (self._from, self._sizes, self._l1, self._l2)),
            count(self._sizes.size),
            *(pointer(own.ctypes.data) for own in (numbers, self._zeros)),
            ctypes.byref(kernels._POOL),
            ctypes.c_uint(threads),
        )
