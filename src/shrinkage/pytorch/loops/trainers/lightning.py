"""Lightning under the audit: a Trainer like the user's takes one step of `fit`, on the CPU.

Who uses this: `audit_trainer`. Both packages have one Trainer, so the package is that of the
trainer that came. The fits here begin as the user's would, with the same module, data, precision,
accumulation and clipping, and are ended by an exception from a callback: the first when the
optimizers exist, the others after the first step of the optimizer.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from shrinkage.errors import InputError
from shrinkage.pytorch.audits.copying import copied
from shrinkage.pytorch.loops.lightning import Regularize, chosen_optimizer
from shrinkage.pytorch.loops.sessions import WRAPPING, real_optimizer
from shrinkage.pytorch.loops.trainers.base import (
    UNKNOWN_ACCUMULATION,
    LoopRequest,
    TrainerLoop,
    at_first_rate,
    attach_as,
    hooked,
    lines_of,
    taken_batches,
)
from shrinkage.pytorch.loops.trainers.stepping import closure_first, scaled, standing_in

HOOKS = ("on_before_backward", "on_after_backward", "on_before_optimizer_step")
SETTINGS = (
    "precision",
    "max_epochs",
    "max_steps",
    "accumulate_grad_batches",
    "gradient_clip_val",
    "gradient_clip_algorithm",
)
LOGGERS = ("lightning.pytorch", "lightning.fabric", "pytorch_lightning", "lightning_fabric")
QUIET = {
    "accelerator": "cpu",
    "devices": 1,
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "limit_val_batches": 0,
    "num_sanity_val_steps": 0,
}

REMEDY = (
    "give the optimizer of configure_optimizers its weight_decay, or attach "
    "the terms with the callback Regularize; a number that training_step multiplies its "
    "penalty by has to be named: audit_trainer(…, strengths='l2')"
)


class Enough(Exception):
    """Ends a fit from within."""


@dataclass(frozen=True, eq=False)
class Fits:
    """Fits like those of a user's Trainer, each ended early.

    Args:
        trainer: the user's, whose settings are read.
        sessions: of the user's callbacks with terms.
    """

    trainer: Any
    sessions: Sequence[Any] = ()
    package: Any = field(init=False)

    def __post_init__(self) -> None:
        root = next(c.__module__ for c in type(self.trainer).__mro__ if c.__name__ == "Trainer")
        name = "pytorch_lightning" if root.startswith("pytorch_lightning") else "lightning.pytorch"
        object.__setattr__(self, "package", importlib.import_module(name))

    def fit(self, module: Any, data: Sequence[Any], **events: Callable[[Any], None]) -> None:
        """Fit until one of the events, functions of the trainer, raises `Enough`."""
        base = self.package.Callback
        methods = {name: _event(event) for name, event in events.items()}
        own = type("Events", (base,), methods)()
        callbacks = [own, *hooked(self._callbacks(), base, HOOKS)]
        settings = {name: getattr(self.trainer, name) for name in SETTINGS}
        with _quiet():
            trainer = self.package.Trainer(**QUIET, **settings, callbacks=callbacks)
            try:
                trainer.fit(module, *data)
            except Enough:
                return
        raise InputError(
            "expected a training with at least one step, got a fit that ends before it: look at "
            "the Trainer's limits and at the length of the data"
        )

    def _callbacks(self) -> list[Any]:
        return [c for c in self.trainer.callbacks if not isinstance(c, Regularize)]


@dataclass(eq=False)
class Begun:
    """What a fit has built when training starts."""

    package: Any
    optimizers: list[Any] = field(default_factory=list)
    batches: list[Any] = field(default_factory=list)
    steps_per_epoch: float | None = None

    def look(self, trainer: Any) -> None:
        """Take optimizers and batches, and end the fit."""
        automatic = trainer.lightning_module.automatic_optimization
        each = trainer.accumulate_grad_batches if automatic else UNKNOWN_ACCUMULATION
        self.optimizers = [real_optimizer(optimizer) for optimizer in trainer.optimizers]
        self.batches = taken_batches(self._single(trainer.train_dataloader), each)
        if automatic and trainer.num_training_batches != float("inf"):
            self.steps_per_epoch = trainer.num_training_batches / each
        raise Enough

    def _single(self, loaders: Any) -> Any:
        """Return one iterable of batches, where a training has several loaders too."""
        if not isinstance(loaders, dict | list | tuple):
            return loaders
        utilities = importlib.import_module(f"{self.package.__name__}.utilities")
        combined = utilities.CombinedLoader(loaders, "max_size_cycle")
        return (batch for batch, _, _ in combined)


def loop_of(trainer: Any, training: Sequence[Any], request: LoopRequest) -> TrainerLoop:
    """Return a step of `trainer.fit(*training)`.

    Raises:
        InputError: no module, a fit without a step, or no such optimizer.
    """
    if not training or not isinstance(training[0], nn.Module):
        raise InputError(
            "expected what trainer.fit takes, a LightningModule and its data, got "
            f"{type(training[0]).__name__ if training else 'nothing'}: "
            "audit_trainer(trainer, module, loader)"
        )
    module, *data = training
    regularizations = [c for c in trainer.callbacks if isinstance(c, Regularize)]
    fits = Fits(trainer, [callback.session for callback in regularizations])
    built, begun = copied(module, {}, "module"), Begun(fits.package)
    fits.fit(built, data[:1], on_train_start=begun.look)
    optimizer = chosen_optimizer(begun.optimizers, request.optimizer)
    place = next(i for i, other in enumerate(begun.optimizers) if other is optimizer)
    at_first_rate(optimizer, request.undo)
    for callback in regularizations:
        if chosen_optimizer(begun.optimizers, callback.optimizer) is optimizer:
            attach_as(callback.request, optimizer, built, request.undo)

    def step(model: Any, optimizer: Optimizer, batches: Any, scale: float) -> None:
        held = [value for value in vars(model).values() if isinstance(value, Regularize)]
        sessions = [*fits.sessions, *(callback.session for callback in held)]
        with (
            scaled(model, request.strengths, scale),
            standing_in(sessions, optimizer),
            closure_first(optimizer),
        ):
            _one_step(fits, model, optimizer, place, batches)

    return TrainerLoop(
        built,
        optimizer,
        step,
        begun.batches,
        steps_per_epoch=begun.steps_per_epoch,
        remedies={"no-effect": f"{REMEDY}{_without(trainer, fits)}"},
        lines=lines_of(module.training_step, request.strengths),
    )


def _without(trainer: Any, fits: Fits) -> str:
    """Return what is to be said of a user's callbacks that act behind a step: they may log."""
    base, behind = fits.package.Callback, "on_train_batch_end"
    own = [
        type(callback).__name__
        for callback in trainer.callbacks
        if type(callback).__module__.partition(".")[0] not in WRAPPING
        and getattr(type(callback), behind) is not getattr(base, behind)
        and not hooked([callback], base, HOOKS)
    ]
    if not own:
        return ""
    return (
        f"; {behind} of {', '.join(own)} did not run, since it may log or save: what changes "
        f"weights there is seen in the {behind} of the module"
    )


def _one_step(fits: Fits, model: Any, optimizer: Optimizer, place: int, batches: Any) -> None:
    def begin(trainer: Any) -> None:
        trainer.optimizers = [
            optimizer if number == place else real_optimizer(other)
            for number, other in enumerate(trainer.optimizers)
        ]

    def end(trainer: Any) -> None:
        if trainer.global_step:
            raise Enough

    loader = DataLoader(batches, batch_size=None, collate_fn=_as_it_is)
    # behind the module's own on_train_batch_end, which comes after that of every callback
    fits.fit(
        model, [loader], on_train_start=begin, on_train_batch_start=end, on_train_epoch_end=end
    )


def _as_it_is(batch: Any) -> Any:
    return batch


def _event(event: Callable[[Any], None]) -> Callable[..., None]:
    def method(self: Any, trainer: Any, *_: Any, **__: Any) -> None:  # noqa: ARG001
        event(trainer)

    return method


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning from telling what it tells at every fit."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(pytorch_)?lightning\b")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
