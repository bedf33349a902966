"""What happens inside one training step: the gradients, and how the optimizer was called.

Who uses this: `audit`. Hooks on the copy's parameters take each gradient when backward has made
it, before clipping; a hook on the optimizer looks at it again when the step begins.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch

from shrinkage.pytorch.audits.between import Pair, rescaled
from shrinkage.pytorch.audits.glance import are_equal, has_nonzero, some
from shrinkage.pytorch.audits.gradients import SEEN, Gradients
from shrinkage.pytorch.audits.places import Places
from shrinkage.pytorch.audits.scaled import dense
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.nesting import outermost, untraced
from shrinkage.pytorch.optimizers.scaling import divides

_REGISTER = "register_step_pre_hook"


class Watch:
    """The gradients of one run, and its numbers.

    Args:
        twin: reset already; `close` takes the hooks off again.
        lead: a run whose gradients and losses this one goes on with, None for its own.
        lends: whether gradients are lent to it: see `Gradients`.
    """

    def __init__(self, twin: Twin, lead: Watch | None = None, *, lends: bool = False) -> None:
        self.steps = 0
        self.others: set[str] = set()  # kinds of other optimizers that step the same parameters
        self.beside: dict[str, tuple[str, float]] = {}  # … on the caller's, and their weight_decay
        self.outside: frozenset[str] = frozenset()  # the caller's that the step has worked on
        self.loss_scale = 1.0
        self.gradients = Gradients(lends=lends)
        self.loss: torch.Tensor | None = None
        self.value: float | None = None  # what the step's closure has returned first
        self.also: Callable[[], float] | None = None  # is added to what it returns
        self.asked_again = False  # whether a step took gradients at several weights
        self.places = Places(None if lead is None else lead.places)
        self.early: dict[str, torch.Tensor] = {}  # weights that moved before their gradient
        self.before_step: dict[str, torch.Tensor] = {}  # … that are not at the start before it
        self.hooked: set[str] = set()  # parameters on whose gradients other hooks work
        self.counts: dict[str, int] = {}  # of backward passes that brought something
        self.rates: dict[str, float] = {}
        self.thawed: set[str] = set()  # parameters that the step let train, frozen as they were
        self.decays: dict[str, float] = {}  # weight_decay of the parameter's group
        self.replayable = True  # whether the step can be taken again from its gradients
        self._arrived: dict[str, torch.Tensor] = {}  # … before a hook of others has worked on them
        self.between: dict[str, Pair] = {}  # gradients that were scaled between two passes
        self._arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})  # of the step
        self._draws = torch.get_rng_state()  # the random state that the step began with
        self._start = twin.start
        self._twin = twin
        self._clipped = False  # whether torch's own clipping was called
        self._names = {id(tensor): name for name, tensor in twin.parameters.items()}
        self._frozen = {n for n, tensor in twin.parameters.items() if not tensor.requires_grad}
        self._handles = [
            tensor.register_post_accumulate_grad_hook(self._accumulated)
            for tensor in twin.parameters.values()
            if tensor.requires_grad
        ]
        for name, tensor in twin.parameters.items():
            if tensor.requires_grad:
                self._handles.append(_first_hook(tensor, partial(self._arriving, name)))
        before = untraced(outermost(twin.optimizer, self._before_step))
        self._handles.append(twin.optimizer.register_step_pre_hook(before))
        self._stay_last(twin.optimizer)
        behind = untraced(outermost(twin.optimizer, self._behind_step))
        self._handles.append(twin.optimizer.register_step_post_hook(behind))

    def close(self) -> None:
        """Take the hooks off."""
        vars(self._twin.optimizer).pop(_REGISTER, None)
        for handle in self._handles:
            handle.remove()

    def _stay_last(self, optimizer: Any) -> None:
        """Look at gradients after every hook that the step itself puts on the optimizer."""
        hooks, own = optimizer._optimizer_step_pre_hooks, self._handles[-1].id

        def register(hook: Callable[..., Any]) -> Any:
            handle = type(optimizer).register_step_pre_hook(optimizer, hook)
            hooks.move_to_end(own)
            return handle

        vars(optimizer)[_REGISTER] = register

    def forget(self) -> None:
        """Give the memory of all gradients back: they were looked at."""
        for kept in (self.gradients, self.early, self.between):
            kept.clear()
        self.places = Places()

    @property
    def scales_gradients(self) -> bool:
        """Whether the optimizer steps with other gradients than backward has made."""
        own = self.gradients
        return own.are_bent or bool(self.between) or own.factor * own.scaled_by != 1

    @property
    def adds(self) -> bool:
        """Whether something was added to gradients of backward, or they were more than scaled."""
        return self.gradients.are_more or bool(self.hooked)

    @property
    def leaves_gradients(self) -> bool:
        """Whether gradients lie where one backward pass has made them, unchanged, after the run."""
        once = all(count == 1 for count in self.counts.values())
        if not once or not self.replayable or self._clipped or self.scales_gradients:
            return False
        return self.gradients.are_left(self._twin.parameters)

    @property
    def saw_gradients(self) -> bool:
        """Whether a parameter of the copy had a gradient, made by backward or set."""
        return bool(self.counts) or bool(self.gradients)

    def take_again(self, optimizer: Any, *, goes_on: bool = False) -> None:
        """Step an optimizer with what it was told in the run: nothing, or the loss, say.

        It draws the numbers that it drew there, or goes on drawing where the step is a later one.
        """
        args, kwargs = self._arguments
        if goes_on:
            optimizer.step(*args, **kwargs)
            return
        before = torch.get_rng_state()
        torch.set_rng_state(self._draws)
        try:
            optimizer.step(*args, **kwargs)
        finally:
            torch.set_rng_state(before)

    def differentiating(self, loss: torch.Tensor) -> None:
        """Note the first loss whose gradients are made."""
        if self.loss is None:
            self.loss = loss.detach()

    def stepping(self, optimizer: Any) -> None:
        """Note another optimizer that steps, on parameters of the copy or on the caller's."""
        if optimizer is self._twin.optimizer:
            return
        kind, theirs = type(optimizer).__name__, {id(p): n for n, p in self._twin.theirs.items()}
        for group in optimizer.param_groups:
            decay = group.get("weight_decay")
            for parameter in group["params"]:
                if id(parameter) in self._names:
                    self.others.add(kind)
                elif decay and id(parameter) in theirs:
                    self.beside[theirs[id(parameter)]] = kind, float(decay)

    def clipping(self, parameters: Iterable[torch.Tensor]) -> None:
        """Note gradients that the loop has set itself, before they are scaled down."""
        own = self.gradients
        for parameter in parameters:
            name = self._names.get(id(parameter))
            if name is not None and name not in own and parameter.grad is not None:
                own.make(name, dense(parameter.grad).clone())
        with torch.no_grad():
            self._compare(self._twin.optimizer)
            own.take_division()
        self._clipped = True

    def scale(self, number: float) -> None:
        """Note that the loss is multiplied by a number."""
        self.loss_scale = self.gradients.scaled_by = number

    @contextlib.contextmanager
    def unscaling(self, optimizer: Any) -> Iterator[None]:
        """Note that gradients are in the units of the loss from here on, where they are the twin's.

        What was done to them before (clipping, a penalty added by hand) is told first.
        """
        if optimizer is not self._twin.optimizer:
            yield
            return
        with torch.no_grad():
            self._compare(optimizer)
        yield
        self.gradients.unscale(self._twin.parameters)

    @torch.no_grad()
    def _arriving(self, name: str, gradient: torch.Tensor) -> None:
        """Note what the loop has scaled a gradient by before another backward pass adds to it.

        And a gradient itself where a hook is to work on it, as part of what backward has made.
        """
        parameter = self._twin.parameters[name]
        standing = parameter.grad
        if len(parameter._backward_hooks or ()) > 1 and not gradient.is_sparse:
            self.hooked.add(name)
            before = (
                self.gradients.as_made(name) if standing is not None and standing.any() else None
            )
            self._arrived[name] = gradient.detach() + (0.0 if before is None else before)
        pair = rescaled(self.gradients.as_made(name), standing)
        if pair is not None and not self.steps:
            self.between.setdefault(name, pair)

    def _accumulated(self, parameter: torch.Tensor) -> None:
        if self.steps and self.replayable:
            return  # after the step: too late for it
        name = self._names[id(parameter)]
        start, again = self._start[name], self.places.is_new(name, parameter)
        if not torch.equal(some(parameter, SEEN), some(start, SEEN)):
            if not self.replayable:
                self.asked_again = again = True  # a closure that is called at other weights
            elif not again:
                self.early[name] = start = parameter.detach().clone()
        gradient = None if parameter.grad is None else self.gradients.keep(name, parameter.grad)
        arrived = self._arrived.pop(name, None)
        if arrived is not None and gradient is not None and has_nonzero(gradient):
            gradient = arrived  # a hook that leaves nothing of it takes it from the step
        if not again and _has_come(self.gradients.as_made(name), gradient):
            self.counts[name] = self.counts.get(name, 0) + 1
        if gradient is None:
            return
        if not again or self.replayable:  # the one that the step is taken with
            self.gradients.make(name, gradient)
        asked = not self.replayable
        led = self.places.note(name, parameter if again else start, gradient, by_step=asked)
        if led is not None:
            parameter.grad = led.clone()

    def _heard(self, argument: Any) -> Any:
        """Return an argument of a step, a closure so that what it returns is noted."""
        if not callable(argument):
            return argument

        def closure() -> Any:
            value: Any = argument()
            value = self.places.value(value)
            if isinstance(value, str | None) or not _is_number(value):
                return value  # a loss and outputs, say
            if self.value is None:
                self.value = float(value.detach() if isinstance(value, torch.Tensor) else value)
            return value if self.also is None else value + self.also()

        return closure

    @torch.no_grad()
    def _before_step(self, optimizer: Any, args: Any, kwargs: Any) -> Any:
        self.steps += 1
        self._arguments, self._draws = (args[1:], kwargs), torch.get_rng_state()
        told = (*args[1:], *kwargs.values())
        self.replayable = self._twin.steps_bare and all(map(_is_number, told))
        self._twin.settle_groups()
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                name = self._names.get(id(parameter))
                if name is not None:
                    self.gradients.step(name)
                    self.rates[name] = self._twin.rate_in(group)
                    if parameter.requires_grad and name in self._frozen:
                        self.thawed.add(name)
                    self.decays[name] = float(group.get("weight_decay", 0) or 0)
                    if not are_equal(some(parameter), some(self._start[name])):
                        self.before_step[name] = parameter.detach().clone()
        self.gradients.fused = divides(optimizer)
        if not any(map(callable, told)):
            self._compare(optimizer)
            if not self._clipped:
                self.gradients.take_division()
            return None
        named = {name: self._heard(argument) for name, argument in kwargs.items()}
        return (args[0], *map(self._heard, args[1:])), named

    @torch.no_grad()
    def _behind_step(self, _optimizer: Any, _args: Any, _kwargs: Any) -> None:
        if self.steps == 1:
            self._twin.behind_step()

    def _compare(self, optimizer: Any) -> None:
        """Compare the gradients of backward with those that the optimizer is to step with."""
        named = (
            (self._names.get(id(parameter)), parameter.grad)
            for group in optimizer.param_groups
            for parameter in group["params"]
        )
        self.gradients.compare(
            {n: dense(given) for n, given in named if n is not None and given is not None}
        )


def _first_hook(tensor: torch.Tensor, hook: Callable[..., Any]) -> Any:
    """Hook a tensor's gradients before any other hook does, that was there already."""
    handle = tensor.register_hook(hook)
    hooks: Any = tensor._backward_hooks
    hooks.move_to_end(handle.id, last=False)
    return handle


def _is_number(argument: Any) -> bool:
    """Return whether an argument of a step is the same in another: no closure, no gradients."""
    if isinstance(argument, torch.Tensor):
        return argument.numel() == 1
    return argument is None or isinstance(argument, int | float | str)


def _has_come(before: torch.Tensor | None, gradient: torch.Tensor | None) -> bool:
    """Return whether a backward pass brought something: a penalty's of strength 0 brings zeros."""
    if before is None or gradient is None:
        return True
    return not torch.equal(some(gradient, SEEN), some(before, SEEN))
