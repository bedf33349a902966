"""Units side by side in threads of this process: one worker a fold, as many as there are cores.

Who uses this: paths, unless another runner is asked for. torch lets go of Python's lock inside its
operations, so threads are enough and share the rows. On two cores, two folds with one thread each
took 1.15 to 2.2 times less than one after the other with two threads, whose threads wait for each
other in every small operation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

from shrinkage.paths.engines.base import Engine
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.runners.base import Errand, Job, refuse_address

Item = TypeVar("Item")
Result = TypeVar("Result")


class Stopped(Exception):
    """Another worker failed, or the user stopped the run."""


class ThreadRunner:
    """Runs units in threads, for engines that touch nothing global; else one after the other."""

    name = "threads"

    def at(self, address: str | None) -> ThreadRunner:
        """Return this runner, which has no addresses."""
        refuse_address(self.name, address)
        return self

    def close(self) -> None:
        """Do nothing: threads end with each run."""

    def workers(self, engine: Engine) -> int:
        """Return as many as torch has threads, or one."""
        return torch.get_num_threads() if engine.side_by_side else 1

    def run(self, errand: Errand) -> list[UnitOutcome]:
        """Return the outcomes in order, each kept as soon as it is there."""
        if not errand.jobs:
            return []
        work, earliest = errand.work, errand.jobs[0]
        first = {earliest.name: errand.prepare(earliest)}
        brief = work.engine.is_brief(work.problem, *first.values())

        def run_one(job: Job, check: Callable[[], None]) -> UnitOutcome:
            def checked_advance(steps: int) -> None:
                check()
                errand.advance(steps)

            unit = first.pop(job.name, None) or errand.prepare(job)
            outcome = work(unit, checked_advance)
            errand.keep(job, outcome)
            return outcome

        return run_side_by_side(run_one, errand.jobs, 1 if brief else self.workers(work.engine))


def run_side_by_side(
    work: Callable[[Item, Callable[[], None]], Result], items: Sequence[Item], workers: int
) -> list[Result]:
    """Return `work(item, check)` of each item, in order, at most `workers` at a time.

    Args:
        work: it calls `check()` now and then, which raises `Stopped` when it must end.
        items: what to work on.
        workers: how many at a time; one works in the caller's own thread.

    Raises:
        BaseException: the first error of a worker, after the others have ended.

    >>> run_side_by_side(lambda item, check: item**2, [1, 2, 3], workers=2)
    [1, 4, 9]
    """
    if workers < 2 or len(items) < 2:
        return [work(item, _go_on) for item in items]
    stop = threading.Event()

    def check() -> None:
        if stop.is_set():
            raise Stopped

    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work, item, check) for item in items]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
            failed = [future for future in futures if future.done() and future.exception()]
            if failed or not all(future.done() for future in futures):
                pool.shutdown(wait=True, cancel_futures=True)
    for future in failed:
        error = future.exception()
        if error is not None and not isinstance(error, Stopped):
            raise error
    return [future.result() for future in futures]


def _go_on() -> None:
    """Never stop: work in the caller's thread ends by its own exceptions."""
