"""The group lasso over coupled units: what a network can lose vanishes together, across its layers.

Who uses this: people who want a smaller network. A unit's weights lie in several parameters: the
wires into it in every layer that writes it (all that a residual connection adds up), their biases,
and the scale and shift of its norm. Terms are on one parameter each, so this is an attachment of
its own beside `regularize`, which may have other terms on the same optimizer.

A wire between two hidden units would be in two groups, as outgoing and as incoming, and such a sum
has no closed-form prox; so each wire belongs to the unit that it leads into. Where all of those are
zero the unit is constant, what reads it is dead too, and `compaction.compact` takes out both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim import Optimizer

from shrinkage.checks import number
from shrinkage.errors import InputError
from shrinkage.pytorch.held import places_of
from shrinkage.pytorch.optimizers import Metric, Moment, metric_of
from shrinkage.pytorch.optimizers.scaling import stands_still
from shrinkage.pytorch.parameters import describe
from shrinkage.terms.reach import within_reach

_MOST = 60  # evaluations of Newton's method; from the left it needs 5 to 15


class Unit(Protocol):
    """What stands and falls together, as `compaction.coupled_units` gives it."""

    @property
    def members(self) -> tuple[tuple[str, int, tuple[int, ...]], ...]:
        """(parameter, axis, places along it), for every parameter that the unit has weights in."""
        ...


@dataclass(eq=False)
class _Member:
    """The weights of units in one parameter: `unit[place]` along an axis, −1 for none."""

    parameter: torch.Tensor
    group: int
    metric: Metric
    axis: int
    unit: torch.Tensor
    buffer: float | None = None
    noted: Any = None
    held: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.held = (self.unit >= 0).nonzero().flatten()
        self.unit = self.unit[self.held]

    def rows(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return (places, weights of each) of a tensor like the parameter, at least in float32."""
        wide = tensor.to(torch.promote_types(tensor.dtype, torch.float32))
        return (
            wide.movedim(self.axis, 0).flatten(1)[self.held]
            if wide.ndim > 1
            else (wide[self.held].unsqueeze(1))
        )

    def put(self, rows: torch.Tensor) -> None:
        """Write the weights of the units back."""
        shape = self.parameter.movedim(self.axis, 0).shape[1:]
        own = rows.view(len(rows), *shape).movedim(0, self.axis).to(self.parameter.dtype)
        self.parameter.index_copy_(self.axis, self.held, own)


