"""How far a trained network is from a minimizer: the residual of one proximal gradient step.

Who uses this: the engines of networks. A network that stops for want of epochs looks like one that
has arrived; its residual tells them apart.

With F = data loss f + penalties Ω, the step from w is `w⁺ = prox_{ηΩ}(w − η∇f(w))` on the training
rows, in training mode, and ‖w − w⁺‖/η is 0 exactly where F is stationary (Parikh and Boyd 2014,
Proximal algorithms, 4.2; Beck 2017, First-order methods in optimization, 10.3: the gradient
mapping). It is told relative to

    √(‖Jᵀd/n‖² + ‖d‖²/n)

where d are the derivatives of the loss of the n rows at the best constant and J those of the
outputs by the weights: Jᵀd/n is the gradient that these very weights would have if nothing had been
learned yet, and the second part stands for the output bias, whose gradient vanishes at the
constant. For a linear model that is ‖Xᵀ(Xw − y)‖ over ‖Xᵀy‖ but for the bias: the share of the
signal that is left. It does not depend on where training began, nor on the unit of the target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Protocol

import numpy as np
import torch
from torch import nn

from shrinkage.errors import OverlapError
from shrinkage.paths.engines.base import Problem, Rows, Unit, spread
from shrinkage.paths.engines.losses import loss_and_gradient
from shrinkage.terms import ProximalSum, closed_form

# A network with a larger relative residual has not converged.
CONVERGED = 0.05
# η. At a stationary point it does not matter; elsewhere a weight that ought to be 0 counts with at
# most |w|/η. Much smaller ones drown in rounding: in float32 a weight of 1 counts with 6e-8/η.
STEP = 0.1
# Numbers in one layer of all models that are computed at a time: 8 MB in float32, for the cache.
CHUNK_NUMBERS = 2_000_000
MOST_CHUNK_ROWS = 4096
MOST_ROWS = 100_000
# Rows that are asked one after the other, while some model is not known to have converged.
ROWS = (5_000, 20_000, MOST_ROWS)
# Rows that are seen where masks of dropout or batches are random, those of few several times.
RANDOM_ROWS = 8192
# No more steps are taken for that than this share of the training's, beyond one pass.
RANDOM_SHARE = 0.5
# Rows that say what the residual is relative to: a size, which a sample tells.
SCALE_ROWS = 8192

Forward = Callable[[torch.Tensor], torch.Tensor]


class Gradients(Protocol):
    """Compiled gradients of the trained function, by parameter, of rows at some positions."""

    def __call__(self, positions: torch.Tensor, /) -> dict[str, torch.Tensor]:
        """Return those of the mean loss of the rows."""
        ...

    def at_constant(self, positions: torch.Tensor, constant: torch.Tensor, /) -> dict:
        """Return Jᵀd/n, d the derivatives of the rows' losses where outputs are `constant`."""
        ...


@dataclass(frozen=True)
class Stationary:
    """What the residual is taken of.

    Args:
        forward: maps rows (rows, inputs) to outputs (models, outputs, rows) in training mode.
        weights: the trained parameters, models along their first axis.
        gradients_of: the tensors to differentiate by, in the order of `weights`.
        proximal: the sum of the terms on a parameter, by its name in `weights`.
        layers: those of the network: batch norm sees batches of the size that it was trained with.
        most_rows: to be computed at a time.
        compiled: gives the gradients in the place of `forward`; None: autograd does.
    """

    forward: Forward
    weights: Mapping[str, torch.Tensor]
    gradients_of: tuple[torch.Tensor, ...]
    proximal: Mapping[str, ProximalSum]
    layers: tuple[nn.Module, ...]
    most_rows: int = MOST_CHUNK_ROWS
    compiled: Gradients | None = None

    @property
    def batched(self) -> bool:
        """Return whether a row's output depends on the rows beside it."""
        return any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in self.layers)


