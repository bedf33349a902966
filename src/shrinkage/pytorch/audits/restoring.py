"""What sets one object back: one function a kind of object.

Who uses this: `snapshot`. Each remembers an object as it is, and returns a function that writes
back what was changed since, in place and nothing else.
"""

from __future__ import annotations

import copy
import random
import types
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from shrinkage.pytorch.audits.reach import Names, contents, in_slots

Restore = Callable[[], None]
_ABSENT = object()


def restores(thing: Any, source: torch.Tensor | None) -> list[Restore]:
    """Return what sets one object back, nothing for one that cannot be changed."""
    if isinstance(thing, torch.Tensor):
        own = _of_tensor(thing, source)
    else:
        own = next((make(thing) for kind, make in _KINDS if isinstance(thing, kind)), None)
    restores = [] if own is None else [own]
    if hasattr(thing, "__dict__") and not isinstance(thing, type):
        restores.append(_of_dict(vars(thing)))
    if slots := in_slots(thing):
        restores.append(_of_slots(thing, slots))
    return restores


def _of_dict(thing: dict[Any, Any]) -> Restore:
    kind: Any = OrderedDict if isinstance(thing, OrderedDict) else dict
    items = list(thing.items())

    def restore() -> None:
        if len(thing) != len(items) or any(
            key is not old or value is not before
            for (key, value), (old, before) in zip(thing.items(), items, strict=True)
        ):
            kind.clear(thing)
            kind.update(thing, items)

    return restore


def _of_list(thing: list[Any]) -> Restore:
    items = list(thing)

    def restore() -> None:
        if len(thing) != len(items) or any(a is not b for a, b in zip(thing, items, strict=True)):
            thing[:] = items

    return restore


def _of_collection(thing: Any) -> Restore:
    """Remember a set or a deque."""
    items = list(thing)
    fill = thing.extend if isinstance(thing, deque) else thing.update

    def restore() -> None:
        if len(thing) != len(items) or any(a is not b for a, b in zip(thing, items, strict=True)):
            thing.clear()
            fill(items)

    return restore


def _of_slots(thing: Any, values: Mapping[str, Any]) -> Restore:
    def restore() -> None:
        for name, value in values.items():
            if getattr(thing, name, _ABSENT) is not value:
                object.__setattr__(thing, name, value)

    return restore


def _of_cell(cell: types.CellType) -> Restore:
    before = contents(cell)

    def restore() -> None:
        if before:
            cell.cell_contents = before[0]

    return restore


def _of_names(names: Names) -> Restore:
    namespace = names.namespace
    values = {name: namespace.get(name, _ABSENT) for name in names.mentioned}

    def restore() -> None:
        for name, value in values.items():
            if value is _ABSENT:
                namespace.pop(name, None)
            elif namespace.get(name, _ABSENT) is not value:
                namespace[name] = value

    return restore


def _of_class(thing: type) -> Restore:
    values = dict(vars(thing))

    def restore() -> None:
        for name in vars(thing).keys() - values.keys():
            type.__delattr__(thing, name)
        for name, value in values.items():
            if vars(thing).get(name, _ABSENT) is not value:
                type.__setattr__(thing, name, value)

    return restore


def _of_array(thing: np.ndarray) -> Restore:
    values = thing.copy()

    def restore() -> None:
        if thing.flags.writeable and thing.tobytes() != values.tobytes():
            thing[...] = values

    return restore


def _of_tensor(thing: torch.Tensor, source: torch.Tensor | None) -> Restore | None:
    """Remember a tensor's memory, values, gradient and whether it trains."""
    try:
        memory = thing.detach()
        values = memory.clone() if source is None else source
        storage, size = memory.untyped_storage(), memory.untyped_storage().nbytes()
    except (RuntimeError, NotImplementedError):  # sparse, or without memory
        return None
    gradient, trains = (thing.grad, thing.requires_grad) if thing.is_leaf else (None, False)

    def restore() -> None:
        if storage.nbytes() != size:  # shards give their memory back between two steps
            storage.resize_(size)
        if thing.data_ptr() != memory.data_ptr() or thing.shape != memory.shape:
            thing.data = memory
        if source is not None or not _equal(memory, values):
            memory.copy_(values)
        if thing.is_leaf:
            thing.requires_grad_(trains)
            if thing.grad is not gradient:
                thing.grad = gradient

    return restore


def _equal(first: torch.Tensor, second: torch.Tensor) -> bool:
    try:
        return torch.equal(first, second)
    except (RuntimeError, NotImplementedError):  # a dtype or device that compares nothing
        return False


def _of_generator(thing: Any) -> Restore:
    """Remember a generator of random numbers: PyTorch's, NumPy's or Python's."""
    if isinstance(thing, torch.Generator):
        return _by(thing.get_state().clone(), thing.set_state)
    if isinstance(thing, random.Random):
        return _by(thing.getstate(), thing.setstate)
    if isinstance(thing, np.random.RandomState):
        return _by(thing.get_state(), thing.set_state)
    bits = thing.bit_generator if isinstance(thing, np.random.Generator) else thing
    return _by(copy.deepcopy(bits.state), lambda state: setattr(bits, "state", state))


def _by(state: Any, give_back: Callable[[Any], Any]) -> Restore:
    return lambda: give_back(state)


def _of_iterator(thing: Any) -> Restore | None:
    """Remember where an iterator over a list or the like is; others have no way back."""
    where = reduced(thing)
    if len(where) != 3 or not hasattr(thing, "__setstate__") or not isinstance(where[2], int):
        return None
    return lambda: thing.__setstate__(where[2])


def reduced(thing: Any) -> tuple[Any, ...]:
    if type(thing).__module__ != "builtins" or not hasattr(thing, "__next__"):
        return ()
    try:
        reduced = thing.__reduce__()
    except TypeError:  # zip, map and the like: those within have a place
        return ()
    return reduced if isinstance(reduced, tuple) else ()


def position_of(thing: Any) -> Any:
    """Return where an iterator is, None for what is none or cannot be asked."""
    if isinstance(thing, types.GeneratorType):
        frame = thing.gi_frame
        return () if frame is None else (frame.f_lasti, *map(id, frame.f_locals.values()))
    where = reduced(thing)
    if isinstance(thing, enumerate) and len(where) == 2:
        return where[1][1]
    return where[2:] if len(where) == 3 else None


_KINDS: tuple[tuple[Any, Callable[[Any], Restore | None]], ...] = (
    (dict, _of_dict),
    (list, _of_list),
    ((set, deque), _of_collection),
    (types.CellType, _of_cell),
    (Names, _of_names),
    (type, _of_class),
    (np.ndarray, _of_array),
    (
        (
            torch.Generator,
            random.Random,
            np.random.RandomState,
            np.random.Generator,
            np.random.BitGenerator,
        ),
        _of_generator,
    ),
    (object, _of_iterator),
)
