"""Soft-thresholding with ridge in place: the inner loop of every proximal L1 and elastic net step.

Who uses this: `Shrink`. It costs what the memory traffic costs, so it works through the weights
in blocks that stay in the cache, in the buffers of a workspace, and keeps its views between steps;
`InPlace` is that much, and what it does with a block is up to the class. The threshold is
subtracted (w − clamp(w, −t, t)), never multiplied in: a weight below it becomes +0.0 exactly, and
a weight far above it is rounded once.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from shrinkage.pytorch.optimizers import TINY, Motion
from shrinkage.terms import FARTHEST

# Weights in a block, by thread of torch: two of them and their buffers fit a common L2 cache.
BLOCK = 65536

Strength = float | torch.Tensor


def block_size(w: torch.Tensor) -> int:
    """Return how many numbers to work on at once; off the CPU, all of them."""
    return BLOCK * torch.get_num_threads() if w.device.type == "cpu" else max(1, w.numel())


class Workspace:
    """Reusable flat buffers for each device and dtype."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[torch.device, torch.dtype], list[torch.Tensor]] = {}

    def take(self, buffers: int, count: int, like: torch.Tensor) -> list[torch.Tensor]:
        """Return that many buffers of at least `count` numbers, not initialized."""
        flat = self._buffers.setdefault((like.device, like.dtype), [])
        flat[:] = [buffer if buffer.numel() >= count else like.new_empty(count) for buffer in flat]
        flat += [like.new_empty(count) for _ in range(buffers - len(flat))]
        return flat[:buffers]


@dataclass(frozen=True, eq=False)
class Block:
    """Views of a few models, or of part of one, with the numbers that belong to them.

    In a diagonal metric, `offset` is added to the root of the squares and `pull` is rate·l2; in a
    scalar one `offset` is 1 + rate·l2. `thresholds` has one for each nonsmooth penalty.
    """

    cut: tuple[slice, ...]
    w: torch.Tensor
    square: torch.Tensor | None
    mean: torch.Tensor | None
    buffers: Sequence[torch.Tensor]
    offset: torch.Tensor
    pull: torch.Tensor
    thresholds: Sequence[torch.Tensor]


