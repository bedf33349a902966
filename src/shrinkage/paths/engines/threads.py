"""How many of torch's threads a unit may use.

Who uses this: the plan gives each unit its share of the cores, engines train with it. The threads
of a unit follow from the number of cores and folds alone, never from what is left to do, so that
a resumed run rounds like an undisturbed one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def thread_share(jobs: int) -> int:
    """Return the threads of each of `jobs` that run side by side: cores / jobs, at least one."""
    return max(1, torch.get_num_threads() // max(1, jobs))


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads inside, and as many as before after it.

    >>> with torch_threads(1):
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
