"""Dense to sparse: the models of a unit are one network, at ever smaller sizes.

Who uses this: `fit_path` with a goal. The settings of a unit are compressions, ascending: the
network is trained with strength 0 first, and each further model starts where the one before ended
(warm starts). On the way to a size what is kept falls in some projections, ever smaller ones (the
cubic schedule of Zhu and Gupta 2017, To prune, or not to prune), while training goes on; in the
second half of the steps the support is fixed and the weights on it are trained without any term
that makes zeros (the debiased refit: Efron et al. 2004 call it the hybrid of the lasso). What has
become zero stays zero, so that supports are nested. Networks of known layers take steps in
arrays of their own, folds side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from shrinkage.paths.engines.base import Advance, Problem, Trained, Unit, template
from shrinkage.paths.engines.lone import lone_network, spans
from shrinkage.paths.engines.recipe import Batches, derived_seed, shares_of
from shrinkage.paths.engines.sequential import SequentialEngine, evaluate
from shrinkage.paths.engines.threads import torch_threads
from shrinkage.paths.results.loading import load_arrays
from shrinkage.paths.sparsifying.counted import Counted, Weights

MOST_POINT_SHARE, LEAST_POINT_STEPS = 0.5, 250
"""Of a dense training; where that is short, points are not shorter than half of it."""
PROJECTIONS = 16
"""On the way to a size."""


@dataclass(frozen=True)
class SparsifyingEngine(SequentialEngine):
    """Trains a unit as one network that becomes smaller: of fewer weights, features or units."""

    counted: Counted = field(default_factory=Weights)
    side_by_side: bool = False  # whether nothing that is drawn is shared: networks of known layers
    narrows: bool = False

    name = "sparsifying"

    def check(self, problem: Problem) -> None:
        """Refuse a network in which what is to be few cannot be counted."""
        self.counted.check(problem)

    def parts(self, problem: Problem, models: int, weights: int) -> int:
        """Return 1: each model starts where the one before ended."""
        del problem, models, weights
        return 1

    def steps(self, problem: Problem, rows: int, models: int) -> int:
        """Return the optimizer steps of the dense training and of the points after it."""
        return problem.recipe.steps(rows) + (models - 1) * _point_steps(self.counted, problem, rows)

    def train(self, problem: Problem, unit: Unit, advance: Advance) -> Trained:
        """Train the unit's network, and keep it at each of the settings."""
        with torch_threads(unit.threads):
            states = _Descent(problem, unit, advance, self.counted).states()
        module = template(problem, unit)
        return Trained(
            outputs=lambda x: torch.stack([_outputs(module, state, x) for state in states]),
            arrays={name: torch.stack([own[name] for own in states]) for name in states[0]},
            curves=None,
            converged=np.ones(len(states), dtype=bool),
        )


class _Descent:
    """One network on its way down."""

    def __init__(self, problem: Problem, unit: Unit, advance: Advance, counted: Counted) -> None:
        self.problem, self.unit, self.advance = problem, unit, advance
        self.counted, self.rows = counted, len(unit.data.train)
        self.network = lone_network(problem, unit)
        self.shrinking = counted.shrinking(self.network, problem, unit)
        self.at = self.most = counted.total(problem)
        self.stage = 0

    def states(self) -> list[dict[str, torch.Tensor]]:
        """Return the network at each of the settings, the first of which is the dense one."""
        states = []
        for position in range(len(self.unit.settings)):
            strengths = self.unit.settings.strengths(position)
            if position == 0:
                self._train(self.problem.recipe.steps(self.rows), strengths, going_to=None)
            else:
                self._shrink_to(strengths)
            states.append(self.shrinking.state())
        return states

    def _shrink_to(self, strengths: Mapping[str, float]) -> None:
        """Go down by the compression among the strengths, and train on what is left there."""
        compression = strengths[_varying(self.problem)]
        keep = max(1, min(self.most, int(self.most / compression + 1e-6)))
        total = _point_steps(self.counted, self.problem, self.rows)
        if self._is_dead:
            self.advance(total)
        else:
            self._train(total, strengths, going_to=keep)
        self.at = min(self.at, keep)

    @property
    def _is_dead(self) -> bool:
        own = (self.network.parameter(name) for name in self.problem.counted)
        return any(not bool(weights.any()) for weights in own)

    def _train(self, total: int, strengths: Mapping[str, float], going_to: int | None) -> None:
        """Take `total` steps: half of them on the way to `going_to`, the others on the support."""
        problem, unit = self.problem, self.unit
        seed = derived_seed(unit.seed, 1, self.stage)
        terms = {**strengths, _varying(problem): 0.0}
        self.network.begin(terms)
        way = 0 if going_to is None else max(1, total // 2)
        due = dict(_schedule(self.at, going_to, way)) if going_to is not None else {}
        batches, shares, step = Batches(problem.recipe, self.rows, seed), shares_of(total), 0
        alone = self.shrinking.alone and going_to is not None
        for count in spans(total, {way, *due} - {0}, alone=alone):
            positions, own = torch.from_numpy(batches.take(count)), shares[step : step + count]
            self.network.steps(positions, own, 2, self.stage, step)
            step += count
            if step in due:
                self.shrinking.keep(due[step])
            elif going_to is not None:
                self.shrinking.hold()
            if step == way:
                self.network.go_on(_smooth(problem, terms))
            self.advance(count)
        self.stage += 1


def _schedule(before: int, keep: int, way: int) -> list[tuple[int, int]]:
    """Return after which steps what is kept falls to how many: cubic, in its logarithm.

    >>> _schedule(100, 50, 4)
    [(1, 67), (2, 55), (3, 51), (4, 50)]
    """
    times = min(PROJECTIONS, way)
    due = []
    for number in range(1, times + 1):
        done = 1 - (1 - number / times) ** 3
        now = before ** (1 - done) * keep**done
        due.append((max(1, round(way * number / times)), max(keep, round(now))))
    return due


def _point_steps(counted: Counted, problem: Problem, rows: int) -> int:
    total = problem.recipe.steps(rows)
    enough = min(LEAST_POINT_STEPS, MOST_POINT_SHARE * total)
    return max(2, round(max(enough, counted.point_share * total)))


def _varying(problem: Problem) -> str:
    return problem.terms.terms.ids[0]


def _smooth(problem: Problem, strengths: Mapping[str, float]) -> dict[str, float]:
    """Return the strengths without those of terms that make zeros and shrink what is left."""
    parts = [part for own in problem.penalised.values() for part in own]
    kinked = {part.term for part in parts if not part.penalty.smooth}
    return {name: 0.0 if name in kinked else own for name, own in strengths.items()}


def _outputs(module: nn.Module, state: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    load_arrays(module, {name: own.cpu().numpy() for name, own in state.items()})
    return evaluate(module, x)
