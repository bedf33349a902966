"""Newton steps on the weights that are not zero.

Who uses this: the solver. On the set of weights of one pattern (the same zeros, the same signs) the
objective is smooth, and Newton's method goes to its minimizer in a few steps; a weight that would
change its sign, or a group that would turn round, becomes zero on the way.

Source: Bareilles, Iutzeler and Malick, Newton acceleration on manifolds identified by proximal
gradient methods, Math. Program. 200 (2023).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.linalg.lapack import dposv  # pyright: ignore[reportAttributeAccessIssue]

from shrinkage.paths.engines.linear.losses import Loss, Place, Unknowns, outputs_of
from shrinkage.paths.engines.linear.norms import Norms

MOST_DENSE = 2500
"""Up to so many unknowns the matrix of second derivatives is made; beyond, only its products."""

_FEW_ROWS = 4
"""With so many times more unknowns than rows and outputs have directions, products are fewer."""

_DAMPING = 1e-11  # of a weight's own curvature, whatever the scale of its column
_HALVINGS = 30
_ROUNDING = 1e-15
_UNSEEN = 1e-10  # of the objective: a gain that rounding hides where outputs are large


def newton_step(loss: Loss, norms: Norms, place: Place, unknowns: Unknowns) -> Place:
    """Return a place whose objective is not larger, nearer to the minimizer of the pattern."""
    slope = slopes(loss, place, unknowns) + norms.subgradient(place.weights)
    gradient = unknowns.taken(slope, place.pull.sum(axis=1))
    if not len(gradient) or not np.abs(gradient).max():
        return place
    most = min(MOST_DENSE, _FEW_ROWS * len(loss.x) * loss.outputs)
    solve = _dense if len(gradient) <= most else _by_products
    direction = unknowns.put(-solve(loss, norms, place, unknowns, gradient), loss.outputs)
    return searched(loss, norms, place, direction, partial(_within_pattern, norms))


def slopes(loss: Loss, place: Place, unknowns: Unknowns) -> np.ndarray:
    """Return the loss's gradient by the weights that move, (outputs, inputs), 0 elsewhere."""
    if 2 * unknowns.count > unknowns.chosen.size:
        return place.pull @ loss.x
    slope = np.zeros(unknowns.chosen.shape)
    for row, pull, own in zip(slope, place.pull, unknowns.columns, strict=True):
        row[own] = loss.x.T[own] @ pull
    return slope


def searched(
    loss: Loss,
    norms: Norms,
    place: Place,
    direction: tuple[np.ndarray, np.ndarray],
    shaped: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda _, after: after,
) -> Place:
    """Return the first place along a direction, halved again and again, that is not worse.

    Args:
        loss: of the data.
        norms: the penalty.
        place: where to start.
        direction: of weights and intercepts.
        shaped: what becomes of the weights, from those before and those after.
    """
    before, length = place.objective(norms), 1.0
    for _ in range(_HALVINGS):
        weights = shaped(place.weights, place.weights + length * direction[0])
        moved = loss.at(weights, place.intercept + length * direction[1])
        if moved.objective(norms) <= before + _ROUNDING * abs(before):
            return moved
        if norms.is_smooth and _is_flatter(loss, norms, place, moved):
            return moved
        length *= 0.5
    return place


def _is_flatter(loss: Loss, norms: Norms, before: Place, after: Place) -> bool:
    """Return whether the slope along a step is halved, of which the objective tells nothing.

    It is convex: it grows by less than half of what the slope before promised, which is little.
    """
    weights, intercept = after.weights - before.weights, after.intercept - before.intercept
    moved = outputs_of(loss.x, weights) + intercept[:, None]

    def slope(place: Place) -> float:
        own = np.vdot(norms.subgradient(place.weights), weights)
        return abs(float(np.vdot(place.pull, moved) + own))

    promised = slope(before)
    return promised <= _UNSEEN * before.objective(norms) and slope(after) <= 0.5 * promised


