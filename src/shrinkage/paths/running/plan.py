"""What is fixed before a path trains: the problem, the rows, the engine, and the jobs.

Who uses this: `fit_path` makes a `Plan` first, so that everything that can be refused is refused
before anything is trained or written, and then works through its jobs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_

import numpy as np
import torch
from torch import nn

from shrinkage.datasets import Dataset, TargetEncoding
from shrinkage.errors import InputError
from shrinkage.paths.choosing.scores import DEFAULT_SCORES, Scorer
from shrinkage.paths.engines.architectures import Architecture, Linear, parse_architecture
from shrinkage.paths.engines.base import Engine, Problem, Unit, template
from shrinkage.paths.engines.losses import LOSSES
from shrinkage.paths.engines.recipe import BATCH_SIZE, Recipe, default_epochs, derived_seed
from shrinkage.paths.engines.registry import choose_engine
from shrinkage.paths.options import DTYPES, PathOptions
from shrinkage.paths.running.preparation import Preparation, make_split
from shrinkage.paths.running.store import fingerprint_of
from shrinkage.paths.running.threads import thread_share
from shrinkage.penalties import Penalty
from shrinkage.pytorch import describe
from shrinkage.selections import Selection, as_selection, select, weights

Model = str | nn.Module | Architecture | Callable[[int, int], nn.Module]
REFIT_LABEL = 1_000


@dataclass(frozen=True)
class Job:
    """Some strengths of one fold, and the name of their outcome in the store."""

    fold: int
    name: str
    strengths: tuple[float, ...]


@dataclass(frozen=True)
class Plan:
    """Everything that is fixed before training starts."""

    problem: Problem
    preparation: Preparation
    engine: Engine
    whole: Unit
    seed: int

    @property
    def workers(self) -> int:
        """Return how many jobs may run side by side."""
        return torch.get_num_threads() if self.engine.side_by_side else 1

    def jobs(self, group: int, strengths: tuple[float, ...]) -> list[Job]:
        """Return the jobs for a group of strengths: one a fold, or several for large models."""
        module = template(self.problem, self.whole)
        weights = sum(parameter.numel() for parameter in module.parameters())
        folds = len(self.preparation.split.folds)
        parts = self.engine.parts(self.problem, len(strengths), weights, folds, self.workers)
        return [
            Job(
                fold,
                f"fold-{fold}-group-{group}-part-{part + 1}-of-{parts}",
                tuple(map(float, some)),
            )
            for fold in range(folds)
            for part, some in enumerate(np.array_split(strengths, parts))
        ]

    def unit(self, job: Job) -> Unit:
        """Return the unit of a job, its rows prepared."""
        train, validation = self.preparation.split.folds[job.fold]
        data, n_inputs = self.preparation.fold(train, validation)
        seed = derived_seed(self.seed, job.fold)
        threads = thread_share(len(self.preparation.split.folds))
        return Unit(job.name, job.strengths, seed, data, n_inputs, threads)

    def steps(self, job: Job) -> int:
        """Return the steps of a job."""
        rows = len(self.preparation.split.folds[job.fold][0])
        return self.engine.steps(self.problem, rows, len(job.strengths))

    def identity(self, options: PathOptions) -> dict[str, object]:
        """Return what makes two runs the same run, apart from the data."""
        return {
            **options.to_dict(),
            "model": self.problem.architecture.name,
            "weights": _digest_of(template(self.problem, self.whole)),
            "penalty": repr(self.problem.penalty),
        }


def _digest_of(module: nn.Module) -> str:
    arrays = {name: value.cpu().numpy() for name, value in module.state_dict().items()}
    return fingerprint_of({}, arrays)


def identity_of_data(data: Dataset, validation: np.ndarray | None) -> dict[str, object]:
    """Return the arrays that make two runs runs on the same data."""
    test_X, test_y = data.test if data.test is not None else (None, None)
    return {
        "X": data.X,
        "y": data.y,
        "groups": data.groups,
        "weight": data.sample_weight,
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
) -> Plan:
    """Return everything that is fixed before training starts; arguments as in `fit_dataset`."""
    architecture = parse_architecture(model)
    linear = isinstance(architecture, Linear)
    split = make_split(data, options.folds, options.test_size, options.seed, validation)
    device = torch.device("cpu") if linear else options.torch_device()
    preparation = Preparation(
        data,
        split,
        standardize_target=data.task == "regression" and not linear,
        dtype=torch.float64 if linear else DTYPES[options.dtype],
        device=device,
    )
    for train, _ in split.folds:
        preparation.target(train)
    whole_data, n_inputs = preparation.fold(split.train, None)
    problem = Problem(
        architecture=architecture,
        penalty=penalty,
        selection=_selection(options.select),
        update=options.update,
        recipe=_recipe(options, min(len(train) for train, _ in split.folds)),
        loss=LOSSES[data.task],
        scorer=_scorer(options, data.task, preparation.target(split.train)),
        n_outputs=max(1, len(preparation.classes)),
        device=device,
        dtype=preparation.dtype,
    )
    seed = derived_seed(options.seed, REFIT_LABEL)
    whole = Unit("refit", (0.0,), seed, whole_data, n_inputs, thread_share(1))
    module = template(problem, whole)
    _check_module(module, options.select, problem.recipe)
    engine = choose_engine(options.engine, architecture, module)
    return Plan(problem, preparation, engine, whole, options.seed)


def _scorer(options: PathOptions, task: str, encoding: TargetEncoding) -> Scorer:
    scorer = Scorer(DEFAULT_SCORES[task] if options.scorer is None else options.scorer)
    scorer.check(encoding)
    return scorer


def _check_module(module: nn.Module, patterns: tuple[str, ...], recipe: Recipe) -> None:
    """Refuse patterns that select nothing, and batch norm over single rows."""
    infos = tuple(info for info, _ in describe(module))
    for pattern in patterns or (weights(),):
        select(pattern, infos)
    normed = any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in module.modules())
    if normed and recipe.batch_size < 2:
        raise InputError(
            "expected a batch size of at least 2 for a model with batch norm, got 1; choose a "
            "larger --batch-size"
        )


def _selection(patterns: tuple[str, ...]) -> Selection:
    if not patterns:
        return weights()
    return reduce(or_, [as_selection(pattern) for pattern in patterns])


def _recipe(options: PathOptions, rows: int) -> Recipe:
    if options.batch_size is not None and options.batch_size > rows:
        raise InputError(
            f"expected a batch size of at most the {rows} training rows of a fold, got "
            f"{options.batch_size}; choose a smaller --batch-size"
        )
    batch = options.batch_size or min(BATCH_SIZE, rows)
    epochs = options.epochs or default_epochs(rows, batch)
    return Recipe(epochs=epochs, batch_size=batch, learning_rate=options.learning_rate)
