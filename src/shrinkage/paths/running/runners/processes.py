"""Units side by side in processes of this machine, by joblib's loky.

Who uses this: paths whose engine is held up by Python's lock, or touches what is global in a
process: models that are not stacked train one after the other in threads. Each worker is an
executor of one process, so that a killed one costs its unit only; it lives until the path ends,
as loading torch takes seconds.
"""

from __future__ import annotations

import queue
import tempfile
from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path

import numpy as np
import torch
from joblib import cpu_count
from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

from shrinkage.paths.engines.base import Engine, Unit
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.runners.base import Errand, Job, refuse_address
from shrinkage.paths.running.runners.carried import (
    Carried,
    Done,
    Told,
    Tries,
    WorkerLost,
    keep,
)
from shrinkage.paths.running.runners.threads import run_side_by_side

LOOK = 0.1  # seconds between two looks at a worker


class ProcessRunner:
    """Runs units in processes."""

    name = "processes"

    def __init__(self) -> None:
        self._idle: queue.LifoQueue[_Place] = queue.LifoQueue()

    def at(self, address: str | None) -> ProcessRunner:
        """Return a runner with processes of its own, which begin with the first units."""
        refuse_address(self.name, address)
        return ProcessRunner()

    def workers(self, engine: Engine) -> int:
        """Return as many as `threads` has, for a model at a time what the cores have room for."""
        threads = torch.get_num_threads()
        return threads if engine.side_by_side else max(1, cpu_count() // threads)

    def run(self, errand: Errand) -> list[UnitOutcome]:
        """Return the outcomes in order, each kept as soon as it is there."""
        carried, tries = Carried(errand.work), Tries(errand)

        def run_one(job: Job, check: Callable[[], None]) -> UnitOutcome:
            outcome = self._outcome(carried, tries, job, Told(errand.advance, check))
            keep(errand, job, outcome)
            return outcome

        return run_side_by_side(run_one, errand.jobs, self.workers(errand.work.engine))

    def close(self) -> None:
        """End the processes."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def _outcome(self, carried: Carried, tries: Tries, job: Job, told: Told) -> UnitOutcome:
        unit = tries.errand.prepare(job)
        while True:
            try:
                place = self._idle.get_nowait()
            except queue.Empty:
                place = _Place()
            try:
                done = place.run(carried, unit, told)
            except WorkerLost as error:
                told.up_to(0)
                if not tries.again(job, error):
                    return tries.here(job)
                continue
            self._idle.put(place)
            return done.told()


class _Place:
    """One process, and a file of eight bytes in which it counts its steps."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="shrinkage-")
        self._file = Path(self._folder.name) / "steps"
        self._steps = np.memmap(self._file, np.int64, "w+", shape=1)
        self._process = ProcessPoolExecutor(max_workers=1)

    def run(self, carried: Carried, unit: Unit, told: Told) -> Done:
        """Return what the process makes of a unit.

        Raises:
            WorkerLost: the process has ended.
        """
        self._steps[0] = 0
        future = self._process.submit(
            _trained, carried, unit, carried.work.limit.most, str(self._file)
        )
        try:
            while not future.done():
                wait([future], timeout=LOOK)
                told.up_to(int(self._steps[0]))
            return future.result()
        except BrokenProcessPool as error:
            self.close()
            raise WorkerLost(type(error).__name__) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.shutdown(wait=True, kill_workers=True)
        self._folder.cleanup()


def _trained(carried: Carried, unit: Unit, most: int | None, file: str) -> Done:
    """Train a unit in this process, which counts its steps in a file."""
    done = np.memmap(file, np.int64, "r+", shape=1)

    def advance(steps: int) -> None:
        done[0] += steps

    return carried(unit, advance, most)
