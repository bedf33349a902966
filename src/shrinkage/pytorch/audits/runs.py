"""Three training steps from one start, and what they did to every parameter.

Who uses this: `audit`. A run without the terms is kept (weights and gradients); one with them is
measured parameter by parameter while it stands, so that a network is never held more than twice
beside its gradients. Where the optimizer hides what lies beside the gradient, a bare copy of it is
stepped with the same gradients, and the weights are compared with where that brings them.
"""

from __future__ import annotations

import inspect
import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from shrinkage.audits.expected import Expectation
from shrinkage.audits.measure import Measured, Pair, measure
from shrinkage.audits.verdicts import DecayUse
from shrinkage.errors import InputError, UnsupportedOptimizer
from shrinkage.pytorch.audits.kept import Kept
from shrinkage.pytorch.audits.own_decay import OwnDecay, own_decays, step_bare
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.audits.watch import Watch, scales_noted
from shrinkage.pytorch.optimizers import Moment, metric_of
from shrinkage.pytorch.optimizers.motion import nothing
from shrinkage.pytorch.updates import Proximal

TrainingStep = Callable[..., Any]
_USES = {OwnDecay.NONE: DecayUse.IGNORED, OwnDecay.UNKNOWN: DecayUse.OTHER_RULE}


class Runs:
    """Runs of one step on a twin.

    Args:
        twin: the copy.
        step: the caller's training step, called as step(model, optimizer, batch, scale).
        batch: handed on.
        seed: of every run.
        kept: gives back what the step closes over.
    """

    def __init__(self, twin: Twin, step: TrainingStep, batch: Any, seed: int, kept: Kept) -> None:
        self.twin, self._kept = twin, kept
        self._step, self._batch, self._seed = step, batch, seed
        self._takes_scale = _takes_scale(step)
        self.zero = self.run(0.0)
        self.after_zero = {
            name: tensor.detach().clone() for name, tensor in twin.parameters.items()
        }
        with seeded(seed):
            self.decays = own_decays(twin, self.zero, OwnDecay.UNKNOWN)

    def run(self, scale: float) -> Watch:
        """Take one step from the start, with all strengths times `scale`; the twin stands after."""
        self._kept.restore()
        self.twin.reset(scale)
        watch = Watch(self.twin)
        arguments = (self.twin.model, self.twin.optimizer, self._batch)
        try:
            with scales_noted([watch]), seeded(self._seed), _stand_in(self.twin):
                self._step(*arguments, *((scale,) if self._takes_scale else ()))
        except (RuntimeError, AssertionError) as error:
            raise _translated(error) from error
        finally:
            watch.close()
        if not watch.counts and not self.twin.has_gradients:
            raise InputError(
                "expected training_step to work on the model that it is given, got none of whose "
                "parameters has a gradient: use the first argument, not the model outside"
            )
        if watch.steps != 1:
            raise InputError(
                f"expected training_step to call optimizer.step() once, got {watch.steps} calls: "
                "write a step that ends in one (a gradient scaler skips it when the loss scale "
                "overflows: start it lower)"
            )
        return watch

    def repeats(self) -> str | None:
        """Return the name of a parameter that a second run without the terms left elsewhere."""
        self.run(0.0)
        for name, tensor in self.twin.parameters.items():
            first, second = self.after_zero[name].double(), tensor.detach().double()
            bound = 8 * torch.finfo(tensor.dtype).eps * (first.abs() + second.abs())
            if not bool(((first - second).abs() <= bound).all()) and bool(first.isfinite().all()):
                return name
        return None

    def measured(
        self,
        scale: float,
        expectations: Mapping[str, Expectation],
        allowed: Mapping[str, tuple[str, ...]],
        look: Callable[[Mapping[str, Measured]], None] | None = None,
    ) -> tuple[dict[str, Measured], Watch]:
        """Run at a scale and measure every parameter; `look` is called while the run stands."""
        watch = self.run(scale)
        found = {
            name: measure(
                self._pair(name, watch),
                expected,
                watch.rates.get(name, 0.0),
                scale,
                allowed=allowed[name],
            )
            for name, expected in expectations.items()
        }
        if look is not None:
            look(found)
        hidden = [
            name
            for name, one in found.items()
            if one.finite and not one.plain and one.slope is not None and _hides(one)
        ]
        if hidden and watch.replayable:
            parts = {name: expectations[name] for name in hidden}
            found |= self._replayed(scale, watch, parts, found)
        return found, watch

    def _pair(self, name: str, watch: Watch) -> Pair:
        tensor = self.twin.parameters[name]
        before, after = self.gradient(name, self.zero), self.gradient(name, watch)
        if (before is None) != (after is None):  # a penalty on a parameter the data does not reach
            before = torch.zeros_like(tensor) if before is None else before
            after = torch.zeros_like(tensor) if after is None else after
        elif before is None and name in watch.rates:
            before = after = torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)
        step = torch.finfo(tensor.dtype).eps
        return Pair(
            self.twin.start[name],
            self.after_zero[name],
            tensor,
            before,
            after,
            step,
            step,
            self._joining(watch).get(name, 0.0),
            lambda: self._metric(name),
        )

    def gradient(self, name: str, watch: Watch) -> torch.Tensor | None:
        """Return the gradient of what the optimizer minimizes, in a run."""
        found = watch.gradient(name, None if watch is self.zero else self.zero)
        group = self.twin.group_of(name)
        return -found if found is not None and group and group.get("maximize") else found

    def _joining(self, watch: Watch) -> dict[str, float]:
        """Return what the optimizer adds to the gradients of a run, in units of the weights."""
        return {name: decay.joining * watch.decays[name] for name, decay in self.decays.items()}

    def use_of_decay(self, name: str) -> DecayUse:
        """Return what the optimizer does with its own decay of a parameter."""
        decay = self.decays.get(name)
        return DecayUse.NO_SETTING if decay is None else _USES.get(decay.rule, DecayUse.KNOWN_RULE)

    def _metric(self, name: str) -> Any:
        """Return the step size of each weight in the optimizer's metric, None where unknown."""
        optimizer, tensor = self.twin.optimizer, self.twin.parameters[name]
        try:
            metric = metric_of(optimizer)
        except UnsupportedOptimizer:
            return None
        group, state = self.twin.group_of(name), optimizer.state.get(tensor, {})
        if metric.note is not nothing or group is None or (not state and metric.needs_state):
            return None
        motion = metric.motion(Moment(group, state))
        rate = float(motion.rate) * self._gain(tensor)
        below = motion.denominator()
        return rate if below is None else rate / below

    def _gain(self, tensor: torch.Tensor) -> float:
        """Return what momentum makes of a constant push, where the attached terms know it."""
        attachment = self.twin.attachment
        for slot in attachment.slots if attachment is not None else ():
            for update in slot.updates:
                if slot.parameter is tensor and isinstance(update, Proximal):
                    return update.last_gain
        return 1.0

    def _replayed(
        self,
        scale: float,
        watch: Watch,
        expectations: Mapping[str, Expectation],
        found: Mapping[str, Measured],
    ) -> dict[str, Measured]:
        """Measure again, from where a bare optimizer with the same gradients ends."""
        twin = self.twin
        after = {name: twin.parameters[name].detach().clone() for name in expectations}
        twin.reset(scale, bare=True)
        step_bare(twin, watch, self._joining(watch))
        again = {}
        for name, expected in expectations.items():
            step = torch.finfo(after[name].dtype).eps
            bare = twin.parameters[name]
            pair = Pair(twin.start[name], bare, after[name], step=step, slope_step=step)
            rest = measure(pair, expected, watch.rates.get(name, 0.0), scale)
            beside = {key: one for key, one in rest.changes.items() if key != "gradient"}
            again[name] = replace(
                found[name], changes=beside, whole=rest.whole, clip=rest.clip, plain=True
            )
        return again


