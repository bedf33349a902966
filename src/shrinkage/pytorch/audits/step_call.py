"""One call of the caller's training step: seeded, its attachment answered for, errors in words.

Who uses this: `runs`.
"""

from __future__ import annotations

import inspect
import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from shrinkage.audits.source_lines import may_read
from shrinkage.errors import InputError
from shrinkage.pytorch.attached import attachment_of
from shrinkage.pytorch.audits.calls import FirstLoss, calls_noted, first_loss_raised
from shrinkage.pytorch.audits.optimizer_copies import is_hook
from shrinkage.pytorch.audits.outputs import Outputs
from shrinkage.pytorch.audits.places import WayEnded
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.audits.watch import Watch

TrainingStep = Callable[..., Any]
_MISSING = re.compile(r"\b(cuda|nvidia|mps|hip|xpu)\b", re.IGNORECASE)
_FOUR = re.compile(r"takes (\w+ )?3 positional arguments but 4 were given")
_HIDDEN = (
    "expected training_step(model, optimizer, batch, scale), got a wrapper of (*args) around one "
    "without a scale: name the arguments of the wrapper, as functools.wraps does"
)


_COUNTED = "expected training_step to call optimizer.step() once, got {calls} calls: {hint}"


class NeverStepped(InputError):
    """The step never called the optimizer; one inside of it may have been."""


@dataclass(frozen=True)
class StepCall:
    """A training step, called as step(model, optimizer, batch, scale) or without the scale."""

    step: TrainingStep
    batch: Any
    seed: int
    wrap: Callable[[Twin], Any] = lambda twin: twin.optimizer  # what the loop is handed

    def __call__(
        self,
        twin: Twin,
        scale: float,
        also: Callable[[], float] | None = None,
        *,
        lead: Watch | None = None,
        lends: bool = False,
        outputs: Outputs | None = None,
    ) -> Watch:
        """Take one step on a twin that was reset; return what was seen inside.

        Args:
            twin: the copy.
            scale: of all strengths.
            also: is asked for a number to add to whatever the step's closure returns.
            lead: a run whose gradients and losses the step goes on with.
            lends: whether gradients may be kept as they lie.
            outputs: what the model's modules put out is heard, or cut off, by them.
        """
        three = twin.model, self.wrap(twin), self.batch
        args, kwargs = _arguments(self.step, three, scale)
        watch = Watch(twin, lead, lends=lends)
        watch.also = also
        before = _marks(twin.theirs)
        try:
            with calls_noted(watch), outputs or nullcontext(), seeded(self.seed), _stand_in(twin):
                self.step(*args, **kwargs)
        except WayEnded:
            return watch
        except (RuntimeError, AssertionError, TypeError) as error:
            translated = _translated(error)
            if translated is error:
                raise
            raise translated from error
        finally:
            watch.close()
        if not watch.saw_gradients and not twin.has_gradients:
            raise InputError(
                "expected training_step to work on the model that it is given, got none of whose "
                "parameters has a gradient: use the first argument, not the model outside"
            )
        idle = {name: (version, 0, 0) for name, (version, *_) in before.items()}
        watch.outside = frozenset(
            name
            for name, mark in _marks(twin.theirs).items()
            if mark not in (before[name], idle[name])
        )
        if watch.steps != 1:
            kind = InputError if watch.steps else NeverStepped
            raise kind(_COUNTED.format(calls=watch.steps, hint=_hint(twin, watch)))
        return watch

    @property
    def may_scale(self) -> bool:
        """Whether the step may multiply anything by the scale that it is called with."""
        return may_read(self.step, 3, "scale")

    def led_by(self, twin: Twin, lead: Watch) -> Watch:
        """Take a step without terms that goes the way of another; it ends where that ended.

        Args:
            twin: the copy, reset.
            lead: the run whose gradients and losses the step goes on with.
        """
        with _off(twin.optimizer):
            return self(twin, 0.0, lead=lead)

    def first_loss(self, twin: Twin) -> float | None:
        """Return the loss of a step without terms, which ends there; None where none is seen."""
        args, kwargs = _arguments(self.step, (twin.model, self.wrap(twin), self.batch), 0.0)
        try:
            with first_loss_raised(), seeded(self.seed), _stand_in(twin), _off(twin.optimizer):
                self.step(*args, **kwargs)
        except FirstLoss as seen:
            return float(seen.loss) if seen.loss.numel() == 1 else None
        return None


