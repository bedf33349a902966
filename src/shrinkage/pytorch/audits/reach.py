"""What code can reach: the objects that a function refers to, and those that these refer to.

Who uses this: `snapshot`, which sets objects back, and `twin`, before it copies a model. A function
reaches its closure, its defaults and the globals that it names; an object its attributes and its
class, a container its elements. Only code that is not installed is looked into for names, since
what libraries hold in their modules is theirs.
"""

from __future__ import annotations

import functools
import gc
import sys
import sysconfig
import types
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import Any

import torch

_MOST = 100_000  # objects that are looked at; the nearest come first
_WIDE = 10_000  # elements of one container: more are data
_ATOMS = (int, float, complex, str, bytes, type(None), range, PurePath, torch.dtype, torch.device)
_LEFT_OUT = (*_ATOMS, types.BuiltinFunctionType, types.CodeType, types.FrameType, types.ModuleType)
# Objects of these modules belong to other threads or to the system.
_LIVE = frozenset(("threading", "_thread", "logging", "io", "_io", "multiprocessing", "asyncio"))
_INSTALLED = (
    *(sysconfig.get_path(place) for place in ("stdlib", "platstdlib", "purelib", "platlib")),
    *(f"{PurePath(file).parents[up]}/" for file, up in ((torch.__file__, 0), (__file__, 2))),
    "<frozen",
)


@dataclass(frozen=True, eq=False)
class Names:
    """The names of a namespace that some code mentions."""

    namespace: dict[str, Any]
    mentioned: frozenset[str]


@dataclass(frozen=True, eq=False)
class Reached:
    """An object, and how it is reached, as "trainer.loader"."""

    path: str
    thing: Any


def reached(roots: Mapping[str, Any]) -> Iterator[Reached]:
    """Yield every object that can be reached from some, each once, the nearest first.

    >>> counts = [0]
    >>> def step():
    ...     counts[0] += 1
    >>> [place.path for place in reached({"step": step}) if place.thing is counts]
    ['counts']
    """
    waiting = deque(Reached(name, thing) for name, thing in roots.items())
    seen: dict[int, Any] = {}  # holds them, so that no other object gets an id of theirs
    while waiting and len(seen) < _MOST:
        place = waiting.popleft()
        if id(place.thing) in seen or _is_left_out(place.thing):
            continue
        seen[id(place.thing)] = place.thing
        yield place
        waiting.extend(neighbours(place))


def neighbours(place: Reached) -> Iterator[Reached]:
    """Yield what an object refers to itself, numbers and texts left out."""
    for label, thing in _within(place.thing):
        if not isinstance(thing, _ATOMS):
            yield Reached(_path(place, label), thing)


def is_installed(code: Any) -> bool:
    """Return whether a function, class or module is a library's.

    >>> is_installed(torch), is_installed(dict)
    (True, True)
    """
    if isinstance(code, types.FunctionType):
        file = code.__code__.co_filename
    else:
        module = code if isinstance(code, types.ModuleType) else sys.modules.get(code.__module__)
        file = getattr(module, "__file__", None) or "<frozen"
        if module is not None and module.__name__ == "__main__" and file == "<frozen":
            file = "<stdin>"  # a notebook
    return is_installed_file(file)


def is_installed_file(file: str) -> bool:
    """Return whether a file of code is a library's.

    >>> is_installed_file(torch.__file__)
    True
    """
    return file.startswith(_INSTALLED)


def _is_left_out(thing: Any) -> bool:
    if isinstance(thing, _LEFT_OUT):
        return True
    if isinstance(thing, type):
        return is_installed(thing)
    return type(thing).__module__.partition(".")[0] in _LIVE


def _path(place: Reached, label: str) -> str:
    """Return how a person would write it; names of a function stand for themselves."""
    if label.startswith("[") or not label:
        return place.path + label
    is_code = isinstance(place.thing, types.FunctionType | types.MethodType | Names | type)
    return label if is_code else f"{place.path}.{label}"


def _within(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield (label, object) for everything that an object refers to."""
    if isinstance(thing, Names):
        yield from ((n, thing.namespace[n]) for n in thing.mentioned if n in thing.namespace)
    elif isinstance(thing, types.FunctionType):
        yield from _of_function(thing)
    elif isinstance(thing, types.MethodType):
        yield from (("", thing.__func__), ("self", thing.__self__))
    elif isinstance(thing, types.CellType):
        yield from (("", value) for value in contents(thing))
    elif isinstance(thing, type):
        yield from vars(thing).items()
    elif isinstance(thing, types.GeneratorType):
        yield from thing.gi_frame.f_locals.items() if thing.gi_frame is not None else ()
    else:
        yield from _of_instance(thing)


def _of_function(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    yield from zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    yield from (("a default", value) for value in defaults)
    yield from vars(function).items()
    if is_installed(function):
        return
    mentioned = frozenset(_mentioned(function.__code__))
    namespace = function.__globals__
    yield "", Names(namespace, mentioned)
    for name in mentioned:
        module = namespace.get(name, sys.modules.get(name))  # or imported in the function itself
        if isinstance(module, types.ModuleType) and not is_installed(module):
            yield "", Names(vars(module), mentioned)


def _mentioned(code: types.CodeType) -> Iterator[str]:
    """Yield the names of a function's code and of those within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _mentioned(constant)


def _of_instance(thing: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(thing, dict):
        for key, value in islice(thing.items(), _WIDE):
            yield from (("", key), (f"[{key!r}]" if isinstance(key, str | int) else "", value))
    elif isinstance(thing, list | tuple | set | frozenset | deque):
        yield from (("[…]", value) for value in islice(thing, _WIDE))
    elif isinstance(thing, functools.partial):
        yield from (("", part) for part in (thing.func, thing.args, thing.keywords))
    elif isinstance(thing, torch.Tensor):
        yield from (("grad", thing.grad),) if thing.is_leaf else ()
    elif hasattr(thing, "__next__"):
        yield from (("", part) for part in gc.get_referents(thing) if hasattr(part, "__next__"))
    if isinstance(thing, torch.jit.ScriptModule):
        yield from (*thing.named_parameters(), *thing.named_buffers())  # no attributes of its own
    yield from attributes(thing).items()
    yield "", type(thing)


def contents(cell: types.CellType) -> tuple[Any, ...]:
    """Return what a cell holds, nothing where its name has no value yet."""
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


def attributes(thing: Any) -> dict[str, Any]:
    """Return an object's attributes, those in slots too."""
    return getattr(thing, "__dict__", {}) | in_slots(thing)


def in_slots(thing: Any) -> dict[str, Any]:
    """Return the attributes that an object has in slots."""
    names = _slots(type(thing))
    return {name: getattr(thing, name) for name in names if hasattr(thing, name)} if names else {}


@functools.cache
def _slots(kind: type) -> tuple[str, ...]:
    members = (vars(base).items() for base in kind.__mro__ if "__slots__" in vars(base))
    slot = types.MemberDescriptorType
    return tuple(name for items in members for name, value in items if isinstance(value, slot))
