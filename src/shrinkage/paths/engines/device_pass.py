"""Adam and the prox of L1 and L2 in torch's operations, for stacks that lie on a GPU.

Who uses this: the optimizer of a stack. It is what `_adam.c` computes, one function of whole
parameters that `torch.compile` makes one kernel of; the numbers of a step are read from a tensor on
the device, so that a captured step can be replayed with those of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import torch

from shrinkage.paths.engines.flat import FlatStack
from shrinkage.pytorch.optimizers import TINY
from shrinkage.pytorch.prox.kernels.adam import AdamNumbers
from shrinkage.terms import FARTHEST


def adam_and_prox(
    w: torch.Tensor,
    gradient: torch.Tensor,
    first: torch.Tensor,
    second: torch.Tensor,
    strengths: torch.Tensor,
    numbers: torch.Tensor,
) -> None:
    """Take one step in place.

    Args:
        w: weights, (models, *shape).
        gradient: of the same shape, perhaps narrower numbers.
        first: Adam's first moment.
        second: its second.
        strengths: of L1 and L2, (2, models, 1, …); a model with none is moved by Adam alone.
        numbers: those of `AdamNumbers.at`.
    """
    beta1, beta2, step, epsilon, rate, bound, _ = numbers.unbind()
    gradient = gradient.to(w.dtype)
    first.copy_(first + (gradient - first) * (1 - beta1))
    second.copy_(second * beta2 + gradient * gradient * (1 - beta2))
    distance = second.clamp_min(TINY).sqrt() + epsilon
    moved = step * first / distance
    start = w - moved
    far = torch.maximum(bound, FARTHEST * moved.abs())
    threshold, ridge = rate * strengths[0], rate * strengths[1]
    r = 1 / (distance + ridge)
    z, t = start - start * (ridge * r), threshold * r
    shrunk = z - torch.clamp(z, -t, t)
    shrunk = torch.clamp(shrunk, start - far, start + far)
    w.copy_(torch.where(threshold + ridge > 0, shrunk, start))


@cache
def compiled() -> Callable[..., Any]:
    """Return the step as one kernel."""
    return torch.compile(adam_and_prox, fullgraph=True, dynamic=False)


class DevicePass:
    """The step of some parameters of a stack.

    Args:
        flat: the buffers.
        strengths: of L1 and L2, (2, models), by the name of the parameter.
    """

    def __init__(self, flat: FlatStack, strengths: Mapping[str, np.ndarray]) -> None:
        self._flat, self._numbers = flat, AdamNumbers()
        self._step: Callable[..., Any] = compiled() if flat.values.is_cuda else adam_and_prox
        self._strengths = {
            name: torch.as_tensor(own).to(flat.values).view(2, -1, *(1,) * (len(shape) - 1))
            for name, own in strengths.items()
            for shape in [flat.stretches[name].shape]
        }

    def table(self, rates: list[float]) -> torch.Tensor:
        """Return the numbers of the steps to come, one row each, on the device."""
        before = self._flat.steps
        rows = [self._numbers.at(before + 1 + at, rate) for at, rate in enumerate(rates)]
        return torch.from_numpy(np.stack(rows)).to(self._flat.values)

    @torch.no_grad()
    def __call__(self, numbers: torch.Tensor) -> None:
        """Take a step with these numbers, one row of a table."""
        flat = self._flat
        for name, strengths in self._strengths.items():
            weights, narrow = flat.parameters[name].detach(), flat.narrow_views(name)
            gradient = flat.stretches[name].view(flat.gradients) if narrow is None else narrow[0]
            self._step(weights, gradient, *flat.moments(name), strengths, numbers)
            if narrow is not None:
                narrow[1].copy_(weights)
