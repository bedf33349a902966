"""The group lasso's proximal step in place, alone or with L1 and L2, for many models at once.

Who uses this: `Shrink`, where the parts are one group lasso about zero with any L1 and L2. It is
the mathematics of `penalties.secular` on buffers that stay in the cache. A root is found anew at
every step, never started from the last one: what a step does then depends on nothing that a
resumed run would not have, and the start below is near enough for two or three evaluations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from shrinkage.errors import InputError
from shrinkage.penalties import Penalty
from shrinkage.pytorch.prox.soft import (
    Block,
    InPlace,
    Strength,
    Workspace,
    clip,
    clip_evenly,
    fill_denominator,
    pull,
)


@dataclass(frozen=True)
class Groups:
    """Which axes of one model's array lie within a group, counted from the end, and √|g|."""

    within: tuple[int, ...]
    root_size: float

    def index(self, shape: torch.Size) -> tuple[int, ...]:
        """Return the axes of (models, *weights) that index groups."""
        ndim = len(shape)
        return tuple(axis for axis in range(1, ndim) if axis - ndim not in self.within)


def groups_of(penalty: Penalty, shape: torch.Size) -> Groups | None:
    """Return the groups of one model's array, None where the penalty is another than assumed here.

    Args:
        penalty: about groups that run along the axes that it couples.
        shape: of one model's array.

    Returns:
        The `Groups` where the penalty is Σ_g √|g| ‖w_g‖.

    >>> from shrinkage.penalties import GroupLasso
    >>> groups_of(GroupLasso(per="input"), torch.Size([64, 10]))
    Groups(within=(-2,), root_size=8.0)
    """
    within = penalty.coupled_axes(len(shape))
    if not penalty.finite or 0 in shape or not within:
        return None
    if not _is_sum_of_norms(penalty, len(shape), within):
        return None
    labels = penalty.group_labels(tuple(shape))
    index = [length for axis, length in enumerate(shape) if axis not in within]
    if labels is not None and int(labels.max()) + 1 != math.prod(index):
        return None  # groups that cut an axis
    root_size = math.sqrt(math.prod(shape[axis] for axis in within))
    return Groups(tuple(axis - len(shape) for axis in within), root_size)


def _is_sum_of_norms(penalty: Penalty, ndim: int, within: tuple[int, ...]) -> bool:
    """Return whether a penalty is Σ_g √|g| ‖w_g‖ on an array whose axes are 2 long."""
    w = torch.linspace(0.5, 2.0, 2**ndim, dtype=torch.float64).view((2,) * ndim)
    expected = math.sqrt(2 ** len(within)) * w.square().sum(within).sqrt().sum()
    try:
        return math.isclose(float(penalty.value(w)), float(expected), rel_tol=1e-9)
    except InputError:  # axes that are not there
        return False


