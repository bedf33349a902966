"""What happens inside one training step: the gradients, and how the optimizer was called.

Who uses this: `audit`. Hooks on the copy's parameters take each gradient when backward has made
it, before clipping; a hook on the optimizer looks at it again when the step begins. What lies
between the two is undone where it is a loss scale or clipping, and kept where it is a penalty
that the loop adds to the gradients itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch

from shrinkage.pytorch.audits.between import Pair, is_whole, rescaled
from shrinkage.pytorch.audits.glance import are_equal, has_nonzero, some
from shrinkage.pytorch.audits.places import Places
from shrinkage.pytorch.audits.scaled import dense, is_clamped, ratio_of, rounding_of
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.nesting import outermost, untraced
from shrinkage.pytorch.optimizers.scaling import divides

_SEEN = 1 << 16  # weights that are compared with the start
_SAME = 1e-6
_REGISTER = "register_step_pre_hook"


class Watch:
    """The gradients of one run, and its numbers.

    Args:
        twin: reset already; `close` takes the hooks off again.
        lead: a run whose gradients and losses this one goes on with, None for its own.
        lends: keep gradients as they lie, not copies: nothing writes on them, or `is_spoilt`.
    """

    def __init__(self, twin: Twin, lead: Watch | None = None, *, lends: bool = False) -> None:
        self.steps = 0
        self.others: set[str] = set()  # kinds of other optimizers that step the same parameters
        self.beside: dict[str, tuple[str, float]] = {}  # … on the caller's, and their weight_decay
        self.outside: frozenset[str] = frozenset()  # the caller's that the step has worked on
        self.loss_scale = 1.0
        self._scaled_by = 1.0  # what gradients are to be divided by: the loss scale until unscale_
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
        self.clip = 1.0  # by how much all gradients were scaled between backward and step
        self._made: dict[str, torch.Tensor] = {}
        self._arrived: dict[str, torch.Tensor] = {}  # … before a hook of others has worked on them
        self._used: dict[str, torch.Tensor] = {}  # only where they are more than scaled
        self._clamped: dict[str, torch.Tensor] = {}  # … or by numbers of their own
        self.between: dict[str, Pair] = {}  # gradients that were scaled between two passes
        self._arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})  # of the step
        self._draws = torch.get_rng_state()  # the random state that the step began with
        self._start = twin.start
        self._twin = twin
        self._lends = lends
        self._lent: dict[str, tuple[int, torch.Tensor]] = {}  # version and some numbers as lent
        self._written = False  # whether one of them was changed before the step
        self._alike: tuple[Watch, bool] | None = None  # whether it is made as another run's is
        self._clipped = False  # whether torch's own clipping was called
        self._fused = False  # whether the optimizer undoes the loss scale itself
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
        for kept in (self._made, self._used, self._clamped, self.early, self.between):
            kept.clear()
        self.places = Places()

    @property
    def scales_gradients(self) -> bool:
        """Whether the optimizer steps with other gradients than backward has made."""
        apart = bool(self._used or self._clamped or self.between)
        return apart or self._factor * self._scaled_by != 1

    def reshapes(self, name: str) -> bool:
        """Return whether the loop makes more than a multiple of the gradient of a parameter."""
        return name in self._made and (name in self._used or name in self._clamped)

    @property
    def adds(self) -> bool:
        """Whether something was added to gradients of backward, or they were more than scaled."""
        return bool(self._used or self.hooked)

    @property
    def leaves_gradients(self) -> bool:
        """Whether gradients lie where one backward pass has made them, unchanged, after the run."""
        once = all(count == 1 for count in self.counts.values())
        if not once or not self.replayable or self._clipped or self.scales_gradients:
            return False
        left = {name: self._twin.parameters[name].grad for name in self._made}
        return all(g is not None and are_equal(g, self._made[n]) for n, g in left.items())

    @property
    def is_spoilt(self) -> bool:
        """Whether something has written on a gradient that was kept as it lay."""
        return self._written or any(
            not torch.equal(some(self._made[name], _SEEN), seen)
            for name, (_, seen) in self._lent.items()
        )

    @property
    def saw_gradients(self) -> bool:
        """Whether a parameter of the copy had a gradient, made by backward or set."""
        return bool(self.counts or self._made or self._used)

    def gradient(self, name: str, zero: Watch | None = None) -> torch.Tensor | None:
        """Return a parameter's gradient in the units of the loss, before clipping.

        Args:
            name: of the parameter.
            zero: the run without terms; a penalty that was added after clipping is told by it.
        """
        made, used = self._made.get(name), self._used.get(name, self._clamped.get(name))
        scaled_by = self._scaled_by
        if used is None:
            return self.made(name)
        if made is None:
            return used
        if zero is not None and self._is_made_as(zero):  # it was added behind whatever scales
            data = zero.gradient(name)
            assert data is not None
            return data + (used - zero._stepped_with(name))
        if name in self._clamped:
            return made / scaled_by
        added = used - self.clip * made
        same = zero is None or abs(zero.clip - self.clip) <= _SAME * abs(self.clip)
        return made / scaled_by + (added if same else added / (self.clip * scaled_by))

    def _is_made_as(self, zero: Watch) -> bool:
        """Return whether backward has made the gradients of the run without terms."""
        if self._alike is None or self._alike[0] is not zero:
            alike = self._made.keys() == zero._made.keys() and all(
                torch.equal(made, zero._made[name]) for name, made in self._made.items()
            )
            self._alike = zero, alike
        return self._alike[1]

    def _stepped_with(self, name: str) -> torch.Tensor:
        """Return the gradient that the step was given, as it was."""
        used = self._used.get(name, self._clamped.get(name))
        return self._made[name] * self.clip if used is None else used

    def made(self, name: str) -> torch.Tensor | None:
        """Return the gradient that backward has made, in the units of the loss."""
        made = self._made.get(name)
        return made if made is None or self._scaled_by == 1 else made / self._scaled_by

    def has_used(self, name: str) -> bool:
        """Return whether the optimizer stepped with a gradient of a parameter."""
        own = name in self._used or name in self._clamped
        return own or (name in self._made and name in self.rates)

    def used_norm(self, name: str) -> float:
        """Return the norm of the gradient that the optimizer stepped with."""
        used = self._used.get(name, self._clamped.get(name))
        if used is not None:
            return float(used.norm())
        return float(self._made[name].norm()) * self._factor

    @property
    def _factor(self) -> float:
        """What makes the gradient of a step of that of backward, loss scale undone."""
        return self.clip if not self._fused else self.clip / self._scaled_by

    def used(
        self, name: str, pick: Callable[[torch.Tensor], torch.Tensor] = torch.Tensor.detach
    ) -> torch.Tensor | None:
        """Return the gradient that the optimizer stepped with, loss scale undone.

        Args:
            name: of the parameter.
            pick: takes the numbers of it that are asked for; all unless told.
        """
        used = self._used.get(name, self._clamped.get(name))
        if used is not None:
            return pick(used).clone()
        made = self._made.get(name)
        if made is None or name not in self.rates:
            return None
        return pick(made) * self._factor

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
        for parameter in parameters:
            name = self._names.get(id(parameter))
            if name is not None and name not in self._made and parameter.grad is not None:
                self._made[name] = dense(parameter.grad).clone()
        with torch.no_grad():
            self._compare(self._twin.optimizer)
            self._take_division()
        self._clipped = True

    def _take_division(self) -> None:
        """Count gradients as divided where a loop has divided them by a whole number.

        As it undoes a loss scale of its own, or makes the sum over micro-batches a mean. The
        factor of a clipping is no such number, but by chance.
        """
        divisor = round(1 / self.clip) if self.clip > 0 else 1
        if divisor > 1 and is_whole(1 / self.clip):
            self._made = {name: made / divisor for name, made in self._made.items()}
            self._scaled_by = 1.0 if divisor == self._scaled_by else self._scaled_by
            self.clip = 1.0

    def scale(self, number: float) -> None:
        """Note that the loss is multiplied by a number."""
        self.loss_scale = self._scaled_by = number

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
        for name in self._made | self._used:
            gradient = self._twin.parameters[name].grad
            if gradient is None or name in self._clamped:
                made = self.made(name)
            else:
                made = dense(gradient) / self.clip
            if made is not None:
                self._made[name] = made
        self._used.clear()
        self._clamped.clear()
        self.clip = self._scaled_by = 1.0

    @torch.no_grad()
    def _arriving(self, name: str, gradient: torch.Tensor) -> None:
        """Note what the loop has scaled a gradient by before another backward pass adds to it.

        And a gradient itself where a hook is to work on it, as part of what backward has made.
        """
        parameter = self._twin.parameters[name]
        standing = parameter.grad
        if len(parameter._backward_hooks or ()) > 1 and not gradient.is_sparse:
            self.hooked.add(name)
            before = None if standing is None or not standing.any() else self._made.get(name)
            self._arrived[name] = gradient.detach() + (0.0 if before is None else before)
        pair = rescaled(self._made.get(name), standing)
        if pair is not None and not self.steps:
            self.between.setdefault(name, pair)

    def _accumulated(self, parameter: torch.Tensor) -> None:
        if self.steps and self.replayable:
            return  # after the step: too late for it
        name = self._names[id(parameter)]
        start, again = self._start[name], self.places.is_new(name, parameter)
        if not torch.equal(some(parameter, _SEEN), some(start, _SEEN)):
            if not self.replayable:
                self.asked_again = again = True  # a closure that is called at other weights
            elif not again:
                self.early[name] = start = parameter.detach().clone()
        gradient = None if parameter.grad is None else self._kept(name, parameter.grad)
        arrived = self._arrived.pop(name, None)
        if arrived is not None and gradient is not None and has_nonzero(gradient):
            gradient = arrived  # a hook that leaves nothing of it takes it from the step
        if not again and _has_come(self._made.get(name), gradient):
            self.counts[name] = self.counts.get(name, 0) + 1
        if gradient is None:
            return
        if not again or self.replayable:  # the one that the step is taken with
            self._made[name] = gradient
        asked = not self.replayable
        led = self.places.note(name, parameter if again else start, gradient, by_step=asked)
        if led is not None:
            parameter.grad = led.clone()

    def _kept(self, name: str, gradient: torch.Tensor) -> torch.Tensor:
        """Return a gradient as backward has made it: a copy, or itself where it is lent."""
        if not self._lends or gradient.is_sparse:
            return dense(gradient).clone()
        self._written |= name in self._lent  # a second backward pass adds to it
        self._lent[name] = gradient._version, some(gradient, _SEEN).clone()
        return gradient.detach()

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
                    self.rates[name] = self._twin.rate_in(group)
                    if parameter.requires_grad and name in self._frozen:
                        self.thawed.add(name)
                    self.decays[name] = float(group.get("weight_decay", 0) or 0)
                    if not are_equal(some(parameter), some(self._start[name])):
                        self.before_step[name] = parameter.detach().clone()
        self._fused = divides(optimizer)
        if not any(map(callable, told)):
            self._compare(optimizer)
            if not self._clipped:
                self._take_division()
            return None
        named = {name: self._heard(argument) for name, argument in kwargs.items()}
        return (args[0], *map(self._heard, args[1:])), named

    @torch.no_grad()
    def _behind_step(self, _optimizer: Any, _args: Any, _kwargs: Any) -> None:
        if self.steps == 1:
            self._twin.behind_step()

    def _compare(self, optimizer: Any) -> None:
        """Find the factor between the gradients of backward and those of the step."""
        self._used.clear()
        self._clamped.clear()
        ratios: dict[str, float] = {}
        others: list[tuple[str, torch.Tensor]] = []
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                name = self._names.get(id(parameter))
                if name is None or parameter.grad is None:
                    continue
                made, used = self._made.get(name), dense(parameter.grad)
                if made is not None and name in self._lent:
                    self._written |= made._version != self._lent[name][0]
                if made is None:
                    others.append((name, used))
                elif made.data_ptr() != used.data_ptr() and not are_equal(made, used):
                    ratio = ratio_of(made, used)
                    if ratio is None:
                        others.append((name, used))
                    else:
                        ratios[name] = ratio
                elif has_nonzero(made):
                    ratios[name] = 1.0
        self.clip = sorted(ratios.values())[len(ratios) // 2] if ratios else 1.0
        for name, ratio in ratios.items():
            used = self._twin.parameters[name].grad
            if used is not None and abs(ratio - self.clip) > rounding_of(used) * abs(self.clip):
                self._clamped[name] = dense(used).clone()  # scaled by a number of its own
        for name, used in others:
            clamped = name in self._made and is_clamped(self._made[name], used)
            (self._clamped if clamped else self._used)[name] = used.clone()


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
    return not torch.equal(some(gradient, _SEEN), some(before, _SEEN))
