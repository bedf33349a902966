"""Terms as a differentiable number: the textbook way, added to the loss.

Who uses this: users who write `loss + penalty_loss(model, terms)`, and the loss update. The
derivative is the penalty's own least-norm subgradient, so a zero group or a zero weight gives 0
where automatic differentiation of a norm gives NaN.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from shrinkage.arrays import library_of
from shrinkage.errors import InputError, near_names
from shrinkage.penalties import Penalty
from shrinkage.pytorch.parameters import check_module, describe
from shrinkage.pytorch.sharding import unsharded
from shrinkage.terms import Part, Term, Terms, as_terms, assign, refuse_renewed


class _Value(torch.autograd.Function):
    """penalty.value(w) with penalty.gradient as its derivative, of which there is one, too."""

    generate_vmap_rule = True

    @staticmethod
    def forward(w: torch.Tensor, penalty: Penalty, stacked: int) -> torch.Tensor:
        return penalty.value(library_of(w).wide(w), stacked)  # a sum of 16 bits may be infinite

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ARG004
        w, ctx.penalty, ctx.stacked = inputs
        ctx.save_for_backward(w)

    @staticmethod
    def backward(ctx: Any, *outgoing: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (w,) = ctx.saved_tensors
        at: Any = _Smooth.apply(w) if torch.is_grad_enabled() else w
        subgradient = ctx.penalty.gradient(at, ctx.stacked)
        per_model = outgoing[0].reshape(*outgoing[0].shape, *(1,) * (w.ndim - ctx.stacked))
        return (subgradient * per_model).to(w.dtype), None, None


class _Smooth(torch.autograd.Function):
    """w itself, whose derivative is 0 where w is 0 and backward through a zero norm gives NaN."""

    generate_vmap_rule = True

    @staticmethod
    def forward(w: torch.Tensor) -> torch.Tensor:
        return w.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ARG004
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *outgoing: torch.Tensor) -> torch.Tensor:
        (w,) = ctx.saved_tensors
        return torch.where((w == 0) & outgoing[0].isnan(), 0.0, outgoing[0])


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
    total = library_of(w).wide(w.new_zeros(w.shape[:stacked]))
    for part in parts:
        value: Any = _Value.apply(part.about(w), part.penalty, stacked)
        strength = part.strength
        if isinstance(strength, torch.Tensor):
            strength = strength.to(w.device, total.dtype).view(total.shape)
        total = total + strength * value
    return total


def penalty_loss(
    model: nn.Module,
    terms: Term | Terms | Iterable[Term],
    parameters: Mapping[str, torch.Tensor] | None = None,
) -> torch.Tensor:
    """Return Σ strength·penalty(selected parameters), to be added to the loss.

    Every term counts, whatever update it names. Zero weights stay where only a proximal update
    makes them exactly zero.

    Args:
        model: the model whose parameters are penalised.
        terms: the terms.
        parameters: tensors by name that stand for the model's own, those that
            `torch.func.functional_call(model, parameters, …)` gets; None: its own.

    Returns:
        A scalar tensor, at least float32; its derivative is the least-norm subgradient, and it has
        second ones, finite at zero groups.

    Raises:
        InputError: parameters that the model has not; its own in `torch.func.grad`, which
            differentiates others.
        ShrinkageError: as `assign` does.

    >>> from shrinkage.penalties import L2
    >>> model = nn.Linear(2, 1)
    >>> _ = nn.init.ones_(model.weight)
    >>> penalty_loss(model, 0.5 * L2())
    tensor(0.5000, grad_fn=...)
    >>> penalty_loss(model, 0.5 * L2(), {"weight": torch.full((1, 2), 2.0)})
    tensor(2.)

    Source: half squares as in the weight_decay of https://docs.pytorch.org/docs/stable/optim.html
    """
    pairs = _assigned(model, terms)
    if parameters is not None:
        pairs = _in_place_of(model, pairs, parameters)
    if not pairs:
        return torch.zeros(())
    _check_differentiated(tensor for tensor, _ in pairs)
    values = [penalty_value(tensor, parts) for tensor, parts in pairs]
    return sum(values[1:], values[0])


_Pairs = Sequence[tuple[torch.Tensor, tuple[Part, ...]]]
_LAST: weakref.WeakKeyDictionary[nn.Module, tuple[Any, tuple, _Pairs]] = weakref.WeakKeyDictionary()


def _in_place_of(model: nn.Module, pairs: _Pairs, parameters: Mapping[str, torch.Tensor]) -> _Pairs:
    """Return the pairs with the tensors that stand for a model's own, by any of its names."""
    own = dict(model.named_parameters(remove_duplicate=False))
    known = own | dict(model.named_buffers(remove_duplicate=False))
    for name, tensor in parameters.items():
        if name not in known or tensor.shape != known[name].shape:
            hint = near_names(name, known) or "give what functional_call(model, …) gets"
            hint = hint if name not in known else f"its own is {tuple(known[name].shape)}"
            own = f"got {name} of shape {tuple(tensor.shape)}"
            raise InputError(f"expected tensors like the model's own, {own}: {hint}")
    instead = {id(known[name]): tensor for name, tensor in parameters.items()}
    return [(instead.get(id(tensor), tensor), parts) for tensor, parts in pairs]


def _check_differentiated(tensors: Iterable[torch.Tensor]) -> None:
    """Refuse tensors that `torch.func.grad` takes for constants, so that they have no gradient."""
    if torch.compiler.is_compiling():
        return
    functorch: Any = getattr(torch._C, "_functorch")  # noqa: B009 - a module without a stub
    kinds = functorch.TransformType
    levels = functorch.get_interpreter_stack() or ()
    derives = any(level.key() in (kinds.Grad, kinds.Jvp) for level in levels)
    if derives and not any(map(functorch.is_functorch_wrapped_tensor, tensors)):
        raise InputError(
            "expected parameters that are differentiated in torch.func.grad, got the model's own, "
            "in whose place functional_call has others: give penalty_loss(model, terms, "
            "parameters) what functional_call gets"
        )


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
    if all(isinstance(tensor, nn.Parameter) for tensor, _ in pairs):  # no graph is kept
        _LAST[model] = (terms, now, pairs)
    return pairs


def as_reference(reference: Any, parameter: torch.Tensor) -> torch.Tensor | None:
    """Return a reference as a full tensor of the parameter's dtype and device; None stays."""
    if reference is None:
        return None
    return unsharded(torch.as_tensor(reference).detach()).to(parameter.device, parameter.dtype)


def _like(part: Part, parameter: torch.Tensor) -> Part:
    return replace(part, reference=as_reference(part.reference, parameter))
