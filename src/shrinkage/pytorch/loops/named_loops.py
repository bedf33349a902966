"""The audit of a loop that a person names: a training step, what builds one, or a trainer.

Who uses this: `shrinkage audit MODULE:FUNCTION`. A function without arguments is called, and says
by what it returns what is to be audited; one with arguments is the training step itself, and what
it is called with are the variables of those names beside it.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shrinkage.audits.findings import Report
from shrinkage.audits.source_lines import SourceLine
from shrinkage.errors import InputError, ShrinkageError
from shrinkage.importing import import_function
from shrinkage.pytorch.audits.audit import audit
from shrinkage.pytorch.audits.constructions import constructions_noted
from shrinkage.pytorch.audits.reach import is_installed_file
from shrinkage.pytorch.loops.trainers.audit_trainer import audit_trainer, is_trainer

RETURNED = "(model, optimizer, training_step, batch), those and terms, (trainer, …) or a Report"
STEP_ARGUMENTS = 3  # model, optimizer, batch; scale comes from the audit


def audit_named(
    path: str,
    *,
    update: str | None = None,
    steps_per_epoch: float | None = None,
    seed: int = 0,
) -> Report:
    """Return the audit of what `package.module:function` or `file.py:function` stands for.

    Args:
        path: of a training step (model, optimizer, batch) or (model, optimizer, batch, scale), of
            which the arguments are variables beside it and `terms` may be one; or of a function
            without arguments that returns `RETURNED`.
        update: as `audit` takes it.
        steps_per_epoch: as `audit` takes it; a trainer knows it.
        seed: as `audit` takes it.

    Raises:
        InputError: the function cannot be had, fails, returns something else, or lacks a variable.
    """
    with constructions_noted():
        function = import_function(path, "the loop")
        named = _called(function, path) if _is_builder(function) else _step_with(function, path)
    if isinstance(named, Report):
        return named
    parts = named if isinstance(named, tuple) else (named,)
    if parts and is_trainer(parts[0]):
        with _failing_in_one_line(path):
            return audit_trainer(*parts, update=update, seed=seed)
    if len(parts) not in (4, 5) or not isinstance(named, tuple):
        what = f"{len(named)} values" if isinstance(named, tuple) else type(named).__name__
        raise InputError(f"expected {path} to return {RETURNED}, got {what}: return four or five")
    with _failing_in_one_line(path):
        return audit(*parts, update=update, steps_per_epoch=steps_per_epoch, seed=seed)


@contextmanager
def _failing_in_one_line(path: str) -> Iterator[None]:
    """Say in one line where a training step has failed of itself."""
    try:
        yield
    except (ShrinkageError, MemoryError):
        raise
    except Exception as error:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        own = [frame for frame in frames if not is_installed_file(frame.f_code.co_filename)]
        line = SourceLine.of_frame(own[-1], ()) if own else None
        where = "" if line is None else f" at {line}"
        raise InputError(
            f"the training step of {path} raised {type(error).__name__}{where}: "
            f"{' '.join(str(error).split())}; take one step of it in Python to see more"
        ) from error


def _is_builder(function: Callable[..., Any]) -> bool:
    """Return whether a function can be called without arguments."""
    return not _required(function)


def _required(function: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in variable]


def _called(build: Callable[..., Any], path: str) -> Any:
    try:
        return build()
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        raise InputError(
            f"{path} raised {type(error).__name__}: {text}; it is called without arguments"
        ) from error


def _step_with(step: Callable[..., Any], path: str) -> tuple[Any, ...]:
    """Return what `audit` takes: the step's arguments are the variables beside it."""
    beside = vars(inspect.getmodule(step)) if inspect.getmodule(step) else {}
    names = _required(step)[:STEP_ARGUMENTS]
    if len(names) < STEP_ARGUMENTS:
        raise InputError(
            f"expected {path} to be a training step (model, optimizer, batch) or a function "
            f"without arguments, got one of ({', '.join(names)}): let it work on the model and the "
            f"optimizer that it is given, which are copies, or return {RETURNED}"
        )
    missing = [name for name in names if name not in beside]
    if missing:
        file = Path(inspect.getfile(step)).name
        raise InputError(
            f"expected {', '.join(names)} in {file} to call {step.__name__} with, got no "
            f"{' and no '.join(missing)}: define them at the top level of the file, or name a "
            f"function without arguments that returns {RETURNED}"
        )
    model, optimizer, batch = (beside[name] for name in names)
    return model, optimizer, step, batch, beside.get("terms")