class UnitShrink:
    """strength · Σ_u √|u| ‖w_u‖ on the coupled units of a network, by a prox after every step.

    Make it with `shrink_units`. `strength` may be set in training; 0 leaves every bit.
    """

    def __init__(
        self, optimizer: Optimizer, members: list[_Member], units: int, strength: float
    ) -> None:
        self.strength = strength
        self._optimizer, self._members, self._count = optimizer, members, units
        sizes = torch.zeros(units, dtype=torch.float64)
        for own in members:
            each = own.rows(own.parameter.detach()).shape[1]
            sizes.index_add_(0, own.unit.cpu(), torch.full((len(own.unit),), float(each)).double())
        self._root_sizes = sizes.sqrt()
        self._handles = (
            optimizer.register_step_pre_hook(self._before),
            optimizer.register_step_post_hook(self._after),
        )

    @property
    def sizes(self) -> torch.Tensor:
        """How many weights each unit has."""
        return self._root_sizes.square().round().long()

    @torch.no_grad()
    def norms(self) -> torch.Tensor:
        """Return ‖w_u‖ of every unit now."""
        return self._total(lambda own: own.rows(own.parameter).double().square()).sqrt()

    def value(self) -> float:
        """Return strength · Σ_u √|u| ‖w_u‖ now."""
        return self.strength * float((self.norms().cpu() * self._root_sizes).sum())

    def detach(self) -> None:
        """Take the hooks off the optimizer."""
        for handle in self._handles:
            handle.remove()

    @torch.no_grad()
    def _before(self, optimizer: Optimizer, *_: Any) -> None:
        for own in self._members:
            moment = Moment(
                optimizer.param_groups[own.group], optimizer.state.get(own.parameter, {})
            )
            if own.buffer is None:
                own.buffer = own.metric.steady_buffer(moment)
            own.noted = own.metric.note(moment, own.parameter)

    @torch.no_grad()
    def _after(self, optimizer: Optimizer, *_: Any) -> None:
        if stands_still(optimizer):
            return
        steps, reaches = [], []
        for own in self._members:
            gradient = own.parameter.grad
            if gradient is None:
                raise InputError(
                    "expected a gradient for every parameter of the coupled units, got none for "
                    f"one of shape {tuple(own.parameter.shape)}: a unit shrinks as a whole"
                )
            state = optimizer.state.get(own.parameter, {})
            moment = Moment(optimizer.param_groups[own.group], state, gradient=gradient)
            gain, own.buffer = own.metric.gain(moment.group, own.buffer)
            motion = own.metric.motion(moment, own.noted).amplified(gain)
            denominator, reach = motion.denominator(), motion.reaches()
            step = torch.full_like(own.parameter, motion.rate, dtype=torch.float32)
            steps.append(own.rows(step if denominator is None else motion.rate / denominator))
            far = torch.is_tensor(reach)
            reaches.append(own.rows(reach) if far else reach)  # pyright: ignore[reportArgumentType]
        if self.strength > 0:
            self._shrink(steps, reaches)

    def _shrink(self, steps: list[torch.Tensor], reaches: list[Any]) -> None:
        """w_u ← w·r/(r + c·step), with Σ (w/(r + c·step))² = 1 over all members of the unit."""
        rows = [own.rows(own.parameter).double() for own in self._members]
        c = (self.strength * self._root_sizes).to(rows[0].device)
        thresholds = [
            step.double() * c[own.unit].unsqueeze(1)
            for own, step in zip(self._members, steps, strict=True)
        ]
        root = self._root(rows, thresholds)
        for own, w, threshold, reach in zip(self._members, rows, thresholds, reaches, strict=True):
            r = root[own.unit].unsqueeze(1)
            moved = torch.where(r > 0, w * (r / (r + threshold)), 0.0)
            moved = torch.where(threshold == 0, w, moved)
            if reach is not None:
                moved = within_reach(moved, w, torch.as_tensor(reach, dtype=w.dtype))
            own.put(moved)

    def _root(self, rows: list[torch.Tensor], thresholds: list[torch.Tensor]) -> torch.Tensor:
        """Return r of each unit, 0 where it vanishes; see `penalties.secular`."""
        floor = torch.finfo(torch.float64).tiny

        def sums(root: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            total, slope = torch.zeros_like(root), torch.zeros_like(root)
            for own, w, threshold in zip(self._members, rows, thresholds, strict=True):
                reach = (root[own.unit].unsqueeze(1) + threshold).clamp_min_(floor)
                squares = (w / reach).square()
                total.index_add_(0, own.unit, squares.sum(1))
                slope.index_add_(0, own.unit, (squares / reach).sum(1))
            return total, slope

        norms = torch.zeros(self._count, dtype=torch.float64, device=rows[0].device)
        pulls = torch.zeros_like(norms)
        for own, w, threshold in zip(self._members, rows, thresholds, strict=True):
            squares = w.square()
            norms.index_add_(0, own.unit, squares.sum(1))
            pulls.index_add_(0, own.unit, (squares * threshold).sum(1))
        # Where the tangent at infinity is 0: not above the root, as in `prox.group`.
        root = (norms.sqrt() - pulls / norms.clamp_min(floor)).clamp_min_(0.0)
        total, slope = sums(root)
        gone = (root == 0) & (total <= 1)
        for _ in range(_MOST):
            move = (total.sqrt() - 1) * total / slope
            active = (move > 1e-14 * root) & ~gone
            if not bool(active.any()):
                break
            root = torch.where(active, root + move, root)
            total, slope = sums(root)
        return torch.where(gone, 0.0, root)

    def _total(self, numbers: Any) -> torch.Tensor:
        device = self._members[0].parameter.device
        total = torch.zeros(self._count, dtype=torch.float64, device=device)
        for own in self._members:
            total.index_add_(0, own.unit, numbers(own).sum(1))
        return total


def shrink_units(
    optimizer: Optimizer, model: nn.Module, strength: float, units: Iterable[Unit]
) -> UnitShrink:
    """Shrink the coupled units of a network as groups, in the optimizer's metric, after every step.

    Formula: strength · Σ_u √|u| ‖w_u‖, |u| being the number of weights into the unit u: the members
    along the output axis of a layer, and its biases, scales and shifts.

    Args:
        optimizer: holds the parameters of the model.
        model: the network.
        strength: at least 0.
        units: what vanishes together, as `shrinkage.compaction.coupled_units` gives it.

    Returns:
        The `UnitShrink`, with `norms`, `sizes`, `value()`, `strength` and `detach()`.

    Raises:
        InputError: no units, names that the model has not, or parameters outside of the optimizer.
        UnsupportedOptimizer: an optimizer whose metric is not known.

    >>> from shrinkage.compaction import coupled_units
    >>> _ = torch.manual_seed(0)
    >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> units = coupled_units(model, torch.randn(2, 3))
    >>> shrink = shrink_units(optimizer, model, 2.0, units)
    >>> shrink.sizes
    tensor([4, 4, 4, 4])
    >>> model(torch.randn(8, 3)).sum().backward(); optimizer.step()
    >>> int((shrink.norms() == 0).sum())
    1

    Source: Wen et al., Learning structured sparsity in deep neural networks, NeurIPS (2016); groups
    over layers are Fang et al., DepGraph, CVPR (2023).
    """
    strength = number(strength, "a strength", hint="write for example 1e-3")
    units = tuple(units)
    described = {name: (info, tensor) for info, tensor in describe(model) for name in info.names}
    places = places_of(optimizer)
    assigned: dict[tuple[str, int], torch.Tensor] = {}
    taken: dict[str, int] = {}
    for index, unit in enumerate(units):
        for name, axis, positions in unit.members:
            if name not in described:
                raise InputError(
                    f"expected units of this model, got the parameter {name!r}, which it has not: "
                    "ask for the units of the model itself"
                )
            info, tensor = described[name]
            if tensor.ndim > 1 and axis != info.output_axis:
                continue  # a wire out of it: it leads into another unit
            if id(tensor) not in places:
                raise InputError(
                    f"expected {name} in the optimizer, got it outside: build the optimizer from "
                    "this model's parameters"
                )
            taken[info.name] = axis
            own = assigned.setdefault(
                (info.name, axis), torch.full((tensor.shape[axis],), -1, dtype=torch.long)
            )
            own[list(positions)] = index
    if not assigned:
        raise InputError(
            "expected at least one unit with weights into it, got none: a network without hidden "
            "units has nothing to lose"
        )
    metric = metric_of(optimizer)
    members = [
        _Member(described[name][1], places[id(described[name][1])], metric, axis, unit)
        for (name, axis), unit in assigned.items()
    ]
    return UnitShrink(optimizer, members, len(units), strength)
