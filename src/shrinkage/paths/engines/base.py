"""The records that engines take and give: what is trained, on which rows, and what came of it.

Who uses this: `fit_path` splits a path into units (one fold and a group of strengths each), an
engine trains a unit, and `outcomes` measures what it gave. A unit is also what a resumed run
does not do again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn

from shrinkage.datasets import TargetEncoding
from shrinkage.paths.choosing.scores import Scorer
from shrinkage.paths.engines.architectures import Architecture, build_seeded
from shrinkage.paths.engines.losses import CrossEntropy, HalfSquaredError
from shrinkage.paths.engines.recipe import Recipe
from shrinkage.penalties import Penalty
from shrinkage.selections import Selection


@dataclass(frozen=True)
class Rows:
    """Preprocessed rows: `x` (rows, inputs), `target` (rows,), `weight` (rows,) or None."""

    x: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor | None = None

    def __len__(self) -> int:
        return self.x.shape[0]

    def take(self, positions: torch.Tensor) -> Rows:
        """Return the rows at these positions."""
        weight = None if self.weight is None else self.weight[positions]
        return Rows(self.x[positions], self.target[positions], weight)


@dataclass(frozen=True)
class FoldData:
    """Rows of a fold and the positions in them to train on and to validate on.

    Folds may share one `rows`. `validation` is None in a refit, which validates nothing. Scores
    need the targets as the user gave them, `raw_target` (one a row), and their `encoding`.
    """

    rows: Rows
    train: torch.Tensor
    validation: torch.Tensor | None
    raw_target: np.ndarray
    encoding: TargetEncoding


@dataclass(frozen=True)
class Problem:
    """What is the same for all units of a path."""

    architecture: Architecture
    penalty: Penalty
    selection: Selection
    update: str
    recipe: Recipe
    loss: CrossEntropy | HalfSquaredError
    scorer: Scorer
    n_outputs: int
    device: torch.device
    dtype: torch.dtype


@dataclass(frozen=True)
class Unit:
    """One training job: all `strengths` on one fold, from one seed, with a share of the cores."""

    name: str
    strengths: tuple[float, ...]
    seed: int
    data: FoldData
    n_inputs: int
    threads: int = 1


@dataclass(frozen=True)
class Curves:
    """Losses and scores at some epochs, each of shape (epochs, models)."""

    epochs: np.ndarray
    train_loss: np.ndarray
    validation_loss: np.ndarray
    validation_score: np.ndarray


class Outputs(Protocol):
    """Anything that computes the outputs of all models of a unit, (models, outputs, rows)."""

    def __call__(self, x: torch.Tensor, /) -> torch.Tensor:
        """Return the outputs in evaluation mode."""
        ...


@dataclass(frozen=True)
class Trained:
    """What an engine gives back: a way to predict, the weights, and how training went.

    `arrays` maps parameter and buffer names to (models, …); `converged` is one truth a model.
    """

    outputs: Outputs
    arrays: Mapping[str, torch.Tensor]
    curves: Curves | None
    converged: np.ndarray


Advance = Callable[[int], None]


class Engine(Protocol):
    """Trains a unit; calls `advance(n)` after every n steps of the unit."""

    @property
    def name(self) -> str:
        """Return the engine's name."""
        ...

    @property
    def side_by_side(self) -> bool:
        """Return whether units may train at the same time in several threads."""
        ...

    def train(self, problem: Problem, unit: Unit, advance: Advance) -> Trained:
        """Train all models of the unit."""
        ...

    def parts(self, problem: Problem, models: int, weights: int, folds: int, workers: int) -> int:
        """Return into how many units the models of a fold are cut."""
        ...

    def steps(self, problem: Problem, rows: int, models: int) -> int:
        """Return what the calls of `advance` add up to for so many training rows and models."""
        ...


def spread(positions: torch.Tensor, most: int) -> torch.Tensor:
    """Return at most `most` of the positions, evenly spread over them.

    >>> spread(torch.arange(6), 3)
    tensor([0, 2, 5])
    """
    if len(positions) <= most:
        return positions
    steps = torch.linspace(0, len(positions) - 1, most, dtype=torch.float64)
    return positions[steps.long().to(positions.device)]


def template(problem: Problem, unit: Unit) -> nn.Module:
    """Return the module with the weights that every model of the unit starts from."""
    module = build_seeded(
        problem.architecture, unit.n_inputs, problem.n_outputs, unit.seed, problem.dtype
    )
    return module.to(problem.device)
