"""Many small parameters shrunk in one call: what a step costs beyond the work itself.

Who uses this: `Attachment`, at every step in which all its parameters have a gradient. The hooks
of a small network would spend more time in Python than in arithmetic; a batch reads the learning
rate once and calls a compiled kernel once for all parameters of a group with the same strengths.
It does what the updates do one by one, bit for bit, and hands back to them whatever it is not
made for: other penalties, references, 16-bit weights, shards, a remedy of `resolution` at work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from shrinkage.pytorch.optimizers import Group, Metric, Moment
from shrinkage.pytorch.prox.kept import KeptTensors, States
from shrinkage.pytorch.prox.kernels import TensorAddresses, are_built
from shrinkage.pytorch.prox.rounding import is_due, is_representable
from shrinkage.pytorch.prox.shrink import kernel_numbers, kernels_read
from shrinkage.pytorch.slots import Slot
from shrinkage.pytorch.updates import Corrected, Decoupled, Proximal

_DTYPE = torch.float32  # what the kernels are for


class _Read(NamedTuple):
    """How the parameters of a batch have moved, as the kernels take it."""

    squares: list[torch.Tensor]
    pushes: list[torch.Tensor]
    numbers: Sequence[Any]
    moves: bool


class Batch:
    """Slots of one parameter group with one update, whose L1 and L2 strengths agree.

    Attributes:
        slots: for which `key_of` is the same.
        decays: whether there is something to do before the step.
        strengths: (l1, l2) of their nonsmooth parts, for "proximal" of all parts.
    """

    def __init__(self, slots: Sequence[Slot], strengths: tuple[float, float]) -> None:
        self.slots = tuple(slots)
        self._parameters = [slot.parameter for slot in slots]
        self._resolutions = [slot.target.resolution for slot in slots]
        self._l1, self._l2 = strengths
        self._group = slots[0].group
        count = len(self.slots)
        self._weights, self._squares, self._pushes = (TensorAddresses(count) for _ in range(3))
        update = slots[0].updates[0]
        self._metric: Metric | None = update.metric if isinstance(update, Proximal) else None
        self._decay = (isinstance(update, Decoupled) and update.decay) or 0.0
        self.decays = self._decay != 0
        by_step = None if self._metric is None else self._metric.by_step
        self._kept = None if by_step is None else KeptTensors(self._parameters, by_step)
        self._known, self._exact = 0.0, True  # the last rate, and whether float32 can hold it

    def decay(self, groups: Sequence[Group]) -> bool:
        """Decay all slots before the step; False where each has to be done by itself."""
        rate = float(groups[self._group]["lr"]) * self._decay
        if not rate:
            return True
        if rate != self._known:
            self._known, self._exact = rate, is_representable(_DTYPE, rate)
        if not self._exact or not self._weights.point_to(self._parameters):
            return False
        self._weights.decay(1 - rate)
        return True

    def shrink(self, groups: Sequence[Group], states: States) -> bool:
        """Shrink all slots after the step; False where each has to be done by itself."""
        group = groups[self._group]
        if self._metric is not None:
            return self._proximal(self._metric, group, states)
        if not self._weights.point_to(self._parameters):
            return False
        threshold = float(group["lr"]) * self._l1
        if threshold:
            self._weights.shrink_scalar(1.0, threshold)
            for resolution, parameter in zip(self._resolutions, self._parameters, strict=True):
                resolution.pay(parameter, threshold)
        return True

    def _proximal(self, metric: Metric, group: Group, states: States) -> bool:
        if self._is_measured():
            return False
        by_step, kept = metric.by_step, self._kept
        step = None if kept is None else kept.step(group, states)
        if by_step is not None and step is not None:
            motion = by_step.numbers(group, step)
            row = kernel_numbers(motion, self._l1, self._l2)
            return self._shrunk(row * len(self._parameters), motion.rate != 0, pushed=True)
        read = self._read(metric, group, states)
        if read is None or not self._point_to(read.squares, read.pushes):
            return False
        if kept is not None:
            kept.keep(group, states)
        return self._shrunk(read.numbers, read.moves, pushed=bool(read.pushes))

    def _shrunk(self, numbers: Sequence[Any], moves: bool, *, pushed: bool) -> bool:
        if moves:
            self._weights.take_numbers(numbers)
            self._weights.shrink_diagonal(self._squares, self._pushes if pushed else None)
            for resolution in self._resolutions:
                resolution.shrinks += 1
        return True

    def _read(self, metric: Metric, group: Group, states: States) -> _Read | None:
        """Read how each has moved; None where the kernels are not made for that."""
        squares, pushes, numbers, rate = [], [], [], 0.0
        for parameter in self._parameters:
            motion = metric.motion(Moment(group, states[parameter], gradient=parameter.grad))
            if motion.square is None or not kernels_read(motion):
                return None
            rate = motion.rate
            squares.append(motion.square)
            if motion.push is not None:
                pushes.append(motion.push)
            numbers += kernel_numbers(motion, self._l1, self._l2)
        return _Read(squares, pushes, numbers, rate != 0)

    def _is_measured(self) -> bool:
        """Return whether what rounding loses of this step is measured or given back."""
        known = -1
        for resolution in self._resolutions:
            if resolution.low is not None:
                return True
            if resolution.shrinks != known:  # seldom: all count the same steps
                known = resolution.shrinks
                if is_due(known + 1):
                    return True
        return False

    def _point_to(self, squares: list[torch.Tensor], pushes: list[torch.Tensor]) -> bool:
        """Look at the weights with what belongs to them; return whether addresses correspond."""
        arrays = [(self._weights, self._parameters), (self._squares, squares)]
        arrays += [(self._pushes, pushes)] if pushes else []
        return all(
            own.point_to(tensors) and own.strides == self._weights.strides
            for own, tensors in arrays
        )


class Batches:
    """The slots of an attachment: in batches what can be, alone what cannot.

    Args:
        slots: of one attachment, at the strengths of now.
    """

    def __init__(self, slots: Sequence[Slot]) -> None:
        self.batches, self.alone = make_batches(slots)
        self._early = [
            slot for slot in self.alone if any(update.acts_before for update in slot.updates)
        ]

    def before(self, groups: Sequence[Group]) -> list[Slot]:
        """Decay what is in batches, and return the slots that still act before the step."""
        left = list(self._early)
        for batch in self.batches:
            if batch.decays and not batch.decay(groups):
                left += batch.slots
        return left

    def after(self, groups: Sequence[Group], states: States) -> list[Slot]:
        """Shrink what is in batches, and return the slots that are still to be done."""
        left = list(self.alone)
        for batch in self.batches:
            if not batch.shrink(groups, states):
                left += batch.slots
        return left


def make_batches(slots: Sequence[Slot]) -> tuple[tuple[Batch, ...], tuple[Slot, ...]]:
    """Return batches, none where the kernels were not built, and the slots that are in none."""
    alike: dict[tuple, list[Slot]] = {}
    alone = []
    for slot in slots:
        key = _key(slot) if are_built() else None
        if key is None:
            alone.append(slot)
        else:
            alike.setdefault(key, []).append(slot)
    return tuple(Batch(group, key[2]) for key, group in alike.items()), tuple(alone)


def _key(slot: Slot) -> tuple[int, type, tuple[float, float], float] | None:
    """Return what has to agree in a batch, None where a slot has to be done by itself."""
    if len(slot.updates) != 1 or not slot.target.is_plain or slot.target.stacked:
        return None
    (update,) = slot.updates
    if not isinstance(update, Decoupled | Proximal) or isinstance(update, Corrected):
        return None  # others, and one whose rate is not the group's
    if update.route.strengths is None:
        return None
    if isinstance(update, Proximal) and not update.reads_state_only:
        return None
    decay = 0.0
    if isinstance(update, Decoupled):
        if update.decay is None:
            return None
        decay = update.decay
    return slot.group, type(update), update.route.strengths, decay
