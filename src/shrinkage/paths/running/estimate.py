"""How long a run will take and how much memory, said before it starts.

Who uses this: `fit_path`. Time is measured, not guessed: a short trial of the first jobs says what
steps and rows cost now, and the plan how many there are. Memory is what the process has held at
most, the trial included, and what comes on top when all rows are judged or the report is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from shrinkage.drawing.text import count_text
from shrinkage.paths.choosing.grid import DECADES
from shrinkage.paths.choosing.grid_top import SEARCH_MODELS, search_length, short_training
from shrinkage.paths.choosing.shortlist import BESIDE, most_listed
from shrinkage.paths.engines.base import MOST_POINTS
from shrinkage.paths.engines.curves import MOST_ROWS as CURVE_ROWS
from shrinkage.paths.engines.stationarity import rows_seen
from shrinkage.paths.fast_validation import is_fast
from shrinkage.paths.running.memory import size_text
from shrinkage.paths.running.outcomes import TRAIN_LOSS_ROWS
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.process_memory import peak_bytes, resident_bytes
from shrinkage.paths.running.runners.base import Job, Work
from shrinkage.paths.running.runners.threads import ThreadRunner
from shrinkage.paths.running.trial import FEW_MODELS, Speed, measure_speed

REPORT_SECONDS = 3.0
REPORT_BYTES = 120e6
# Copies of the outputs of all rows while they are judged.
OUTPUT_COPIES = 3
# Memory that one thread has freed is not all used again by the next: a run of many jobs held up to
# half as much more as a trial of the first.
HELD_AGAIN = 0.5
# Copies of the rows in a solver: the fold, its training rows, centred or weighted, products.
ROW_COPIES = 4
# Where the system does not tell: the libraries, and the arrays of a weight in training.
BASE_BYTES = 400e6
ARRAYS_A_WEIGHT = 6


@dataclass(frozen=True)
class Estimate:
    """Seconds from now (None when they cannot be foreseen) and the most bytes of the process.

    Args:
        seconds: of everything to come, without strengths beyond an edge of the grid.
        memory: the most bytes that the process will hold.
        folds: how many.
        models: of each fold.
        epochs: of each training; None for a model that is solved.
        steps: of each training.
        decade: seconds of a decade of strengths more, where the grid may be extended.
        computed: seconds that the threads will compute in all, whoever else has the cores.
        together: models of a fold that train together to fit the memory; None: as many as the
            engine takes.
        cap: the bytes that were asked for and are less than a model at a time needs.
        pilot: epochs of the short training of all models, of which some are then trained in full;
            None: all are.
        outer: outer folds in which all of it is done once more, which the seconds hold; None: none.
        rounds: how often the rows are divided into folds; `folds` are those of all rounds.
        beside: seconds of two models more on all folds, which a pilot may ask for; None: no pilot.
    """

    seconds: float | None
    memory: float
    folds: int
    models: int
    epochs: int | None = None
    steps: int | None = None
    decade: float | None = None
    computed: float | None = None
    together: int | None = None
    cap: float | None = None
    pilot: int | None = None
    outer: int | None = None
    rounds: int = 1
    beside: float | None = None

    def __str__(self) -> str:
        """Return what is told before a run.

        >>> print(Estimate(100.0, 6e8, folds=5, models=21, epochs=200, steps=1800, decade=12.0))
        5 folds × 21 models of 200 epochs (1,800 steps) will take about 1 min 40 s and 0.6 GB of
        memory; each decade beyond an edge of the grid (two at most) about 12 s more.
        """
        memory = f"{size_text(self.memory)} of memory"
        if self.cap is not None:
            memory += f" (more than the {size_text(self.cap)} allowed: it is the least)"
        rounds = f"{self.rounds} × " if self.rounds > 1 else ""
        folds = self.folds // self.rounds
        work = f"{rounds}{folds} fold{'s' if folds > 1 else ''} × {self.models} models"
        if self.outer is not None:
            work += f", once more in each of {self.outer} outer folds,"
        if self.together is not None:
            work += f", {self.together} at a time to fit the memory,"
        if self.seconds is None or self.steps is None or self.epochs is None:
            return f"{work} will take as long as their minimizers do, and {memory}."
        if self.pilot is not None:
            pilot, then = count_text(self.pilot, "epoch"), 1 + most_listed(self.models - 1)
            work += f" of {pilot}, then about {then} of them"
        steps = count_text(self.steps, "step")
        training = f"{work} of {count_text(self.epochs, 'epoch')} ({steps})"
        told = f"{training} will take about {readable_seconds(self.seconds)} and {memory}"
        if self.beside is not None:
            told += (
                "; where the best of those in full is the outermost of them, two more about "
                f"{readable_seconds(self.beside)} more each time"
            )
        if self.decade is None:
            return f"{told}."
        more = readable_seconds(self.decade)
        return f"{told}; each decade beyond an edge of the grid (two at most) about {more} more."


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


def estimate(plan: Plan, jobs: Sequence[Job], models: int, *, searched: bool) -> Estimate:
    """Return the estimate for what a run has still to do.

    Args:
        plan: the run.
        jobs: the jobs of the cross validation that are not in the store; their strengths may be
            any of the right number.
        models: how many models a fold has.
        searched: whether the top of the grid has still to be found.
    """
    before = peak_bytes()
    together, cap = _fitted(plan, models)
    if plan.engine.is_solver:
        memory = _memory(plan, jobs, before)
        return Estimate(None, memory, plan.folds, models, rounds=plan.rounds)
    recipe = plan.problem.recipe
    seconds, decade, computed, pilot = REPORT_SECONDS, None, REPORT_SECONDS, None
    further = None
    if jobs:
        _ = plan.refit_unit  # its rows stay in memory
        work = Work(plan.engine, plan.problem, plan.limit)
        here = ThreadRunner()
        some = jobs[: min(plan.workers, here.workers(plan.engine))]
        costs = _Costs(plan, measure_speed(work, some, here, plan.unit))
        fast = is_fast(plan, models - 1)
        alone = costs.refit(models) + REPORT_SECONDS + (costs.search(models) if searched else 0.0)
        share = costs.fast_share(models) if fast else 1.0
        longer = costs.speed.alone(costs.side_by_side(jobs))
        seconds = share * costs.validation(jobs) + alone * longer
        decade = costs.decade(jobs, models)
        computed = share * costs.computed(jobs) + alone
        if fast:
            pilot, further = plan.pilot().problem.recipe.epochs, costs.beside(jobs, models)
    memory = _memory(plan, jobs, before)
    steps = plan.fold_steps
    return Estimate(
        seconds,
        memory,
        plan.folds,
        models,
        recipe.epochs,
        steps,
        decade,
        computed,
        together,
        cap,
        pilot,
        rounds=plan.rounds,
        beside=further,
    )


def _fitted(plan: Plan, models: int) -> tuple[int | None, float | None]:
    """Return how many models train together where memory asks for fewer, and a cap too small."""
    fitting = plan.fitting(models)
    own = plan.engine.parts(plan.problem, models, plan.problem.n_weights)
    if fitting >= math.ceil(models / own):
        return None, None
    cap = plan.options.memory_cap if fitting == 0 else None
    return math.ceil(models / plan.parts(models)), cap


@dataclass(frozen=True)
class _Costs:
    """Seconds of the parts of a run; what runs alone is told as a thread computes it."""

    plan: Plan
    speed: Speed

    def validation(self, jobs: Sequence[Job]) -> float:
        """Return the seconds of jobs of one size, some side by side."""
        waves = math.ceil(len(jobs) / self.side_by_side(jobs))
        return waves * self._fold(jobs[0]) * self.speed.crowding

    def fast_share(self, models: int) -> float:
        """Return the share of the grid's seconds that a pilot and the models after it take."""
        some, pilot = 1 + most_listed(models - 1), self.plan.pilot()
        full = self.speed.step_of(some) / self.speed.step_of(models)
        rounds = self.plan.folds / pilot.folds
        return pilot.share * pilot.fold_steps / self.plan.fold_steps / rounds + full

    def beside(self, jobs: Sequence[Job], models: int) -> float:
        """Return the seconds of two strengths more on all folds."""
        share = self.speed.step_of(BESIDE) / self.speed.step_of(models)
        return share * self.validation(jobs)

    def computed(self, jobs: Sequence[Job]) -> float:
        """Return the seconds that the threads compute for the jobs."""
        return len(jobs) * self._fold(jobs[0])

    def side_by_side(self, jobs: Sequence[Job]) -> int:
        """Return how many of the jobs run at a time."""
        return min(self.plan.workers, len(jobs))

    def decade(self, jobs: Sequence[Job], models: int) -> float | None:
        """Return the seconds of a decade of strengths more; None where the grid was given."""
        count = self.plan.options.strengths
        if isinstance(count, tuple):
            return None
        return self.validation(jobs) * max(1, round((count - 1) / DECADES)) / models

    def search(self, models: int) -> float:
        """Return the seconds of the search for the top of the grid."""
        problem, unit, engine = self.plan.problem, self.plan.refit_unit, self.plan.engine
        fast = is_fast(self.plan, models - 1)
        length = search_length(self.plan.fold_steps, self.plan.folds, models, fast=fast)
        short, few = short_training(problem, unit, engine, length)
        rows = len(few.data.train)
        return sum(
            engine.steps(short, rows, models) * self.speed.step_of(engine.at_once(models))
            for models in SEARCH_MODELS
        )

    def refit(self, models: int) -> float:
        """Return the seconds of the models on all training rows."""
        some = models if self.plan.options.refit == "all" else min(FEW_MODELS, models)
        rows = len(self.plan.preparation.split.train)
        further = (self.plan.options.members - 1) * self._training(rows, 1)
        judged = self._judging(min(TRAIN_LOSS_ROWS, rows), rows, some)
        return self._training(rows, some) + further + judged

    def _fold(self, job: Job) -> float:
        train, validation = self.plan.preparation.split.folds[job.fold or 0]
        points = min(self.plan.problem.recipe.epochs, MOST_POINTS)
        judged = points * min(CURVE_ROWS, len(validation)) + len(validation)
        judged += min(TRAIN_LOSS_ROWS, len(train))
        models = len(job.settings)
        training = self._training(len(train), models)
        return self.speed.prepared + training + self._judging(judged, len(train), models)

    def _training(self, rows: int, models: int) -> float:
        engine = self.plan.engine
        step = self.speed.step_of(engine.at_once(models))
        return engine.steps(self.plan.problem, rows, models) * step

    def _judging(self, judged: int, differentiated: int, models: int) -> float:
        seconds = judged * self.speed.judged
        seconds += rows_seen(differentiated) * self.speed.differentiated
        return seconds * models / self.speed.models


