"""Where an optimizer was built: noted while the library itself has it built.

Who uses this: `shrinkage audit` and `audit_trainer`, which call the user's code that builds one,
and the findings that are about its groups. An optimizer that was built before cannot be asked.
"""

from __future__ import annotations

import functools
import sys
import types
import weakref
from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import Any

from torch.optim import Optimizer

from shrinkage.audits.source_lines import SourceLine

_BUILT: weakref.WeakKeyDictionary[Optimizer, SourceLine] = weakref.WeakKeyDictionary()


@contextmanager
def constructions_noted(apart: Container[str] = ()) -> Iterator[None]:
    """Note where each optimizer is built while this is open.

    Args:
        apart: packages whose lines tell a user nothing, as those of a framework.
    """
    original = Optimizer.__init__

    @functools.wraps(original)
    def noting(self: Optimizer, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        line = SourceLine.of_frame(_caller_of(self, sys._getframe(1)), apart)
        if line is not None:
            _BUILT[self] = line

    Optimizer.__init__ = noting  # type: ignore[method-assign]
    try:
        yield
    finally:
        Optimizer.__init__ = original  # type: ignore[method-assign]


def built_at(optimizer: Optimizer) -> SourceLine | None:
    """Return the line on which an optimizer was built, None where that was not noted."""
    return _BUILT.get(optimizer)


def _caller_of(optimizer: Optimizer, frame: types.FrameType | None) -> types.FrameType | None:
    """Return the frame that called the class: the first that is no `__init__` of the object."""
    while frame is not None and frame.f_code.co_name == "__init__":
        first = frame.f_code.co_varnames[0]
        if frame.f_locals.get(first) is not optimizer:
            break
        frame = frame.f_back
    return frame
