"""What is done with a unit in another process, and what comes back of it.

Who uses this: the runners that leave the process. A unit is trained with as many threads as torch
has where the run was started, since sums depend on that number: so the bits are those of `threads`.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch

from shrinkage.errors import LostWorkerWarning
from shrinkage.paths.engines.base import Advance, Unit
from shrinkage.paths.engines.threads import torch_threads
from shrinkage.paths.running.out_of_memory import StackLimit
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.runners.base import Errand, Job, Work

TRIES = 2


@dataclass(frozen=True)
class Done:
    """The outcome of a unit, the steps that it took, and the warnings of its training."""

    outcome: UnitOutcome
    steps: int
    warned: tuple[Warning, ...] = ()

    def told(self) -> UnitOutcome:
        """Return the outcome, the warnings being warned here."""
        for warning in self.warned:
            warnings.warn(warning, stacklevel=2)
        return self.outcome


@dataclass(frozen=True)
class Carried:
    """Work with the number of threads that torch has where the run was started."""

    work: Work
    threads: int = field(default_factory=torch.get_num_threads)

    def __call__(self, unit: Unit, advance: Advance, most: int | None = None) -> Done:
        """Train a unit in a process that does nothing else.

        Args:
            unit: what to train.
            advance: called with the steps that are done.
            most: how many models train together at most, where memory ran out before.
        """
        work, told = replace(self.work, limit=StackLimit(most)), Told(advance)
        with warnings.catch_warnings(record=True) as warned, torch_threads(self.threads):
            warnings.simplefilter("default")
            outcome = work(unit, told.more)
        messages = (entry.message for entry in warned)
        return Done(outcome, told.steps, tuple(own for own in messages if isinstance(own, Warning)))


class WorkerLost(Exception):
    """A worker ended in the middle of a unit: killed, out of memory, its machine gone."""


@dataclass
class Tries:
    """Counts the workers that each unit has lost; a unit that lost two is trained here."""

    errand: Errand
    lost: dict[str, int] = field(default_factory=dict)
    _here: threading.Lock = field(default_factory=threading.Lock)

    def again(self, job: Job, reason: object) -> bool:
        """Count a lost worker, say so, and return whether a worker gets the unit again."""
        count = self.lost[job.name] = self.lost.get(job.name, 0) + 1
        again = count < TRIES
        then = "another one trains it" if again else f"it was the {count}nd, so it is trained here"
        warnings.warn(
            f"a worker was lost with {job.name} ({reason}): {then}",
            LostWorkerWarning,
            stacklevel=2,
        )
        return again

    def here(self, job: Job) -> UnitOutcome:
        """Train the unit of a job in this process, one at a time."""
        with self._here:
            return self.errand.work(self.errand.prepare(job), self.errand.advance)


def keep(errand: Errand, job: Job, outcome: UnitOutcome) -> None:
    """Keep an outcome; later units begin with as many models as memory had room for in it."""
    limit, most = errand.work.limit, int(outcome.values["halved_to"].max(initial=0))
    if most and (limit.most is None or most < limit.most):
        limit.most = most
    errand.keep(job, outcome)


@dataclass
class Told:
    """Steps of a unit that were told, so that they can be taken back when its worker is lost."""

    advance: Advance
    check: Callable[[], None] = lambda: None
    steps: int = 0

    def more(self, steps: int) -> None:
        """Tell that steps are done."""
        self.advance(steps)
        self.steps += steps

    def up_to(self, steps: int) -> None:
        """Tell that so many steps are done in all."""
        self.check()
        if steps != self.steps:
            self.advance(steps - self.steps)
            self.steps = steps
