"""Units as jobs of a Slurm cluster, by submitit.

Who uses this: paths on a cluster with a queue. Partition, account and time limit are Slurm's own
variables, SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT. submitit pickles units and outcomes
in a folder that all nodes see, which is never the run directory and is emptied at the end.
"""

from __future__ import annotations

import importlib
import pickle
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from shrinkage.errors import InputError
from shrinkage.extras import require
from shrinkage.paths.engines.base import Engine, FoldData, Unit
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.runners.base import Errand, Job
from shrinkage.paths.running.runners.carried import Carried, Done, Tries, keep
from shrinkage.paths.running.runners.sent_rows import sent

AT_A_TIME = 100
LOOK = 1.0
MOST_MINUTES = 24 * 60
"""The time that a job asks for, unless SBATCH_TIMELIMIT says another."""


class SlurmRunner:
    """Runs units as jobs of Slurm."""

    name = "slurm"

    def __init__(self, folder: Path | None = None, cluster: str = "slurm") -> None:
        self._folder, self._cluster = folder, cluster

    def at(self, address: str | None) -> SlurmRunner:
        """Return a runner with a folder of its own in `address`, or in ~/.shrinkage.

        Raises:
            MissingExtra: submitit is not installed.
            InputError: Slurm is not on this machine, or the folder cannot be written.
        """
        require("slurm")
        if self._cluster == "slurm" and shutil.which("sbatch") is None:
            raise InputError(
                "expected Slurm for --runner slurm, found no sbatch on this machine: run the "
                "command on a login node, or use --runner threads"
            )
        shared = Path.home() / ".shrinkage" if address is None else Path(address).absolute()
        try:
            shared.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix="slurm-", dir=shared))
        except OSError as error:
            raise InputError(
                f"expected a folder that all nodes see, got {shared} ({error.strerror}): choose "
                "another with --address"
            ) from None
        return SlurmRunner(folder, self._cluster)

    def workers(self, engine: Engine) -> int:
        """Return how many jobs are let run at a time: the queue says how many do."""
        del engine
        return AT_A_TIME

    def run(self, errand: Errand) -> list[UnitOutcome]:
        """Return the outcomes in order, each kept as soon as it is there; steps unit by unit."""
        assert self._folder is not None
        queue = _Queue(self._folder, self._cluster, errand)
        try:
            outcomes = queue.to_the_end()
        finally:
            queue.cancel()
        return [outcomes[job.name] for job in errand.jobs]

    def close(self) -> None:
        """Take the folder away."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


class _Queue:
    """Jobs of Slurm that are not done."""

    def __init__(self, folder: Path, cluster: str, errand: Errand) -> None:
        self._folder, self._errand = folder, errand
        self._executor = _submitit().AutoExecutor(folder / "%j", cluster=cluster)
        self._tries = Tries(errand)
        self._waiting: dict[str, tuple[Job, Any]] = {}

    def to_the_end(self) -> dict[str, UnitOutcome]:
        """Return the outcomes of the jobs by their names."""
        outcomes = {}
        self._submit(self._errand.jobs)
        while self._waiting:
            for job, task in list(self._waiting.values()):
                if not task.done():
                    continue
                del self._waiting[job.name]
                outcome = self._outcome(job, task)
                if outcome is not None:
                    outcomes[job.name] = outcome
                    keep(self._errand, job, outcome)
            if self._waiting:
                time.sleep(LOOK)
        return outcomes

    def cancel(self) -> None:
        """Take out of the queue what is left in it."""
        for _, task in self._waiting.values():
            task.cancel()

    def _submit(self, jobs: Sequence[Job]) -> None:
        """Submit jobs as one array."""
        units = [(job, self._errand.prepare(job)) for job in jobs]
        if not units:
            return
        threads = max(self._threads(unit) for _, unit in units)
        self._executor.update_parameters(name="shrinkage", timeout_min=MOST_MINUTES)
        if self._executor.cluster == "slurm":
            self._executor.update_parameters(
                cpus_per_task=threads, slurm_array_parallelism=AT_A_TIME
            )
        carried, most = Carried(self._errand.work), self._errand.work.limit.most
        with self._executor.batch():
            for job, unit in units:
                rows = self._rows(job, unit)
                task = self._executor.submit(partial(_trained, carried, sent(unit), rows, most))
                self._waiting[job.name] = job, task

    def _threads(self, unit: Unit) -> int:
        return unit.threads if self._errand.work.engine.side_by_side else torch.get_num_threads()

    def _rows(self, job: Job, unit: Unit) -> str:
        """Return the file with the rows of a fold, written once a run."""
        file = self._folder / f"rows-{job.fold}.pickle"
        if not file.exists():
            file.write_bytes(pickle.dumps(unit.data))
        return str(file)

    def _outcome(self, job: Job, task: Any) -> UnitOutcome | None:
        """Return what came of a job; None: it is in the queue again."""
        try:
            done = task.result()
        except _submitit().core.utils.UncompletedJobError:
            if self._tries.again(job, f"job {task.job_id}"):
                self._submit([job])
                return None
            return self._tries.here(job)
        if isinstance(done, Exception):
            raise done
        self._errand.advance(done.steps)
        return done.told()


def _submitit() -> Any:
    """Return submitit, which is loaded by those who ask for it alone."""
    return importlib.import_module("submitit")


def _trained(carried: Carried, unit: Unit, rows: str, most: int | None) -> Done | Exception:
    """Train a unit in a job of Slurm; an error is given back, as submitit keeps only its text."""
    try:
        data: FoldData = pickle.loads(Path(rows).read_bytes())
        return carried(replace(unit, data=data), _ignored, most)
    except Exception as error:
        return error


def _ignored(_: int) -> None:
    """Take no notice of progress."""
