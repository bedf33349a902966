"""The proximal step of several terms on one parameter, in place, by the fastest exact route.

Who uses this: the decoupled and the proximal update. Models whose strengths are all 0 are never
touched, so that strength 0 stays the unregularized run bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from shrinkage.penalties import L1, L2, Part, ProximalSum, closed_form
from shrinkage.pytorch.metrics import Motion
from shrinkage.pytorch.threshold import Scratch, SoftThreshold, fits, piece_size


@dataclass(frozen=True, eq=False)
class Run:
    """Neighbouring models (all, without a model axis) and the parts that are on them."""

    models: slice | None
    parts: tuple[Part, ...]

    def cut(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the view of these models."""
        return tensor if self.models is None else tensor[self.models]


def live_runs(parts: Sequence[Part], models: int | None) -> tuple[Run, ...]:
    """Return the runs of neighbouring models in which some strength is not 0.

    Args:
        parts: strengths are numbers or tensors with one number per model; with a model axis,
            references have it too.
        models: length of the model axis, None where there is none.

    Returns:
        Runs with the strengths and references cut to their models.

    >>> strengths = torch.tensor([0.0, 0.1, 0.2])
    >>> [run.models for run in live_runs([Part(strengths, L1())], 3)]
    [slice(1, 3, None)]
    """
    parts = tuple(part for part in parts if not part.is_absent)
    if not parts:
        return ()
    if models is None:
        return (Run(None, parts),)
    alive = torch.zeros(models, dtype=torch.bool)
    for part in parts:
        alive |= torch.as_tensor(part.strength != 0).cpu()
    return tuple(Run(run, tuple(_cut(part, run) for part in parts)) for run in _stretches(alive))


def _stretches(alive: torch.Tensor) -> Iterator[slice]:
    start = None
    for index, live in enumerate([*alive.tolist(), False]):
        if live and start is None:
            start = index
        elif not live and start is not None:
            yield slice(start, index)
            start = None


def _cut(part: Part, run: slice) -> Part:
    strength, reference = part.strength, part.reference
    if isinstance(strength, torch.Tensor):
        strength = strength[run]
    if reference is not None:
        reference = reference[run]
    return replace(part, strength=strength, reference=reference)


class Shrink:
    """prox of Σ strength·penalty over the runs of one parameter."""

    def __init__(self, parts: Sequence[Part], models: int | None, scratch: Scratch) -> None:
        self._stacked = 0 if models is None else 1
        self._runs = [
            (run, closed_form(run.parts), _soft_threshold(run.parts, scratch))
            for run in live_runs(parts, models)
        ]

    def __bool__(self) -> bool:
        return bool(self._runs)

    def __call__(self, w: torch.Tensor, motion: Motion) -> None:
        """Shrink `w` in place after the optimizer moved it.

        Args:
            w: the parameter's data, (models, *weights) where there is a model axis.
            motion: how it was moved, its tensors shaped like `w`.
        """
        if motion.rate == 0:
            return
        for run, whole, soft in self._runs:
            models = run.cut(w)
            moved = _motion_of(motion, run.cut)
            if soft is not None and fits(models, moved, len(models) if self._stacked else 1):
                soft(models, moved)
            else:
                self._by_penalties(run, whole, models, moved)

    def _by_penalties(self, run: Run, whole: ProximalSum, w: torch.Tensor, motion: Motion) -> None:
        """Take the prox of the penalties themselves, of as many models as the cache holds."""
        if run.models is None:
            return _generic(whole, w, motion, 0)
        rows = piece_size(w) // max(1, w[0].numel())
        for row in range(0, len(w), max(1, rows)):
            block = slice(row, row + max(1, rows))
            cut = closed_form(_cut(part, block) for part in whole.parts)
            _generic(cut, w[block], _motion_of(motion, lambda t, b=block: t[b]), 1)


def _motion_of(motion: Motion, cut: Callable[[torch.Tensor], torch.Tensor]) -> Motion:
    if motion.square is None:
        return motion
    mean = None if motion.mean is None else cut(motion.mean)
    return replace(motion, square=cut(motion.square), mean=mean)


def _soft_threshold(parts: Sequence[Part], scratch: Scratch) -> SoftThreshold | None:
    """Return the fast route where the parts are L1 and L2 about zero."""
    simple = all(type(p.penalty) in (L1, L2) and p.reference is None for p in parts)
    if not simple:
        return None
    l1 = sum((p.strength for p in parts if type(p.penalty) is L1), 0.0)
    l2 = sum((p.strength for p in parts if type(p.penalty) is L2), 0.0)
    return SoftThreshold(l1, l2, scratch)


def _generic(whole: ProximalSum, w: torch.Tensor, motion: Motion, stacked: int) -> None:
    """Take the prox of the penalties themselves, at least in float32."""
    wide = w.to(torch.promote_types(w.dtype, torch.float32))
    denominator = motion.denominator()
    step = motion.rate if denominator is None else motion.rate / denominator
    w.copy_(whole.prox(wide, step, stacked))
