"""The line of code that a finding probably comes from, where that can be known.

Who uses this: the audits, which give their findings lines; text, JSON and SARIF show them. Lines
are read off code objects, which is what runs, and never guessed from text: the line on which a
training step reads its scale is where its penalty is made; where several lines do, the first line
of the function has to do.
"""

from __future__ import annotations

import dis
import functools
import inspect
import types
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from shrinkage.audits.findings import Report

OF_THE_STEP = ("not-repeatable", "not-finite")  # whatever the penalty is
OF_THE_OPTIMIZER = ("not-in-optimizer",)
OF_NO_LINE = ("cannot-judge", "pattern-matches-nothing")
OF_TWO_CAUSES = ("double-counted", "penalised-twice")


@dataclass(frozen=True)
class SourceLine:
    """A line of a file, and the function that it is in."""

    file: str
    line: int
    function: str = ""

    @property
    def path(self) -> str:
        """The file as seen from where the audit runs, with forward slashes."""
        path, here = Path(self.file), Path.cwd()
        return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()

    @property
    def uri(self) -> str:
        """The file as a relative reference, or as a URI where it is elsewhere."""
        path = Path(self.path)
        return path.as_uri() if path.is_absolute() else quote(self.path)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {"file": self.path, "line": self.line, "function": self.function}

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" + (f", in {self.function}" if self.function else "")

    @classmethod
    def of_frame(cls, frame: types.FrameType | None, apart: Container[str]) -> SourceLine | None:
        """Return the line that runs in a frame, None where it is of a package in `apart`."""
        if frame is None or frame.f_globals.get("__name__", "").partition(".")[0] in apart:
            return None
        return cls.of_code(frame.f_code, frame.f_lineno)

    @classmethod
    def of_code(cls, code: types.CodeType, line: int | None = None) -> SourceLine | None:
        """Return a line of a code object, its first by default; None where it has no file."""
        if not Path(code.co_filename).is_file():
            return None
        name = "" if code.co_name.startswith("<") else code.co_name
        return cls(str(Path(code.co_filename).resolve()), line or code.co_firstlineno, name)


@dataclass(frozen=True)
class Origins:
    """Where what a finding is about is written.

    Args:
        step: the training step.
        penalty: where it reads its scale; None where it has no penalty of its own.
        optimizer: where the optimizer is built.
        attachment: where `regularize` is called.
        decayed: parameters with a `weight_decay` of the optimizer.
        attached: parameters with terms of `regularize`.
    """

    step: SourceLine | None = None
    penalty: SourceLine | None = None
    optimizer: SourceLine | None = None
    attachment: SourceLine | None = None
    decayed: frozenset[str] = frozenset()
    attached: frozenset[str] = frozenset()

    def line_for(self, rule: str, parameter: str) -> SourceLine | None:
        """Return the line that a finding probably comes from; None where two may be it."""
        if rule in OF_NO_LINE:
            return None
        if rule in OF_THE_STEP:
            return self.step
        if rule in OF_THE_OPTIMIZER:
            return self.optimizer
        causes = [
            *([] if self.penalty is None else [self.penalty]),
            *([self.attachment] if _has(self.attached, parameter) else []),
            *([self.optimizer] if _has(self.decayed, parameter) else []),
        ]
        if len(causes) > 1 and rule not in OF_TWO_CAUSES:
            return None
        return causes[0] if causes else self.step


def _has(parameters: frozenset[str], parameter: str) -> bool:
    """Return whether a parameter is among some; a finding of all has no name."""
    return parameter in parameters if parameter else bool(parameters)


def with_lines(report: Report, origins: Origins) -> Report:
    """Return a report whose findings have their lines, and that knows its step."""
    findings = tuple(
        replace(said, line=origins.line_for(said.rule, said.parameter)) for said in report.findings
    )
    return replace(report, findings=findings, step=origins.step)


def line_of(function: Callable[..., Any]) -> SourceLine | None:
    """Return the first line of a function, decorators included; None for compiled code.

    >>> print(line_of(len))
    None
    """
    code = _code_of(function)
    return None if code is None else SourceLine.of_code(code)


def line_of_argument(function: Callable[..., Any], place: int) -> SourceLine | None:
    """Return the line on which a function uses an argument; the first where several do.

    Args:
        function: of Python; one behind a decorator or `functools.partial` has its first line.
        place: of the argument as the caller counts, so that `self` of a method is left out.

    Returns:
        None where there is no such argument, or nothing reads it.
    """
    code = _code_of(function)
    if code is None:
        return None
    if isinstance(function, functools.partial) or hasattr(function, "__wrapped__"):
        return SourceLine.of_code(code)
    place += not inspect.isroutine(function) or inspect.ismethod(function)
    names = code.co_varnames[: code.co_argcount]
    return _line_reading(code, names[place]) if place < len(names) else None


def may_read(function: Callable[..., Any], place: int, name: str) -> bool:
    """Return whether a function may use an argument: it takes it, and no code says otherwise.

    Args:
        function: anything that is called.
        place: of the argument as the caller counts.
        name: by which it is handed where it has no place.

    >>> may_read(lambda a, b: a, 1, "b"), may_read(lambda a, b: a, 0, "a")
    (False, True)
    >>> may_read(lambda a: a, 1, "b"), may_read(lambda *args: args, 1, "b")
    (False, True)
    """
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return True
    ordered = [one for one in parameters.values() if one.kind in _BY_PLACE]
    open_ended = any(one.kind in _OPEN for one in parameters.values())
    if len(ordered) <= place:
        return open_ended or name in parameters
    code = _code_of(function)
    wrapped = isinstance(function, functools.partial) or hasattr(function, "__wrapped__")
    if code is None or wrapped or not inspect.isroutine(function):
        return True
    return bool(_reading(code, ordered[place].name))


def line_of_attribute(function: Callable[..., Any], name: str) -> SourceLine | None:
    """Return the line on which a function reads an attribute of that name; None where none does."""
    code = _code_of(function)
    return None if code is None else _line_reading(code, name, attribute=True)


_BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_OPEN = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _line_reading(code: types.CodeType, name: str, *, attribute: bool = False) -> SourceLine | None:
    lines = _reading(code, name, attribute=attribute)
    if not lines:
        return None
    inner, line = next(iter(lines)) if len(lines) == 1 else (code, None)
    return SourceLine.of_code(inner, line)


def _reading(
    code: types.CodeType, name: str, *, attribute: bool = False
) -> set[tuple[types.CodeType, int | None]]:
    """Return where a name is read: in which code, on which line."""
    return {
        (inner, instruction.positions.lineno)
        for inner in _with_inner(code)
        for instruction in dis.get_instructions(inner)
        if instruction.positions is not None
        and instruction.opname.startswith("LOAD_")
        and instruction.opname.startswith("LOAD_ATTR") == attribute
        and "CLOSURE" not in instruction.opname
        and name in _names(instruction.argval)
    }


def _names(value: Any) -> tuple[Any, ...]:
    """Return the names of an instruction, which may load two at once."""
    return value if isinstance(value, tuple) else (value,)


def _with_inner(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield a function's code and that of the functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _with_inner(constant)


def _code_of(function: Any) -> types.CodeType | None:
    """Return the code of a function behind partial arguments, decorators and `__call__`."""
    while isinstance(function, functools.partial):
        function = function.func
    plain = inspect.unwrap(function)
    if not inspect.isroutine(plain):
        plain = getattr(type(plain), "__call__", None)  # noqa: B004
    return getattr(plain, "__code__", None)
