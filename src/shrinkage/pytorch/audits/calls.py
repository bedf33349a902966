"""Calls of backward, of gradient scalers and of clipping, noted while a step runs.

Who uses this: `step_call`. Scalers live in the caller's loop, and clipping is a function under many
names: their class, and what that function calls, is where they can be heard.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.utils import clip_grad
from torch.optim.optimizer import register_optimizer_step_pre_hook

from shrinkage.pytorch.audits.watch import Watch


class FirstLoss(BaseException):
    """The loss of a step that ends with its forward pass; no loop's own handler takes it."""

    def __init__(self, loss: torch.Tensor) -> None:
        super().__init__()
        self.loss = loss


_CLIPS = "_clip_grads_with_norm_"  # what `clip_grad_norm_` calls, whoever imported that from where


@contextlib.contextmanager
def first_loss_raised() -> Iterator[None]:
    """End a step where its first loss is to be differentiated, with a `FirstLoss`."""
    original = torch.Tensor.backward

    def backward(self: torch.Tensor, *_: Any, **__: Any) -> None:
        raise FirstLoss(self.detach())

    torch.Tensor.backward = backward  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.Tensor.backward = original  # type: ignore[method-assign]


@contextlib.contextmanager
def calls_noted(watch: Watch) -> Iterator[None]:
    """Tell a watch of the loss, its scale, `unscale_`, clipping and steps while this is open."""
    kind, backwards = torch.amp.GradScaler, torch.Tensor.backward
    scales, unscales, clips = kind.scale, kind.unscale_, getattr(clip_grad, _CLIPS, None)

    def backward(self: torch.Tensor, *args: Any, **kwargs: Any) -> None:
        watch.differentiating(self)
        backwards(self, *args, **kwargs)

    def scale(self: Any, outputs: Any) -> Any:
        scaled = scales(self, outputs)
        if self.is_enabled():
            watch.scale(float(self.get_scale()))
        return scaled

    def unscale_(self: Any, optimizer: Any) -> None:
        noted = watch.unscaling(optimizer) if self.is_enabled() else contextlib.nullcontext()
        with noted:
            unscales(self, optimizer)

    def clip(parameters: Any, *args: Any, **kwargs: Any) -> Any:
        single = isinstance(parameters, torch.Tensor)
        listed = [parameters] if single else list(parameters)
        watch.clipping(listed)
        assert clips is not None
        return clips(listed, *args, **kwargs)

    def stepping(optimizer: Any, *_: Any) -> None:
        watch.stepping(optimizer)

    handle = register_optimizer_step_pre_hook(stepping)
    torch.Tensor.backward = backward  # type: ignore[method-assign]
    kind.scale, kind.unscale_ = scale, unscale_  # type: ignore[method-assign]
    if clips is not None:
        setattr(clip_grad, _CLIPS, clip)
    try:
        yield
    finally:
        handle.remove()
        torch.Tensor.backward = backwards  # type: ignore[method-assign]
        kind.scale, kind.unscale_ = scales, unscales  # type: ignore[method-assign]
        if clips is not None:
            setattr(clip_grad, _CLIPS, clips)
