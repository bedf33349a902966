"""Around one step of a framework: its closure, its batches, its strengths, its callbacks' terms.

Who uses this: the files of this folder, one a framework. Each is a context of one step, or yields
what it takes.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.optim import Optimizer

from shrinkage.errors import InputError, near_names
from shrinkage.pytorch.attached import attachment_of
from shrinkage.pytorch.loops.sessions import Session

_WITH_CLOSURE: weakref.WeakSet[type[Optimizer]] = weakref.WeakSet()


@contextmanager
def standing_in(sessions: Iterable[Session], optimizer: Optimizer) -> Iterator[None]:
    """Let callbacks answer with what is attached to the copy: a loss asks them for its terms."""
    own = attachment_of(optimizer)
    before = [(session, session.attachment) for session in sessions]
    for session, _ in before:
        session.attachment = own
    try:
        yield
    finally:
        for session, attachment in before:
            session.attachment = attachment


class NeedsClosure(Exception):
    """An optimizer that cannot step without a closure; it is known as one from now on."""


@contextmanager
def closure_first(optimizer: Optimizer) -> Iterator[None]:
    """Let `step(closure)` call the closure, and then step with its gradients.

    That is what an optimizer does which calls its closure once; the audit can look in between.

    Raises:
        NeedsClosure: its step without a closure fails; the next time it gets the closure.
    """
    if type(optimizer) in _WITH_CLOSURE:
        yield
        return
    step = optimizer.step

    def in_two(closure: Callable[[], Any] | None = None, **options: Any) -> Any:
        if closure is None:
            return step(**options)
        with torch.enable_grad():
            loss = closure()
        try:
            step(**options)
        except Exception as error:
            _WITH_CLOSURE.add(type(optimizer))
            raise NeedsClosure from error
        return loss

    optimizer.step = in_two  # type: ignore[method-assign]
    try:
        yield
    finally:
        del optimizer.__dict__["step"]


def until_step(batches: Iterable[Any], optimizer: Optimizer) -> Iterator[Any]:
    """Yield batches until the optimizer has stepped."""
    steps: list[bool] = []
    handle = optimizer.register_step_post_hook(lambda *_: steps.append(True))
    try:
        for batch in batches:
            yield batch
            if steps:
                return
    finally:
        handle.remove()


@contextmanager
def scaled(owner: Any, names: Iterable[str], scale: float) -> Iterator[None]:
    """Multiply numbers of an object, as `"l2"` or `"hparams.l2"`, while this is open.

    Raises:
        InputError: there is no such attribute, or it is no number.

    >>> class Net:
    ...     l2 = 0.5
    >>> net = Net()
    >>> with scaled(net, ["l2"], 2.0):
    ...     net.l2
    1.0
    >>> net.l2
    0.5
    """
    with ExitStack() as stack:
        for name in names:
            path, _, last = name.rpartition(".")
            holder = owner
            for part in path.split(".") if path else ():
                holder = _attribute(holder, part, name)
            value = _attribute(holder, last, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(
                    f"expected a number in {type(owner).__name__}.{name}, got {value!r}: name what "
                    "the loss multiplies its penalty by"
                )
            stack.callback(setattr, holder, last, value)
            setattr(holder, last, scale * value)
        yield


def _attribute(holder: Any, part: str, name: str) -> Any:
    try:
        return getattr(holder, part)
    except AttributeError:
        public = [other for other in dir(holder) if other[0] != "_"]
        hint = near_names(part, public) or "name what the loss multiplies its penalty by"
        raise InputError(
            f"expected an attribute of {type(holder).__name__} for strengths={name!r}, got none "
            f"named {part!r}: {hint}"
        ) from None
