"""The one registry of runners."""

from __future__ import annotations

from shrinkage.errors import InputError, near_names
from shrinkage.paths.running.runners.base import Runner
from shrinkage.paths.running.runners.threads import ThreadRunner

RUNNERS: dict[str, Runner] = {runner.name: runner for runner in (ThreadRunner(),)}


def runner_named(name: str) -> Runner:
    """Return the runner of that name.

    Raises:
        InputError: there is none.

    >>> runner_named("threads").name
    'threads'
    """
    if name not in RUNNERS:
        hint = near_names(name, RUNNERS) or "choose one of those"
        raise InputError(f"unknown runner {name!r}: expected one of {', '.join(RUNNERS)}; {hint}")
    return RUNNERS[name]
