"""Models that train together, fewer of them where memory runs out.

Who uses this: the work that is done with a unit, the trial before a run, and the search for the
top of the grid. The models of a stack do not touch each other, so halves give what the whole would
have given, up to rounding.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from shrinkage.errors import InputError
from shrinkage.paths.settings import Settings

Result = TypeVar("Result")
# The one sign of it that torch gives on a CPU: the name of its allocator.
ALLOCATOR = "DefaultCPUAllocator"


@dataclass
class StackLimit:
    """How many models train together at most, since memory ran out; None: it has not."""

    most: int | None = None

    def lower(self, models: int) -> int:
        """Let half of so many models train together from now on, and return how many that is.

        What failed is gone with its error, or else once cycles (an optimizer and its hooks) are.
        """
        gc.collect()
        half = math.ceil(models / 2)
        self.most = half if self.most is None else min(self.most, half)
        return self.most

    def parts(self, models: int) -> int:
        """Return into how many parts so many models are cut."""
        return 1 if self.most is None else math.ceil(models / self.most)


def ran_out(error: BaseException) -> bool:
    """Return whether an error says that an allocation failed.

    >>> ran_out(MemoryError()), ran_out(RuntimeError("shapes differ"))
    (True, False)
    """
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and ALLOCATOR in str(error)


def in_chunks(
    settings: Settings, limit: StackLimit, train: Callable[[Settings], Result]
) -> list[Result]:
    """Return what `train` gives for all settings, or for parts of them if memory does not do.

    Args:
        settings: of the models, in order.
        limit: how many train together; it is lowered when memory runs out.
        train: trains some of the models.

    Raises:
        InputError: memory ran out with a single model.

    >>> def train(some):
    ...     if len(some) > 2:
    ...         raise MemoryError
    ...     return len(some)
    >>> in_chunks(Settings(("l1",), ((0.1,),) * 7), StackLimit(), train)
    [2, 2, 2, 1]
    """
    parts = limit.parts(len(settings))
    if parts > 1:
        cut = (in_chunks(some, limit, train) for some in settings.cut(parts))
        return [result for results in cut for result in results]
    try:
        return [train(settings)]
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
    # behind the clause: the error's traceback holds the arrays of the failed training
    if len(settings) == 1:
        raise InputError(
            "memory ran out with one model at a time: free some, or choose a smaller model or "
            "--batch-size"
        )
    limit.lower(len(settings))
    return in_chunks(settings, limit, train)
