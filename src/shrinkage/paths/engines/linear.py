"""Linear models along a path: solved to the minimizer, all strengths at once.

Who uses this: `fit_path` for `--model linear`, where the objective is convex and has a minimizer
that no number of epochs should stand in the way of. It promises a model whose proximal gradient
step moves no weight by more than `TOLERANCE` of the largest weight (or says that it did not get
there).

Method: accelerated proximal gradient (Beck and Teboulle 2009, FISTA) in float64 over a stack of
strengths, with one restart rule a model (O'Donoghue and Candes 2015, gradient scheme). Squared
error works on the Gram matrix, so an iteration does not depend on the number of rows; the
intercept is eliminated by centring. Classes that a hyperplane separates have no minimizer at
strength 0, as the weights grow for ever (Albert and Anderson 1984): such a model ends, marked as
not converged, when all rows are right and the loss is below `SEPARATED`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from shrinkage.errors import InputError
from shrinkage.parameters import InputGroups
from shrinkage.paths.engines.base import Advance, Problem, Rows, Trained, Unit
from shrinkage.paths.engines.losses import StackedSquaredError
from shrinkage.paths.engines.threads import torch_threads
from shrinkage.terms import ProximalSum, closed_form, penalty_on

TOLERANCE = 1e-10
MOST_ITERATIONS = 20_000
CHECK_EVERY = 20
SEPARATED = 1e-3
WEIGHT, BIAS = "0.weight", "0.bias"

Gradient = Callable[[torch.Tensor], torch.Tensor]
Map = Callable[[torch.Tensor], torch.Tensor]


class LinearEngine:
    """Solves a unit of linear models."""

    name = "linear"
    is_solver = True
    side_by_side = False  # two threads of small operations wait for each other's interpreter

    def parts(self, problem: Problem, models: int, weights: int, folds: int, workers: int) -> int:
        """Return 1: all strengths are solved together."""
        del problem, models, weights, folds, workers
        return 1

    def at_once(self, models: int) -> int:
        """Return all: they are solved together."""
        return models

    def steps(self, problem: Problem, rows: int, models: int) -> int:
        """Return 1: a solve reports when it is done."""
        del problem, rows, models
        return 1

    def check(self, problem: Problem) -> None:
        """Refuse terms that have no minimizer, no closed form or are on the intercept."""
        _proximal(problem)

    def critical_strength(self, problem: Problem, unit: Unit) -> float:
        """Return the least strength of the varying term at which no weight enters.

        It is the penalty's critical strength of the gradient at zero weights and the best
        intercept (Friedman, Hastie and Tibshirani 2010, section 2.5), the fixed terms included,
        with the weights of free inputs at their best; inf for L2. Fixed terms that make zeros
        themselves are left out: then it is a bound.
        """
        objective = _smooth_part(problem, unit.data.rows.take(unit.data.train))
        start = torch.zeros(1, problem.n_outputs, objective.columns, dtype=torch.float64)
        if objective.columns > objective.penalised:
            start = _intercept_only(problem, unit, start)
        (info,) = (info for info in problem.assignment.infos if info.name == WEIGHT)
        if info.input_groups is not None and info.input_groups.free:
            start = _free_only(objective, start, info.input_groups)
        gradient = objective.gradient(start)[0, :, : objective.penalised]
        zero = torch.zeros_like(gradient)
        (varying, *_) = problem.terms.terms.ids
        for part in _proximal(problem).parts:
            if part.term != varying:
                gradient = gradient + part.strength * part.penalty.gradient(part.about(zero))
        penalty = penalty_on(problem.terms.varying[0].penalty, info)
        return float(penalty.critical_strength(gradient))

    def train(self, problem: Problem, unit: Unit, advance: Advance) -> Trained:
        """Solve for all strengths of the unit together."""
        proximal = _proximal(problem)
        objective = _smooth_part(problem, unit.data.rows.take(unit.data.train))
        with torch_threads(unit.threads):
            solution = _solve(problem, unit, objective, proximal)
        weight, bias = objective.split(solution.weights)
        arrays = {WEIGHT: weight.to(problem.dtype), BIAS: bias.to(problem.dtype)}
        advance(1)
        return Trained(_outputs(arrays), arrays, None, solution.converged)


def _proximal(problem: Problem) -> ProximalSum:
    """Return the terms on the weights, whatever update names them: all reach the minimizer."""
    parts = [part for parts in problem.penalised.values() for part in parts]
    if any(part.update == "decoupled" for part in parts):
        raise InputError(
            "a linear model is solved to the minimizer of its objective, and `decoupled` does "
            "not minimize it; expected update proximal, gradient or loss"
        )
    if set(problem.penalised) - {WEIGHT}:
        raise InputError(
            "expected terms on the weights of a linear model, got some on its intercept, which is "
            f"never penalised: select {WEIGHT!r}"
        )
    return closed_form(parts)


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
class Solution:
    """Weights (models, outputs, columns), and for each model whether it is at its minimizer."""

    weights: torch.Tensor
    converged: np.ndarray


def _smooth_part(problem: Problem, rows: Rows) -> Objective:
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
    gram = centred.t() @ centred
    moment = centred.t() @ ((y - y_mean) * share.sqrt())

    def split(weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return weights, y_mean - weights @ x_mean

    curvature = float(torch.linalg.eigvalsh(gram)[-1])
    return Objective(
        lambda weights: weights @ gram - moment,
        curvature,
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

    curvature = 0.5 * float(torch.linalg.eigvalsh(weighted.t() @ x)[-1])
    inputs = x.shape[1] - 1
    return Objective(
        gradient,
        curvature,
        inputs + 1,
        inputs,
        lambda w: (w[..., :inputs], w[..., inputs]),
        separates,
    )


def _intercept_only(problem: Problem, unit: Unit, start: torch.Tensor) -> torch.Tensor:
    rows = unit.data.rows.take(unit.data.train)
    share = _weights(rows)
    counts = torch.zeros(problem.n_outputs, dtype=torch.float64)
    counts.index_add_(0, rows.target.cpu(), share)
    logs = torch.log(counts.clamp_min(1e-300))
    start[0, :, -1] = logs - logs.mean()
    return start


def _free_only(objective: Objective, start: torch.Tensor, groups: InputGroups) -> torch.Tensor:
    """Return the minimizer over the weights of free inputs and the intercept, the others at 0."""
    moves = torch.ones(objective.columns, dtype=start.dtype)
    moves[list(groups.penalised)] = 0.0
    step = 1.0 / max(objective.curvature, 1e-300)

    def map_of(models: torch.Tensor) -> Map:
        del models
        return lambda point: point - step * objective.gradient(point) * moves

    return _accelerate(map_of, start, lambda weights, _: objective.separates(weights)).weights


def _solve(problem: Problem, unit: Unit, objective: Objective, proximal: ProximalSum) -> Solution:
    settings = unit.settings
    columns = {
        name: torch.tensor(settings.column(name), dtype=torch.float64) for name in settings.columns
    }
    step = 1.0 / max(objective.curvature, 1e-300)
    shape = (len(settings), problem.n_outputs, objective.columns)
    weights = torch.zeros(shape, dtype=torch.float64)

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

    return _accelerate(map_of, weights, is_endless)


def _accelerate(
    map_of: Callable[[torch.Tensor], Map],
    start: torch.Tensor,
    is_endless: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> Solution:
    """Iterate with momentum; a model restarts its own momentum when it points uphill.

    Models that are at their minimizer, or have none, leave the stack: the last ones, at strength 0
    or near it, do not keep the others busy.
    """
    solution, left = start.clone(), torch.arange(len(start))
    converged = torch.zeros(len(start), dtype=torch.bool)
    forward_backward, weights, point = map_of(left), start, start
    momentum = torch.ones(len(start), 1, 1, dtype=start.dtype)
    for iteration in range(MOST_ITERATIONS):
        new = forward_backward(point)
        uphill = ((point - new) * (new - weights)).sum(dim=(1, 2), keepdim=True) > 0
        momentum = torch.where(uphill, torch.ones_like(momentum), momentum)
        grown = 0.5 * (1.0 + torch.sqrt(1.0 + 4.0 * momentum**2))
        point = new + torch.where(uphill, 0.0, (momentum - 1.0) / grown) * (new - weights)
        weights, momentum = new, grown
        if iteration % CHECK_EVERY == 0:
            moved = (forward_backward(weights) - weights).abs().amax(dim=(1, 2))
            going = moved > TOLERANCE * weights.abs().amax(dim=(1, 2)).clamp_min(1e-30)
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
    return Solution(solution, converged.numpy())


def _outputs(arrays: dict[str, torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    def outputs(x: torch.Tensor) -> torch.Tensor:
        return arrays[WEIGHT] @ x.t() + arrays[BIAS].unsqueeze(-1)

    return outputs
