"""The slower way: accelerated proximal gradient over a stack of strengths.

Who uses this: the linear engine, for sums that are not α·Σ|w| + ½β·Σw² + γ·Σ‖w_g‖: terms about a
reference, and penalties of one's own. It promises a model whose proximal gradient step moves no
weight by more than `TOLERANCE` of the largest weight, or of the first step without its prox where
the penalty leaves no weight, or says that it did not get there.

Method: Beck and Teboulle 2009 (FISTA) in float64, with one restart rule a model (O'Donoghue and
Candes 2015, gradient scheme). Squared error works on the Gram matrix, the intercept eliminated by
centring.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from shrinkage.paths.engines.base import Problem, Rows, Unit
from shrinkage.paths.engines.linear.solver import SEPARATED
from shrinkage.paths.engines.losses import StackedSquaredError
from shrinkage.terms import ProximalSum

TOLERANCE = 1e-10
MOST_ITERATIONS = 20_000
MOST_NOT_CONVEX = 2_000  # stationary is all that such a model gets to be
CHECK_EVERY = 20

Gradient = Callable[[torch.Tensor], torch.Tensor]
Map = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Objective:
    """The smooth part over stacked weights (models, outputs, columns).

    `curvature` bounds the second derivative; `split` gives weights (models, outputs, inputs) and
    biases (models, outputs) back; `penalised` counts the leading columns that carry the penalty;
    `separates` says of which models the data are separable and the loss almost 0.
    """

    gradient: Gradient
    curvature: float
    columns: int
    penalised: int
    split: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
    separates: Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class GradientSolution:
    """Weights (models, outputs, columns), and for each model whether it is at its minimizer."""

    weights: torch.Tensor
    converged: np.ndarray


def smooth_part(problem: Problem, rows: Rows) -> Objective:
    if isinstance(problem.loss, StackedSquaredError):
        return _squared(rows)
    return _logistic(rows, problem.n_outputs)


def _weights(rows: Rows) -> torch.Tensor:
    count = len(rows)
    if rows.weight is None:
        return torch.full((count,), 1.0 / count, dtype=torch.float64)
    return rows.weight.to("cpu", torch.float64) / count


def _squared(rows: Rows) -> Objective:
    x, y = rows.x.to("cpu", torch.float64), rows.target.to("cpu", torch.float64)
    share = _weights(rows)
    total = share.sum()
    x_mean, y_mean = share @ x / total, share @ y / total
    centred = (x - x_mean) * share.sqrt().unsqueeze(1)
    moment = centred.t() @ ((y - y_mean) * share.sqrt())

    def split(weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return weights, y_mean - weights @ x_mean

    gram = centred.t() @ centred if len(x) > x.shape[1] else None

    def gradient(weights: torch.Tensor) -> torch.Tensor:
        curved = (weights @ centred.t()) @ centred if gram is None else weights @ gram
        return curved - moment

    return Objective(
        gradient,
        _largest(centred),
        x.shape[1],
        x.shape[1],
        split,
        lambda weights: torch.zeros(len(weights), dtype=torch.bool),
    )


def _logistic(rows: Rows, classes: int) -> Objective:
    share = _weights(rows)
    x = rows.x.to("cpu", torch.float64)
    x = torch.cat([x, torch.ones(len(rows), 1, dtype=torch.float64)], dim=1)
    hot = torch.nn.functional.one_hot(rows.target.cpu(), classes).t().to(torch.float64)
    weighted = x * share.unsqueeze(1)

    def gradient(weights: torch.Tensor) -> torch.Tensor:
        probability = torch.softmax(weights @ x.t(), dim=1)
        return (probability - hot) @ weighted

    def separates(weights: torch.Tensor) -> torch.Tensor:
        log_probability = torch.log_softmax(weights @ x.t(), dim=1)
        own = (log_probability * hot).sum(dim=1)  # (models, rows)
        right = own > log_probability.masked_fill(hot.bool(), -math.inf).amax(dim=1)
        return right.all(dim=1) & (-(own @ share) < SEPARATED)

    inputs = x.shape[1] - 1
    return Objective(
        gradient,
        0.5 * _largest(x * share.sqrt().unsqueeze(1)),
        inputs + 1,
        inputs,
        lambda w: (w[..., :inputs], w[..., inputs]),
        separates,
    )


def _largest(rows: torch.Tensor) -> float:
    """Return the largest eigenvalue of rowsᵀ·rows, from the smaller of the two products."""
    if len(rows) < rows.shape[1]:
        rows = rows.t()
    return float(torch.linalg.eigvalsh(rows.t() @ rows)[-1])


def solve_by_gradients(
    problem: Problem, unit: Unit, objective: Objective, proximal: ProximalSum
) -> GradientSolution:
    settings = unit.settings
    columns = {
        name: torch.tensor(settings.column(name), dtype=torch.float64) for name in settings.columns
    }
    step = 1.0 / max(objective.curvature, 1e-300)
    shape = (len(settings), problem.n_outputs, objective.columns)
    weights = torch.zeros(shape, dtype=torch.float64)
    first = objective.gradient(weights[:1])[..., : objective.penalised]
    least = step * float(first.abs().max())

    def map_of(models: torch.Tensor) -> Map:
        shrink = proximal.at({name: column[models] for name, column in columns.items()})

        def forward_backward(point: torch.Tensor) -> torch.Tensor:
            moved = point - step * objective.gradient(point)
            inputs = objective.penalised
            shrunk = shrink.prox(moved[..., :inputs].contiguous(), step, stacked=1)
            return torch.cat([shrunk, moved[..., inputs:]], dim=-1)

        return forward_backward

    def is_endless(weights: torch.Tensor, models: torch.Tensor) -> torch.Tensor:
        endless = torch.stack([column[models] == 0 for column in columns.values()]).all(dim=0)
        endless[endless.clone()] = objective.separates(weights[endless])
        return endless

    convex = all(part.penalty.convex for part in proximal.assigned)
    most = MOST_ITERATIONS if convex else MOST_NOT_CONVEX
    return _accelerate(map_of, weights, is_endless, most, least)


def _accelerate(
    map_of: Callable[[torch.Tensor], Map],
    start: torch.Tensor,
    is_endless: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    most: int,
    least: float,
) -> GradientSolution:
    """Iterate with momentum; a model restarts its own momentum when it points uphill.

    `least` is what stands for the largest weight where all are smaller.

    Models that are at their minimizer, or have none, leave the stack: the last ones, at strength 0
    or near it, do not keep the others busy.
    """
    solution, left = start.clone(), torch.arange(len(start))
    converged = torch.zeros(len(start), dtype=torch.bool)
    forward_backward, weights, point = map_of(left), start, start
    momentum = torch.ones(len(start), 1, 1, dtype=start.dtype)
    for iteration in range(most):
        new = forward_backward(point)
        uphill = ((point - new) * (new - weights)).sum(dim=(1, 2), keepdim=True) > 0
        momentum = torch.where(uphill, torch.ones_like(momentum), momentum)
        grown = 0.5 * (1.0 + torch.sqrt(1.0 + 4.0 * momentum**2))
        point = new + torch.where(uphill, 0.0, (momentum - 1.0) / grown) * (new - weights)
        weights, momentum = new, grown
        if iteration % CHECK_EVERY == 0:
            moved = (forward_backward(weights) - weights).abs().amax(dim=(1, 2))
            going = moved > TOLERANCE * weights.abs().amax(dim=(1, 2)).clamp_min(max(least, 1e-30))
            converged[left[~going]] = True
            going &= ~is_endless(weights, left)
            if not bool(going.all()):
                solution[left] = weights
                left, weights, point, momentum = (
                    array[going] for array in (left, weights, point, momentum)
                )
                if not len(left):
                    break
                forward_backward = map_of(left)
    solution[left] = weights
    return GradientSolution(solution, converged.numpy())
