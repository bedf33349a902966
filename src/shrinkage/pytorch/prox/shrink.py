"""The proximal step of several parts on one parameter, in place, by the fastest exact route.

Who uses this: the decoupled and the proximal update. Models whose strengths are all 0 are never
touched, so that strength 0 stays the unregularized run bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from shrinkage.penalties import Combination
from shrinkage.pytorch.optimizers import Motion
from shrinkage.pytorch.prox.group import GroupThreshold, groups_of
from shrinkage.pytorch.prox.kernels import TensorAddresses, lie_alike
from shrinkage.pytorch.prox.pieces import Route, pieces_of
from shrinkage.pytorch.prox.soft import SoftThreshold, Strength, Workspace, block_size
from shrinkage.terms import FARTHEST, Part, ProximalSum, present

Number = float | np.ndarray

_PLAIN = (Combination.RIDGE, Combination.THRESHOLD)


@dataclass(frozen=True, eq=False)
class ActingModels:
    """Neighbouring models (all, without a model axis) and the parts that act on them."""

    models: slice | None
    parts: tuple[Part, ...]

    def cut(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the view of these models."""
        return tensor if self.models is None else tensor[self.models]


def acting_models(parts: Iterable[Part], models: int | None) -> tuple[ActingModels, ...]:
    """Return the stretches of neighbouring models in which some strength is not 0.

    Args:
        parts: strengths are numbers or tensors with one number per model; with a model axis,
            references have it too.
        models: length of the model axis, None where there is none.

    Returns:
        Stretches with the strengths and references cut to their models.

    >>> from shrinkage.penalties import L1
    >>> strengths = torch.tensor([0.0, 0.1, 0.2])
    >>> [acting.models for acting in acting_models([Part(strengths, L1())], 3)]
    [slice(1, 3, None)]
    """
    parts = present(parts)
    if not parts:
        return ()
    if models is None:
        return (ActingModels(None, parts),)
    acts = torch.zeros(models, dtype=torch.bool)
    for part in parts:
        acts |= torch.as_tensor(part.strength != 0).cpu()
    return tuple(ActingModels(cut, _cut(parts, cut)) for cut in _stretches(acts))


def _stretches(acts: torch.Tensor) -> Iterator[slice]:
    start = None
    for index, acting in enumerate([*acts.tolist(), False]):
        if acting and start is None:
            start = index
        elif not acting and start is not None:
            yield slice(start, index)
            start = None


def _cut(parts: Iterable[Part], models: slice) -> tuple[Part, ...]:
    """Return the parts of some models."""

    def of_models(part: Part) -> Part:
        strength, penalty = part.strength, part.penalty.of_models(models)
        if isinstance(strength, torch.Tensor):
            strength = strength[models]
            penalty = penalty.at(strength)
        part = replace(part, strength=strength, penalty=penalty)
        if part.reference is not None:
            part = replace(part, reference=part.reference[models])
        return part

    return tuple(of_models(part) for part in parts)


