"""What the parts of a job cost on this machine now: a short trial of the first jobs.

Who uses this: the estimate that is told before a run. As many jobs as will run side by side are
tried side by side, so that what they cost each other is measured too: rows are prepared as they
will be, a few steps are taken by a throw-away copy, and a block of rows is judged. Each part is
timed by what its thread computes, and all parts together say how much longer a thread takes for it
than that: a part alone is too short to meet the other processes of the machine in fair shares.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from shrinkage.paths.choosing.judging import judge, outputs_at
from shrinkage.paths.engines.base import Advance, Engine, Problem, Trained, Unit
from shrinkage.paths.running.out_of_memory import ran_out
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.runners.base import Errand, Job, Runner, Work
from shrinkage.paths.settings import Settings

SHARE = 1 / 20  # of the steps of a job
LEAST_STEPS, MOST_STEPS = 24, 200
WARM_UP_STEPS = 8
FEW_MODELS = 3
JUDGED_ROWS = 4096
ACCURATE = 0.2  # seconds: in much less, one turn of another process says nothing
LONGEST = 1.5  # seconds: then a trial of slow steps ends after three
# Forward and backward cost about three times what forward does.
STEPS_A_JUDGEMENT = 1 / 3


@dataclass(frozen=True)
class Speed:
    """Seconds that a thread computes: to prepare a job, for a step of models or few, for a row.

    `judged` is for a row of all models, `differentiated` for a row of their residual. `crowding` is
    how many times longer a thread takes than it computes, since others have the cores too.
    """

    prepared: float
    models: float
    step: float
    few: float
    few_step: float
    judged: float
    differentiated: float
    crowding: float = 1.0

    def alone(self, side_by_side: int) -> float:
        """Return the crowding where one job runs in the place of so many."""
        return max(1.0, self.crowding / side_by_side)

    def step_of(self, models: int) -> float:
        """Return the seconds of a step of so many models, on the line through both trials.

        >>> speed = Speed(1.0, 21, 0.021, 3, 0.003, 0.0, 0.0)
        >>> round(speed.step_of(6), 6)
        0.006
        """
        if self.models == self.few:
            return self.step * models / self.models
        slope = max(0.0, (self.step - self.few_step) / (self.models - self.few))
        return max(0.0, self.step + slope * (models - self.models))


@dataclass(frozen=True)
class _Trial(Work):
    """What is done with a unit in the trial; its outcome holds seconds."""

    def __call__(self, unit: Unit, advance: Advance) -> UnitOutcome:
        """Return the seconds by the names of the fields of `Speed`."""
        del advance
        begin = time.perf_counter(), time.thread_time()
        steps = _steps(self.engine, self.problem, unit)
        at_once, (step, trained) = self._most_steps(unit, steps)
        few = min(FEW_MODELS, at_once)
        few_step = step
        if few < at_once:
            few_step, _ = _timed_steps(self, unit, few, steps)
        with self.own_threads(unit):
            judged, differentiated = _timed_rows(self.problem, unit, step, trained, steps)
        measured = {
            "models": at_once,
            "step": step,
            "few": few,
            "few_step": few_step,
            "judged": judged,
            "differentiated": differentiated,
            "crowding": _crowding(*begin),
        }
        return UnitOutcome({name: np.array(value) for name, value in measured.items()})

    def _most_steps(self, unit: Unit, steps: int) -> tuple[int, tuple[float, Trained | None]]:
        """Return how many models have the memory to take steps together, and their steps."""
        models = self.engine.at_once(len(unit.settings))
        models = min(models, self.limit.most or models)
        while True:
            try:
                return models, _timed_steps(self, unit, models, steps)
            except (MemoryError, RuntimeError) as error:
                if models == 1 or not ran_out(error):
                    raise
            models = self.limit.lower(models)

    def warm_up(self, unit: Unit) -> None:
        """Do a little of everything once: what is imported and made ready then is not timed."""
        _, trained = _timed_steps(self, unit, 1, 2)
        with self.own_threads(unit):
            _timed_rows(self.problem, unit, 1.0, trained, 2)


def measure_speed(
    work: Work, jobs: Sequence[Job], runner: Runner, prepare: Callable[[Job], Unit]
) -> Speed:
    """Return what jobs cost that run side by side.

    Args:
        work: engine and problem.
        jobs: as many as will run side by side.
        runner: runs them.
        prepare: makes the unit of a job.
    """
    prepared: list[float] = []

    def timed(job: Job) -> Unit:
        begin = time.thread_time()
        unit = prepare(job)
        prepared.append(time.thread_time() - begin)
        return unit

    trial = _Trial(work.engine, work.problem, work.limit)
    trial.warm_up(prepare(jobs[0]))
    outcomes = runner.run(Errand(trial, jobs, timed, keep=_ignore, advance=_ignore))
    mean = {
        name: fmean(float(outcome.values[name]) for outcome in outcomes)
        for name in outcomes[0].values
    }
    return Speed(prepared=fmean(prepared), **mean)


def _crowding(wall: float, computed: float) -> float:
    """Return the seconds since `wall` over those that this thread has computed since."""
    passed = time.perf_counter() - wall + ACCURATE
    return max(1.0, passed / (time.thread_time() - computed + ACCURATE))


def _ignore(*_: object) -> None:
    """Keep and tell nothing: it is a trial."""


class _LongEnough(Exception):
    """The steps of a trial have taken long enough."""


def _steps(engine: Engine, problem: Problem, unit: Unit) -> int:
    """Return the steps of a trial: some of those of the job's first models."""
    models = engine.at_once(len(unit.settings))
    steps = round(SHARE * engine.steps(problem, len(unit.data.train), models))
    return min(MOST_STEPS, max(LEAST_STEPS, steps))


