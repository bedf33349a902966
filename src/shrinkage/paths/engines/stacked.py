"""All strengths of a fold in one set of arrays: the fast engine.

Who uses this: `fit_path`, for every `torch.nn.Sequential` that `is_stackable`. It promises what
the sequential engine computes, model by model (float64: to 1e-8 after 500 steps), because both
take the same batches, dropout masks, learning rates and updates. Adam is elementwise and so does
not care about the leading model axis; strengths are one number a model along it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from torch import nn

from shrinkage.paths.engines.base import Advance, Curves, Problem, Trained, Unit, template
from shrinkage.paths.engines.curves import CurveRecorder
from shrinkage.paths.engines.ending import Ending
from shrinkage.paths.engines.leaving.training import LeavingSteps, limits_of
from shrinkage.paths.engines.moving import Optimizer
from shrinkage.paths.engines.network import StackedNetwork
from shrinkage.paths.engines.one_stack import ARRAYS, MOST_BYTES, OneStack, strengths_of
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.engines.stationarity import (
    Gradients,
    Stationary,
    proximal_sums,
    relative_residual,
)
from shrinkage.paths.engines.stepping import Steps, steps_of
from shrinkage.paths.engines.threads import torch_threads
from shrinkage.paths.engines.whole_steps import WholeSteps
from shrinkage.terms import Part

AnySteps = Steps | LeavingSteps | WholeSteps
EVALUATION_ROWS = 4096
RESIDUAL_NUMBERS = 2_000_000  # weights of models whose residuals are taken at once
SMALL_STEP = 3e8


class StackedEngine(OneStack):
    """Trains a unit as one stack."""

    name = "stacked"
    side_by_side = True
    narrows = True

    def parts(self, problem: Problem, models: int, weights: int) -> int:
        """Return the stacks of a fold: few enough models for 1 GB."""
        bytes_a_model = ARRAYS * weights * torch.empty((), dtype=problem.dtype).element_size()
        return min(models, -(-models * bytes_a_model // MOST_BYTES))

    def is_divisible(self, problem: Problem, models: int) -> bool:
        """Return whether a step is long enough to be cut: small ones are mostly overhead."""
        return 6.0 * problem.n_weights * models * problem.recipe.batch_size >= SMALL_STEP

    def train(self, problem: Problem, unit: Unit, advance: Advance) -> Trained:
        """Train all models of the unit together."""
        module = template(problem, unit)
        assert isinstance(module, nn.Sequential)
        network = StackedNetwork(module, len(unit.settings))
        steps = _steps(problem, unit, network)
        gradients = steps.gradients if isinstance(steps, WholeSteps) else None
        with torch_threads(_threads(problem, network, unit)):
            curves, epochs = _train(problem, network, unit, steps, advance)
        del steps
        arrays = {**network.parameters, **network.buffers}
        return Trained(
            outputs=lambda x: evaluate(network, x),
            arrays={name: value.detach() for name, value in arrays.items()},
            curves=curves,
            converged=np.ones(network.count, dtype=bool),
            residual=lambda: _residual(problem, unit, network, gradients),
            epochs=epochs,
        )


def _threads(problem: Problem, network: StackedNetwork, unit: Unit) -> int:
    """Return one thread for steps under 0.3 GFLOP, which are too small to share."""
    weights = sum(value.numel() for value in network.parameters.values())
    small = 6.0 * weights * problem.recipe.batch_size < SMALL_STEP
    return 1 if small else unit.threads


def _train(
    problem: Problem, network: StackedNetwork, unit: Unit, steps: AnySteps, advance: Advance
) -> tuple[Curves | None, np.ndarray | None]:
    """Take all steps; return the network's learning curves, and the epochs of each model."""
    recorder = CurveRecorder.for_unit(problem, unit)
    ending = _ending(problem, unit, network, steps) if recorder.is_watched else None
    positions = _positions(problem, unit, 0)
    for epoch in range(problem.recipe.epochs):
        if ending is not None and not ending.running:
            advance(problem.recipe.steps_per_epoch(len(unit.data.train)))
        else:
            if len(positions) > 1 or positions.shape[1] < len(unit.data.train):
                positions = _positions(problem, unit, epoch)
            steps.begin(positions)
            left = len(positions)
            while left:
                taken = steps.take()
                advance(taken)
                left -= taken
        if ending is None:
            recorder.record(epoch, steps.losses().numpy(), lambda x: evaluate(steps, x))
        else:
            ending.record(epoch, recorder, lambda x: evaluate(steps, x))
    if ending is None:
        steps.finish()
        return recorder.curves(), None
    ending.finish()
    return recorder.curves(), ending.epochs


