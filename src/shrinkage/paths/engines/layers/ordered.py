"""The last layer of ordered classes: cumulative logits of one number.

Who uses this: models of `loss="ordinal"`, in every engine. From its one input f the layer makes the
logarithms of the probabilities of K classes with P(class ≤ k) = σ(θ_k − f), θ ascending, so that
cross entropy of its outputs is the likelihood of the proportional odds model, and whatever knows
classes knows these. Source: McCullagh 1980, Regression models for ordinal data, JRSS B 42.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import logsigmoid, softplus

from shrinkage.paths.engines.layers.base import LayerArrays, StackedLayer


class OrderedClasses(nn.Module):
    """One number a row → log probabilities of ordered classes, (rows, 1) → (rows, classes).

    The thresholds are `first` and, one after the other, softplus(`gaps`) more; they begin where a
    number of 0 makes all classes alike, or by `begin_at` has the shares of a target.

    Args:
        classes: K, at least 3.

    >>> OrderedClasses(4)(torch.zeros(1, 1)).exp().detach().numpy().round(4)
    array([[0.25, 0.25, 0.25, 0.25]], dtype=float32)
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        first, gaps = _thresholds(torch.ones(classes, dtype=torch.float64))
        self.first = nn.Parameter(first.to(torch.get_default_dtype()))
        self.gaps = nn.Parameter(gaps.to(torch.get_default_dtype()))

    def begin_at(self, target: torch.Tensor, weight: torch.Tensor | None = None) -> None:
        """Set the thresholds where a number of 0 has the shares of the classes in a target.

        A class without rows counts half a row.

        Args:
            target: numbers of classes, (rows,).
            weight: of the rows, (rows,); None: all alike.

        >>> layer = OrderedClasses(3)
        >>> layer.begin_at(torch.tensor([0, 0, 1, 2]))
        >>> layer(torch.zeros(1, 1)).exp().detach().numpy().round(4)
        array([[0.5 , 0.25, 0.25]], dtype=float32)
        """
        counts = torch.bincount(target.cpu(), weight if weight is None else weight.cpu().double())
        counts = nn.functional.pad(counts.double(), (0, self.classes - len(counts)))
        first, gaps = _thresholds(counts.clamp_min(0.5))
        with torch.no_grad():
            self.first.copy_(first)
            self.gaps.copy_(gaps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the log probabilities."""
        return log_probabilities(x.t(), self.first, self.gaps).t()

    def extra_repr(self) -> str:
        """Return what the layer is made of."""
        return f"{self.classes}"


def _thresholds(counts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the first threshold and what softplus makes the gaps of, for counts."""
    thresholds = torch.logit(counts.cumsum(0)[:-1] / counts.sum())
    return thresholds[:1], torch.log(torch.expm1(thresholds.diff()))


def log_probabilities(
    number: torch.Tensor, first: torch.Tensor, gaps: torch.Tensor
) -> torch.Tensor:
    """Return the log probabilities of the classes, (…, classes, rows).

    σ(a) − σ(b) = σ(a)·σ(−b)·(1 − exp(b − a)), whose last factor is of the thresholds alone.

    Args:
        number: (…, 1, rows).
        first: (…, 1) the first threshold.
        gaps: (…, classes − 2); softplus of them lie between thresholds.
    """
    steps = softplus(gaps)
    thresholds = torch.cat([first, first + steps.cumsum(dim=-1)], dim=-1).unsqueeze(-1)
    below = logsigmoid(thresholds - number)  # log P(class ≤ k)
    above = logsigmoid(number - thresholds)
    between = torch.log(-torch.expm1(-steps)).unsqueeze(-1)
    middle = below[..., 1:, :] + above[..., :-1, :] + between
    return torch.cat([below[..., :1, :], middle, above[..., -1:, :]], dim=-2)


def _apply(layer: OrderedClasses, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    del layer
    return log_probabilities(hidden, arrays.parameter("first"), arrays.parameter("gaps"))


ORDERED = StackedLayer((OrderedClasses,), _apply)