class GroupThreshold(InPlace):
    """The prox of c·Σ√|g|‖w_g‖ + l1·Σ|w| + l2·½Σw² in place, in a scalar or a diagonal metric.

    Args:
        groups: of one model's array.
        strengths: (c, l1, l2), each a number or one per model.
        stacked: whether the weights have an axis of models.
        workspace: buffers shared with others that never run at the same time.

    >>> from shrinkage.penalties import GroupLasso
    >>> from shrinkage.pytorch.optimizers import Motion
    >>> w = torch.tensor([[3.0, 0.1], [4.0, 0.1]])
    >>> groups = groups_of(GroupLasso(per="input"), w.shape)
    >>> GroupThreshold(groups, (1.0, 0.0, 0.0), False, Workspace())(w, Motion(1.0))
    >>> w
    tensor([[2.1515, 0.0000],
            [2.8686, 0.0000]])

    Source: L1 before the group is Friedman, Hastie and Tibshirani, A note on the group lasso and
    a sparse group lasso (2010); Newton's method on the secular equation is Moré and Sorensen,
    Computing a trust region step, SIAM J. Sci. Stat. Comput. 4 (1983).
    """

    buffers = 3
    blocks = 4  # there are forty operations on numbers per group for each block

    def __init__(
        self,
        groups: Groups,
        strengths: tuple[Strength, Strength, Strength],
        stacked: bool,
        workspace: Workspace,
    ) -> None:
        group, l1, l2 = strengths
        super().__init__(l2, [group * groups.root_size, l1], workspace)
        self._has_l1 = bool((self._others[1] != 0).any())
        self._groups = groups
        self._stacked = stacked

    def _diagonal(self, block: Block) -> None:
        """Find u = w·r/(r + t) with t = c/(d + l2), after L2 and L1 have moved w."""
        threshold, second, third, _ = block.buffers
        fill_denominator(block, threshold)
        if self._has_l2:
            pull(block, threshold, second)
        if self._has_l1:
            torch.div(block.thresholds[1], threshold, out=second)
            clip(block.w, second, third)
        torch.div(block.thresholds[0], threshold, out=threshold)
        shrink_groups(GroupProblem(block.w, threshold, second, third, self._groups.within))

    def _scalar(self, block: Block) -> None:
        """w ← w·max(0, 1 − c/‖w‖), after L2 and L1 have moved w."""
        if self._has_l2:
            block.w.div_(block.offset)
        if self._has_l1:
            clip_evenly(block.w, block.thresholds[1], block.buffers[0])
        shrink_groups_evenly(block.w, block.thresholds[0], block.buffers[0], self._groups.within)

    def _models(self, w: torch.Tensor) -> int:
        return len(w) if self._stacked else 1

    def _by_model(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor if self._stacked else tensor.unsqueeze(0)

    def _cut_axis(self, shape: torch.Size) -> int | None:
        """Return the longest axis that does not run within a group."""
        return max(self._groups.index(shape), key=lambda axis: shape[axis], default=None)


@dataclass(frozen=True, eq=False)
class GroupProblem:
    """The groups of a block in a diagonal metric, with two buffers shaped like `w`.

    `threshold` is c·t for each weight, and `within` the axes within a group.
    """

    w: torch.Tensor
    threshold: torch.Tensor
    reach: torch.Tensor
    buffer: torch.Tensor
    within: tuple[int, ...]

    def total(self, numbers: torch.Tensor) -> torch.Tensor:
        """Return the sum over each group."""
        return numbers.sum(self.within, keepdim=True)

    def sums(self, root: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return φ = Σ (w/(root + threshold))² and Σ w²/(root + threshold)³."""
        reach = torch.add(self.threshold, root, out=self.reach)
        squares = torch.div(self.w, reach, out=self.buffer)
        squares.mul_(squares)
        return self.total(squares), self.total(squares.div_(reach))

    def tangent_start(self) -> torch.Tensor:
        """Return ‖w‖ − Σ w²·threshold / Σ w², which is not above the root.

        There the tangent of 1/√φ − 1 at infinity is 0, and a concave function lies below it.
        """
        numbers = torch.finfo(self.w.dtype)
        squares = torch.mul(self.w, self.w, out=self.buffer)
        norm2, pull = self.total(squares), self.total(squares.mul_(self.threshold))
        norm2.masked_fill_(norm2 < numbers.tiny / numbers.eps, math.nan)  # its digits are lost
        start = norm2.sqrt().sub_(pull.div_(norm2))
        return start.nan_to_num_(0.0, 0.0, 0.0)

    def largest_start(self) -> torch.Tensor:
        """Return max(|w| − threshold), not above the root, where no term of φ exceeds 1."""
        size = torch.abs(self.w, out=self.buffer).sub_(self.threshold)
        return size.amax(self.within, keepdim=True)


def shrink_groups_evenly(
    w: torch.Tensor, threshold: torch.Tensor, buffer: torch.Tensor, within: tuple[int, ...]
) -> None:
    """w ← w·max(0, 1 − threshold/‖w‖) for each group, zeros +0.0.

    Args:
        w: weights, changed in place.
        threshold: one number, or one per model.
        buffer: shaped like `w`.
        within: the axes within a group.
    """
    numbers = torch.finfo(w.dtype)
    scale = torch.abs(w, out=buffer).amax(within, keepdim=True).clamp_(numbers.tiny, numbers.max)
    torch.div(w, scale, out=buffer).square_()
    length = buffer.sum(within, keepdim=True).sqrt_().mul_(scale)
    factor = ((length - threshold) / length).masked_fill_(length == math.inf, 1.0)
    w.mul_(factor.masked_fill_(length <= threshold, 0.0)).add_(0.0)  # −0.0 + 0.0 is +0.0


def shrink_groups(problem: GroupProblem) -> None:
    """w ← w·r/(r + threshold) for each group, where Σ (w/(r + threshold))² = 1; zeros +0.0."""
    root, tiny = _root(problem), torch.finfo(problem.w.dtype).tiny
    reach = torch.add(problem.threshold, root.clamp_min(tiny), out=problem.reach)
    problem.w.mul_(torch.div(root, reach, out=reach)).add_(0.0)  # −0.0 + 0.0 is +0.0


def _root(problem: GroupProblem) -> torch.Tensor:
    """Return the root r of each group: 0 if the group vanishes, NaN if it has diverged.

    Newton's steps climb to the root. After one of relative size s the error is at most 1.5·s² of
    the root, by |h″/h′| <= 3/r for h = 1/√φ − 1: below √epsilon/3 no evaluation has to confirm
    it. A group that has arrived stays where it is while others move, so that none changes a bit of
    another.
    """
    numbers = torch.finfo(problem.w.dtype)
    settled = math.sqrt(numbers.eps) / 3
    root = problem.tangent_start().clamp_min_(numbers.tiny)  # not 0: some thresholds may be
    total, derivative = problem.sums(root)
    if not math.isfinite(float(derivative.sum())):
        root = torch.where(derivative.isfinite(), root, torch.fmax(root, problem.largest_start()))
        total, derivative = problem.sums(root)
    gone = (total <= 1).logical_and_(root == numbers.tiny)
    move = _newton(total, derivative)
    root.add_(move)
    active = move > settled * root
    while active.any():
        move = _newton(*problem.sums(root))
        root = torch.where(active, root + move, root)
        active.logical_and_(move > settled * root)
    return root.clamp_min_(0.0).masked_fill_(gone, 0.0)


def _newton(total: torch.Tensor, derivative: torch.Tensor) -> torch.Tensor:
    """Return the move of Newton's method for 1/√φ = 1, from φ = total and φ′ = −2·derivative."""
    return total.sqrt().sub_(1).mul_(total / derivative)  # their product first may overflow
