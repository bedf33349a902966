"""Linear models along a path: each solved to its minimizer, with a certificate.

Who uses this: `fit_path` for `--model linear`, where the objective is convex and has a minimizer
that no number of epochs should stand in the way of. It promises models whose relative duality gap
is at most `GAP`, or says that it did not get there: then `residual` says how far. Classes that a
hyperplane separates have no minimizer at strength 0, as the weights grow for ever (Albert and
Anderson 1984): such a model ends, marked as not converged, when all rows are right and the loss is
below `SEPARATED`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from shrinkage.errors import InputError
from shrinkage.paths.engines.base import Advance, Problem, Rows, Trained, Unit
from shrinkage.paths.engines.censored_losses import StackedCox
from shrinkage.paths.engines.count_losses import StackedPoisson
from shrinkage.paths.engines.efron import StackedEfron
from shrinkage.paths.engines.linear.accelerated import smooth_part, solve_by_gradients
from shrinkage.paths.engines.linear.backtracked import gradient_at_zero, solve_backtracked
from shrinkage.paths.engines.linear.classes import Logistic, Softmax
from shrinkage.paths.engines.linear.counted_rows import counted, numbers_of
from shrinkage.paths.engines.linear.counts import Counts
from shrinkage.paths.engines.linear.family import Family
from shrinkage.paths.engines.linear.losses import Squared
from shrinkage.paths.engines.linear.several import solved_several
from shrinkage.paths.engines.linear.solver import GAP, Solver
from shrinkage.paths.engines.linear.times import Times
from shrinkage.paths.engines.losses import StackedCrossEntropy, StackedSquaredError
from shrinkage.paths.engines.threads import one_blas_thread, torch_threads
from shrinkage.terms import ProximalSum, closed_form, penalty_on, refuse_renewed

MOST_BRIEF = 1_000_000
"""Rows × weights × models under which two units in threads wait for each other."""

WEIGHT, BIAS = "0.weight", "0.bias"


@dataclass(frozen=True, eq=False)
class LinearSolution:
    """Weights (models, outputs, inputs), intercepts (models, outputs), and certificates."""

    weights: np.ndarray
    intercepts: np.ndarray
    converged: np.ndarray
    residual: np.ndarray | None


class LinearEngine:
    """Solves a unit of linear models."""

    name = "linear"
    is_solver = True
    narrows = False
    side_by_side = True

    def parts(self, problem: Problem, models: int, weights: int) -> int:
        """Return 1: all strengths are solved together."""
        del problem, models, weights
        return 1

    def at_once(self, models: int) -> int:
        """Return all: they are solved together."""
        return models

    def is_divisible(self, problem: Problem, models: int) -> bool:
        """Return no: all strengths are solved together."""
        del problem, models
        return False

    def is_brief(self, problem: Problem, unit: Unit) -> bool:
        """Return whether it takes milliseconds, most of them in Python."""
        numbers = len(unit.data.train) * unit.data.n_inputs * problem.n_outputs
        return numbers * len(unit.settings) <= MOST_BRIEF

    def steps(self, problem: Problem, rows: int, models: int) -> int:
        """Return 1: a solve reports when it is done."""
        del problem, rows, models
        return 1

    def check(self, problem: Problem) -> None:
        """Refuse terms that have no minimizer, no closed form or are on the intercept."""
        _proximal(problem)

    def critical_strength(self, problem: Problem, unit: Unit) -> float | None:
        """Return the least strength of the varying term at which no weight enters.

        It is the penalty's critical strength of the gradient at zero weights and the best
        intercept (Friedman, Hastie and Tibshirani 2010, section 2.5), the fixed terms included,
        with the weights of free inputs at their best; inf for L2. Fixed terms that make zeros
        themselves are left out: then it is a bound. None where inputs are free and the loss has no
        solver of its own.
        """
        (info,) = (info for info in problem.assignment.infos if info.name == WEIGHT)
        free = np.zeros(info.shape[1], dtype=bool)
        if info.input_groups is not None:
            free[list(info.input_groups.free)] = True
        rows = _training_rows(unit)
        if not _has_solver(problem):
            if free.any():
                return None
            gradient = gradient_at_zero(problem, rows)
        else:
            solver = _solver(problem, rows)
            pull = solver.pull_at_zero(free)
            of_two = problem.n_outputs == 2  # classes, of whose logits the loss sees the difference
            gradient = torch.from_numpy(np.concatenate([-pull, pull]) if of_two else pull)
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
        rows = _training_rows(unit)
        with torch_threads(unit.threads), one_blas_thread:
            solution = _solved(problem, unit, rows, proximal) or _with_plain_apart(
                problem, unit, rows, proximal
            )
        arrays = {
            WEIGHT: torch.from_numpy(solution.weights).to(problem.dtype),
            BIAS: torch.from_numpy(solution.intercepts).to(problem.dtype),
        }
        advance(1)
        residual = solution.residual
        return Trained(_outputs(arrays), arrays, None, solution.converged, lambda: residual)


def _training_rows(unit: Unit) -> Rows:
    """Return the rows to train on: no copy where they are all, as in a refit."""
    rows, train = unit.data.rows, unit.data.train
    whole = len(train) == len(rows) and bool((train.diff() == 1).all())
    return rows if whole else rows.take(train)


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
    refuse_renewed(problem.assignment, "a linear model, which is solved, not trained by steps")
    return closed_form(parts)


def _solver(problem: Problem, rows: Rows) -> Solver:
    """Return the solver of some rows."""
    if isinstance(problem.loss, StackedCox):
        x, target, share = numbers_of(rows)
        efron = isinstance(problem.loss, StackedEfron)
        return Solver(Times(x, target.astype(np.float64), share, efron=efron))
    x, target, share = counted(rows)
    if isinstance(problem.loss, StackedPoisson):
        return Solver(Counts(x, target.astype(np.float64), share))
    if isinstance(problem.loss, StackedSquaredError):
        return Solver(Squared(x, target.astype(np.float64), share))
    if problem.n_outputs == 2:
        return Solver(Logistic(x, target, share))
    return Solver(Softmax(x, target, share, problem.n_outputs))


def _solved(
    problem: Problem, unit: Unit, rows: Rows, proximal: ProximalSum
) -> LinearSolution | None:
    """Solve for one strength after the other, the strongest first; None where that cannot be."""
    if not _has_solver(problem):
        path = solved_several(problem, unit, rows, proximal)
        return path and LinearSolution(path.weights, path.intercepts, path.gaps <= GAP, path.gaps)
    settings = unit.settings
    rows_of = [settings.strengths(model) for model in range(len(settings))]
    family = Family.of(proximal, rows_of, (problem.n_outputs, rows.x.shape[1]))
    if family is None:
        return None
    if problem.n_outputs == 2:
        family = family.of_two_classes()
    order = np.argsort([-sum(row) for row in settings.rows], kind="stable")
    path = _solver(problem, rows).path(family.take(order))
    back = np.argsort(order)
    weights = _both(problem, path.weights, axis=1)[back]
    intercepts, gaps = _both(problem, path.intercepts, axis=1)[back], path.gaps[back]
    return LinearSolution(weights, intercepts, gaps <= GAP, gaps)


def _with_plain_apart(
    problem: Problem, unit: Unit, rows: Rows, proximal: ProximalSum
) -> LinearSolution:
    """Solve by gradients, but what has no penalty, which then is the same for every penalty."""
    settings = unit.settings
    penalised = np.array([any(row) for row in settings.rows])
    places = [np.flatnonzero(penalised == own) for own in (False, True)]
    plain, others = (replace(unit, settings=settings.take(own.tolist())) for own in places)
    solved = None if penalised.all() else _solved(problem, plain, rows, ProximalSum(()))
    if solved is None:
        return _by_gradients(problem, unit, rows, proximal)
    if not penalised.any():
        return solved
    left = _by_gradients(problem, others, rows, proximal)
    back = np.argsort(np.concatenate(places))
    residual = np.full(len(settings), np.nan)
    residual[places[0]] = solved.residual
    return LinearSolution(
        np.concatenate([solved.weights, left.weights])[back],
        np.concatenate([solved.intercepts, left.intercepts])[back],
        np.concatenate([solved.converged, left.converged])[back],
        residual,
    )


def _has_solver(problem: Problem) -> bool:
    """Return whether the loss is of classes, or of one number, count or time."""
    of_one = isinstance(problem.loss, StackedPoisson | StackedCox)
    return (of_one and problem.n_outputs == 1) or _is_even(problem)


def _is_even(problem: Problem) -> bool:
    """Return whether second derivatives have a bound by which steps of one length are found."""
    one = isinstance(problem.loss, StackedSquaredError) and problem.n_outputs == 1
    return one or isinstance(problem.loss, StackedCrossEntropy)


def _both(problem: Problem, numbers: np.ndarray, axis: int = 0) -> np.ndarray:
    """Return numbers of all outputs, where those of two classes are one of them."""
    if problem.n_outputs != 2:
        return numbers
    return np.concatenate([-numbers / 2, numbers / 2], axis=axis)


def _by_gradients(
    problem: Problem, unit: Unit, rows: Rows, proximal: ProximalSum
) -> LinearSolution:
    if not _is_even(problem):
        solution, intercepts = solve_backtracked(problem, unit, rows, proximal)
        weights = solution.weights.numpy()
        return LinearSolution(weights, intercepts.numpy(), solution.converged, None)
    objective = smooth_part(problem, rows)
    solution = solve_by_gradients(problem, unit, objective, proximal)
    weight, bias = objective.split(solution.weights)
    return LinearSolution(weight.numpy(), bias.numpy(), solution.converged, None)


def _outputs(arrays: dict[str, torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    def outputs(x: torch.Tensor) -> torch.Tensor:
        return arrays[WEIGHT] @ x.t() + arrays[BIAS].unsqueeze(-1)

    return outputs