def proximal_sums(
    problem: Problem, strengths: Mapping[str, torch.Tensor]
) -> dict[str, ProximalSum] | None:
    """Return the sum of the terms on each penalised parameter at these strengths, one a model.

    None where no residual means anything: `decoupled` terms do not minimize F, the sum of some
    overlapping terms has no closed form, and a loss that is no mean over the rows is not the sum of
    those of blocks. Nor with an optimizer of the user's, whose own decay is no term of F.
    """
    if problem.recipe.optimizer is not None or not problem.loss.by_row:
        return None
    parts = [part for own in problem.penalised.values() for part in own]
    if any(part.update == "decoupled" for part in parts):
        return None
    try:
        sums = {name: closed_form(own) for name, own in problem.penalised.items()}
    except OverlapError:
        return None
    return {name: each.at(strengths) for name, each in sums.items()}


def relative_residual(problem: Problem, unit: Unit, at: Stationary) -> np.ndarray:
    """Return the relative residual of each model, shape (models,); NaN where it is not finite.

    Few training rows, evenly spread, are asked first: their scatter makes a residual larger and
    hardly ever smaller, so a model that has converged by them has. Of the others more are asked, as
    `ROWS` says. Which it is depends on the model alone, not on those beside it.
    """
    residual = _residual_on(problem, unit, at, ROWS[0])
    for fewer, most in pairwise(ROWS):
        still_open = residual > CONVERGED
        if len(unit.data.train) <= fewer or not still_open.any():
            break
        residual = np.where(still_open, _residual_on(problem, unit, at, most), residual)
    return residual


def rows_seen(rows: int) -> int:
    """Return how many of so many training rows the residuals of a stack see, as a rule.

    These are the few that are asked first, and the next where there are more: some model or other
    is left open.

    >>> rows_seen(300), rows_seen(48_000)
    (300, 25000)
    """
    return sum(min(rows, most) for most in ROWS[: 1 + (rows > ROWS[0])])


def _residual_on(problem: Problem, unit: Unit, at: Stationary, most: int) -> np.ndarray:
    """Return the relative residual of each model on so many training rows, some at a time."""
    positions = spread(unit.data.train, most)
    if at.compiled is None:
        slope, scale = _gradients(problem, unit.data.rows.take(positions), at)
    else:
        slope, scale = at.compiled(positions), _scale(problem, unit, at.compiled, positions)
    residual = torch.zeros(len(next(iter(at.weights.values()))), dtype=torch.float64)
    for name, weight in at.weights.items():
        after = torch.sub(weight, slope.pop(name), alpha=STEP)
        if name in at.proximal:
            after = at.proximal[name].prox(after, STEP, stacked=1)
        residual += _squares(weight, after) / STEP**2
    return torch.sqrt(residual / scale).numpy()


