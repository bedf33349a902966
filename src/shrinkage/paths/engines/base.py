"""What is trained, on which rows, and what comes of it; and what an engine promises.

Who uses this: the plan cuts a path into units (rows × settings × seed), a runner hands each to an
engine, and `outcomes` measures what it gives. A problem and a unit pickle, so that a runner may
send them to another process. A unit is also what a resumed run does not do again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import nn

from shrinkage.datasets import TargetEncoding
from shrinkage.paths.choosing.scores import Scorer
from shrinkage.paths.engines.architectures import Architecture, build_seeded
from shrinkage.paths.engines.layers.ordered import OrderedClasses
from shrinkage.paths.engines.losses import StackedLoss
from shrinkage.paths.engines.recipe import Recipe
from shrinkage.paths.settings import PathTerms, Settings
from shrinkage.terms import Assignment, Part

MOST_POINTS = 40  # of a learning curve


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


@dataclass(frozen=True, eq=False)
class RowsOfGroups:
    """Which rows are of which group: codes (rows,), positions in `labels`."""

    labels: tuple[str, ...]
    codes: np.ndarray

    def take(self, rows: np.ndarray) -> RowsOfGroups:
        """Return the groups of some rows."""
        return RowsOfGroups(self.labels, self.codes[rows])


@dataclass(frozen=True)
class FoldData:
    """Rows of a fold and the positions in them to train on and to validate on.

    Folds may share one `rows`. `validation` is None in a refit, which validates nothing. Scores
    need the targets as the user gave them, `raw_target` (one a row), their `encoding`, and the
    weights that count in them, `score_weight` (one a row), or None. `groups` are those of the rows
    whose scores are told apart, or None.
    """

    rows: Rows
    train: torch.Tensor
    validation: torch.Tensor | None
    raw_target: np.ndarray
    encoding: TargetEncoding
    score_weight: np.ndarray | None = None
    groups: RowsOfGroups | None = None

    @property
    def n_inputs(self) -> int:
        """Return how many numbers a row has."""
        return self.rows.x.shape[1]


@dataclass(frozen=True)
class Problem:
    """What is the same for all units of a path.

    `assignment` says which parts are on which parameter of the module, for the strengths of
    `terms`; it is made once, and each model's parts are those of it at the model's strengths.
    `sources` has, for each input, the number of the column that it comes from; `precision` is that
    of matrix products, `float32` (as wide as `dtype`) or `bfloat16`.
    """

    architecture: Architecture
    terms: PathTerms
    assignment: Assignment
    update: str
    recipe: Recipe
    loss: StackedLoss
    scorer: Scorer
    n_outputs: int
    device: torch.device
    dtype: torch.dtype
    sources: tuple[int, ...] = ()
    precision: str = "float32"
    settle: float = 0.0

    @cached_property
    def penalised(self) -> dict[str, tuple[Part, ...]]:
        """Return the parts of each penalised parameter, in the order of the module."""
        return {name: parts for name, parts in self.assignment.parts.items() if parts}

    @cached_property
    def counted(self) -> tuple[str, ...]:
        """Return the names of the parameters that a varying term is on: their zeros count."""
        varying = self.terms.terms.ids[: self.terms.axes]
        return tuple(
            name
            for name, parts in self.penalised.items()
            if any(part.term in varying for part in parts)
        )

    @cached_property
    def n_weights(self) -> int:
        """Return the number of weights and biases of one model."""
        return sum(int(np.prod(info.shape)) for info in self.assignment.infos)

    def tensors(self, module: nn.Module) -> dict[str, torch.Tensor]:
        """Return the parameters of a module by the names of the assignment."""
        names = (info.name for info in self.assignment.infos)
        return dict(zip(names, module.parameters(), strict=True))


@dataclass(frozen=True)
class Unit:
    """One training: all `settings` on some rows, from one seed, with a share of the cores.

    Where it is not `watched`, there are no learning curves and no residuals; curves have at most
    `points`.
    """

    name: str
    settings: Settings
    seed: int
    data: FoldData
    threads: int = 1
    watched: bool = True
    points: int = MOST_POINTS


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
    `residual`, where that means something, computes how far each model is from a minimizer.
    `epochs` are those that each model was trained for, None where all were for all.
    """

    outputs: Outputs
    arrays: Mapping[str, torch.Tensor]
    curves: Curves | None
    converged: np.ndarray
    residual: Callable[[], np.ndarray | None] | None = None
    epochs: np.ndarray | None = None


Advance = Callable[[int], None]


class Engine(Protocol):
    """Trains units. Adding an engine is one file and one line in the registry."""

    @property
    def name(self) -> str:
        """Return the engine's name."""
        ...

    @property
    def is_solver(self) -> bool:
        """Return whether it goes to the minimizer, so that recipe and optimizer mean nothing."""
        ...

    @property
    def side_by_side(self) -> bool:
        """Return whether units may train at the same time in several threads."""
        ...

    @property
    def narrows(self) -> bool:
        """Return whether its products may be of bfloat16."""
        ...

    def check(self, problem: Problem) -> None:
        """Refuse what cannot be trained, before anything is written.

        Raises:
            ShrinkageError: the terms or their updates are not for this engine.
        """
        ...

    def critical_strength(self, problem: Problem, unit: Unit) -> float | None:
        """Return the least strength of the varying term at which no weight enters.

        None where no formula gives it; inf where no strength is that strong.
        """
        ...

    def train(self, problem: Problem, unit: Unit, advance: Advance) -> Trained:
        """Train all models of the unit; call `advance(n)` after every n steps of it."""
        ...

    def parts(self, problem: Problem, models: int, weights: int) -> int:
        """Return into how many units the models of a fold are cut, at least."""
        ...

    def is_divisible(self, problem: Problem, models: int) -> bool:
        """Return whether these may be cut into more, so that no worker is idle."""
        ...

    def at_once(self, models: int) -> int:
        """Return how many of a unit's models are in memory and take a step together."""
        ...

    def is_brief(self, problem: Problem, unit: Unit) -> bool:
        """Return whether a unit is done sooner than threads take to share Python's lock."""
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
    """Return the module with the weights that every model of the unit starts from.

    Thresholds of ordered classes start at the shares of the unit's training rows.
    """
    module = build_seeded(
        problem.architecture, unit.data.n_inputs, problem.n_outputs, unit.seed, problem.dtype
    )
    for layer in module.modules():
        if isinstance(layer, OrderedClasses):
            rows, train = unit.data.rows, unit.data.train
            layer.begin_at(rows.target[train], None if rows.weight is None else rows.weight[train])
    return module.to(problem.device)
