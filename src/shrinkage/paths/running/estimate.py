"""How long a run will take and how much memory, said before it starts.

Who uses this: `fit_path`. Time is measured, not guessed: a few steps of the first job, on a
throw-away copy, times the number of steps. Memory is counted from the arrays.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

import torch

from shrinkage.paths.engines.base import Engine, Problem, Unit

PROBE_STEPS = 24
WARM_UP_STEPS = 8
# Jobs side by side share the memory bus: two on two cores took about 1.2 times one's own time.
SHARED_CORES = 1.2
ARRAYS_A_WEIGHT = 6
BASE_BYTES = 400e6


@dataclass(frozen=True)
class Estimate:
    """Seconds (None when it cannot be foreseen) and bytes of a run."""

    seconds: float | None
    memory: float

    def __str__(self) -> str:
        """Return for example `about 1 min 40 s and 0.6 GB`."""
        memory = f"{self.memory / 1e9:.1f} GB"
        if self.seconds is None:
            return f"as long as the minimizers take, and about {memory}"
        return f"about {readable_seconds(self.seconds)} and {memory}"


def readable_seconds(seconds: float) -> str:
    """Return seconds in words.

    >>> readable_seconds(4.2), readable_seconds(100), readable_seconds(7300)
    ('5 s', '1 min 40 s', '2 h 1 min')
    """
    rounded = max(1, -int(-seconds // 1))
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 3600:
        return f"{rounded // 60} min {rounded % 60} s"
    return f"{rounded // 3600} h {rounded % 3600 // 60} min"


def estimate(
    problem: Problem, first: Unit, engine: Engine, steps: int, workers: int, shared_rows: bool
) -> Estimate:
    """Return the estimate for a cross validation.

    Args:
        problem: the problem.
        first: its first job, a few steps of which are tried.
        engine: trains the jobs.
        steps: the steps of all jobs.
        workers: how many jobs run side by side.
        shared_rows: whether all jobs hold the same array of rows.
    """
    memory = _memory(problem, first, engine, workers, shared_rows)
    if engine.is_solver:
        return Estimate(None, memory)
    seconds = _seconds_a_step(problem, first, engine) * steps / workers
    return Estimate(seconds * SHARED_CORES if workers > 1 else seconds, memory)


def _seconds_a_step(problem: Problem, unit: Unit, engine: Engine) -> float:
    """Return the median time of the last steps of a short training."""
    rows = problem.recipe.batch_size
    enough = len(unit.data.train) >= PROBE_STEPS * rows
    epochs, count = (1, PROBE_STEPS * rows) if enough else (PROBE_STEPS, len(unit.data.train))
    short = replace(problem, recipe=replace(problem.recipe, epochs=epochs))
    data = replace(unit.data, train=unit.data.train[:count], validation=None)
    models = len(unit.settings)
    settings = unit.settings.take(range(models - engine.at_once(models), models))
    stamps: list[float] = []
    engine.train(
        short,
        replace(unit, data=data, settings=settings),
        lambda _: stamps.append(time.perf_counter()),
    )
    return median(pairwise_differences(stamps[WARM_UP_STEPS:]))


def pairwise_differences(stamps: list[float]) -> list[float]:
    """Return the differences of neighbours.

    >>> pairwise_differences([1.0, 3.0, 4.0])
    [2.0, 1.0]
    """
    return [after - before for before, after in pairwise(stamps)]


def _memory(problem: Problem, unit: Unit, engine: Engine, workers: int, shared_rows: bool) -> float:
    models = engine.at_once(len(unit.settings))
    width = torch.empty((), dtype=problem.dtype).element_size()
    rows = unit.data.rows.x.numel() * width
    copies = 1 if shared_rows else 1 + workers
    arrays = problem.n_weights * models * width * ARRAYS_A_WEIGHT * workers
    return BASE_BYTES + arrays + rows * copies
