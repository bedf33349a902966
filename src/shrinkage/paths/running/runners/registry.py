"""The one registry of runners."""

from __future__ import annotations

from shrinkage.checks import one_of
from shrinkage.paths.running.runners.base import Runner
from shrinkage.paths.running.runners.processes import ProcessRunner
from shrinkage.paths.running.runners.ray import RayRunner
from shrinkage.paths.running.runners.slurm import SlurmRunner
from shrinkage.paths.running.runners.threads import ThreadRunner

RUNNERS: dict[str, Runner] = {
    runner.name: runner for runner in (ThreadRunner(), ProcessRunner(), RayRunner(), SlurmRunner())
}


def runner_named(name: str) -> Runner:
    """Return the runner of that name.

    Raises:
        InputError: there is none.

    >>> runner_named("threads").name
    'threads'
    """
    return RUNNERS[one_of(name, "runner", RUNNERS)]
