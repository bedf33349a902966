"""Forms of some functions of torch that mean the same one model at a time and in a stack.

Who uses this: the sequential and the vectorized engine, around a network's forward pass in
training. Torch draws the mask of a dropout in the order in which its input lies in memory, which
is another one in a stack; here it is drawn in the order of the input's axes, one for all models.
Of attention with dropout the masks would stay inside; its fused kernel, and a bag of embeddings,
have no rule for a stack.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode


def dropout(
    input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> torch.Tensor:
    """Return inputs of which a share p is 0 and the others are divided by 1 − p.

    >>> dropout(torch.ones(1000), 0.5).unique()
    tensor([0., 2.])
    """
    if not training or p == 0:
        return functional.dropout(input, p, training, inplace)
    mask = torch.empty(input.shape, dtype=input.dtype, device=input.device).bernoulli_(1 - p)
    return input * (mask.div_(1 - p) if p < 1 else mask)


def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """Return softmax(query · keyᵀ · scale + mask) · value, the shares with dropout.

    Source: Vaswani et al. 2017, Attention is all you need, equation 1; arguments as torch's.
    """
    if enable_gqa:
        times = query.shape[-3] // key.shape[-3]
        key, value = (own.repeat_interleave(times, -3) for own in (key, value))
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    logits = query @ key.transpose(-2, -1) * factor
    if is_causal:
        ones = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device)
        logits = logits.masked_fill(~ones.tril(), -math.inf)
    if attn_mask is not None and attn_mask.dtype is torch.bool:
        logits = logits.masked_fill(~attn_mask, -math.inf)
    elif attn_mask is not None:
        logits = logits + attn_mask
    return dropout(torch.softmax(logits, -1), dropout_p) @ value


def embedding_bag(input: torch.Tensor, weight: torch.Tensor, *args: Any, **more: Any) -> Any:
    """Return the sum or the mean of the embeddings of each row's entries, without padding.

    Other bags (entries with offsets, with weights, their largest) are torch's.
    """
    names = ("offsets", "max_norm", "norm_type", "scale_grad_by_freq", "mode", "sparse")
    names += ("per_sample_weights", "include_last_offset", "padding_idx")
    said = {**dict(zip(names, args, strict=False)), **more}
    mode, padding = said.get("mode", "mean"), said.get("padding_idx")
    plain = not any(said.get(name) for name in ("max_norm", "scale_grad_by_freq", "sparse"))
    plain = plain and said.get("per_sample_weights") is None
    if not (plain and input.ndim == 2 and mode in ("sum", "mean")):
        return functional.embedding_bag(input, weight, *args, **more)
    entries = functional.embedding(input, weight)
    if padding is None:
        return entries.sum(1) if mode == "sum" else entries.mean(1)
    inside = (input != padding % weight.shape[0]).to(weight.dtype).unsqueeze(-1)
    total = (entries * inside).sum(1)
    return total if mode == "sum" else total / inside.sum(1).clamp_min(1)


def _own_attention(*args: Any, **more: Any) -> torch.Tensor:
    """Return attention by torch's fused kernel where no mask of dropout is drawn."""
    draws = more.get("dropout_p", args[4] if len(args) > 4 else 0.0)
    return (attention if draws else functional.scaled_dot_product_attention)(*args, **more)


Forms = Mapping[Any, Callable[..., Any]]


def _inside(function: Any, **own: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of torch.nn.functional whose own calls of these names take these forms.

    Such a function is called with the mode off, so that its own calls would not meet it.
    """
    names = {**vars(functional), "has_torch_function": lambda _: False, **own}
    same = FunctionType(function.__code__, names, function.__name__, function.__defaults__)
    same.__kwdefaults__ = function.__kwdefaults__
    return same


def _with(attend: Callable[..., Any]) -> dict[Any, Callable[..., Any]]:
    heads = functional.multi_head_attention_forward
    return {
        functional.dropout: dropout,
        functional.scaled_dot_product_attention: attend,
        heads: _inside(heads, scaled_dot_product_attention=attend, dropout=dropout),
    }


ALONE: Forms = _with(_own_attention)
"""Those of a model by itself."""
STACKED: Forms = {**_with(attention), functional.embedding_bag: embedding_bag}
"""Those of many models in one set of arrays."""


class FunctionalForms(TorchFunctionMode):
    """Inside this context functions of torch have the forms of this file."""

    def __init__(self, forms: Forms) -> None:
        super().__init__()
        self._forms = forms

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Return what the function's form gives, or the function itself."""
        del types
        return self._forms.get(func, func)(*args, **(kwargs or {}))
