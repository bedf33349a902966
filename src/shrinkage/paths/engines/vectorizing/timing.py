"""How long a step of a model takes by an engine: a few steps, taken and thrown away.

Who uses this: the choice of an engine. Engines are timed in turn, and the shortest step of each
counts: what else the machine does can only lengthen one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

from shrinkage.paths.engines.base import Engine, Problem, Unit

STEPS = 4  # of each trial, the first of which is not timed
ROUNDS = 2
LONGEST = 4.0  # seconds: then a trial ends after two steps


class _Enough(Exception):
    """The trial has taken long enough."""


def seconds_a_model(
    problem: Problem, unit: Unit, engines: Sequence[Engine], workers: Sequence[int]
) -> list[float]:
    """Return the seconds that each engine takes for a step of one model.

    Args:
        problem: its recipe is shortened.
        unit: whose models are trained: all that an engine takes at once.
        engines: what to time.
        workers: how many units each would train side by side: so many are tried at a time.
    """
    shortest = [float("inf")] * len(engines)
    for _ in range(ROUNDS):
        for place, (engine, many) in enumerate(zip(engines, workers, strict=True)):
            seconds = _side_by_side(lambda own=engine: _step(problem, unit, own), many)
            shortest[place] = min(shortest[place], seconds / many)
    return shortest


def _side_by_side(work: Callable[[], float], many: int) -> float:
    if many < 2:
        return work()
    with ThreadPoolExecutor(many) as pool:
        return max(future.result() for future in [pool.submit(work) for _ in range(many)])


def _step(problem: Problem, unit: Unit, engine: Engine) -> float:
    """Return the seconds of the shortest step, a model."""
    rows = min(len(unit.data.train), STEPS * problem.recipe.batch_size)
    epochs = -(-STEPS // problem.recipe.steps_per_epoch(rows))
    data = replace(unit.data, train=unit.data.train[:rows], validation=None)
    models = len(unit.settings)
    parts = engine.parts(problem, models, problem.n_weights)
    few = unit.settings.take(range(models - engine.at_once(-(-models // parts)), models))
    short = replace(problem, recipe=replace(problem.recipe, epochs=epochs))
    begin, stamps = time.perf_counter(), list[float]()

    def advance(_: int) -> None:
        stamps.append(time.perf_counter())
        if len(stamps) > STEPS or (len(stamps) > 1 and stamps[-1] - begin > LONGEST):
            raise _Enough

    with suppress(_Enough):
        engine.train(short, replace(unit, data=data, settings=few, watched=False), advance)
    steps = [after - before for before, after in pairwise(stamps)]
    return min(steps or [stamps[0] - begin]) / len(few)