class InPlace(ABC):
    """The prox of l2·½Σw² and of nonsmooth penalties, block by block.

    Args:
        l2: strength of L2, a number or one per model.
        others: strengths of the nonsmooth penalties, each a number or one per model.
        workspace: buffers shared with others that never run at the same time.
    """

    buffers: ClassVar[int]  # of a prox in a diagonal metric, one more where that is bounded
    blocks: ClassVar[int] = 1  # how many times `BLOCK` to work on at once

    def __init__(self, l2: Strength, others: Sequence[Strength], workspace: Workspace) -> None:
        self._l2, *self._others = (torch.as_tensor(v, dtype=torch.float64) for v in (l2, *others))
        self._has_l2 = bool((self._l2 != 0).any())
        self._workspace = workspace
        self._key: tuple = ()
        self._blocks: list[Block] = []
        self._numbers: list[torch.Tensor] = []

    def __call__(self, w: torch.Tensor, motion: Motion) -> None:
        """Shrink `w`, of shape (models, *weights) where strengths are per model.

        Args:
            w: weights, changed in place; float32 or float64.
            motion: how the optimizer moved them, its tensors shaped like `w`.
        """
        self._prepare(w, motion)
        self._set_numbers(motion)
        for block in self._blocks:
            if motion.square is None:
                self._scalar(block)
            elif motion.reach is None:
                self._diagonal(block)
            else:
                self._within_reach(block, motion)

    def fitting(self, w: torch.Tensor, motion: Motion) -> bool:
        """Shrink `w` where its memory and the motion's allow flat views; else return False."""
        if not fits(w, motion, self._models(w)):
            return False
        self(w, motion)
        return True

    @abstractmethod
    def _models(self, w: torch.Tensor) -> int:
        """Return how many models lie along the leading axis of `w`."""

    @abstractmethod
    def _scalar(self, block: Block) -> None:
        """Shrink a block whose weights all moved at one rate."""

    @abstractmethod
    def _diagonal(self, block: Block) -> None:
        """Shrink a block whose weights moved at rates of their own."""

    def _within_reach(self, block: Block, motion: Motion) -> None:
        """Shrink such a block, and bring back what has gone farther than the motion's reach."""
        start = block.buffers[-1].copy_(block.w)
        self._diagonal(block)
        moved = torch.sub(block.w, start, out=block.buffers[0])
        if block.w.is_cpu:  # elsewhere it would have to be waited for
            least, most = moved.aminmax()
            if max(-float(least), float(most)) <= motion.farthest:
                return
        own = motion.each(lambda t: _alone(self._by_model(t)[block.cut]))
        reaches = own.reaches()
        assert reaches is not None
        farthest = FARTHEST * reaches
        torch.clamp(block.w, start - farthest, start + farthest, out=block.w)

    @abstractmethod
    def _by_model(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a view with one row for each model that has numbers of its own."""

    @abstractmethod
    def _cut_axis(self, shape: torch.Size) -> int | None:
        """Return along which axis of that view a model may be cut, None if along none."""

    def _set_numbers(self, motion: Motion) -> None:
        """Fill the numbers of this step: computed in float64, rounded once to the dtype of w."""
        ridge, thresholds = self._l2 * motion.rate, [own * motion.rate for own in self._others]
        if motion.square is None:
            numbers = [1 + ridge, ridge, *(own / (1 + ridge) for own in thresholds)]
        else:
            numbers = [ridge + motion.epsilon, ridge, *thresholds]
        for buffer, number in zip(self._numbers, numbers, strict=True):
            buffer.copy_(number.view(-1, *(1,) * (buffer.ndim - 1)))

    def _prepare(self, w: torch.Tensor, motion: Motion) -> None:
        """Cut the arrays into blocks, unless they are those of the last step."""
        tensors = (w, motion.square, motion.mean)
        key = tuple(t if t is None else (t.data_ptr(), t.shape, t.stride()) for t in tensors)
        if key == self._key:
            return
        views = [None if t is None else self._by_model(t) for t in tensors]
        shape = self._by_model(w).shape
        self._numbers = [
            w.new_empty((shape[0], *(1,) * (len(shape) - 1))) for _ in range(2 + len(self._others))
        ]
        cuts = list(_cuts(shape, self._cut_axis(shape), self.blocks * block_size(w)))
        largest = max((_size(shape, cut) for cut in cuts), default=0)
        flat = self._workspace.take(self.buffers + 1, largest, w)
        self._blocks = [self._block(views, cut, flat) for cut in cuts]
        self._key = key

    def _block(
        self, views: list[torch.Tensor | None], cut: tuple[slice, ...], flat: list[torch.Tensor]
    ) -> Block:
        w, square, mean = (None if view is None else _alone(view[cut]) for view in views)
        assert w is not None
        buffers = [buffer[: w.numel()].view(w.shape) for buffer in flat]
        offset, pull, *thresholds = (_own(number[cut[0]]) for number in self._numbers)
        return Block(cut, w, square, mean, buffers, offset, pull, thresholds)


class SoftThreshold(InPlace):
    """The prox of l1·Σ|w| + l2·½Σw² in place, in a scalar or a diagonal metric.

    Args:
        l1: strength of L1, a number or one per model.
        l2: strength of L2, a number or one per model.
        workspace: buffers shared with others that never run at the same time.
    """

    buffers = 2

    def __init__(self, l1: Strength, l2: Strength, workspace: Workspace) -> None:
        super().__init__(l2, [l1], workspace)
        self._has_l1 = bool((self._others[0] != 0).any())
        self._rows = max(self._l2.numel(), self._others[0].numel())

    def _diagonal(self, block: Block) -> None:
        """w ← soft(w·d/(d + l2), l1/(d + l2)) with d = denominator / rate."""
        first, second, _ = block.buffers
        fill_denominator(block, first)
        if self._has_l2:
            pull(block, first, second)
        if self._has_l1:
            torch.div(block.thresholds[0], first, out=first)
            clip(block.w, first, second)

    def _scalar(self, block: Block) -> None:
        """w ← soft(w, rate·l1 / (1 + rate·l2)) after w ← w / (1 + rate·l2)."""
        if self._has_l2:
            block.w.div_(block.offset)
        if self._has_l1:
            clip_evenly(block.w, block.thresholds[0], block.buffers[0])

    def _models(self, w: torch.Tensor) -> int:
        return 1 if self._rows == 1 else len(w)

    def _by_model(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a view (models, weights) in the order of memory."""
        columns = tensor.numel() // self._rows
        return tensor.as_strided((self._rows, columns), (columns, 1))

    def _cut_axis(self, shape: torch.Size) -> int:  # noqa: ARG002
        return 1


def fill_denominator(block: Block, out: torch.Tensor) -> None:
    """out ← √(square − mean²) + offset."""
    assert block.square is not None
    if block.mean is None:
        torch.clamp_min(block.square, TINY, out=out)  # type: ignore[call-overload]
    else:
        torch.addcmul(block.square, block.mean, block.mean, value=-1, out=out)  # type: ignore[call-overload]
        out.clamp_min_(TINY)
    out.sqrt_().add_(block.offset)


def pull(block: Block, denominator: torch.Tensor, buffer: torch.Tensor) -> None:
    """w ← w·(1 − pull / denominator), which is w·d/(d + l2)."""
    torch.div(block.pull, denominator, out=buffer)
    block.w.addcmul_(block.w, buffer, value=-1)


def clip(w: torch.Tensor, threshold: torch.Tensor, buffer: torch.Tensor) -> None:
    """w ← w − clamp(w, −threshold, threshold), with a threshold for each weight."""
    torch.neg(threshold, out=buffer)
    w.sub_(torch.clamp(w, buffer, threshold, out=buffer))


def clip_evenly(w: torch.Tensor, threshold: torch.Tensor, buffer: torch.Tensor) -> None:
    """w ← w − clamp(w, −threshold, threshold), with a threshold for each model."""
    w.sub_(torch.clamp(w, -threshold, threshold, out=buffer))


def fits(w: torch.Tensor, motion: Motion, models: int) -> bool:
    """Return whether the arrays lie alike and dense, so that flat views of them correspond."""
    formats = [torch.contiguous_format]
    if models == 1:
        formats += {4: [torch.channels_last], 5: [torch.channels_last_3d]}.get(w.ndim, [])
    if motion.given is not None:
        return False
    return w.dtype in (torch.float32, torch.float64) and any(
        all(
            t is None or (t.dtype == w.dtype and t.is_contiguous(memory_format=layout))
            for t in (w, motion.square, motion.mean, motion.push)
        )
        for layout in formats
    )


def _cuts(shape: torch.Size, axis: int | None, limit: int) -> Iterator[tuple[slice, ...]]:
    """Yield slices over rows, and where a row exceeds the limit over `axis` of it."""
    columns = max(1, shape[1:].numel())
    tall = max(1, limit // columns)
    length = 1 if axis is None else shape[axis]
    wide = length if columns <= limit else max(1, limit * length // columns)
    for row in range(0, shape[0], tall):
        for start in range(0, length, wide):
            cut = [slice(row, row + tall), *[slice(None)] * (len(shape) - 1)]
            if axis is not None:
                cut[axis] = slice(start, start + wide)
            yield tuple(cut)


def _size(shape: torch.Size, cut: tuple[slice, ...]) -> int:
    """Return how many numbers a cut has."""
    lengths = (len(range(*along.indices(n))) for along, n in zip(cut, shape, strict=True))
    return math.prod(lengths)


def _alone(block: torch.Tensor) -> torch.Tensor:
    """Return a single model without the axis of models."""
    return block[0] if block.shape[0] == 1 else block


def _own(numbers: torch.Tensor) -> torch.Tensor:
    """Return a single number as one without axes, which is the faster operand."""
    return numbers.view(()) if numbers.shape[0] == 1 else numbers
