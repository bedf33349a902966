"""How many of torch's threads a unit may use.

Who uses this: the plan gives each unit its share of the cores, engines train with it. The threads
of a unit follow from the number of cores and folds alone, never from what is left to do, so that
a resumed run rounds like an undisturbed one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from threadpoolctl import LibController, ThreadpoolController


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


@cache
def _libraries() -> tuple[LibController, ...]:
    """Return the libraries that are loaded by now, looked up once: that takes milliseconds."""
    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


class _OneThread:
    """NumPy's and SciPy's linear algebra on one thread while anybody asks for it.

    Their number of threads is one for the whole process: the first who comes sets it, and the last
    who leaves sets it back.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._before: list[tuple[LibController, int | None]] = []

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before = [(library, library.num_threads) for library in _libraries()]
                for library, _ in self._before:
                    _set(library, 1)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                for library, threads in self._before:
                    _set(library, threads)


def _set(library: LibController, threads: int | None) -> None:
    """Set a library's threads from whichever thread this is.

    Since 3.8 threadpoolctl lets one thread alone set OpenBLAS, the first that did, while it lives,
    and does nothing for others; who has set it before does not matter here.
    """
    release = getattr(library, "clear_controlling_thread", lambda **_: None)
    release(force=True)
    library.set_num_threads(threads)
    release(force=True)


one_blas_thread = _OneThread()
"""A context for many small solves: woken threads cost more than they do (under load 100 times)."""
