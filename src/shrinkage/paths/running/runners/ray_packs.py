"""Jobs on Ray, in packs: sent, heard of, sent again where a worker was lost.

Who uses this: the runner on Ray. Units are packed into tasks of at least ten seconds, since a task
costs Ray milliseconds and a worker its start. Ray retries nothing itself: what is lost is counted
here.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from shrinkage.paths.engines.base import Unit
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.runners.base import Errand, Job
from shrinkage.paths.running.runners.carried import Carried, Told, Tries, keep
from shrinkage.paths.running.runners.ray_cluster import loaded_ray, processors
from shrinkage.paths.running.runners.ray_worker import Began, trained
from shrinkage.paths.running.runners.sent_rows import rows_of, sent

LEAST_SECONDS = 10.0
LOOK = 1.0


@dataclass
class _Pack:
    """A task: the units that it has still to do, in order, and the steps it has told."""

    jobs: deque[Job]
    told: Told
    began: float | None = None


@dataclass
class PackedRun:
    """Some jobs on the cluster."""

    kept: dict[str, Any]
    errand: Errand
    outcomes: dict[str, UnitOutcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ray = loaded_ray()
        self._waiting, self._tries = deque(self.errand.jobs), Tries(self.errand)
        self._packs: dict[Any, _Pack] = {}
        self._seconds: list[float] = []
        self._rows: dict[int | None, Any] = {}
        self._carried = ray.put(Carried(replace(self.errand.work)))
        self._task: Any = ray.remote(num_returns="streaming", max_retries=0)(trained)

    def to_the_end(self) -> None:
        """Run all jobs."""
        ray = loaded_ray()
        while self._waiting or self._packs:
            self._send()
            if not self._packs:
                continue
            ready, _ = ray.wait(list(self._packs), timeout=LOOK, fetch_local=False)
            for task in ready:
                self._hear(task)

    def cancel(self) -> None:
        """Stop the tasks that are left."""
        ray = loaded_ray()
        for task in self._packs:
            ray.cancel(task, force=True)
        self._packs.clear()

    def _send(self) -> None:
        """Send packs to the workers that are free, one unit first to learn how long it takes."""
        while self._waiting and (size := self._size()):
            jobs = deque(self._waiting.popleft() for _ in range(min(size, len(self._waiting))))
            units = [self._sent(job) for job in jobs]
            cpus = self._cpus(max(unit.threads for unit, _ in units))
            if cpus is None:
                for job in jobs:
                    self._done(job, self._tries.here(job))
                continue
            gpus = int(self.errand.work.problem.device.type == "cuda")
            task = self._task.options(num_cpus=cpus, num_gpus=gpus).remote(
                self._carried, units, self.errand.work.limit.most
            )
            self._packs[task] = _Pack(jobs, Told(self.errand.advance))

    def _size(self) -> int:
        """Return how many units the next pack has; 0: none is sent now."""
        if not self._packs and not self._seconds:
            return 1
        if len(self._packs) >= self.places():
            return 0
        if self._seconds:
            mean = sum(self._seconds) / len(self._seconds)
            return max(1, math.ceil(LEAST_SECONDS / max(mean, 1e-3)))
        begun = [pack.began for pack in self._packs.values() if pack.began is not None]
        long = begun and time.monotonic() - min(begun) >= LEAST_SECONDS
        return 1 if long else 0

    def places(self) -> int:
        """Return how many packs run at a time now: nodes come and go."""
        return max(1, int(processors()[0] // self._threads(1)))

    def _threads(self, threads: int) -> int:
        return threads if self.errand.work.engine.side_by_side else torch.get_num_threads()

    def _cpus(self, threads: int) -> int | None:
        """Return the processors to ask a node for; None: no node is left that has one."""
        _, largest = processors()
        return min(self._threads(threads), largest) if largest >= 1 else None

    def _sent(self, job: Job) -> tuple[Unit, Any]:
        """Return a unit whose rows are in the object store."""
        ray = loaded_ray()
        unit = self.errand.prepare(job)
        if job.fold not in self._rows:
            self._rows[job.fold] = ray.put(rows_of(unit.data, self._kept_once))
        return sent(unit), [self._rows[job.fold]]

    def _kept_once(self, key: str, array: Any) -> Any:
        """Return where an array is in the object store, put there once a path."""
        ray = loaded_ray()
        if key not in self.kept:
            self.kept[key] = ray.put(array)
        return self.kept[key]

    def _hear(self, task: Any) -> None:
        """Take what a task tells next: that it began, steps, an outcome, or its end."""
        ray = loaded_ray()
        failures = ray.exceptions
        pack = self._packs[task]
        try:
            message = ray.get(next(task))
        except StopIteration:
            del self._packs[task]
        except failures.RayTaskError as error:
            cause = getattr(error, "cause", None)
            raise cause if isinstance(cause, Exception) else error from None
        except failures.RayError as error:
            del self._packs[task]
            self._lost(pack, error)
        else:
            self._told(pack, message)

    def _told(self, pack: _Pack, message: Any) -> None:
        if isinstance(message, Began):
            pack.began = time.monotonic()
            message.check()
        elif isinstance(message, int):
            pack.told.up_to(message)
        else:
            pack.told.up_to(message.done.steps)
            job = pack.jobs.popleft()
            pack.told = Told(self.errand.advance)
            self._seconds.append(message.seconds)
            self._done(job, message.done.told())

    def _done(self, job: Job, outcome: UnitOutcome) -> None:
        self.outcomes[job.name] = outcome
        keep(self.errand, job, outcome)

    def _lost(self, pack: _Pack, error: Exception) -> None:
        """Train again what a lost worker had still to do; the unit that it was at is counted."""
        pack.told.up_to(0)
        if not pack.jobs:
            return
        job = pack.jobs.popleft()
        self._waiting.extendleft(reversed(pack.jobs))
        if self._tries.again(job, type(error).__name__):
            self._waiting.appendleft(job)
        else:
            self._done(job, self._tries.here(job))
