"""All strengths of a fold of any module in one set of arrays: the engine that asks no layer's name.

Who uses this: `fit_path`, for modules that the stacked engine has no layers for, where a short
measurement says that it is faster than one model after the other. It promises what the sequential
engine computes, model by model: the same batches, masks, learning rates and updates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from shrinkage.paths.engines.base import Advance, Curves, Problem, Trained, Unit, template
from shrinkage.paths.engines.curves import CurveRecorder
from shrinkage.paths.engines.moving import AS_GRADIENT, Optimizer
from shrinkage.paths.engines.one_stack import ARRAYS, MOST_BYTES, OneStack, strengths_of
from shrinkage.paths.engines.own_recipe import Rates, augmented, optimizer_of
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.engines.seeding import seed_generators
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.stationarity import (
    MOST_CHUNK_ROWS,
    Stationary,
    proximal_sums,
    relative_residual,
)
from shrinkage.paths.engines.threads import torch_threads
from shrinkage.paths.engines.vectorizing.copies import GradientVaries, ModuleStack
from shrinkage.paths.engines.vectorizing.traits import Traits
from shrinkage.pytorch import attach
from shrinkage.terms import Part

JUDGED_BYTES = 200_000_000  # of a block of rows of all models


@dataclass(frozen=True)
class VectorizedEngine(OneStack):
    """Trains a unit as one stack of a module of which `traits` are known.

    Where a step in a hundred passes a layer by, which no trial tells, the unit is trained one model
    after the other, unless the engine was `asked` for.
    """

    traits: Traits
    asked: bool = False
    name = "vectorized"
    narrows = False

    @property
    def side_by_side(self) -> bool:
        """Return whether nothing is drawn from torch's one generator, which then is not seeded.

        Other folds make their networks of it meanwhile.
        """
        return not self.traits.draws

    def parts(self, problem: Problem, models: int, weights: int) -> int:
        """Return the stacks of a fold: few enough models for 1 GB."""
        width = torch.empty((), dtype=problem.dtype).element_size()
        kept = self.traits.bytes_a_row * problem.recipe.batch_size
        bytes_a_model = ARRAYS * weights * width + kept
        return min(models, -(-round(models * bytes_a_model) // MOST_BYTES))

    def train(self, problem: Problem, unit: Unit, advance: Advance) -> Trained:
        """Train all models of the unit together."""
        stack = ModuleStack(template(problem, unit), len(unit.settings), self.traits)
        rows = self._rows_at_a_time(stack.count)
        try:
            with torch_threads(unit.threads if self.side_by_side else torch.get_num_threads()):
                curves = _train(problem, stack, unit, advance, rows)
        except GradientVaries:
            if self.asked:
                raise
            return SequentialEngine().train(problem, unit, _counted)
        return Trained(
            outputs=lambda x: evaluate(stack, x, rows),
            arrays=stack.arrays(),
            curves=curves,
            converged=np.ones(stack.count, dtype=bool),
            residual=lambda: _residual(problem, unit, stack, rows),
        )

    def _rows_at_a_time(self, models: int) -> int:
        rows = JUDGED_BYTES / max(1.0, models * self.traits.bytes_a_row)
        return max(1, min(MOST_CHUNK_ROWS, int(rows)))


def _counted(_: int) -> None:
    """Take no notice of steps that take the place of others."""


def evaluate(stack: ModuleStack, x: torch.Tensor, rows: int) -> torch.Tensor:
    """Return the outputs (models, outputs, rows) in evaluation mode, some rows at a time."""
    with torch.no_grad():
        return torch.cat([stack.forward(block) for block in x.split(rows)], dim=-1)


def _train(
    problem: Problem, stack: ModuleStack, unit: Unit, advance: Advance, rows: int
) -> Curves | None:
    """Train the stack in place and return its learning curves."""
    columns = strengths_of(problem, unit)
    move = _mover(problem, stack, _parts(problem, stack, columns))
    recorder = CurveRecorder.for_unit(problem, unit)
    count = len(unit.data.train)
    total, step = problem.recipe.steps(count), 0
    for epoch in range(problem.recipe.epochs):
        losses = torch.zeros(stack.count, dtype=torch.float64, device=problem.device)
        for batch in problem.recipe.batches(count, derived_seed(unit.seed, 1), epoch):
            some = unit.data.rows.take(unit.data.train[torch.from_numpy(batch)])
            if stack.traits.draws:
                seed_generators(derived_seed(unit.seed, 2, step), problem.device)
            losses += stack.backward(
                augmented(problem, stack.module, some.x),
                lambda outputs, some=some: problem.loss(outputs, some.target, some.weight),
            )
            move(step, total)
            step += 1
            advance(1)
        mean = (losses / problem.recipe.steps_per_epoch(count)).cpu().numpy()
        recorder.record(epoch, mean, lambda x: evaluate(stack, x, rows))
    return recorder.curves()


def _mover(
    problem: Problem, stack: ModuleStack, parts: dict[str, list[Part]]
) -> Callable[[int, int], None]:
    """Return what moves the weights in a step, of how many."""
    recipe = problem.recipe
    if recipe.optimizer is None:
        plain = Optimizer(stack.flat, parts)
        return lambda step, total: plain.step(recipe.learning_rate_at(step, total))
    own = optimizer_of(recipe, list(stack.parameters.values()))
    rates = Rates(recipe, own)
    attached = {
        stack.parameters[name]: [
            replace(part, update=AS_GRADIENT.get(part.update, part.update)) for part in some
        ]
        for name, some in parts.items()
    }
    if attached:
        attach(own, attached, stacked=1)

    def move(step: int, total: int) -> None:
        rates.set(step, total)
        own.step()

    return move


def _names(problem: Problem, stack: ModuleStack) -> dict[str, str]:
    """Return the name in the module of each parameter that the terms know, where it is trained."""
    named = dict(stack.module.named_parameters())
    pairs = zip((info.name for info in problem.assignment.infos), named, strict=True)
    return {name: own for name, own in pairs if own in stack.parameters}


def _parts(
    problem: Problem, stack: ModuleStack, columns: dict[str, torch.Tensor]
) -> dict[str, list[Part]]:
    """Return the parts of each parameter, each with one strength a model."""
    strengths = {name: column.cpu() for name, column in columns.items()}
    return {
        own: [part.at(strengths[part.term]) for part in problem.penalised[name]]
        for name, own in _names(problem, stack).items()
        if name in problem.penalised
    }


def _residual(problem: Problem, unit: Unit, stack: ModuleStack, rows: int) -> np.ndarray | None:
    """Return how far each model is from a minimizer; the stack stays as it is."""
    sums = proximal_sums(problem, strengths_of(problem, unit))
    if sums is None:
        return None
    buffers = {name: value.clone() for name, value in stack.buffers.items()}
    if stack.traits.draws:
        seed_generators(derived_seed(unit.seed, 3), problem.device)
    names = _names(problem, stack)
    trained = {name: stack.parameters[own] for name, own in names.items()}
    at = Stationary(
        lambda x: stack.forward(x, training=True),
        {name: value.detach() for name, value in trained.items()},
        tuple(trained.values()),
        sums,
        tuple(stack.module.modules()),
        most_rows=rows,
    )
    residual = relative_residual(problem, unit, at)
    for name, value in stack.buffers.items():
        value.copy_(buffers[name])
    return residual
