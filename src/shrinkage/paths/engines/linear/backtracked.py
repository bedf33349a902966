"""Linear models that have no solver of their own, whatever their smooth and convex loss.

Who uses this: the linear engine, for several targets or labels that a penalty couples, for counts
and times under penalties that are no sum of norms, and for losses of the user's own. It
promises a model that a proximal gradient step of the length found moves by no more than
`TOLERANCE` of the largest weight or of the step without its prox, or says that it did not get
there. (An intercept that the loss does not see, as that of Cox, moves by rounding alone.)

Method: Beck and Teboulle 2009 (FISTA with backtracking) in float64, restarted where the momentum
points uphill (O'Donoghue and Candes 2015), one model after the other from the strongest; inputs
are centred, so that the intercept does not pull on the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from shrinkage.paths.engines.base import Problem, Rows, Unit
from shrinkage.paths.engines.linear.accelerated import GradientSolution
from shrinkage.paths.engines.losses import StackedLoss, loss_and_gradient
from shrinkage.terms import ProximalSum

TOLERANCE = 1e-9
MOST_ITERATIONS = 20_000
GROWTH, SHRINK = 1.25, 0.5
_ROUNDING = 1e-14
_SEEN = 1e4  # times the rounding of a value: from there on values tell steps apart


@dataclass(frozen=True, eq=False)
class _Model:
    """The data loss of a linear model on rows: weights (1, outputs, inputs + 1), intercept last."""

    loss: StackedLoss
    rows: Rows
    x: torch.Tensor

    def at(self, weights: torch.Tensor) -> tuple[float, torch.Tensor]:
        """Return the loss and its gradient."""
        outputs = weights @ self.x.t()
        losses, pull = loss_and_gradient(self.loss, outputs, self.rows.target, self.rows.weight)
        return float(losses), pull @ self.x

    def value(self, weights: torch.Tensor) -> float:
        """Return the loss."""
        return float(self.loss(weights @ self.x.t(), self.rows.target, self.rows.weight))


def centred_rows(rows: Rows) -> tuple[Rows, torch.Tensor, torch.Tensor]:
    """Return rows in float64 on the CPU, their inputs centred beside a one, and the centre."""
    x = rows.x.to("cpu", torch.float64)
    weight = None if rows.weight is None else rows.weight.to("cpu", torch.float64)
    center = x.mean(dim=0) if weight is None else weight @ x / weight.sum()
    ones = torch.ones(len(x), 1, dtype=torch.float64)
    target = rows.target.to("cpu", torch.float64)
    return Rows(x, target, weight), torch.cat([x - center, ones], dim=1), center


def gradient_at_zero(problem: Problem, rows: Rows) -> torch.Tensor:
    """Return the gradient by the weights, (outputs, inputs), at 0 and the best intercepts."""
    model, start, _ = _begin(problem, rows)
    return model.at(start)[1][0, :, :-1]


def solve_backtracked(
    problem: Problem, unit: Unit, rows: Rows, proximal: ProximalSum
) -> tuple[GradientSolution, torch.Tensor]:
    """Return weights (models, outputs, inputs) with how they ended, and intercepts."""
    model, weights, center = _begin(problem, rows)
    settings = unit.settings
    shape = (len(settings), *weights.shape[1:])
    solved, converged = torch.zeros(shape, dtype=torch.float64), np.zeros(len(settings), bool)
    for place in sorted(range(len(settings)), key=lambda one: -sum(settings.rows[one])):
        shrink = proximal.at(
            _strengths(dict(zip(settings.columns, settings.rows[place], strict=True)))
        )
        weights, converged[place] = _solve(model, shrink, weights)
        solved[place] = weights[0]
    intercepts = solved[..., -1] - solved[..., :-1] @ center
    return GradientSolution(solved[..., :-1].contiguous(), converged), intercepts


def _begin(problem: Problem, rows: Rows) -> tuple[_Model, torch.Tensor, torch.Tensor]:
    own, x, center = centred_rows(rows)
    weight = None if own.weight is None else own.weight.numpy()
    constant = problem.loss.constant_outputs(own.target.numpy(), weight, problem.n_outputs)
    start = torch.zeros(1, problem.n_outputs, x.shape[1], dtype=torch.float64)
    start[0, :, -1] = torch.from_numpy(constant)
    return _Model(problem.loss, own, x), start, center


def _strengths(values: Mapping[str, float]) -> dict[str, torch.Tensor]:
    return {name: torch.tensor([value], dtype=torch.float64) for name, value in values.items()}


def _solve(model: _Model, shrink: ProximalSum, start: torch.Tensor) -> tuple[torch.Tensor, bool]:
    """Return the minimizer from a start, and whether it was reached."""
    weights = point = start
    step, momentum = 1.0, 1.0
    for _ in range(MOST_ITERATIONS):
        value, gradient = model.at(point)
        new, step = _stepped(model, shrink, point, value, gradient, step * GROWTH)
        moved = float((new - point).abs().max())
        free = step * float(gradient.abs().max())  # what the penalty takes back where all is zero
        if moved <= TOLERANCE * max(min(1.0, step) * float(new.abs().max()), free, 1e-30):
            return new, True
        if not np.isfinite(moved):
            return weights, False
        uphill = float(((point - new) * (new - weights)).sum()) > 0
        momentum = 1.0 if uphill else momentum
        grown = 0.5 * (1.0 + (1.0 + 4.0 * momentum**2) ** 0.5)
        point = new + (0.0 if uphill else (momentum - 1.0) / grown) * (new - weights)
        weights, momentum = new, grown
    return weights, False


def _stepped(
    model: _Model,
    shrink: ProximalSum,
    point: torch.Tensor,
    value: float,
    gradient: torch.Tensor,
    step: float,
) -> tuple[torch.Tensor, float]:
    """Return the point after a step that the quadratic bound allows, and the step's length."""
    while True:
        free = point - step * gradient
        shrunk = shrink.prox(free[..., :-1].contiguous(), step, stacked=1)
        new = torch.cat([shrunk, free[..., -1:]], dim=-1)
        by = new - point
        if step < 1e-12 or _is_bounded(model, new, by, value, gradient, step):
            return new, step
        step *= SHRINK


def _is_bounded(
    model: _Model,
    new: torch.Tensor,
    by: torch.Tensor,
    value: float,
    gradient: torch.Tensor,
    step: float,
) -> bool:
    """Return whether the loss lies below its quadratic bound: f + ∇f·d + ‖d‖²/(2 step).

    Where the bound is of the size of rounding, values say nothing and any step would pass: there
    the curvature along d is looked at, (∇f(new) − ∇f)·d ≤ ‖d‖²/step.
    """
    square, rounding = float(by.square().sum()), _ROUNDING * (abs(value) + 1.0)
    if square > _SEEN * rounding * 2 * step:
        bound = value + float((gradient * by).sum()) + square / (2 * step)
        return model.value(new) <= bound + rounding
    curved = float(((model.at(new)[1] - gradient) * by).sum())
    return curved <= square / step