def _within_pattern(norms: Norms, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Set to zero what has changed its sign under Σ|w|, and groups that have turned round."""
    if norms.alpha:
        after = np.where((before * after < 0) & ~norms.free, 0.0, after)
    if norms.gamma:
        along = norms.spread(norms.by_groups(before * after), free=1.0)
        after = np.where(along <= 0, 0.0, after)
    return after


def _dense(
    loss: Loss, norms: Norms, place: Place, unknowns: Unknowns, gradient: np.ndarray
) -> np.ndarray:
    curvature = curvature_of(loss, norms, place, unknowns)
    diagonal = np.einsum("ii->i", curvature)
    damping = _DAMPING * np.where(diagonal > 0, diagonal, max(float(diagonal.max()), 1e-300))
    while True:
        diagonal += damping
        _, direction, failed = dposv(curvature, gradient)  # works on a copy
        if not failed:
            return direction
        damping *= 100


def curvature_of(loss: Loss, norms: Norms, place: Place, unknowns: Unknowns) -> np.ndarray:
    """Return the matrix of second derivatives by the unknowns, penalty included."""
    matrix = loss.curvature(place, unknowns)
    held = np.broadcast_to(norms.held, unknowns.chosen.shape)[unknowns.chosen]
    inner = matrix[: len(held), : len(held)]
    if norms.beta:
        np.einsum("ii->i", inner)[...] += norms.beta * held
    if norms.gamma:
        inner += _group_curvature(norms, place.weights, unknowns.chosen)
    return matrix


def _group_curvature(norms: Norms, weights: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return γ√|g| (I/‖w_g‖ − w wᵀ/‖w_g‖³) for the chosen weights of every group."""
    assert norms.labels is not None
    labels, w = norms.labels[chosen], weights[chosen]
    lengths = norms.lengths(weights)
    safe = np.append(np.where(lengths > 0, lengths, np.inf), np.inf)[labels]
    factor = norms.gamma * np.append(norms.roots, 0.0)[labels] / safe
    unit = w / safe
    same = labels[:, None] == labels[None, :]
    matrix = np.where(same, -factor[:, None] * unit[:, None] * unit[None, :], 0.0)
    matrix[np.diag_indices(len(w))] += factor
    return matrix


def _by_products(
    loss: Loss, norms: Norms, place: Place, unknowns: Unknowns, gradient: np.ndarray
) -> np.ndarray:
    """Return the solution by conjugate gradients, with the curvature of single weights in front."""
    squares = loss.bound * np.einsum("ij,ij->j", loss.x, loss.x * loss.share[:, None])
    single = np.broadcast_to(squares + norms.beta * norms.held, unknowns.chosen.shape)
    front = unknowns.taken(single, np.full(loss.outputs, loss.bound * loss.share.sum()))
    front = np.maximum(front, 1e-12 * front.max())

    def product(vector: np.ndarray) -> np.ndarray:
        weights, intercept = unknowns.put(vector, loss.outputs)
        pull = loss.curve(place, weights @ loss.x.T + intercept[:, None])
        slope = pull @ loss.x + norms.beta * norms.held * weights
        if norms.gamma:
            slope = slope + _group_product(norms, place.weights, weights)
        return unknowns.taken(slope, pull.sum(axis=1)) + _DAMPING * front * vector

    return _conjugate_gradients(product, gradient, front)


def _group_product(norms: Norms, weights: np.ndarray, moved: np.ndarray) -> np.ndarray:
    lengths = norms.lengths(weights)
    safe = np.where(lengths > 0, lengths, np.inf)
    factor = norms.gamma * norms.roots / safe
    share = norms.by_groups(weights * moved) / safe**2
    return norms.spread(factor) * (moved - norms.spread(share) * weights)


def _conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray], target: np.ndarray, front: np.ndarray
) -> np.ndarray:
    """Return an inexact solution: its residual is a fraction of the target's, as Newton needs."""
    x, rest = np.zeros_like(target), target.copy()
    ahead = rest / front
    along, size = ahead.copy(), float(rest @ ahead)
    goal = min(0.1, size**0.25) ** 2 * size
    for _ in range(min(500, 10 * len(target))):
        image = product(along)
        curved = float(along @ image)
        if curved <= 0:
            break
        length = size / curved
        x += length * along
        rest -= length * image
        ahead = rest / front
        new = float(rest @ ahead)
        if new <= goal:
            break
        along = ahead + (new / size) * along
        size = new
    return x
