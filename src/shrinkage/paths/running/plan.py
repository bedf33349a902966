"""What is fixed before a path trains: the problem, the rows, the engine, and the jobs.

Who uses this: `fit_path` makes a `Plan` first, so that everything that can be refused is refused
before anything is trained or written, and then works through its jobs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import nn

from shrinkage.cautions import Caution
from shrinkage.datasets import Dataset
from shrinkage.datasets.rare import merge_rare
from shrinkage.datasets.splits import RowSplit
from shrinkage.errors import InputError
from shrinkage.paths.choosing.constant import ConstantScores
from shrinkage.paths.data_losses import loss_of
from shrinkage.paths.engines.architectures import Architecture, parse_architecture
from shrinkage.paths.engines.base import MOST_POINTS, Engine, Problem, Unit, spread
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.engines.registry import is_open
from shrinkage.paths.engines.shaped import with_shapes
from shrinkage.paths.engines.threads import thread_share
from shrinkage.paths.options import MOST_MEMBERS, PathOptions
from shrinkage.paths.running.known_before import (
    checked_scorer,
    constant_scores,
    known_cautions,
)
from shrinkage.paths.running.memory import bytes_a_model, training_bytes
from shrinkage.paths.running.new_cells import new_cell_cautions
from shrinkage.paths.running.out_of_memory import StackLimit
from shrinkage.paths.running.posing import (
    REFIT_LABEL,
    fitting,
    pose,
    prepare,
    recipe_of,
    selection_of,
)
from shrinkage.paths.running.preparation import Preparation
from shrinkage.paths.running.row_splits import make_split
from shrinkage.paths.running.runners.base import Job, Runner
from shrinkage.paths.running.runners.registry import runner_named
from shrinkage.paths.running.store import fingerprint_of
from shrinkage.paths.settings import PathTerms, Settings
from shrinkage.paths.sparsifying.engine import SparsifyingEngine
from shrinkage.paths.sparsifying.goals import check_score
from shrinkage.paths.sparsifying.ladder import ladder
from shrinkage.penalties import Penalty
from shrinkage.terms import Term

Model = str | nn.Module | Architecture | Callable[..., nn.Module]
PILOT_SHARE, PILOT_STEPS = 0.05, 20
FAST_POINTS = 20  # of a learning curve: of small tables they cost as much as the steps
PILOT_ROWS = 0.8  # a larger share of the rows is all of them


def parts_done_first(folds: int, workers: int, models: int, least: int) -> int:
    """Return into how many parts, `least` or more, each fold is cut to be done soonest.

    A part takes as long as its models and one more: what it reads is read for it alone.

    Args:
        folds: of all rounds.
        workers: that work side by side.
        models: of a fold.
        least: the fewest parts.

    >>> [parts_done_first(5, workers, 21, 1) for workers in (1, 2, 4, 5, 8)]
    [1, 2, 3, 1, 3]
    """

    def time(parts: int) -> int:
        return math.ceil(folds * parts / workers) * (math.ceil(models / parts) + 1)

    return min(range(least, max(least, models) + 1), key=time)


@dataclass(frozen=True)
class Plan:
    """Everything that is fixed before training starts.

    `module` holds the weights that the refit starts from; it is looked at and never trained.
    `warnings` and `new_cells`, what own sets hold that training does not, are told with the result.
    `memory` is what training may take, in bytes, and `limit` is lowered where it takes too much.
    `engine_is_open` says that a measurement may still choose another engine, and `why_engine` is
    the reason of the choice; `repeats` says whether the same seed gives the same results.
    `told` says how the model is taken, where that is not as it stands.
    `share` of a fold's training rows are trained on: all, but in the pilot of large tables;
    `one_round` says whether the folds of the first round do; `watched` says whether learning curves
    and residuals are wanted.
    """

    problem: Problem
    preparation: Preparation
    engine: Engine
    runner: Runner
    options: PathOptions
    module: nn.Module
    warnings: tuple[str, ...] = ()
    new_cells: tuple[Caution, ...] = ()
    memory: float | None = None
    share: float = 1.0
    watched: bool = True
    one_round: bool = False
    limit: StackLimit = field(default_factory=StackLimit)
    engine_is_open: bool = False
    why_engine: str = ""
    repeats: bool = True
    told: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what was decided about rows and model, to be told."""
        return (*self.preparation.data.notes, *self.told)

    @property
    def workers(self) -> int:
        """Return how many jobs run side by side."""
        return self.runner.workers(self.engine)

    @cached_property
    def cautions(self) -> tuple[Caution, ...]:
        """Return what there is to know before anything is trained."""
        known = known_cautions(self.preparation, self.problem.scorer, self.options.choose_by)
        return (*known, *self.new_cells)

    @cached_property
    def constant(self) -> ConstantScores:
        """Return the scores of the model without inputs."""
        return constant_scores(self.preparation, self.problem.scorer)

    @property
    def rounds(self) -> int:
        """Return how often the rows are divided into the folds that train."""
        return 1 if self.one_round else self.preparation.split.rounds

    @property
    def folds(self) -> int:
        """Return the number of folds, those of all rounds unless one does."""
        split = self.preparation.split
        return len(split.first_round if self.one_round else split.folds)

    @property
    def fold_steps(self) -> int:
        """Return the optimizer steps of one model on a fold."""
        return self.problem.recipe.steps(
            min(len(train) for train, _ in self.preparation.split.folds)
        )

    @cached_property
    def refit_unit(self) -> Unit:
        """Return the unit of all training rows, its settings the unregularized one."""
        seed = derived_seed(self.options.seed, REFIT_LABEL)
        data = self.preparation.fold(None)
        return Unit("refit", self.problem.terms.unregularized, seed, data, thread_share(1))

    def parts(self, models: int) -> int:
        """Return into how many jobs the models of a fold are cut: enough to fit, no worker idle."""
        parts = self.engine.parts(self.problem, models, self.problem.n_weights)
        least = max(parts, -(-models // max(1, self.fitting(models))))
        if self.workers < 2 * self.folds and self.engine.is_divisible(self.problem, models):
            return parts_done_first(self.folds, self.workers, models, least)
        return least  # with more workers a unit uses several

    def fitting(self, models: int, side_by_side: int | None = None) -> int:
        """Return how many of these models have the memory to train together, 0 if not one."""
        at_once = self.engine.at_once(models)
        if self.memory is None or at_once < models:  # the others wait and take none
            return models
        if side_by_side is None:
            side_by_side = min(self.workers, self.folds)
        rows = max(len(rows) for fold in self.preparation.split.folds for rows in fold)
        return min(models, int(self.memory / side_by_side / bytes_a_model(self.problem, rows)))

    def pilot(self) -> Plan:
        """Return the plan of short trainings, one round: a twentieth of the steps, or twenty."""
        recipe = self.problem.recipe
        steps = max(PILOT_SHARE * self.fold_steps, min(PILOT_STEPS, self.fold_steps / 4))
        epochs = max(1, round(steps * recipe.epochs / self.fold_steps))
        share = min(1.0, steps / self.fold_steps * recipe.epochs / epochs)
        short = replace(self.problem, recipe=replace(recipe, epochs=epochs))
        share = share if share < PILOT_ROWS else 1.0
        return replace(self, problem=short, share=share, watched=False, one_round=True)

    def jobs(self, group: int | str, settings: Settings, parts: int | None = None) -> list[Job]:
        """Return the jobs for a group of settings: one a fold, or several for large models."""
        parts = self.parts(len(settings)) if parts is None else parts
        return [
            Job(f"fold-{fold}-group-{group}-part-{part + 1}-of-{parts}", fold, some)
            for fold in range(self.folds)
            for part, some in enumerate(settings.cut(parts))
        ]

    def refit_jobs(self, settings: Settings) -> list[Job]:
        """Return the jobs that train on all training rows: one, or more to fit the memory."""
        parts = -(-len(settings) // max(1, self.fitting(len(settings), side_by_side=1)))
        names = [f"refit-part-{part + 1}-of-{parts}" for part in range(parts)]
        cut = zip(names if parts > 1 else ["refit"], settings.cut(parts), strict=True)
        return [Job(name, None, some) for name, some in cut]

    def member_jobs(self, settings: Settings) -> list[Job]:
        """Return the jobs of the further networks of one model, from a seed of its own each."""
        numbers = range(1, self.options.members)
        return [Job(f"refit-member-{number}", None, settings, number) for number in numbers]

    def restart_job(self, settings: Settings, start: int, of: str) -> Job:
        """Return the job that trains one model again, from a seed that no member has."""
        return Job(f"refit-start-{start + 1}{of}", None, settings, MOST_MEMBERS + start)

    def unit(self, job: Job) -> Unit:
        """Return the unit of a job, its rows prepared."""
        if job.fold is None:
            unit = replace(self.refit_unit, settings=job.settings)
            if not job.member:
                return unit
            seed = derived_seed(self.options.seed, REFIT_LABEL, job.member)
            return replace(unit, name=job.name, seed=seed)
        seed = derived_seed(self.options.seed, job.fold)
        data = self.preparation.fold(job.fold)
        if self.share < 1:
            data = replace(data, train=spread(data.train, self._rows(len(data.train))))
        threads = thread_share(self.folds)
        points = FAST_POINTS if self.options.fast else MOST_POINTS
        return Unit(job.name, job.settings, seed, data, threads, self.watched, points)

    def steps(self, jobs: Iterable[Job]) -> int:
        """Return the steps of some jobs."""
        split = self.preparation.split
        rows = [self._rows(len(train)) for train, _ in split.folds]
        return sum(
            self.engine.steps(
                self.problem,
                len(split.train) if job.fold is None else rows[job.fold],
                len(job.settings),
            )
            for job in jobs
        )

    def _rows(self, rows: int) -> int:
        return max(1, round(self.share * rows))

    def identity(self) -> dict[str, object]:
        """Return what makes two runs the same run, apart from the data."""
        fixed = [_identity_of(term) for term in self.problem.terms.fixed]
        specs = self.preparation.data.specs
        said = {name: spec.to_dict() for name, spec in specs.items() if spec.to_dict()}
        return {
            **self.options.to_dict(),
            "model": self.problem.architecture.name,
            "weights": _digest_of(self.module),
            "penalty": repr(self.problem.terms.varying[0].penalty),
            **({"fixed": fixed} if fixed else {}),
            **({"columns": said} if said else {}),
            **self._own_folds(),
        }

    def _own_folds(self) -> dict[str, object]:
        """Return a digest of the rows of each fold where a splitter of the user's drew them."""
        if isinstance(self.options.folds, int):
            return {}
        sides = (side for pair in self.preparation.split.folds for side in pair)
        arrays = {str(place): side for place, side in enumerate(sides)}
        return {"rows of folds": fingerprint_of({}, arrays)}


def _identity_of(term: Term) -> str:
    """Return a term's text with a digest of its reference."""
    if term.reference is None:
        return repr(term)
    reference = {name: np.asarray(value) for name, value in term.reference.items()}
    return f"{term!r} {fingerprint_of({}, reference)}"


def _digest_of(module: nn.Module) -> str:
    state = module.state_dict().items()
    arrays = {name: value.cpu().numpy() for name, value in state if torch.is_tensor(value)}
    return fingerprint_of({}, arrays)


def identity_of_data(data: Dataset, validation: np.ndarray | None) -> dict[str, object]:
    """Return the arrays that make two runs runs on the same data."""
    test_X, test_y = data.test if data.test is not None else (None, None)
    return {
        "X": data.X,
        "y": data.y,
        "groups": data.groups,
        "weight": data.sample_weight,
        "time": data.time,
        "score by": data.score_by,
        "validation": validation,
        "test X": test_X,
        "test y": test_y,
    }


def make_plan(
    model: Model,
    data: Dataset,
    penalty: Penalty,
    options: PathOptions,
    validation: np.ndarray | None = None,
    fixed: Iterable[Term] = (),
    beside: Sequence[Penalty] = (),
    held: RowSplit | None = None,
) -> Plan:
    """Return everything that is fixed before training starts; arguments as in `fit_dataset`.

    `beside` are further penalties whose strengths vary, those of a surface; `held` are rows for
    training and for the test that somebody has divided.
    """
    architecture, data = with_shapes(parse_architecture(model), data)
    architecture = fitting(architecture, data, options)
    if options.rare == "other":
        data = merge_rare(data, _rare_below(options, data, validation))
    data_loss = loss_of(options.loss, data)
    if data_loss.times and data.target is not None:
        data = replace(data, target=data.target.of_times(data.y))
    split = make_split(
        data,
        options.folds,
        options.test_size,
        options.seed,
        validation,
        options.repeats,
        held=held,
        loss=data_loss,
    )
    preparation = prepare(data, split, architecture, options)
    recipe = recipe_of(options, min(len(train) for train, _ in split.folds), data_loss)
    scorer = checked_scorer(options, preparation)
    _ = preparation.test_inputs  # a bad cell among them stops the run here
    posed = pose(
        architecture,
        preparation,
        PathTerms.of(penalty, selection_of(options.select), fixed, beside),
        options,
        recipe,
        scorer,
    )
    new_cells = new_cell_cautions(preparation, validation)
    goal, fits = options.wanted, ""
    if goal is not None:
        check_score(goal, scorer.name)
        assert isinstance(posed.engine, SparsifyingEngine)
        counted = posed.engine.counted
        asked = options.strengths
        compressions, fits = ladder(posed.problem, posed.module, goal, counted, asked)
        options = replace(options, strengths=compressions, refit="all")
    if options.members > 1 and posed.engine.is_solver:
        raise InputError(
            f"expected a network beside members={options.members} (--members), got "
            f"{architecture.name}, which is solved and ends at the same weights: leave it out"
        )
    runner = runner_named(options.runner).at(options.address)
    return Plan(
        posed.problem,
        preparation,
        posed.engine,
        runner,
        options,
        posed.module,
        posed.warnings,
        new_cells,
        training_bytes(options.memory_cap, preparation.device),
        engine_is_open=is_open(posed.engine),
        told=(*filter(None, [data_loss.taken(data.y), fits]), *posed.notes),
    )


def _rare_below(options: PathOptions, data: Dataset, validation: np.ndarray | None) -> int:
    """Return how many rows keep a class: so many that every fold is validated on one of them."""
    if options.rare_below is not None:
        return options.rare_below
    if validation is not None:
        return 2
    share = 1.0 if data.test is not None else 1.0 - options.test_size
    folds = options.folds if isinstance(options.folds, int) else 2
    return math.ceil(folds / share)
