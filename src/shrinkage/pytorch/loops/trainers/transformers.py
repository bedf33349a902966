"""The Trainer of Transformers under the audit: its own training step, clipping and optimizer.

Who uses this: `audit_trainer`. A shallow copy of the trainer builds the optimizer where there is
none yet, and steps; it has the model and the optimizer that the audit hands it. Overridden
`create_optimizer`, `training_step` and `compute_loss` are the user's.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn
from torch.optim import Optimizer
from transformers.trainer import Trainer
from transformers.trainer_callback import TrainerCallback

from shrinkage.errors import InputError
from shrinkage.penalties import L2
from shrinkage.pytorch.attached import attachment_of
from shrinkage.pytorch.audits.wanted import Exactly
from shrinkage.pytorch.loops.sessions import real_optimizer
from shrinkage.pytorch.loops.trainers.accelerate import (
    accelerated,
    refuse_processes,
    shared_state_kept,
)
from shrinkage.pytorch.loops.trainers.base import (
    LoopRequest,
    TrainerLoop,
    at_first_rate,
    attach_as,
    epoch_length,
    hooked,
    lines_of,
    overridden,
)
from shrinkage.pytorch.loops.trainers.stepping import scaled, standing_in
from shrinkage.pytorch.loops.transformers import Regularize
from shrinkage.terms import Term, Terms

LOSSES = ("compute_loss", "training_step")
DIVIDE = (
    "divide the penalty that compute_loss adds by self.args.gradient_accumulation_steps, as the "
    "Trainer does with the loss of the data"
)
HOOKS = ("on_pre_optimizer_step", "on_optimizer_step")


def loop_of(trainer: Any, training: Sequence[Any], request: LoopRequest) -> TrainerLoop:
    """Return a step of `trainer.train()`.

    Raises:
        InputError: several processes, or arguments behind the trainer.
        UnsupportedOptimizer: the trainer steps with something else than torch.optim.
    """
    if training:
        raise InputError(
            f"expected the Trainer alone, got {type(training[0]).__name__} behind it: it has its "
            "model and its data"
        )
    refuse_processes(trainer.accelerator)
    callbacks = trainer.callback_handler.callbacks
    regularizations = [c for c in callbacks if isinstance(c, Regularize)]
    copied, optimizer = _built(trainer, regularizations, request)
    others = [callback for callback in callbacks if callback not in regularizations]
    hooks = hooked(others, TrainerCallback, HOOKS)
    loader, batches = _batches(copied)
    own_loss = overridden(trainer, Trainer, LOSSES) or trainer.compute_loss_func

    def step(model: Any, optimizer: Optimizer, batches: Any, scale: float) -> None:
        own = _copied(copied)
        sessions = [callback.session for callback in regularizations]
        with shared_state_kept(), standing_in(sessions, optimizer):
            own.accelerator, own.optimizer = accelerated(trainer.accelerator, optimizer)
            own.model = own.model_wrapped = _mixed(own.accelerator, model)
            with scaled(own, request.strengths, scale):
                _one_step(own, batches, hooks)

    return TrainerLoop(
        trainer.model,
        optimizer,
        step,
        batches,
        terms=_of_settings(copied, optimizer),
        steps_per_epoch=epoch_length(loader, trainer.args.gradient_accumulation_steps),
        remedies={"no-effect": _remedy(trainer), "accumulation-multiplied": DIVIDE},
        lines=lines_of(own_loss, request.strengths),
    )


def _built(
    trainer: Any, regularizations: Sequence[Regularize], request: LoopRequest
) -> tuple[Any, Optimizer]:
    """Return a copy of a trainer with an optimizer, which has the terms of callbacks."""
    copied = _copied(trainer)
    if copied.optimizer is None:
        copied.create_optimizer()
    optimizer = real_optimizer(copied.optimizer)
    at_first_rate(optimizer, request.undo)
    if attachment_of(optimizer) is None:
        for callback in regularizations:
            attach_as(callback.request, optimizer, trainer.model, request.undo)
    return copied, optimizer


def _copied(trainer: Any) -> Any:
    """Return a trainer whose attributes can be set, with the states that a step may change."""
    copied = copy.copy(trainer)
    copied.state, copied.control = copy.copy(trainer.state), copy.copy(trainer.control)
    return copied


def _batches(trainer: Any) -> tuple[Any, tuple[list[Any], Any]]:
    """Return the loader, and the micro-batches of a step with the number of items in them."""
    with shared_state_kept():
        trainer.accelerator, _ = accelerated(trainer.accelerator, real_optimizer(trainer.optimizer))
        loader = trainer.get_train_dataloader()
        arguments = [iter(loader), trainer.args.gradient_accumulation_steps, trainer.args.device]
        counted = len(inspect.signature(trainer.get_batch_samples).parameters)
        batches, items = trainer.get_batch_samples(*arguments[:counted])
    if not batches:
        raise InputError("expected data to train on, got a train_dataset without a batch")
    return loader, (batches, items)


def _one_step(trainer: Any, batches: tuple[list[Any], Any], callbacks: Sequence[Any]) -> None:
    """Do between two steps what the trainer does."""
    inputs, items = batches
    args, model, optimizer = trainer.args, trainer.model, trainer.optimizer
    trainer.current_gradient_accumulation_steps = len(inputs)
    events = {"model": model, "optimizer": optimizer}
    model.zero_grad()
    for batch in inputs:
        one_use = dict(batch) if isinstance(batch, Mapping) else batch
        trainer.training_step(model, one_use, items)
    if args.max_grad_norm is not None and args.max_grad_norm > 0:
        trainer.accelerator.clip_grad_norm_(model.parameters(), args.max_grad_norm)
    for callback in callbacks:
        callback.on_pre_optimizer_step(args, trainer.state, trainer.control, **events)
    optimizer.step()
    for callback in callbacks:
        callback.on_optimizer_step(args, trainer.state, trainer.control, **events)


def _mixed(accelerator: Any, model: nn.Module) -> nn.Module:
    """Return the model in the trainer's mixed precision; it is prepared at most once."""
    return model if accelerator.mixed_precision == "no" else accelerator.prepare_model(model)


def _of_settings(trainer: Any, optimizer: Optimizer) -> Terms | None:
    """Return the terms that `TrainingArguments` and callbacks stand for, None for the optimizer's.

    A weight decay is meant for the parameters that the trainer names itself and that train, whoever
    has built the optimizer.
    """
    decay = trainer.args.weight_decay
    if not decay:
        return None
    named = set(trainer.get_decay_parameter_names(trainer.model))
    weights = trainer.model.named_parameters()
    names = tuple(name for name, weight in weights if name in named and weight.requires_grad)
    attachment = attachment_of(optimizer)
    attached = (
        ()
        if attachment is None or attachment.assignment is None
        else (
            term.with_update(term.update or attachment.update)
            for term in attachment.assignment.terms
        )
    )
    return Terms((Term(decay, L2(), Exactly(names)), *attached))


def _remedy(trainer: Any) -> str:
    if trainer.args.weight_decay and trainer.optimizer is not None:
        return (
            f"TrainingArguments(weight_decay={trainer.args.weight_decay:g}) is read where Trainer "
            "builds the optimizer, and not for one that is given to it: give the groups of that "
            "one their weight_decay"
        )
    return (
        "set TrainingArguments(weight_decay=…), or attach the terms with the callback Regularize; "
        "a number that compute_loss multiplies its penalty by has to be named: "
        "audit_trainer(trainer, strengths='l2')"
    )