def _marks(parameters: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, int, int]]:
    """Return what of each parameter changes when a loop moves it, or makes a gradient of it."""
    marks = {}
    for name, tensor in parameters.items():
        gradient = tensor.grad
        of_it = (0, 0) if gradient is None else (id(gradient), gradient._version)
        marks[name] = tensor._version, *of_it
    return marks


def _hint(twin: Twin, watch: Watch) -> str:
    """Return what to do about a step that is none, or several."""
    if watch.steps > 1:
        return "write the step of one batch, with all its micro-batches; a loop calls it for each"
    if watch.others:
        return (
            f"{' and '.join(sorted(watch.others))} of the loop's own moved the weights (in a hook "
            "of backward, say); step the one that is given instead, or use shrinkage.audit"
        )
    if all(torch.equal(w, twin.start[n]) for n, w in twin.parameters.items()):
        return (
            "write a step that ends in one (a gradient scaler skips it when the loss scale "
            "overflows: start it lower)"
        )
    return (
        "the weights moved all the same; use step(closure) in the place of first_step and "
        "second_step, or shrinkage.audit for updates of your own"
    )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Fix all random states while this is open, and give them back."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            if torch.accelerator.is_available():
                torch.manual_seed(seed)
            else:  # a stack trace for each device that is not there costs milliseconds
                torch.default_generator.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


@contextmanager
def _off(optimizer: Optimizer) -> Iterator[None]:
    """Take off the optimizer what a step has put on it and, broken off, could not take off."""
    before = attachment_of(optimizer)
    hooks = {name: own.copy() for name, own in vars(optimizer).items() if is_hook(name)}
    try:
        yield
    finally:
        after = attachment_of(optimizer)
        if after is not None and after is not before:
            after.detach()
        vars(optimizer).update(hooks)


@contextmanager
def _stand_in(twin: Twin) -> Iterator[None]:
    """Let the caller's attachment answer for the copy: a loop may ask it for its loss."""
    theirs, own = twin.their_attachment, twin.attachment
    if theirs is None or own is None:
        yield
        return
    names = ("loss", "note_loss")
    theirs.__dict__.update({name: getattr(own, name) for name in names})
    try:
        yield
    finally:
        for name in names:
            theirs.__dict__.pop(name, None)


def _arguments(
    step: TrainingStep, three: tuple[Any, Any, Any], scale: float
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return what a training step is called with: the scale by place, by name, or not at all."""
    try:
        signature = inspect.signature(step)
    except (TypeError, ValueError):
        return (*three, scale), {}
    for args, kwargs in (((*three, scale), {}), (three, {"scale": scale}), (three, {})):
        try:
            signature.bind(*args, **kwargs)
        except TypeError:
            continue
        return args, kwargs
    raise InputError(
        f"expected training_step(model, optimizer, batch, scale), got {signature}: give it these "
        "arguments; the last may be left out"
    )


def _translated(error: Exception) -> Exception:
    """Return what to raise: an absent device, or hidden arguments, are named in one line.

    Anything else is the step's own error, and returned as it is.
    """
    text = str(error)
    if isinstance(error, TypeError):
        return InputError(_HIDDEN) if _FOUR.search(text) is not None else error
    absent = not torch.cuda.is_available() and _MISSING.search(text) is not None
    if not absent:
        return error
    line = text.strip().splitlines()[0]
    return InputError(
        f"expected training_step to run on a device that is here, got: {line}: audit it on that "
        "machine, or let the step take the device from the model"
    )
