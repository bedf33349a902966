"""Units on a Ray cluster, or on a Ray of this machine.

Who uses this: paths that leave the machine. The rows of a fold are put into the object store once;
units are packed into tasks of at least ten seconds, since a task costs Ray milliseconds and a
worker its start. A task tells its steps and each outcome as soon as it is there, so that a lost
worker costs the unit that it was at. Ray retries nothing itself: what is lost is counted here.
"""

from __future__ import annotations

import importlib
import math
import os
import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from shrinkage.errors import InputError
from shrinkage.extras import require
from shrinkage.paths.engines.base import Engine, Unit
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.runners.base import Errand, Job
from shrinkage.paths.running.runners.carried import Carried, Done, Told, Tries, keep
from shrinkage.paths.running.runners.sent_rows import RowsOf, SentRows, rows_of, sent

LEAST_SECONDS = 10.0
TELL = 0.5  # seconds between two tellings of steps
LOOK = 1.0
PROBE_SECONDS = 5.0


class RayRunner:
    """Runs units as tasks of Ray; the run directory is written here alone."""

    name = "ray"

    def __init__(self, *, ours: bool = False) -> None:
        self._ours = ours
        self._kept: dict[str, Any] = {}

    def at(self, address: str | None) -> RayRunner:
        """Return a runner that is connected to a cluster, or to a Ray of this machine.

        Raises:
            MissingExtra: Ray is not installed.
            InputError: no cluster is at the address.
        """
        require("ray")
        ray = _ray()
        if ray.is_initialized():
            return RayRunner()
        address = address or os.environ.get("RAY_ADDRESS")
        _probe(address)
        own = {} if address else {"include_dashboard": False}
        try:
            ray.init(address or "local", logging_level="CRITICAL", log_to_driver=False, **own)
        except (ConnectionError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:120]
            raise _no_cluster(address, reason) from None
        return RayRunner(ours=True)

    def workers(self, engine: Engine) -> int:
        """Return how many units the processors of the cluster have room for."""
        cpus, _ = _processors()
        return max(1, int(cpus // (1 if engine.side_by_side else torch.get_num_threads())))

    def run(self, errand: Errand) -> list[UnitOutcome]:
        """Return the outcomes in order, each kept as soon as it is there."""
        run = _Run(self._kept, errand)
        try:
            run.to_the_end()
        finally:
            run.cancel()
        return [run.outcomes[job.name] for job in errand.jobs]

    def close(self) -> None:
        """Leave the cluster, where this runner has joined it."""
        ray = _ray()
        self._kept.clear()
        if self._ours:
            ray.shutdown()


@dataclass
class _Pack:
    """A task: the units that it has still to do, in order, and the steps it has told."""

    jobs: deque[Job]
    told: Told
    began: float | None = None


@dataclass
class _Run:
    """Some jobs on the cluster."""

    kept: dict[str, Any]
    errand: Errand
    outcomes: dict[str, UnitOutcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ray = _ray()
        self._waiting, self._tries = deque(self.errand.jobs), Tries(self.errand)
        self._packs: dict[Any, _Pack] = {}
        self._seconds: list[float] = []
        self._rows: dict[int | None, Any] = {}
        self._carried = ray.put(Carried(replace(self.errand.work)))
        self._task: Any = ray.remote(num_returns="streaming", max_retries=0)(_trained)

    def to_the_end(self) -> None:
        """Run all jobs."""
        ray = _ray()
        while self._waiting or self._packs:
            self._send()
            if not self._packs:
                continue
            ready, _ = ray.wait(list(self._packs), timeout=LOOK, fetch_local=False)
            for task in ready:
                self._hear(task)

    def cancel(self) -> None:
        """Stop the tasks that are left."""
        ray = _ray()
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
        return max(1, int(_processors()[0] // self._threads(1)))

    def _threads(self, threads: int) -> int:
        return threads if self.errand.work.engine.side_by_side else torch.get_num_threads()

    def _cpus(self, threads: int) -> int | None:
        """Return the processors to ask a node for; None: no node is left that has one."""
        _, largest = _processors()
        return min(self._threads(threads), largest) if largest >= 1 else None

    def _sent(self, job: Job) -> tuple[Unit, Any]:
        """Return a unit whose rows are in the object store."""
        ray = _ray()
        unit = self.errand.prepare(job)
        if job.fold not in self._rows:
            self._rows[job.fold] = ray.put(rows_of(unit.data, self._kept_once))
        return sent(unit), [self._rows[job.fold]]

    def _kept_once(self, key: str, array: Any) -> Any:
        """Return where an array is in the object store, put there once a path."""
        ray = _ray()
        if key not in self.kept:
            self.kept[key] = ray.put(array)
        return self.kept[key]

    def _hear(self, task: Any) -> None:
        """Take what a task tells next: that it began, steps, an outcome, or its end."""
        ray = _ray()
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
        if isinstance(message, _Began):
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


@dataclass(frozen=True)
class _Began:
    """A worker has begun: what it has installed, and where it is."""

    host: str = field(default_factory=socket.gethostname)
    torch: str = str(torch.__version__)

    def check(self) -> None:
        """Refuse a node whose sums are others.

        Raises:
            InputError: it has another torch.
        """
        if self.torch != torch.__version__:
            raise InputError(
                f"expected torch {torch.__version__} on every node of the cluster, as here, got "
                f"{self.torch} on {self.host}: install the same"
            )


@dataclass(frozen=True)
class _Trained:
    """A unit that is done, and how long it took."""

    done: Done
    seconds: float


def _trained(
    carried: Carried, units: Sequence[tuple[Unit, list[Any]]], most: int | None
) -> Iterator[_Began | int | _Trained]:
    """Yield what a worker tells while it trains some units: the task that Ray runs."""
    ray = _ray()
    yield _Began()
    for unit, (reference,) in units:
        rows: SentRows = ray.get(reference)
        whole = rows.unit(unit, RowsOf(ray.get, carried.work.problem.device))
        begin = time.monotonic()
        steps = 0
        for message in _messages(carried, whole, most):
            if isinstance(message, int):
                steps += message
                yield steps
            else:
                yield _Trained(message, time.monotonic() - begin)


def _messages(carried: Carried, unit: Unit, most: int | None) -> Iterator[int | Done]:
    """Yield the steps of a unit, some at a time, and last the outcome; a thread trains."""
    told: queue.SimpleQueue[int] = queue.SimpleQueue()
    end: list[Done | BaseException] = []

    def train() -> None:
        try:
            end.append(carried(unit, told.put, most))
        except BaseException as error:
            end.append(error)

    thread = threading.Thread(target=train)
    thread.start()
    while thread.is_alive():
        thread.join(TELL)
        steps = sum(told.get() for _ in range(told.qsize()))
        if steps:
            yield steps
    (result,) = end
    if isinstance(result, BaseException):
        raise result
    yield result


def _ray() -> Any:
    """Return Ray, which is loaded by those who ask for it alone."""
    return importlib.import_module("ray")


def _processors() -> tuple[int, int]:
    """Return the processors of all living nodes, and of the one with most."""
    ray = _ray()
    counts = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    return sum(counts), max(counts, default=0)


def _probe(address: str | None) -> None:
    """Refuse an address at which nothing listens: Ray itself would wait for minutes.

    Raises:
        InputError: nothing listens there, or it is no address of a cluster.
    """
    if address in (None, "auto", "local"):
        return
    assert address is not None
    host, _, port = address.rpartition(":")
    if address.startswith("ray://") or not host or not port.isdigit():
        raise InputError(
            f"expected the address of a Ray cluster as HOST:PORT or auto, got {address!r}: run the "
            "command on a node of the cluster"
        )
    try:
        socket.create_connection((host, int(port)), PROBE_SECONDS).close()
    except OSError as error:
        raise _no_cluster(address, error.strerror or str(error)) from None


def _no_cluster(address: str | None, reason: str) -> InputError:
    where = "on this machine" if address is None else f"at {address!r}"
    return InputError(
        f"expected a Ray cluster {where}, found none ({reason}): begin one with ray start --head, "
        "or leave --address out"
    )