def _gradients(
    problem: Problem, rows: Rows, at: Stationary
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Return ∇f by parameter, and ‖Jᵀd/n‖² + ‖d‖²/n of each model."""
    slope: list[torch.Tensor | None] = [None] * len(at.weights)
    signal: list[torch.Tensor | None] = [None] * len(at.weights)
    constant = _constant(problem, rows)
    squares = torch.zeros((), dtype=torch.float64)
    blocks = list(_blocks(problem, rows, at, _passes(problem, rows, at)))
    seen = sum(map(len, blocks))
    told = list(accumulate(map(len, blocks)))
    scaled = next(count for count in told if count >= min(SCALE_ROWS, seen))
    for some, count in zip(blocks, told, strict=True):
        block, tells = rows.take(some), count <= scaled
        with torch.enable_grad():
            outputs = at.forward(block.x)
            losses = problem.loss(outputs, block.target, block.weight) * (len(some) / seen)
            _add(slope, _derivatives(losses.sum(), at, retain_graph=tells))
            if tells:
                share = len(some) / scaled
                pull = _pull(problem, block, constant, outputs) * share
                _add(signal, _derivatives(outputs, at, pull))
                squares += len(some) / share * float(pull[0].double().square().sum())
    scale = squares + torch.zeros(len(next(iter(at.weights.values()))), dtype=torch.float64)
    for place, weight in enumerate(at.weights.values()):
        total, signal[place] = signal[place], None
        if total is not None:
            scale += _squares(total.view_as(weight))
    filled = (
        torch.zeros_like(weight) if total is None else total.view_as(weight)
        for total, weight in zip(slope, at.weights.values(), strict=True)
    )
    return dict(zip(at.weights, filled, strict=True)), scale


def _scale(
    problem: Problem, unit: Unit, compiled: Gradients, positions: torch.Tensor
) -> torch.Tensor:
    """Return ‖Jᵀd/n‖² + ‖d‖²/n of each model, of the constant that is best for all the rows."""
    rows, some = unit.data.rows, spread(positions, SCALE_ROWS)
    without = replace(rows, x=rows.x[:, :0])  # its inputs do not matter
    constant = _constant(problem, without.take(positions)).to(rows.x)
    sample = without.take(some)
    outputs = constant.view(1, -1, 1).expand(1, -1, len(some)).contiguous()
    _, pull = loss_and_gradient(problem.loss, outputs, sample.target, sample.weight)
    squares = [_squares(own) for own in compiled.at_constant(some, constant).values()]
    return torch.stack(squares).sum(0) + len(some) * pull.double().square().sum()


def _derivatives(
    outputs: torch.Tensor,
    at: Stationary,
    pull: torch.Tensor | None = None,
    *,
    retain_graph: bool = False,
) -> tuple[torch.Tensor | None, ...]:
    if pull is not None:  # of a number: torch imports SymPy (0.8 s) to check the shape of a pull
        outputs = (outputs * pull).sum()
    return torch.autograd.grad(
        outputs, at.gradients_of, retain_graph=retain_graph, allow_unused=True
    )


def _add(totals: list[torch.Tensor | None], new: tuple[torch.Tensor | None, ...]) -> None:
    """Add gradients of a block of rows to those of the blocks before."""
    for place, gradient in enumerate(new):
        if gradient is not None:
            total = totals[place]
            totals[place] = gradient.detach() if total is None else total + gradient


def _constant(problem: Problem, rows: Rows) -> torch.Tensor:
    weight = None if rows.weight is None else rows.weight.cpu().numpy()
    outputs = problem.loss.constant_outputs(rows.target.cpu().numpy(), weight, problem.n_outputs)
    return torch.from_numpy(outputs).to(rows.x)


def _pull(
    problem: Problem, block: Rows, constant: torch.Tensor, outputs: torch.Tensor
) -> torch.Tensor:
    """Return the derivatives of the loss by the outputs where these are the best constant."""
    flat = constant.view(1, -1, 1).expand(1, -1, len(block)).clone().requires_grad_()
    loss = problem.loss(flat, block.target, block.weight).sum()
    (pull,) = torch.autograd.grad(loss, flat)
    return pull.expand_as(outputs)


def _passes(problem: Problem, rows: Rows, at: Stationary) -> int:
    """Return how often the rows are seen: more than once where few meet random masks or batches."""
    first = rows.x[:2]
    with torch.no_grad():
        random = at.batched or not torch.equal(at.forward(first), at.forward(first))
    if not random:
        return 1
    steps = RANDOM_SHARE * problem.recipe.steps(len(rows)) / _blocks_a_pass(problem, rows, at)
    return max(1, min(RANDOM_ROWS // len(rows), int(steps)))


def _blocks(problem: Problem, rows: Rows, at: Stationary, passes: int) -> Iterator[torch.Tensor]:
    """Yield the positions that are computed at a time, each pass in an order of its own."""
    random = np.random.default_rng(0)
    for _ in range(passes):
        order = torch.from_numpy(random.permutation(len(rows))).to(rows.x.device)
        yield from order.tensor_split(_blocks_a_pass(problem, rows, at))


def _blocks_a_pass(problem: Problem, rows: Rows, at: Stationary) -> int:
    return -(-len(rows) // _chunk(problem, at))


def _chunk(problem: Problem, at: Stationary) -> int:
    """Return how many rows are computed at a time."""
    if at.batched:
        return problem.recipe.batch_size
    widest = max((weight.shape[1] for weight in at.weights.values() if weight.ndim > 1), default=1)
    models = len(next(iter(at.weights.values())))
    rows = CHUNK_NUMBERS // max(1, models * widest)
    return min(at.most_rows, max(problem.recipe.batch_size, rows))


def _squares(values: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
    """Return ‖values − other‖² of each model in float64, a model at a time: no copy of a stack."""
    squares = torch.empty(len(values), dtype=torch.float64)
    for model, own in enumerate(values):
        difference = own if other is None else own - other[model]
        squares[model] = difference.double().square().sum()
    return squares
