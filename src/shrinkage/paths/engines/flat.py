"""The arrays of a stack in flat buffers: weights, gradients and Adam's two moments.

Who uses this: the stacked network and its optimizer. Each parameter is a view (models, *shape) of
one stretch of every buffer, so that one compiled pass, one collective operation or one copy does
all of them. Whoever leaves out models or columns makes a smaller set of buffers with `reduced`;
the moments and the number of steps go along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import torch

from shrinkage.paths.engines.pages import zeros

ALIGNED = 16  # numbers: 64 bytes of float32, a line of the cache

Cut = Callable[[str, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Stretch:
    """Where a parameter lies in each buffer, and its shape with the models in front."""

    begin: int
    shape: torch.Size

    @property
    def length(self) -> int:
        """Return how many numbers it has."""
        return self.shape.numel()

    @property
    def of_model(self) -> int:
        """Return how many numbers of it one model has."""
        return self.shape[1:].numel()

    def view(self, buffer: torch.Tensor) -> torch.Tensor:
        """Return the parameter's view of a buffer."""
        return buffer[self.begin : self.begin + self.length].view(self.shape)


@dataclass
class FlatStack:
    """The buffers of some parameters.

    Args:
        stretches: of each parameter, by its name.
        values: the weights.
        gradients: what the backward pass leaves.
        first: Adam's running mean of the gradient.
        second: Adam's running mean of its square.
        steps: how many steps have been taken.

    `parameters` are leaves that autograd knows; their `.grad` is a view of `gradients`. Of the
    parameters in `narrowed`, the gradients are in bfloat16, in the first buffer of `narrow`, and
    the second has bfloat16 copies of the weights.
    """

    stretches: Mapping[str, Stretch]
    values: torch.Tensor
    gradients: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    steps: int = 0
    parameters: dict[str, torch.Tensor] = field(init=False)
    narrow: tuple[torch.Tensor, torch.Tensor] | None = None
    narrowed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.parameters = {}
        for name, stretch in self.stretches.items():
            parameter = stretch.view(self.values).requires_grad_()
            parameter.grad = stretch.view(self.gradients)
            self.parameters[name] = parameter

    @classmethod
    def of(cls, arrays: Mapping[str, torch.Tensor]) -> FlatStack:
        """Return new buffers with copies of these arrays, the models along their first axes.

        >>> stack = FlatStack.of({"weight": torch.ones(2, 3), "bias": torch.zeros(2, 1)})
        >>> stack.values.numel(), stack.stretches["bias"].begin
        (32, 16)
        """
        stretches, end = cls.laid_out({name: array.shape for name, array in arrays.items()})
        like = next(iter(arrays.values()))
        values, *others = (zeros(end, like.dtype, like.device) for _ in range(4))
        for name, array in arrays.items():
            stretches[name].view(values).copy_(array.detach())
        gradients, first, second = others
        return cls(stretches, values, gradients, first, second)

    @staticmethod
    def laid_out(shapes: Mapping[str, torch.Size]) -> tuple[dict[str, Stretch], int]:
        """Return where parameters of these shapes lie, and how long the buffers are."""
        stretches, end = {}, 0
        for name, shape in shapes.items():
            stretches[name] = Stretch(end, shape)
            end += -(-shape.numel() // ALIGNED) * ALIGNED
        return stretches, end

    def narrow_down(self, names: Iterable[str]) -> None:
        """Have gradients of these parameters in bfloat16 from now on, and copies of the weights."""
        self.narrowed = frozenset(names)
        if self.narrowed:
            own = self.values.numel(), torch.bfloat16, self.values.device
            self.narrow = zeros(*own), zeros(*own)
            self.narrow[1].copy_(self.values.detach())

    def narrow_views(self, name: str) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Return a parameter's gradients and weights in bfloat16; None where it has none."""
        if self.narrow is None or name not in self.narrowed:
            return None
        gradients, copies = (self.stretches[name].view(buffer) for buffer in self.narrow)
        return gradients, copies

    def moments(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the views of Adam's moments of a parameter."""
        stretch = self.stretches[name]
        return stretch.view(self.first), stretch.view(self.second)

    def release(self) -> None:
        """Give back all but the weights: nothing is trained from here on.

        What is measured then takes two arrays of the weights, as the moments do.
        """
        self.first, self.second = self.first[:0].clone(), self.second[:0].clone()
        self.narrow, self.narrowed = None, frozenset()

    def some(self, models: slice) -> FlatStack:
        """Return some models alone, in the same buffers.

        >>> stack = FlatStack.of({"bias": torch.arange(3.0).view(3, 1)})
        >>> stack.some(slice(1, 3)).parameters["bias"].tolist()
        [[1.0], [2.0]]
        """
        begin, stop, _ = models.indices(next(iter(self.stretches.values())).shape[0])
        own = {
            name: Stretch(
                whole.begin + begin * whole.of_model, torch.Size((stop - begin, *whole.shape[1:]))
            )
            for name, whole in self.stretches.items()
        }
        return replace(self, stretches=own)

    def exchange(self, model: int, other: int) -> None:
        """Let two models change places, with their moments."""
        buffers = self.values, self.first, self.second, *(self.narrow or ())[1:]
        for stretch in self.stretches.values():
            for buffer in buffers:
                own = stretch.view(buffer.detach())
                own[[model, other]] = own[[other, model]]

    def reduced(self, cut: Cut) -> FlatStack:
        """Return smaller buffers, in which training goes on with what is left.

        Args:
            cut: maps a parameter's name and its array (models, *shape), of weights or of a
                moment, to what is left of it.
        """
        names = self.stretches
        left = {name: cut(name, stretch.view(self.values)) for name, stretch in names.items()}
        smaller = FlatStack.of(left)
        for name in names:
            for own, before in zip(smaller.moments(name), self.moments(name), strict=True):
                own.copy_(cut(name, before))
        smaller.steps = self.steps
        smaller.narrow_down(self.narrowed)
        return smaller
