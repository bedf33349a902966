"""Terms as a differentiable number: the textbook way, added to the loss.

Who uses this: users who write `loss + penalty_loss(model, terms)`, and the loss update. The
derivative is the penalty's own least-norm subgradient, so a zero group or a zero weight gives 0
where automatic differentiation of a norm gives NaN.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from shrinkage.penalties import Penalty
from shrinkage.pytorch.parameters import check_module, describe
from shrinkage.pytorch.sharding import unsharded
from shrinkage.terms import Part, Term, Terms, as_terms, assign, refuse_renewed


class _Value(torch.autograd.Function):
    """penalty.value(w) with penalty.gradient as its derivative."""

    @staticmethod
    def forward(ctx: Any, w: torch.Tensor, penalty: Penalty, stacked: int) -> torch.Tensor:
        ctx.save_for_backward(w)
        ctx.penalty, ctx.stacked = penalty, stacked
        return penalty.value(w, stacked)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outgoing: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (w,) = ctx.saved_tensors
        subgradient = ctx.penalty.gradient(w, ctx.stacked)
        per_model = outgoing[0].reshape(*outgoing[0].shape, *(1,) * (w.ndim - ctx.stacked))
        return subgradient * per_model, None, None


def penalty_value(w: torch.Tensor, parts: Sequence[Part], stacked: int = 0) -> torch.Tensor:
    """Return Σ strength·penalty(w − reference), differentiable, one per model.

    Args:
        w: a parameter, shape (*models, *weights).
        parts: strengths (numbers or one per model), penalties and references.
        stacked: how many leading axes run over models.

    Returns:
        A tensor of shape w.shape[:stacked].

    >>> from shrinkage.penalties import L1
    >>> w = torch.tensor([3.0, 0.0], requires_grad=True)
    >>> penalty_value(w, [Part(0.5, L1())]).backward()
    >>> w.grad
    tensor([0.5000, 0.0000])
    """
    w = unsharded(w)
    total = w.new_zeros(w.shape[:stacked])
    for part in parts:
        value: Any = _Value.apply(part.about(w), part.penalty, stacked)
        strength = part.strength
        if isinstance(strength, torch.Tensor):
            strength = strength.to(w.device, w.dtype).view(total.shape)
        total = total + strength * value
    return total


def penalty_loss(model: nn.Module, terms: Term | Terms | Iterable[Term]) -> torch.Tensor:
    """Return Σ strength·penalty(selected parameters), to be added to the loss.

    Every term counts, whatever update it names. Zero weights stay where only a proximal update
    makes them exactly zero.

    Args:
        model: the model whose parameters are penalised.
        terms: the terms.

    Returns:
        A scalar tensor; its derivative is the least-norm subgradient.

    Raises:
        ShrinkageError: as `assign` does.

    >>> from shrinkage.penalties import L2
    >>> model = nn.Linear(2, 1)
    >>> _ = nn.init.ones_(model.weight)
    >>> penalty_loss(model, 0.5 * L2())
    tensor(0.5000, grad_fn=...)

    Source: half squares as in the weight_decay of https://docs.pytorch.org/docs/stable/optim.html
    """
    pairs = _assigned(model, terms)
    if not pairs:
        return torch.zeros(())
    values = [penalty_value(tensor, parts) for tensor, parts in pairs]
    return sum(values[1:], values[0])


_Pairs = Sequence[tuple[torch.Tensor, tuple[Part, ...]]]
_LAST: weakref.WeakKeyDictionary[nn.Module, tuple[Any, tuple, _Pairs]] = weakref.WeakKeyDictionary()


def _assigned(model: nn.Module, terms: Term | Terms | Iterable[Term]) -> _Pairs:
    """Return the parameters and their parts, as found last time where nothing has changed."""
    check_module(model)
    now = tuple((id(p), p.requires_grad, p.device) for p in model.parameters())
    last = _LAST.get(model)
    if last is not None and last[0] is terms and last[1] == now:
        return last[2]
    described = describe(model)
    in_loss = as_terms(terms).with_update("loss")
    assignment = assign((info for info, _ in described), in_loss)
    refuse_renewed(assignment, "penalty_loss")
    parts = assignment.parts
    pairs = [
        (tensor, tuple(_like(part, tensor) for part in parts[info.name]))
        for info, tensor in described
        if parts[info.name]
    ]
    _LAST[model] = (terms, now, pairs)
    return pairs


def as_reference(reference: Any, parameter: torch.Tensor) -> torch.Tensor | None:
    """Return a reference as a full tensor of the parameter's dtype and device; None stays."""
    if reference is None:
        return None
    return unsharded(torch.as_tensor(reference).detach()).to(parameter.device, parameter.dtype)


def _like(part: Part, parameter: torch.Tensor) -> Part:
    return replace(part, reference=as_reference(part.reference, parameter))
