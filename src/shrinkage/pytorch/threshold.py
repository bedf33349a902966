"""Soft-thresholding with ridge in place: the inner loop of every proximal L1 and elastic net step.

Who uses this: `Shrink`. It costs what the memory traffic costs, so it works through the weights
in pieces that stay in the cache, reuses two scratch buffers, and keeps its views between steps.
The threshold is subtracted (w − clamp(w, −t, t)), never multiplied in: a weight below it becomes
+0.0 exactly, and a weight far above it is rounded once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from shrinkage.pytorch.metrics import TINY, Motion

# Weights in a piece, by thread of torch: two of them and their buffers fit a common L2 cache.
PIECE = 65536

Strength = float | torch.Tensor


def piece_size(w: torch.Tensor) -> int:
    """Return how many numbers to work on at once; off the CPU, all of them."""
    return PIECE * torch.get_num_threads() if w.device.type == "cpu" else max(1, w.numel())


class Scratch:
    """Two reusable flat buffers for each device and dtype."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[torch.device, torch.dtype], tuple[torch.Tensor, ...]] = {}

    def pair(self, count: int, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return two buffers of at least `count` numbers, not initialized."""
        key = (like.device, like.dtype)
        first, second = self._buffers.get(key, (like.new_empty(0), like.new_empty(0)))
        if first.numel() < count:
            first, second = like.new_empty(count), like.new_empty(count)
            self._buffers[key] = (first, second)
        return first, second


@dataclass(frozen=True, eq=False)
class Piece:
    """Views of a few models, or of part of one, with the numbers that belong to them."""

    w: torch.Tensor
    square: torch.Tensor | None
    mean: torch.Tensor | None
    first: torch.Tensor
    second: torch.Tensor
    offset: torch.Tensor
    pull: torch.Tensor
    threshold: torch.Tensor


class SoftThreshold:
    """The prox of l1·Σ|w| + l2·½Σw² in place, in a scalar or a diagonal metric.

    Args:
        l1: strength of L1, a number or one per model.
        l2: strength of L2, a number or one per model.
        scratch: buffers shared with others that never run at the same time.
    """

    def __init__(self, l1: Strength, l2: Strength, scratch: Scratch) -> None:
        self._l1, self._l2 = (torch.as_tensor(v, dtype=torch.float64) for v in (l1, l2))
        self._has_l1, self._has_l2 = bool((self._l1 != 0).any()), bool((self._l2 != 0).any())
        self._scratch = scratch
        self._key: tuple = ()
        self._pieces: list[Piece] = []
        self._numbers: tuple[torch.Tensor, ...] = ()

    def __call__(self, w: torch.Tensor, motion: Motion) -> None:
        """Shrink `w`, of shape (models, *weights) where strengths are per model.

        Args:
            w: weights, changed in place; float32 or float64.
            motion: how the optimizer moved them, its tensors shaped like `w`.
        """
        self._prepare(w, motion)
        self._set_numbers(motion)
        shrink = self._scalar if motion.square is None else self._diagonal
        for piece in self._pieces:
            shrink(piece)

    def _diagonal(self, piece: Piece) -> None:
        """w ← soft(w·d/(d + l2), l1/(d + l2)) with d = denominator / rate."""
        w, first, second = piece.w, piece.first, piece.second
        if piece.mean is None:
            torch.clamp_min(piece.square, TINY, out=first)  # type: ignore[call-overload]
        else:
            torch.addcmul(piece.square, piece.mean, piece.mean, value=-1, out=first)  # type: ignore[call-overload]
            first.clamp_min_(TINY)
        first.sqrt_().add_(piece.offset)
        if self._has_l2:
            torch.div(piece.pull, first, out=second)
            w.addcmul_(w, second, value=-1)
        if self._has_l1:
            torch.div(piece.threshold, first, out=first)
            torch.neg(first, out=second)
            w.sub_(torch.clamp(w, second, first, out=second))

    def _scalar(self, piece: Piece) -> None:
        """w ← soft(w, rate·l1 / (1 + rate·l2)) after w ← w / (1 + rate·l2)."""
        if self._has_l2:
            piece.w.div_(piece.offset)
        if self._has_l1:
            bound = torch.clamp(piece.w, -piece.threshold, piece.threshold, out=piece.second)
            piece.w.sub_(bound)

    def _set_numbers(self, motion: Motion) -> None:
        """Fill the numbers of this step: computed in float64, rounded once to the dtype of w."""
        offset, pull, threshold = self._numbers
        ridge, lasso = self._l2 * motion.rate, self._l1 * motion.rate
        if motion.square is None:
            offset.copy_((1 + ridge).view(-1, 1))
            threshold.copy_((lasso / (1 + ridge)).view(-1, 1))
        else:
            offset.copy_((ridge + motion.epsilon).view(-1, 1))
            pull.copy_(ridge.view(-1, 1))
            threshold.copy_(lasso.view(-1, 1))

    def _prepare(self, w: torch.Tensor, motion: Motion) -> None:
        """Cut the arrays into pieces, unless they are those of the last step."""
        tensors = (w, motion.square, motion.mean)
        key = tuple(t if t is None else (t.data_ptr(), t.shape, t.stride()) for t in tensors)
        if key == self._key:
            return
        rows = max(self._l1.numel(), self._l2.numel())
        flat = [None if t is None else _flat(t, rows) for t in tensors]
        models = w.new_empty((rows, 1))
        self._numbers = (models, models.clone(), models.clone())
        self._pieces = list(self._cut(flat))
        self._key = key

    def _cut(self, flat: list[torch.Tensor | None]) -> list[Piece]:
        w = flat[0]
        assert w is not None
        rows, columns = w.shape[0], w[0].numel()
        limit = piece_size(w)
        tall, wide = max(1, limit // max(1, columns)), min(limit, columns)
        first, second = self._scratch.pair(min(tall, rows) * wide, w)
        pieces = []
        for row in range(0, rows, tall):
            for column in range(0, columns, wide):
                cut = [None if t is None else _block(t, row, tall, column, wide) for t in flat]
                numbers = [_own(n[row : row + tall]) for n in self._numbers]
                count, shape = cut[0].numel(), cut[0].shape  # type: ignore[union-attr]
                buffers = [buffer[:count].view(shape) for buffer in (first, second)]
                pieces.append(Piece(*cut, *buffers, *numbers))  # type: ignore[arg-type]
        return pieces


def fits(w: torch.Tensor, motion: Motion, models: int) -> bool:
    """Return whether the arrays lie alike and dense, so that flat views of them correspond."""
    formats = [torch.contiguous_format]
    if models == 1:
        formats += {4: [torch.channels_last], 5: [torch.channels_last_3d]}.get(w.ndim, [])
    return w.dtype in (torch.float32, torch.float64) and any(
        all(
            t is None or (t.dtype == w.dtype and t.is_contiguous(memory_format=layout))
            for t in (w, motion.square, motion.mean)
        )
        for layout in formats
    )


def _flat(tensor: torch.Tensor, rows: int) -> torch.Tensor:
    """Return a view (models, weights) in the order of memory."""
    columns = tensor.numel() // rows
    return tensor.as_strided((rows, columns), (columns, 1))


def _block(tensor: torch.Tensor, row: int, tall: int, column: int, wide: int) -> torch.Tensor:
    block = tensor[row : row + tall, column : column + wide]
    return block[0] if block.shape[0] == 1 else block


def _own(numbers: torch.Tensor) -> torch.Tensor:
    """Return a single number as one without axes, which is the faster operand."""
    return numbers[0, 0] if numbers.shape[0] == 1 else numbers