def _ending(
    problem: Problem, unit: Unit, network: StackedNetwork, steps: AnySteps
) -> Ending | None:
    """Return what ends models early, where they may.

    Of a penalty that is renewed what is still to come does not follow from what came.
    """
    renewed = any(part.penalty.is_renewed for own in problem.penalised.values() for part in own)
    if renewed or not problem.settle or isinstance(steps, LeavingSteps) or not steps.can_shrink:
        return None

    def parts_of(models: Sequence[int]) -> dict[str, list[Part]]:
        return _parts(problem, replace(unit, settings=unit.settings.take(models)))

    return Ending(problem, unit, network, steps, parts_of)


def _steps(problem: Problem, unit: Unit, network: StackedNetwork) -> AnySteps:
    """Return what takes the steps: without columns that leave, whole, or one by one."""
    parts = _parts(problem, unit)
    limits = limits_of(problem, unit, network, parts)
    whole = WholeSteps.of(problem, unit, network, parts) if limits is None else None
    if whole is not None:
        return whole
    if problem.precision == "bfloat16":
        network.narrow_down()
    if limits is None:
        return steps_of(problem, unit, network, Optimizer(network.flat, parts))

    def parts_of(models: slice) -> dict[str, list[Part]]:
        some = unit.settings.take(range(models.start, models.stop))
        return _parts(problem, replace(unit, settings=some))

    return LeavingSteps(problem, unit, network, parts_of, limits)


def _positions(problem: Problem, unit: Unit, epoch: int) -> torch.Tensor:
    """Return the positions of the rows of an epoch's batches, (batches, rows a batch)."""
    seed = derived_seed(unit.seed, 1)
    batches = problem.recipe.batches(len(unit.data.train), seed, epoch)
    order = torch.from_numpy(batches)
    return unit.data.train[order.to(unit.data.train.device)]


def _residual(
    problem: Problem, unit: Unit, network: StackedNetwork, compiled: Gradients | None
) -> np.ndarray | None:
    """Return how far each model is from a minimizer; the network stays as it is.

    Some models at a time, since it takes three more arrays of their weights; all of them where
    masks are drawn, which go by the rows that are computed at a time.
    """
    weights = sum(value[0].numel() for value in network.parameters.values())
    whole = network.is_random or compiled is not None
    at_once = network.count if whole else max(1, RESIDUAL_NUMBERS // weights)
    residuals = []
    for begin in range(0, network.count, at_once):
        own = range(begin, min(begin + at_once, network.count))
        some = replace(unit, settings=unit.settings.take(own))
        models = network.some(slice(own.start, own.stop))
        residual = _residual_of(problem, some, models, compiled)
        if residual is None:
            return None
        residuals.append(residual)
    return np.concatenate(residuals)


def _residual_of(
    problem: Problem, unit: Unit, network: StackedNetwork, compiled: Gradients | None
) -> np.ndarray | None:
    sums = proximal_sums(problem, strengths_of(problem, unit))
    if sums is None:
        return None
    buffers = {name: value.clone() for name, value in network.buffers.items()}
    network.seed(derived_seed(unit.seed, 3))
    weights = {name: value.detach() for name, value in network.parameters.items()}
    at = Stationary(
        lambda x: network.forward(x, training=True),
        weights,
        tuple(network.parameters.values()),
        sums,
        tuple(network.layers),
        compiled=compiled,
    )
    with torch_threads(_threads(problem, network, unit)):
        residual = relative_residual(problem, unit, at)
    for name, value in buffers.items():
        network.buffers[name].copy_(value)
    return residual


class Forward(Protocol):
    """Anything that computes the outputs of all models for some rows."""

    def forward(self, x: torch.Tensor, /) -> torch.Tensor:
        """Return them, (models, outputs, rows), in evaluation mode."""
        ...


def evaluate(network: Forward, x: torch.Tensor) -> torch.Tensor:
    """Return the outputs (models, outputs, rows) in evaluation mode, a block of rows at a time."""
    with torch.no_grad():
        blocks = [network.forward(block) for block in x.split(EVALUATION_ROWS)]
    return torch.cat(blocks, dim=-1)


def _parts(problem: Problem, unit: Unit) -> dict[str, list[Part]]:
    """Return the parts of each parameter, each with one strength a model."""
    columns = {name: strengths.cpu() for name, strengths in strengths_of(problem, unit).items()}
    return {
        name: [part.at(columns[part.term]) for part in own]
        for name, own in problem.penalised.items()
    }
