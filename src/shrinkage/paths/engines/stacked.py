"""All strengths of a fold in one set of arrays: the fast engine.

Who uses this: `fit_path`, for every `torch.nn.Sequential` that `is_stackable`. It promises what
the sequential engine computes, model by model (float64: to 1e-8 after 500 steps), because both
take the same batches, dropout masks, learning rates and updates. Adam is elementwise and so does
not care about the leading model axis; strengths are one number a model along it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from shrinkage.paths.engines.base import Advance, Curves, Problem, Rows, Trained, Unit, template
from shrinkage.paths.engines.curves import CurveRecorder
from shrinkage.paths.engines.losses import loss_and_gradient
from shrinkage.paths.engines.moving import Optimizer
from shrinkage.paths.engines.network import StackedNetwork
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.engines.stationarity import Stationary, proximal_sums, relative_residual
from shrinkage.paths.engines.threads import torch_threads
from shrinkage.terms import Part

EVALUATION_ROWS = 4096
SMALL_STEP = 3e8
MOST_BYTES = 1_000_000_000
ARRAYS = 4  # of a weight: itself, its gradient and Adam's two moments


class StackedEngine:
    """Trains a unit as one stack."""

    name = "stacked"
    is_solver = False
    side_by_side = True
    narrows = True

    def check(self, problem: Problem) -> None:
        """Accept every problem: overlaps are refused where terms are assigned."""

    def critical_strength(self, problem: Problem, unit: Unit) -> None:
        """Return None: all-zero hidden weights are stationary, so no formula says."""

    def parts(self, problem: Problem, models: int, weights: int, folds: int, workers: int) -> int:
        """Return the stacks of a fold: few enough models for 1 GB, and no worker idle.

        Small steps are mostly overhead and are never cut to keep a worker busy.
        """
        bytes_a_model = ARRAYS * weights * torch.empty((), dtype=problem.dtype).element_size()
        parts = min(models, -(-models * bytes_a_model // MOST_BYTES))
        large = 6.0 * weights * models * problem.recipe.batch_size >= SMALL_STEP
        if large and (folds * parts) % workers and (folds * parts * 2) % workers == 0:
            parts = min(models, 2 * parts)
        return parts

    def at_once(self, models: int) -> int:
        """Return all: they are one stack."""
        return models

    def steps(self, problem: Problem, rows: int, models: int) -> int:
        """Return the number of optimizer steps, the same for any number of models."""
        del models
        return problem.recipe.steps(rows)

    def train(self, problem: Problem, unit: Unit, advance: Advance) -> Trained:
        """Train all models of the unit together."""
        module = template(problem, unit)
        assert isinstance(module, nn.Sequential)
        network = StackedNetwork(module, len(unit.settings))
        if problem.precision == "bfloat16":
            network.narrow_down()
        with torch_threads(_threads(problem, network, unit)):
            curves = _train(problem, network, unit, advance)
        arrays = {**network.parameters, **network.buffers}
        return Trained(
            outputs=lambda x: evaluate(network, x),
            arrays={name: value.detach() for name, value in arrays.items()},
            curves=curves,
            converged=np.ones(network.count, dtype=bool),
            residual=lambda: _residual(problem, unit, network),
        )


def _threads(problem: Problem, network: StackedNetwork, unit: Unit) -> int:
    """Return one thread for steps under 0.3 GFLOP, which are too small to share."""
    weights = sum(value.numel() for value in network.parameters.values())
    small = 6.0 * weights * problem.recipe.batch_size < SMALL_STEP
    return 1 if small else unit.threads


def _train(
    problem: Problem, network: StackedNetwork, unit: Unit, advance: Advance
) -> Curves | None:
    """Train the network in place and return its learning curves."""
    optimizer = Optimizer(network.flat, _parts(problem, unit))
    recorder = CurveRecorder.for_unit(problem, unit)
    count = len(unit.data.train)
    total, step = problem.recipe.steps(count), 0
    batch = Batch.of(unit.data.rows, min(problem.recipe.batch_size, count))
    for epoch in range(problem.recipe.epochs):
        epoch_losses = torch.zeros(network.count, dtype=torch.float64, device=problem.device)
        for positions in _positions(problem, unit, epoch):
            batch.gather(positions)
            if network.is_random:
                network.seed(derived_seed(unit.seed, 2, step))
            epoch_losses += network.backward(
                batch.x, lambda outputs: loss_and_gradient(problem.loss, outputs, *batch.known)
            )
            optimizer.step(problem.recipe.learning_rate_at(step, total))
            step += 1
            advance(1)
        mean = epoch_losses.cpu().numpy() / problem.recipe.steps_per_epoch(count)
        recorder.record(epoch, mean, lambda x: evaluate(network, x))
    return recorder.curves()


def _positions(problem: Problem, unit: Unit, epoch: int) -> torch.Tensor:
    """Return the positions of the rows of an epoch's batches, (batches, rows a batch)."""
    seed = derived_seed(unit.seed, 1)
    batches = problem.recipe.batches(len(unit.data.train), seed, epoch)
    order = torch.from_numpy(np.stack(list(batches)))
    return unit.data.train[order.to(unit.data.train.device)]


@dataclass(frozen=True)
class Batch:
    """The rows of one step, in arrays that are kept from step to step."""

    rows: Rows
    x: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor | None

    @classmethod
    def of(cls, rows: Rows, size: int) -> Batch:
        """Return arrays for so many of these rows."""
        own = (
            None if value is None else value.new_empty((size, *value.shape[1:]))
            for value in (rows.x, rows.target, rows.weight)
        )
        return cls(rows, *own)  # pyright: ignore[reportArgumentType]

    @property
    def known(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return targets and weights."""
        return self.target, self.weight

    def gather(self, positions: torch.Tensor) -> None:
        """Copy the rows at these positions."""
        torch.index_select(self.rows.x, 0, positions, out=self.x)
        torch.index_select(self.rows.target, 0, positions, out=self.target)
        if self.weight is not None and self.rows.weight is not None:
            torch.index_select(self.rows.weight, 0, positions, out=self.weight)


def _residual(problem: Problem, unit: Unit, network: StackedNetwork) -> np.ndarray | None:
    """Return how far each model is from a minimizer; the network stays as it is."""
    sums = proximal_sums(problem, _columns(problem, unit))
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
    )
    with torch_threads(_threads(problem, network, unit)):
        residual = relative_residual(problem, unit, at)
    for name, value in buffers.items():
        network.buffers[name].copy_(value)
    return residual


def evaluate(network: StackedNetwork, x: torch.Tensor) -> torch.Tensor:
    """Return the outputs (models, outputs, rows) in evaluation mode, a block of rows at a time."""
    with torch.no_grad():
        blocks = [network.forward(block) for block in x.split(EVALUATION_ROWS)]
    return torch.cat(blocks, dim=-1)


def _parts(problem: Problem, unit: Unit) -> dict[str, list[Part]]:
    """Return the parts of each parameter, each with one strength a model."""
    columns = {name: strengths.cpu() for name, strengths in _columns(problem, unit).items()}
    return {
        name: [part.at(columns[part.term]) for part in own]
        for name, own in problem.penalised.items()
    }


def _columns(problem: Problem, unit: Unit) -> dict[str, torch.Tensor]:
    """Return the strengths of each term, one a model."""
    return {
        name: torch.tensor(unit.settings.column(name), dtype=torch.float64, device=problem.device)
        for name in unit.settings.columns
    }