def _hides(one: Measured) -> bool:
    """Return whether something may lie beside the gradient that the optimizer hides."""
    assert one.slope is not None
    return not one.slope.is_zero or (one.whole.present and not one.slope.expects)


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
def _stand_in(twin: Twin) -> Iterator[None]:
    """Let the caller's attachment answer for the copy: a loop may ask it for its loss."""
    given, own = twin.given_attachment, twin.attachment
    if given is None or own is None:
        yield
        return
    names = ("loss", "note_loss")
    given.__dict__.update({name: getattr(own, name) for name in names})
    try:
        yield
    finally:
        for name in names:
            given.__dict__.pop(name, None)


def _takes_scale(step: TrainingStep) -> bool:
    """Return whether a training step has a fourth argument."""
    try:
        parameters = inspect.signature(step).parameters.values()
    except (TypeError, ValueError):
        return True
    kinds = [parameter.kind for parameter in parameters]
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Parameter.VAR_POSITIONAL in kinds or sum(k in places for k in kinds) >= 4


_MISSING = re.compile(r"\b(cuda|nvidia|mps|hip|xpu)\b", re.IGNORECASE)


def _translated(error: Exception) -> Exception:
    """Return what to raise: a device that is not there is named in one line."""
    text = str(error)
    absent = not torch.cuda.is_available() and _MISSING.search(text) is not None
    if not absent:
        return error
    line = text.strip().splitlines()[0]
    return InputError(
        f"expected training_step to run on a device that is here, got: {line}: audit it on that "
        "machine, or let the step take the device from the model"
    )
