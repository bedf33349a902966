"""Zeros that stay zero: what keeps momentum, Adam's state and averages from reviving them.

Who uses this: `regularize(freeze_zeros=True)`, and people who count zeros, or average weights
with `torch.optim.swa_utils`. A weight that a penalty has made zero moves again when the optimizer's
momentum or the gradient says so; that is right while a strength is being searched, and unwanted
once the support is decided.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from shrinkage.errors import InputError


class FrozenZeros:
    """The zeros that a penalty has made in one parameter; they are put back after every step.

    >>> frozen, w = FrozenZeros(), torch.tensor([0.0, 1.0])
    >>> frozen.hold(w)
    >>> w[0] = 0.5
    >>> frozen.hold(w)
    >>> w
    tensor([0., 1.])
    """

    def __init__(self) -> None:
        self.mask: torch.Tensor | None = None

    def hold(self, w: torch.Tensor, low: torch.Tensor | None = None, *, grow: bool = True) -> None:
        """Put known zeros back, and know those that have appeared since.

        Args:
            w: weights after the shrink, changed in place.
            low: their low part, if they have one.
            grow: whether zeros that have appeared are of the penalty's making.
        """
        if self.mask is not None and self.mask.shape != w.shape:
            self.mask = None  # of a parameter that has been given another shape
        if self.mask is not None:
            w.masked_fill_(self.mask, 0.0)
        if grow or self.mask is None:
            self.mask = (w == 0) if grow else torch.zeros_like(w, dtype=torch.bool)
        if low is not None:
            low.masked_fill_(self.mask, 0.0)


def zero_fraction(model: nn.Module) -> float:
    """Return the share of a model's weights that are exactly zero, between 0 and 1.

    Args:
        model: any module; weights are its parameters of two or more dimensions, so that biases
            and norms do not count.

    >>> model = nn.Linear(2, 1)
    >>> with torch.no_grad():
    ...     _ = model.weight.copy_(torch.tensor([[0.0, 1.0]]))
    >>> zero_fraction(model)
    0.5
    """
    weights = [p.detach() for p in model.parameters() if p.ndim > 1]
    total = sum(w.numel() for w in weights)
    return sum(int((w == 0).sum()) for w in weights) / total if total else 0.0


def keep_zeros(average: Callable[..., Any]) -> Callable[..., Any]:
    """Return an averaging function whose result is zero where the current weights are.

    An average of weights that were not always zero is not zero. With this the average has the
    support of the current model, and is the plain average elsewhere.

    Args:
        average: a `multi_avg_fn` (lists of tensors, changed in place, as
            `torch.optim.swa_utils.get_ema_multi_avg_fn` gives) or an `avg_fn` (one tensor,
            returned, as `get_ema_avg_fn` gives).

    Returns:
        A function of the same kind, for `torch.optim.swa_utils.AveragedModel`.

    >>> from torch.optim.swa_utils import get_ema_multi_avg_fn
    >>> model = nn.Linear(2, 1, bias=False)
    >>> averaged = AveragedModel(model, multi_avg_fn=keep_zeros(get_ema_multi_avg_fn(0.9)))
    >>> averaged.update_parameters(model)
    >>> with torch.no_grad():
    ...     _ = model.weight.copy_(torch.tensor([[0.0, 1.0]]))
    >>> averaged.update_parameters(model)
    >>> lost_zeros(averaged, model)
    {}

    Source: Izmailov et al., Averaging weights leads to wider optima, UAI 2018, for the average.
    """

    def averaged(old: Any, new: Any, count: Any) -> Any:
        mean = average(old, new, count)
        if isinstance(new, torch.Tensor):
            return torch.where(new == 0, new, mean)
        for own, current in zip(old, new, strict=True):
            own.masked_fill_(current.to(own.device) == 0, 0.0)
        return mean

    return averaged


def lost_zeros(averaged: nn.Module, model: nn.Module) -> dict[str, int]:
    """Return how many zeros of a model's parameters its average does not have, by name.

    Args:
        averaged: an `AveragedModel`, or any module with the same parameters.
        model: the model that was averaged.

    Returns:
        Names with their counts; empty where the average has kept the support.

    Raises:
        InputError: the parameters do not correspond.

    >>> first, second = nn.Linear(2, 1, bias=False), nn.Linear(2, 1, bias=False)
    >>> with torch.no_grad():
    ...     _ = second.weight.zero_()
    >>> lost_zeros(first, second)
    {'weight': 2}
    """
    inner = averaged.module if isinstance(averaged, AveragedModel) else averaged
    theirs = dict(inner.named_parameters())
    lost = {}
    for name, parameter in model.named_parameters():
        other = theirs.get(name)
        if other is None or other.shape != parameter.shape:
            raise InputError(
                f"expected an average of the same parameters, got none like {name}: give the "
                "AveragedModel of this model"
            )
        count = int(((parameter == 0) & (other.to(parameter.device) != 0)).sum())
        if count:
            lost[name] = count
    return lost
