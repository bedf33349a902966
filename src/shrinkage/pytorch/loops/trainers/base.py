"""What the audit needs of a framework's training, and what the frameworks share in giving it.

Who uses this: the files of this folder, one a framework, and `audit_trainer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from torch import nn
from torch.optim import Optimizer

from shrinkage.audits.source_lines import SourceLine, line_of, line_of_attribute
from shrinkage.errors import InputError
from shrinkage.pytorch.audits.copying import copied
from shrinkage.pytorch.loops.sessions import Request
from shrinkage.pytorch.regularize import regularize
from shrinkage.terms import Terms

Lines = tuple[SourceLine | None, SourceLine | None]
UNKNOWN_ACCUMULATION = 16  # batches to take where only the loop knows after how many it steps


@dataclass(frozen=True)
class LoopRequest:
    """What a user says of the loop, and where to leave what has to be undone after the audit.

    Args:
        strengths: names of numbers in its loss.
        optimizer: which of several.
        undo: called when the audit is over, or has failed.
    """

    strengths: tuple[str, ...] = ()
    optimizer: int | str = 0
    undo: ExitStack = field(default_factory=ExitStack)


@dataclass(frozen=True, eq=False)
class TrainerLoop:
    """One step of a framework's training, and what it begins with.

    Args:
        model: the model; the audit copies it.
        optimizer: the one that the framework has built for it.
        step: takes one training step, as step(model, optimizer, batches, scale).
        batches: as many as one step of the optimizer takes.
        terms: what the framework's settings stand for; None: what is in the optimizer.
        steps_per_epoch: where the length of the data is known.
        remedies: by rule, what to do in the framework's own words.
        lines: where the user's own part of the step begins, and where that computes a penalty;
            None where it has none.
    """

    model: nn.Module
    optimizer: Optimizer
    step: Callable[[nn.Module, Optimizer, Any, float], None]
    batches: Any
    terms: Terms | None = None
    steps_per_epoch: float | None = None
    remedies: Mapping[str, str] = field(default_factory=dict)
    lines: Lines = (None, None)


def overridden(thing: Any, base: type, names: Sequence[str]) -> Callable[..., Any] | None:
    """Return the first of some methods that is not a framework's own, None where all are."""
    for name in names:
        if getattr(type(thing), name, None) is not getattr(base, name):
            return getattr(thing, name)
    return None


def lines_of(source: Callable[..., Any] | None, strengths: Sequence[str]) -> Lines:
    """Return where a user's part of the step begins, and where it uses its strengths."""
    if source is None:
        return None, None
    begins = line_of(source)
    if not strengths:
        return begins, None
    names = {name.rpartition(".")[2] for name in strengths}
    used = line_of_attribute(source, names.pop()) if len(names) == 1 else None
    return begins, used or begins


def taken_batches(loader: Iterable[Any], count: int) -> list[Any]:
    """Return the first batches of a loader.

    Raises:
        InputError: there is none.

    >>> taken_batches([1, 2, 3], 2)
    [1, 2]
    """
    batches = list(islice(iter(loader), count))
    if not batches:
        raise InputError("expected data to train on, got a loader without a batch")
    return batches


def epoch_length(loader: Any, batches: int) -> float | None:
    """Return the steps of an epoch where a step takes so many batches, None where not known.

    >>> epoch_length([1, 2, 3, 4], 2)
    2.0
    """
    try:
        return len(loader) / batches or None
    except TypeError:
        return None


def at_first_rate(optimizer: Optimizer, undo: ExitStack) -> None:
    """Give back the learning rates that schedules have begun to change: a warm-up is 0 at first."""
    for group in optimizer.param_groups:
        if "initial_lr" in group:
            undo.callback(group.__setitem__, "lr", group["lr"])
            group["lr"] = group["initial_lr"]


def attach_as(request: Request, optimizer: Optimizer, model: nn.Module, undo: ExitStack) -> None:
    """Attach a callback's terms, without its ledger, which may write files."""
    options = {name: value for name, value in request.options.items() if name != "ledger"}
    attachment = regularize(optimizer, model, request.terms, request.update, **options)
    undo.callback(attachment.detach)


def hooked(callbacks: Iterable[Any], base: type, hooks: Sequence[str]) -> list[Any]:
    """Return copies of the callbacks that have a hook between the batch and the weights.

    Args:
        callbacks: all that a trainer has; those that log, save or stop have none of the hooks.
        base: the class whose hooks do nothing.
        hooks: names of methods.

    Raises:
        InputError: one of them has no copy.
    """
    return [
        copied(callback, {}, "callback")
        for callback in callbacks
        if any(getattr(type(callback), hook, None) is not getattr(base, hook) for hook in hooks)
    ]