def _timed_steps(work: Work, unit: Unit, models: int, steps: int) -> tuple[float, Trained | None]:
    """Return the seconds of a step, and the models of the trial unless it was cut short."""
    short, few = _shortened(work.problem, unit, models, steps)
    begin, stamps, taken = time.perf_counter(), [time.thread_time()], [0]

    def advance(steps: int) -> None:
        stamps.append(time.thread_time())
        taken.append(taken[-1] + steps)
        if len(stamps) > 3 and time.perf_counter() - begin > LONGEST:
            raise _LongEnough

    try:
        trained = work.engine.train(short, few, advance)
    except _LongEnough:
        trained = None
    warm = min(WARM_UP_STEPS, len(stamps) - 2)
    return (stamps[-1] - stamps[warm]) / max(1, taken[-1] - taken[warm]), trained


def _shortened(problem: Problem, unit: Unit, models: int, steps: int) -> tuple[Problem, Unit]:
    rows = min(len(unit.data.train), steps * problem.recipe.batch_size)
    epochs = -(-steps // problem.recipe.steps_per_epoch(rows))
    data = replace(unit.data, train=unit.data.train[:rows], validation=None)
    settings = _last(unit.settings, models)
    short = replace(problem, recipe=replace(problem.recipe, epochs=epochs))
    return short, replace(unit, data=data, settings=settings)


def _last(settings: Settings, models: int) -> Settings:
    return settings.take(range(len(settings) - models, len(settings)))


def _timed_rows(
    problem: Problem, unit: Unit, step: float, trained: Trained | None, steps: int
) -> tuple[float, float]:
    """Return the seconds of a row to be judged and to be differentiated for the residual."""
    row = step / problem.recipe.batch_size
    if trained is None or unit.data.validation is None:
        return row * STEPS_A_JUDGEMENT, row
    positions = unit.data.validation[:JUDGED_ROWS]
    begin = time.thread_time()
    values = outputs_at(unit.data.rows, positions, trained.outputs)
    judge(problem, unit.data, values, positions)
    judged = (time.thread_time() - begin) / max(1, len(positions))
    begin = time.thread_time()
    if trained.residual is not None:
        trained.residual()
    rows = min(len(unit.data.train), steps * problem.recipe.batch_size)
    return judged, (time.thread_time() - begin) / max(1, rows)
