"""Copies of a model and its optimizer, or one line that says what could not be copied.

Who uses this: `twin`. A tensor that a model keeps from its last forward pass has no copy of its
own in PyTorch; its values have.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from shrinkage.errors import InputError
from shrinkage.pytorch.audits.reach import Reached, neighbours, reached
from shrinkage.pytorch.copies import deep_copy

Thing = TypeVar("Thing")


def copied(thing: Thing, memo: dict[int, Any], word: str) -> Thing:
    """Return a deep copy; `memo` is `copy.deepcopy`'s, and has what was copied afterwards.

    Args:
        thing: a module, say.
        memo: copies by id.
        word: what it is called.

    Raises:
        InputError: something within it has no copy.

    >>> copied({"w": [1.0]}, {}, "model")
    {'w': [1.0]}
    """
    before = dict(memo)
    try:
        return deep_copy(thing, memo)
    except Exception:  # whatever an object of others raises when it is copied
        memo.clear()  # the same dictionary: `deepcopy` keeps under its id what has to stay alive
        memo.update(before | _values_alone(thing))
        return or_refused(lambda: deep_copy(thing, memo), thing, word)


def or_refused(make: Callable[[], Thing], thing: Any, word: str) -> Thing:
    """Return what a function makes of a thing, or refuse the part of it that has no copy."""
    try:
        return make()
    except Exception as error:
        path, reason = _culprit(Reached(word, thing), error)
        raise InputError(
            f"expected a {word} that can be copied, got {path}, which cannot ({_said(reason)}): "
            "set it after the audit, or use shrinkage.audit, which takes arrays from before and "
            "after a step and copies nothing"
        ) from error


def _said(error: Exception) -> str:
    line = (str(error).splitlines() or [""])[0][:80]
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def _values_alone(thing: Any) -> dict[int, Any]:
    """Return copies, without their history, of the tensors that have one."""
    tensors = (place.thing for place in reached({"": thing}))
    return {
        id(tensor): tensor.detach().clone()
        for tensor in tensors
        if isinstance(tensor, torch.Tensor) and not tensor.is_leaf
    }


def _culprit(place: Reached, error: Exception) -> tuple[str, Exception]:
    """Return the innermost object that cannot be copied, and what it says."""
    seen: set[int] = set()
    inner: Reached | None = place
    while inner is not None:
        place, inner = inner, None
        seen.add(id(place.thing))
        for neighbour in neighbours(place):
            failure = None if id(neighbour.thing) in seen else _failure(neighbour.thing)
            if failure is not None:
                inner, error = neighbour, failure
                break
    return place.path, error


def _failure(thing: Any) -> Exception | None:
    """Return what a copy of an object raises, if it does."""
    try:
        copy.deepcopy(thing)
    except Exception as error:
        return error
    return None
