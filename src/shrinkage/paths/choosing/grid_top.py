"""The top of the grid: the least strength at which a model is no better than a constant.

Who uses this: `fit_path`. Linear models have the exact one. Networks have no critical strength that
a formula gives (all-zero hidden weights are stationary), so it is searched by short trainings: six
strengths a factor of 64 apart, then the five powers of two in the interval where learning ends.

It compares like with like: the model and the constant have their losses on the same rows with the
same weights, the constant is fitted to just these rows, and every model starts at the constant
predictor (its outputs are moved by the log shares of the classes, or by the mean target), so that
no step is spent on finding that. Eleven models, or a few more, take `search_length` steps each: a
tenth of the path's own work where that is enough, and never more than a fold's own training. Tops
from 50 steps are within a factor of two of those from 200; shorter searches end up to eight times
too high, which costs a grid of four decades one of them at most. A few steps may not bring large
weights to zero, whatever the strength; then the strongest model stands for the constant. Where no
top is found, the grid has `DEFAULT_TOP` and says so: a search never refuses a path.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import torch

from shrinkage.paths.engines.base import Advance, Engine, Problem, Rows, Unit, spread
from shrinkage.paths.engines.losses import ShiftedLoss
from shrinkage.paths.running.out_of_memory import StackLimit, in_chunks
from shrinkage.paths.settings import Settings

SEARCH_STEPS, FAST_STEPS = 200, 50
LEAST_STEPS = 20
SEARCH_SHARE = 0.1  # of the steps of all models of the path
SEARCH_ROWS = 4096
COARSE = range(-20, 11, 6)
BELOW, ABOVE = range(-38, -20, 6), range(16, 29, 6)
SEARCH_MODELS = (len(COARSE), COARSE.step - 1)  # of each round, when one interval is enough
# A model that keeps less than a hundredth of what the best one gains has learned nothing, and a
# gain of a thousandth of the constant's loss is none.
LEAST_KEPT = 0.01
# Solved ridges shrink all weights alike from where they keep a tenth, so that beyond it only the
# size of the outputs changes: with 72 rows of 7,070 columns that is 1,024 in the place of 8,192.
LEAST_KEPT_SOLVED = 0.1
LEAST_GAIN = 1e-3
DEFAULT_TOP = 0.1


class GridSource(StrEnum):
    """Where the grid of strengths comes from."""

    GIVEN = "given"
    FORMULA = "formula"
    SEARCH = "search"
    NOTHING_LEARNS = "default_nothing_learns"
    NO_DIFFERENCE = "default_no_difference"

    @property
    def is_default(self) -> bool:
        """Return whether the search ended without a top, so that the default grid is taken."""
        return self in (GridSource.NOTHING_LEARNS, GridSource.NO_DIFFERENCE)


@dataclass(frozen=True)
class GridTop:
    """The largest strength of the grid, and where it comes from."""

    strength: float
    source: GridSource

    def to_note(self) -> dict[str, object]:
        """Return what is kept for a resumed run, as JSON knows it."""
        return {"strength": self.strength, "source": str(self.source)}

    @classmethod
    def of_note(cls, note: object) -> GridTop | None:
        """Return the top that a run kept, or None; a bare number is that of an older run.

        >>> GridTop.of_note(GridTop(0.5, GridSource.SEARCH).to_note()) == GridTop.of_note(0.5)
        True
        """
        if isinstance(note, float):
            return cls(note, GridSource.SEARCH)
        if isinstance(note, dict):
            return cls(float(note["strength"]), GridSource(note["source"]))
        return None


def search_length(steps: int, folds: int, models: int, *, fast: bool = False) -> int:
    """Return the steps of each model of a search.

    Args:
        steps: of a model of the path.
        folds: of the path.
        models: of each fold.
        fast: whether 50 have to do.

    >>> search_length(2200, folds=5, models=21), search_length(200, folds=2, models=4)
    (200, 20)
    >>> search_length(2200, folds=5, models=21, fast=True)
    50
    """
    share = SEARCH_SHARE * folds * models * steps / sum(SEARCH_MODELS)
    return min(FAST_STEPS if fast else SEARCH_STEPS, max(LEAST_STEPS, round(share)))


def search_steps(problem: Problem, unit: Unit, engine: Engine, steps: int = SEARCH_STEPS) -> int:
    """Return the steps that the calls of `advance` add up to when one interval is enough."""
    short, few = short_training(problem, unit, engine, steps)
    rows = len(few.data.train)
    return sum(engine.steps(short, rows, models) for models in SEARCH_MODELS)


def top_of_grid(
    problem: Problem,
    unit: Unit,
    engine: Engine,
    advance: Advance | None = None,
    steps: int = SEARCH_STEPS,
) -> GridTop:
    """Return the top of the grid for a unit of all training rows.

    Args:
        problem: the problem; its recipe is shortened for the search.
        unit: all training rows; its settings do not matter.
        engine: trains the search, unless it knows the critical strength.
        advance: called with the steps that are done.
        steps: of each model of the search, as `search_length` gives them.
    """
    exact = engine.critical_strength(problem, unit)
    if exact is not None and math.isfinite(exact) and exact > 0:
        return GridTop(exact, GridSource.FORMULA)
    search = _Search(*short_training(problem, unit, engine, steps), engine, advance or _ignored)
    search.train(COARSE)
    if not search.useful:
        search.train(BELOW)
    elif search.last_useful == COARSE[-2] and search.learns_at(COARSE[-1]):
        search.train(ABOVE)
    if not search.useful:
        learns = search.learns_at(min(search.losses))
        source = GridSource.NO_DIFFERENCE if learns else GridSource.NOTHING_LEARNS
        return GridTop(DEFAULT_TOP, source)
    search.train(range(search.last_useful + 1, search.last_useful + COARSE.step))
    return GridTop(2.0 ** (search.last_useful + 1), GridSource.SEARCH)


def short_training(
    problem: Problem, unit: Unit, engine: Engine, steps: int = SEARCH_STEPS
) -> tuple[Problem, Unit]:
    """Return the problem and the unit of a search: few steps and rows, from the constant.

    Rows of weight 0 are left out, so that a sample of the rows always has some weight.
    """
    positions = unit.data.train
    if unit.data.rows.weight is not None:
        positions = positions[unit.data.rows.weight[positions] > 0]
    limit = min(len(positions), steps * problem.recipe.batch_size)
    epochs = max(1, round(steps / problem.recipe.steps_per_epoch(limit)))
    order = np.random.default_rng(unit.seed).permutation(len(positions))[:limit]
    positions = positions[torch.from_numpy(np.sort(order)).to(positions.device)]
    recipe = replace(problem.recipe, epochs=min(epochs, problem.recipe.epochs))
    loss = problem.loss
    if not engine.is_solver:
        target, weight = _arrays(unit.data.rows.take(positions))
        shift = loss.constant_outputs(target, weight, problem.n_outputs)
        loss = ShiftedLoss(loss, tuple(shift.tolist()))
    data = replace(unit.data, train=positions, validation=None)
    return replace(problem, recipe=recipe, loss=loss), replace(unit, name="grid", data=data)


@dataclass
class _Search:
    """Short trainings at powers of two, and the loss at each exponent on one sample of the rows."""

    problem: Problem
    unit: Unit
    engine: Engine
    advance: Advance
    limit: StackLimit = field(default_factory=StackLimit)
    losses: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = self.unit.data.rows.take(spread(self.unit.data.train, SEARCH_ROWS))
        if rows.weight is not None:
            rows = replace(rows, weight=rows.weight / rows.weight.mean())
        self._sample = rows
        self._constant = self.problem.loss.constant(*_arrays(rows))

    @property
    def useful(self) -> list[int]:
        """Return the exponents at which the model is better than one that learns nothing."""
        strongest = self.losses[max(self.losses)]
        nothing = min(self._constant, strongest)
        best = nothing - min(self.losses.values())
        if not best > LEAST_GAIN * self._constant:
            return []
        kept = LEAST_KEPT_SOLVED if self.engine.is_solver else LEAST_KEPT
        least = nothing - kept * best
        return [power for power, loss in self.losses.items() if loss < least]

    def learns_at(self, power: int) -> bool:
        """Return whether the model is better than the constant."""
        return self.losses[power] < (1 - LEAST_GAIN) * self._constant

    @property
    def last_useful(self) -> int:
        """Return the largest exponent at which the model is better than the constant."""
        return max(self.useful)

    def train(self, exponents: range) -> None:
        """Train a model at each power of two, in stacks of the size that the engine allows."""
        settings = self.problem.terms.settings((2.0**power,) for power in exponents)
        weights = self.problem.n_weights
        parts = self.engine.parts(self.problem, len(settings), weights)
        measured: list[np.ndarray] = []
        for some in settings.cut(parts):
            measured += in_chunks(some, self.limit, self._losses)
        self.losses.update(zip(exponents, np.concatenate(measured).tolist(), strict=True))

    def _losses(self, settings: Settings) -> np.ndarray:
        trained = self.engine.train(
            self.problem, replace(self.unit, settings=settings), self.advance
        )
        rows = self._sample
        losses = self.problem.loss(trained.outputs(rows.x), rows.target, rows.weight)
        return np.nan_to_num(losses.cpu().numpy(), nan=np.inf)


def _arrays(rows: Rows) -> tuple[np.ndarray, np.ndarray | None]:
    weight = None if rows.weight is None else rows.weight.cpu().numpy()
    return rows.target.cpu().numpy(), weight


def _ignored(_: int) -> None:
    """Take no notice of progress."""
