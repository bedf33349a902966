"""The proximal step of several terms on one parameter, in place, by the fastest exact route.

Who uses this: the decoupled and the proximal update. Models whose strengths are all 0 are never
touched, so that strength 0 stays the unregularized run bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from shrinkage.penalties import L1, L2, GroupLasso, Penalty
from shrinkage.pytorch.optimizers import Motion
from shrinkage.pytorch.prox.group import GroupThreshold, groups_of
from shrinkage.pytorch.prox.kernels import Tensors, lie_alike
from shrinkage.pytorch.prox.soft import InPlace, Scratch, SoftThreshold, piece_size
from shrinkage.terms import Part, ProximalSum, closed_form


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
    """prox of Σ strength·penalty over the runs of one parameter.

    Raises:
        OverlapError: the parts have no closed form together.
    """

    def __init__(self, parts: Sequence[Part], models: int | None, scratch: Scratch) -> None:
        self._models = models
        self._stacked = 0 if models is None else 1
        self._scratch = scratch
        closed_form(parts)  # refuses what has none, whatever the strengths are now
        self.set_strengths(parts)

    def set_strengths(self, parts: Sequence[Part]) -> None:
        """Take the same penalties and references with other strengths."""
        self._parts = tuple(parts)
        self._runs = live_runs(self._parts, self._models)
        self._wholes: list[ProximalSum | None] = [None] * len(self._runs)
        self._in_place: list[InPlace | SinglePass | None] = []
        self._shape: torch.Size | None = None
        self.strengths = self._plain_strengths()

    def _plain_strengths(self) -> tuple[float, float] | None:
        """Return the strengths of L1 and L2 where one model has nothing else, about zero."""
        plain = all(
            part.reference is None and isinstance(part.penalty, L1 | L2) for part in self._parts
        )
        if self._models is not None or not plain:
            return None
        return _strength(self._parts, L1), _strength(self._parts, L2)

    @property
    def is_separable(self) -> bool:
        """Whether it acts on each weight by itself, and a sample of the weights would do."""
        return self.strengths is not None

    def threshold(self, motion: Motion) -> float | None:
        """Return t where the shrink is soft-thresholding by one number t, else None."""
        if motion.square is not None or motion.given is not None or self.strengths is None:
            return None
        l1, l2 = self.strengths
        return motion.rate * l1 if l1 and not l2 else None

    def __bool__(self) -> bool:
        return bool(self._runs)

    def __call__(self, w: torch.Tensor, motion: Motion) -> None:
        """Shrink `w` in place after the optimizer moved it.

        Args:
            w: the parameter's data, (models, *weights) where there is a model axis.
            motion: how it was moved, its tensors shaped like `w`.
        """
        if motion.rate == 0 or w.numel() == 0:
            return
        if w.shape != self._shape:
            self._shape, shape = w.shape, w.shape[self._stacked :]
            self._in_place = [self._route(run.parts, shape) for run in self._runs]
        for number, (run, in_place) in enumerate(zip(self._runs, self._in_place, strict=True)):
            models, moved = w, motion
            if run.models is not None:
                models, moved = run.cut(w), motion.each(run.cut)
            if in_place is None or not in_place.fitting(models, moved):
                self._by_penalties(number, models, moved)

    def _route(self, parts: Sequence[Part], shape: torch.Size) -> InPlace | SinglePass | None:
        """Return the fast route for L1, L2 and one group lasso about zero, None for others."""
        if any(part.reference is not None for part in parts):
            return None
        kinds = {type(part.penalty) for part in parts}
        l1, l2 = _strength(parts, L1), _strength(parts, L2)
        if kinds <= {L1, L2}:
            eager = SoftThreshold(l1, l2, self._scratch)
            return eager if self._stacked else SinglePass(l1, l2, eager)
        if not kinds <= {L1, L2, GroupLasso}:
            return None
        (penalty,) = {part.penalty for part in parts if isinstance(part.penalty, GroupLasso)}
        groups = groups_of(penalty, shape)
        if groups is None:
            return None
        strengths = (_strength(parts, GroupLasso), l1, l2)
        return GroupThreshold(groups, strengths, self._stacked == 1, self._scratch)

    def _by_penalties(self, number: int, w: torch.Tensor, motion: Motion) -> None:
        """Take the prox of the penalties themselves, of as many models as the cache holds."""
        run, whole = self._runs[number], self._wholes[number]
        if whole is None:
            whole = self._wholes[number] = closed_form(run.parts)
        if run.models is None:
            return _generic(whole, w, motion, 0)
        rows = piece_size(w) // max(1, w[0].numel())
        for row in range(0, len(w), max(1, rows)):
            block = slice(row, row + max(1, rows))
            cut = closed_form(_cut(part, block) for part in whole.parts)
            _generic(cut, w[block], motion.each(lambda t, b=block: t[b]), 1)


class SinglePass:
    """The prox of l1·Σ|w| + l2·½Σw² on one model: compiled where it can be, else eager."""

    def __init__(self, l1: float, l2: float, eager: SoftThreshold) -> None:
        self._l1, self._l2, self._eager = l1, l2, eager
        self._weights, self._squares = Tensors(1), Tensors(1)

    def fitting(self, w: torch.Tensor, motion: Motion) -> bool:
        """Shrink `w` in place; False where neither fits."""
        square = motion.square
        if motion.given is not None or motion.mean is not None or not self._weights.point_to([w]):
            return self._eager.fitting(w, motion)
        ridge, kink = motion.rate * self._l2, motion.rate * self._l1
        if square is None:
            self._weights.shrink_scalar(1 + ridge, kink / (1 + ridge))
            return True
        if not self._squares.point_to([square]) or not lie_alike([w], [square]):
            return self._eager.fitting(w, motion)
        self._weights.shrink_diagonal(self._squares, (motion.epsilon + ridge, ridge, kink))
        return True


def _strength(parts: Sequence[Part], kind: type[Penalty]) -> Any:
    """Return the sum of the strengths of one kind of penalty."""
    return sum((part.strength for part in parts if type(part.penalty) is kind), 0.0)


def _generic(whole: ProximalSum, w: torch.Tensor, motion: Motion, stacked: int) -> None:
    """Take the prox of the penalties themselves, at least in float32."""
    wide = w.to(torch.promote_types(w.dtype, torch.float32))
    denominator = motion.denominator()
    step = motion.rate if denominator is None else motion.rate / denominator
    w.copy_(whole.prox(wide, step, stacked))