class Shrink:
    """The prox of a sum of parts on the models of one parameter.

    Args:
        parts: the sum, with a closed form.
        models: length of the model axis, None where there is none.
        workspace: buffers shared with others that never run at the same time.
    """

    def __init__(self, parts: ProximalSum, models: int | None, workspace: Workspace) -> None:
        self._models = models
        self._stacked = 0 if models is None else 1
        self._workspace = workspace
        self.take(parts)

    def take(self, parts: ProximalSum) -> None:
        """Take the same sum at other strengths."""
        self._acting = acting_models(parts.parts, self._models)
        self._sums = [ProximalSum(acting.parts) for acting in self._acting]
        self._in_place: list[Route | None] = []
        self._shape: torch.Size | None = None
        plain = self._models is None and all(
            part.reference is None and part.penalty.combines in _PLAIN for part in parts.assigned
        )
        # of thresholds and ridges, where one model has nothing else, about zero
        self.strengths: tuple[float, float] | None = None
        if plain:
            self.strengths = (_strength(parts.thresholds), _strength(parts.ridges))

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
        return bool(self._acting)

    def __call__(self, w: torch.Tensor, motion: Motion) -> None:
        """Shrink `w` in place after the optimizer moved it.

        Args:
            w: the parameter's data, (models, *weights) where there is a model axis.
            motion: how it was moved, its tensors shaped like `w`.
        """
        if motion.rate == 0 or w.numel() == 0:
            return
        if w.shape != self._shape:
            self._shape = w.shape
            self._in_place = [
                self._route(parts, acting.cut(w).shape)
                for acting, parts in zip(self._acting, self._sums, strict=True)
            ]
        for acting, parts, route in zip(self._acting, self._sums, self._in_place, strict=True):
            models, moved = w, motion
            if acting.models is not None:
                models, moved = acting.cut(w), motion.each(acting.cut)
            if route is None or not route.fitting(models, moved):
                self._by_penalties(parts, models, moved)

    def _route(self, parts: ProximalSum, shape: torch.Size) -> Route | None:
        """Return the fast route for thresholds, ridges and a group about zero, None for others."""
        if any(part.reference is not None for part in parts.parts):
            return None
        pieces = pieces_of(parts, shape, self._stacked, self._route)
        if pieces is not None:
            return pieces
        if parts.others:
            return None
        l1, l2 = _strength(parts.thresholds), _strength(parts.ridges)
        if not parts.groups:
            eager = SoftThreshold(l1, l2, self._workspace)
            if self._stacked:
                return StackedPass(l1, l2, shape[0], eager)
            return SinglePass(l1, l2, eager)
        groups = groups_of(parts.groups[0].penalty, shape[self._stacked :])
        if groups is None:
            return None
        strengths = (_strength(parts.groups), l1, l2)
        return GroupThreshold(groups, strengths, self._stacked == 1, self._workspace)

    def _by_penalties(self, parts: ProximalSum, w: torch.Tensor, motion: Motion) -> None:
        """Take the prox of the penalties themselves, of as many models as the cache holds."""
        if not self._stacked:
            return _by_closed_form(parts, w, motion, 0)
        rows = max(1, block_size(w) // max(1, w[0].numel()))
        for row in range(0, len(w), rows):
            cut = slice(row, row + rows)
            own = ProximalSum(_cut(parts.parts, cut))
            _by_closed_form(own, w[cut], motion.each(lambda t, cut=cut: t[cut]), 1)


class SinglePass:
    """The prox of l1·Σ|w| + l2·½Σw² on one model: compiled where it can be, else eager."""

    def __init__(self, l1: float, l2: float, eager: SoftThreshold) -> None:
        self._l1, self._l2, self._eager = l1, l2, eager
        self._weights, self._squares, self._pushes = (TensorAddresses(1) for _ in range(3))

    def fitting(self, w: torch.Tensor, motion: Motion) -> bool:
        """Shrink `w` in place; False where neither fits."""
        square, push = motion.square, motion.push
        if not kernels_read(motion) or not self._weights.point_to([w]):
            return self._eager.fitting(w, motion)
        ridge, threshold = motion.rate * self._l2, motion.rate * self._l1
        if square is None:
            self._weights.shrink_scalar(1 + ridge, threshold / (1 + ridge))
            return True
        if not self._squares.point_to([square]) or not lie_alike([w], [square]):
            return self._eager.fitting(w, motion)
        if push is not None and not (self._pushes.point_to([push]) and lie_alike([w], [push])):
            return self._eager.fitting(w, motion)
        self._weights.numbers[:] = kernel_numbers(motion, self._l1, self._l2)
        self._weights.shrink_diagonal(self._squares, self._pushes if push is not None else None)
        return True


class StackedPass:
    """The same on every model of a stack, each with strengths of its own, in a diagonal metric."""

    def __init__(self, l1: Strength, l2: Strength, models: int, eager: SoftThreshold) -> None:
        self._l1, self._l2 = (np.asarray(strength, dtype=np.float64) for strength in (l1, l2))
        self._weights, self._squares, self._pushes = (TensorAddresses(models) for _ in range(3))
        self._models, self._eager = models, eager

    def fitting(self, w: torch.Tensor, motion: Motion) -> bool:
        """Shrink `w` (models, *weights) in place; False where neither way fits."""
        square, push = motion.square, motion.push
        if square is None or not kernels_read(motion) or len(w) != self._models:
            return self._eager.fitting(w, motion)
        pairs = [(self._weights, w), (self._squares, square)]
        pairs += [] if push is None else [(self._pushes, push)]
        if not all(own.point_to_models(tensor) for own, tensor in pairs):
            return self._eager.fitting(w, motion)
        columns = self._weights.numbers.T
        numbers = kernel_numbers(motion, self._l1, self._l2)
        for column, number in zip(columns, numbers, strict=True):
            column[:] = number
        self._weights.shrink_diagonal(self._squares, None if push is None else self._pushes)
        return True


def kernels_read(motion: Motion) -> bool:
    """Return whether the kernels take a motion: with squares or none, in which it was pushed."""
    return motion.given is None and motion.mean is None and not motion.push_moves


def kernel_numbers(motion: Motion, l1: Number, l2: Number) -> tuple[Number, ...]:
    """Return what the kernels take for one tensor: offset, pull, threshold, bound, own, ε.

    Args:
        motion: in a diagonal metric; without a push the kernels do not ask for the fifth.
        l1: the strength of L1.
        l2: that of L2.
    """
    rate, epsilon = motion.rate, motion.epsilon
    own, ridge = FARTHEST * motion.push_scale * rate, rate * l2
    return epsilon + ridge, ridge, rate * l1, motion.farthest, own, epsilon


def _strength(parts: Iterable[Part]) -> Any:
    """Return the sum of the strengths."""
    return sum((part.strength for part in parts), 0.0)


def _by_closed_form(parts: ProximalSum, w: torch.Tensor, motion: Motion, stacked: int) -> None:
    """Take the prox of the penalties themselves, at least in float32."""
    wide = w.to(torch.promote_types(w.dtype, torch.float32))
    denominator = motion.denominator()
    step = motion.rate if denominator is None else motion.rate / denominator
    w.copy_(parts.prox(wide, step, stacked, motion.reaches()))