def _memory(plan: Plan, jobs: Sequence[Job], before: float | None) -> float:
    """Return the most bytes that the process will hold.

    After the trial that is what it has held already (before the trial `before`), somewhat more
    of what the trial took, and the outputs of all validation rows; a solver and a run without a
    trial are counted.
    """
    held, most = resident_bytes(), peak_bytes()
    arrays = _arrays(plan, jobs)
    if held is None or most is None:
        return BASE_BYTES + arrays
    if plan.engine.is_solver or not jobs:
        return max(most, held + arrays, held + REPORT_BYTES)
    again = HELD_AGAIN * (most - (before or most))
    return max(most + again + _outputs(plan, jobs), held + REPORT_BYTES)


def _arrays(plan: Plan, jobs: Sequence[Job]) -> float:
    """Return the bytes of the weights in training and of the rows of the jobs side by side."""
    if not jobs:
        return 0.0
    width = _width(plan)
    side_by_side = min(plan.workers, len(jobs))
    models = plan.engine.at_once(len(jobs[0].settings))
    rows = len(plan.preparation.split.train) * plan.preparation.preprocessing.n_inputs * width
    copies = side_by_side * (ROW_COPIES if plan.engine.is_solver else 1)
    copies = 1 if plan.preparation.data.pixels else 1 + copies
    weights = plan.problem.n_weights * models * width * ARRAYS_A_WEIGHT * side_by_side
    return weights + rows * copies + _outputs(plan, jobs)


def _outputs(plan: Plan, jobs: Sequence[Job]) -> float:
    """Return the bytes of the outputs of all validation rows."""
    rows = max(len(validation) for _, validation in plan.preparation.split.folds)
    if plan.engine.is_solver:  # of all training rows, in every iteration
        rows = len(plan.preparation.split.train)
    numbers = rows * plan.problem.n_outputs * max(len(job.settings) for job in jobs)
    return numbers * _width(plan) * OUTPUT_COPIES * min(plan.workers, len(jobs))


def _width(plan: Plan) -> int:
    return torch.empty((), dtype=plan.problem.dtype).element_size()
