"""What runs the units of a path, and where: in this process, in others, on other machines.

Who uses this: `fit_path` hands a runner the units that are not in the store yet. What a runner has
to carry elsewhere pickles: the work (engine and problem) and each unit (rows, settings, seed).
Adding a runner is one file and one line in the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from shrinkage.errors import InputError
from shrinkage.paths.engines.base import Advance, Engine, Problem, Unit
from shrinkage.paths.engines.pages import give_back
from shrinkage.paths.engines.threads import torch_threads
from shrinkage.paths.running.out_of_memory import StackLimit, in_chunks
from shrinkage.paths.running.outcomes import UnitOutcome, joined, measured
from shrinkage.paths.settings import Settings

LARGE = 1_000_000  # weights of the models of a unit, before which the heap's free pages go back


@dataclass(frozen=True)
class Job:
    """A unit whose rows are not prepared yet: the fold (None for the refit) and its settings.

    `name` is that of its outcome in the store. A refit of `member` k > 0 starts from a seed of its
    own.
    """

    name: str
    fold: int | None
    settings: Settings
    member: int = 0


@dataclass(frozen=True)
class Work:
    """What is done with each unit: it is trained and measured, in halves where memory runs out."""

    engine: Engine
    problem: Problem
    limit: StackLimit = field(default_factory=StackLimit)

    def __call__(self, unit: Unit, advance: Advance) -> UnitOutcome:
        """Return the outcome of a unit; `advance(n)` is called after every n steps."""
        models, rows = len(unit.settings), len(unit.data.train)
        if models * self.problem.n_weights > LARGE:
            give_back()
        planned = self.engine.steps(self.problem, rows, models)

        def train(settings: Settings) -> UnitOutcome:
            steps = self.engine.steps(self.problem, rows, len(settings))
            share = planned * len(settings) / (models * steps)
            pace = _Pace(advance, share)
            try:
                return self._trained(replace(unit, settings=settings), pace)
            except BaseException:
                advance(-pace.told)
                raise

        parts = in_chunks(unit.settings, self.limit, train)
        if len(parts) == 1:
            return parts[0]
        together = np.concatenate([np.full(len(part.status), len(part.status)) for part in parts])
        return UnitOutcome({**joined(parts).values, "halved_to": together})

    def _trained(self, unit: Unit, advance: Advance) -> UnitOutcome:
        trained = self.engine.train(self.problem, unit, advance)
        with self.own_threads(unit):
            return measured(self.problem, unit, trained)

    def own_threads(self, unit: Unit) -> AbstractContextManager[None]:
        """Return a context with the unit's share of the cores where other units have the rest."""
        alone = not self.engine.side_by_side
        return nullcontext() if alone else torch_threads(unit.threads)


@dataclass
class _Pace:
    """Tells the steps of a part of a unit as its share of the unit's."""

    advance: Advance
    share: float
    done: int = 0
    told: int = 0

    def __call__(self, steps: int) -> None:
        self.done += steps
        new = round(self.done * self.share) - self.told
        self.told += new
        self.advance(new)


@dataclass(frozen=True)
class Errand:
    """What a runner is sent for.

    Args:
        work: what to do with a unit.
        jobs: what to run.
        prepare: makes the unit of a job, rows included; call it when the job begins.
        keep: call it with each outcome as soon as it is there: a kill loses no other.
        advance: call it with the steps that are done.
    """

    work: Work
    jobs: Sequence[Job]
    prepare: Callable[[Job], Unit]
    keep: Callable[[Job, UnitOutcome], None]
    advance: Advance


def refuse_address(runner: str, address: str | None) -> None:
    """Raise where an address is given to a runner that works on this machine.

    Raises:
        InputError: there is one.
    """
    if address is not None:
        raise InputError(
            f"expected no address (--address) beside the runner {runner!r}, got {address!r}: "
            "leave it out, or use --runner ray or slurm"
        )


class Runner(Protocol):
    """Runs jobs."""

    @property
    def name(self) -> str:
        """Return the runner's name."""
        ...

    def at(self, address: str | None) -> Runner:
        """Return the runner for one path, where an address says: a cluster, a folder.

        Raises:
            MissingExtra: what it needs is not installed.
            InputError: there is no such place, or the runner has no addresses.
        """
        ...

    def workers(self, engine: Engine) -> int:
        """Return how many units it trains at a time."""
        ...

    def run(self, errand: Errand) -> list[UnitOutcome]:
        """Return the outcomes of the jobs, in their order."""
        ...

    def close(self) -> None:
        """Give back what was taken: processes, a connection."""
        ...
