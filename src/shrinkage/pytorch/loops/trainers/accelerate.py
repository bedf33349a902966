"""A loop with Accelerate under the audit: what was prepared, and one step with accumulation.

Who uses this: `audit_trainer`, and the audit of the Transformers Trainer, which steps through an
accelerator too. The accelerator that comes is read; a copy of it, with lists of its own, does the
work, and the state that all accelerators share is given back.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from accelerate.optimizer import AcceleratedOptimizer
from accelerate.state import GradientState
from torch import nn
from torch.optim import Optimizer

from shrinkage.audits.source_lines import line_of, line_of_argument
from shrinkage.errors import InputError
from shrinkage.pytorch.loops.sessions import real_model, real_optimizer
from shrinkage.pytorch.loops.trainers.base import (
    LoopRequest,
    TrainerLoop,
    at_first_rate,
    epoch_length,
    taken_batches,
)

REMEDY = (
    "give the optimizer its weight_decay, or attach the terms with "
    "shrinkage.pytorch.regularize; a loss function that adds a penalty of its own takes a "
    "third argument, scale, and multiplies it by that"
)


def loop_of(accelerator: Any, training: Sequence[Any], request: LoopRequest) -> TrainerLoop:
    """Return a step with what `accelerator.prepare` has returned.

    Raises:
        InputError: something else than model, optimizer, loader and loss function, several
            processes, or strengths by name.
    """
    model, optimizer, loader, loss_function = _prepared(training)
    if request.strengths:
        raise InputError(
            f"expected no strengths with Accelerate, got {request.strengths!r}: let the loss "
            "function take a third argument, scale, and multiply its penalty by it"
        )
    refuse_processes(accelerator)
    each = accelerator.gradient_accumulation_steps
    with shared_state_kept():
        batches = taken_batches(loader, each)
    own = real_optimizer(optimizer)
    at_first_rate(own, request.undo)
    takes_scale = len(inspect.signature(loss_function).parameters) > 2

    def step(model: nn.Module, optimizer: Optimizer, batches: Any, scale: float) -> None:
        with shared_state_kept():
            copied, wrapped = accelerated(accelerator, optimizer)
            wrapped.zero_grad()
            for batch in batches:
                with copied.accumulate(model):
                    further = (scale,) if takes_scale else ()
                    copied.backward(_checked(loss_function(model, batch, *further)))
                    wrapped.step()
                    wrapped.zero_grad()

    return TrainerLoop(
        real_model(model),
        own,
        step,
        batches,
        steps_per_epoch=epoch_length(loader, each),
        remedies={"no-effect": REMEDY},
        lines=(line_of(loss_function), line_of_argument(loss_function, 2)),
    )


def _prepared(training: Sequence[Any]) -> tuple[Any, Any, Any, Callable[..., Any]]:
    kinds = (nn.Module, Optimizer)
    right = len(training) == 4 and all(map(isinstance, training, kinds)) and callable(training[3])
    if not right:
        got = ", ".join(type(value).__name__ for value in training) or "nothing"
        raise InputError(
            f"expected model, optimizer, loader and a loss function (model, batch), got {got}: "
            "audit_trainer(accelerator, model, optimizer, loader, loss_function)"
        )
    model, optimizer, loader, loss_function = training
    if isinstance(loss_function, nn.Module):
        name = type(loss_function).__name__
        raise InputError(
            f"expected a loss function (model, batch), got the module {name}: write one that calls "
            "both, as lambda model, batch: criterion(model(batch[0]), batch[1])"
        )
    return model, optimizer, loader, loss_function


def _checked(loss: Any) -> torch.Tensor:
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        raise InputError(
            f"expected the loss function to return a tensor of one number, got {loss!r:.80}: let "
            "it return the loss that accelerator.backward takes"
        )
    return loss


def refuse_processes(accelerator: Any) -> None:
    """Refuse what one process alone cannot step.

    Raises:
        InputError: the accelerator is of several processes, or of DeepSpeed and the like.
    """
    if accelerator.distributed_type.value != "NO":
        raise InputError(
            f"expected a training in one process, got {accelerator.distributed_type.value}: audit "
            "it as plain `python script.py` runs it, on one device"
        )


def accelerated(accelerator: Any, optimizer: Optimizer) -> tuple[Any, AcceleratedOptimizer]:
    """Return a copy of an accelerator and an optimizer prepared by it; what came stays."""
    copied = copy.copy(accelerator)
    vars(copied).update({k: v[:] for k, v in vars(accelerator).items() if isinstance(v, list)})
    copied.step = 0
    copied.scaler = copy.deepcopy(accelerator.scaler)
    wrapped = AcceleratedOptimizer(optimizer, device_placement=False, scaler=copied.scaler)
    copied._optimizers = [wrapped]
    copied.gradient_state._set_sync_gradients(True)
    return copied, wrapped


@contextmanager
def shared_state_kept() -> Iterator[None]:
    """Give back at the end what all accelerators share: whose turn it is to step."""
    state = vars(GradientState())
    before = {name: v[:] if isinstance(v, list) else v for name, v in state.items()}
    try:
        yield
    finally:
        state.clear()
        state.update(before)
