"""What is known of every entry of a tensor, and who reads it.

Who uses this: `analysis` carries one `Entries` along every edge of the graph; `deciding` looks at
the readers. Three questions are asked of an entry: what is it (`value`, on the example), does it
depend on the network's input (`flow` > 0) and to which unit does it belong (`units`). `flow` is
differentiated: the gradient that comes back to it is above 0 where an output depends on the entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

FLOW = torch.float32
"""The type of flows, whatever that of values is and whatever torch makes by default."""


@dataclass(frozen=True, eq=False)
class Entries:
    """A tensor and what is known of its entries: three tensors of one shape.

    `sums_to_one` says that the last axis is a weighting, as after a softmax.
    """

    value: torch.Tensor
    flow: torch.Tensor
    units: torch.Tensor
    sums_to_one: bool = False

    @property
    def constant(self) -> torch.Tensor:
        """Return where the value is the same for every input."""
        return self.flow.detach() == 0

    def probed(self) -> Entries:
        """Return the same entries with a flow of their own: one reader is told from another."""
        return replace(self, flow=self.flow * 1.0)


Axis = tuple[int, torch.Tensor] | None
"""An axis of a parameter, and which of its slices; None: there is none."""


@dataclass(frozen=True, eq=False)
class Weight:
    """A parameter or buffer as it is read: whole or in part, turned, or each entry changed.

    Attributes:
        name: of the parameter.
        value: what is read.
        axes: of the parameter, which run along each axis here.
        moved: brings a tensor of the parameter's shape to here.
        through: slices of the parameter that all of this lies in, as where one is selected.
        parts: axes of the parameter of which a part is read, with the call and the axis there.
        others: weights that are combined with it, entry by entry.
        exact: whether the numbers are those of the parameter.
    """

    name: str
    value: torch.Tensor
    axes: tuple[Axis, ...]
    moved: Callable[[torch.Tensor], torch.Tensor] = field(default=lambda tensor: tensor)
    through: tuple[tuple[int, torch.Tensor], ...] = ()
    parts: Mapping[int, tuple[Any, int]] = field(default_factory=dict)
    others: tuple[Weight, ...] = ()
    exact: bool = True

    @classmethod
    def of(cls, name: str, value: torch.Tensor) -> Weight:
        """Return a parameter as it is kept."""
        axes = ((axis, torch.arange(size)) for axis, size in enumerate(value.shape))
        return cls(name, value, tuple(axes))

    def places(self, shape: torch.Size) -> torch.Tensor:
        """Return where its entries are in the parameter, which has that shape, in one row."""
        return self.moved(torch.arange(shape.numel()).view(shape)).flatten()


@dataclass(frozen=True, eq=False)
class Bias:
    """What takes up constants of a weighted sum.

    Attributes:
        name: of a parameter or buffer, or the one that it will have where it is not there yet.
        places: its entries, in one row, one for each row of the weight.
        sign: −1 for the mean that a batch norm takes away right after.
        is_there: whether it is there already.
    """

    name: str
    places: torch.Tensor
    sign: int = 1
    is_there: bool = True


@dataclass(frozen=True, eq=False)
class Reader:
    """A weighted sum: entries that a column of a weight each reads, and a bias takes up.

    Attributes:
        node: the call.
        entries: what is read; the features lie along `dim`.
        weight: of which axis `axis` runs over the features, and axis `rows` over what comes out.
        made: what comes out.
        bias: what takes up constants, if anything.
        padded: zeros are read beside the entries.
    """

    node: Any
    entries: Entries
    dim: int
    weight: Weight
    axis: int
    rows: int
    made: Maker
    bias: Bias | None = None
    padded: bool = False


@dataclass(frozen=True, eq=False)
class Maker:
    """A layer that makes units: they lie along the axis `dim` of what comes out of its weight."""

    node: Any
    weight: Weight
    entries: Entries
    dim: int

    def still(self) -> torch.Tensor:
        """Return which of its units depend on no input, shape (units,)."""
        return ~(by_feature(self.entries.flow.detach(), self.dim) > 0).any(1).cpu()

    def units(self) -> torch.Tensor:
        """Return the unit of each, shape (units,)."""
        return by_feature(self.entries.units, self.dim)[:, 0]


@dataclass(frozen=True, eq=False)
class Mixer:
    """An operation in which entries of several units meet, so that none can be left out alone.

    Attributes:
        node: the call.
        entries: what is read.
        what: the operation, in words ("a softmax runs over them").
        fixed: as long as one is needed, all stay; else whole units can go, once nobody needs what
            comes out (an attention head).
        held: all stay whoever needs them, since nothing is known of the shape of what comes out.
        adds: they are added up, so that those that are 0 for every input can be left out.
    """

    node: Any
    entries: Entries
    what: str
    fixed: bool
    held: bool = False
    adds: bool = False

    @property
    def missing(self) -> torch.Tensor:
        """Return where the entries are 0 for every input."""
        return self.entries.constant & (self.entries.value == 0)

    def keeps(self, demanded: torch.Tensor) -> torch.Tensor:
        """Return which of the entries stay, of those that what reads them needs.

        What mixes constants alone puts out constants, which would be others without some of them.
        """
        still = not bool(self.entries.flow.any())
        if self.held or (self.fixed and (still or bool(demanded.any()))):
            return ~self.missing.cpu() if self.adds else torch.ones_like(demanded)
        return demanded


def by_feature(tensor: torch.Tensor, dim: int) -> torch.Tensor:
    """Return a tensor with its features along the first axis and all else along the second."""
    features = tensor.movedim(dim, 0)
    for other in range(1, features.ndim):
        if features.stride(other) == 0:
            features = features.narrow(other, 0, 1)
    return features.reshape(len(features), -1)


class Mark(torch.autograd.Function):
    """1 where something flows, forwards and backwards; what does not flow passes nothing back."""

    @staticmethod
    def forward(ctx: Any, flow: torch.Tensor) -> torch.Tensor:
        """Return 1.0 where `flow` is above 0."""
        marked = (flow > 0).to(FLOW)
        ctx.save_for_backward(marked)
        return marked

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        """Return 1.0 where something asks for what flows."""
        (marked,) = ctx.saved_tensors
        return (gradients[0] > 0).to(FLOW) * marked


def mark(flow: torch.Tensor) -> torch.Tensor:
    """Return `Mark` of a flow."""
    return Mark.apply(flow)  # type: ignore[return-value]


def nonzero(tensor: torch.Tensor) -> torch.Tensor:
    """Return 1.0 where a tensor is not 0, as flows are."""
    return (tensor != 0).to(FLOW)


def same(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return where two tensors are equal but for the rounding of a few additions."""
    if not one.is_floating_point():
        return one == other
    precision = torch.finfo(one.dtype).eps
    near = (one - other).abs() <= 64 * precision * torch.maximum(one.abs(), other.abs())
    return near | (one == other)  # infinities


def words(text: str) -> frozenset[str]:
    """Return the words of a text: names of operations."""
    return frozenset(text.split())
