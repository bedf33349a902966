"""Proximal Newton steps for Σ|w| with ridges: quadratic problems that scikit-learn solves.

Who uses this: the solver. The loss is replaced by its second-order model on a working set of
weights, intercepts and free weights eliminated; the quadratic with its thresholds is an elastic
net over the triangle of its Cholesky decomposition, which `enet_path` solves by coordinate descent.

Source: Friedman, Hastie and Tibshirani, Regularization paths for generalized linear models via
coordinate descent, J. Stat. Softw. 33 (2010); Lee, Sun and Saunders, Proximal Newton-type methods,
SIAM J. Optim. 24 (2014).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, cholesky, solve_triangular

from shrinkage.paths.engines.linear.losses import Loss, Place
from shrinkage.paths.engines.linear.newton import Unknowns, curvature_of, searched
from shrinkage.paths.engines.linear.norms import Norms

_DAMPING = 1e-11
_MOST = 5000  # sweeps of coordinate descent


def threshold_step(
    loss: Loss, norms: Norms, place: Place, chosen: np.ndarray, tolerance: float
) -> Place:
    """Return a place that is not worse, at the minimizer of the second-order model.

    Args:
        loss: of the data.
        norms: without groups.
        place: intercepts and free weights at their best.
        chosen: (outputs, inputs) truths: the working set, without free weights.
        tolerance: of coordinate descent, relative to the model's data.
    """
    all_of_it = Unknowns(chosen | norms.free, loss.has_intercept)
    plain = Norms(0.0, 0.0, 0.0, None, norms.free)
    matrix = curvature_of(loss, plain, place, all_of_it)
    slope = all_of_it.taken(place.pull.T @ loss.x, place.pull.sum(axis=0))
    held = np.ones(len(slope), dtype=bool)
    held[: int(all_of_it.chosen.sum())] = ~np.broadcast_to(norms.free, chosen.shape)[
        all_of_it.chosen
    ]
    held[int(all_of_it.chosen.sum()) :] = False
    inner, gradient, follow = _eliminated(matrix, slope, held)
    now = place.weights[chosen]
    triangle = _triangle(inner)
    target = solve_triangular(triangle, triangle.T @ (triangle @ now) - gradient, trans=1)
    moved = _elastic_net(triangle, target, norms, now, tolerance) - now
    direction = np.zeros(len(slope))
    direction[held] = moved
    direction[~held] = follow(moved)
    return searched(loss, norms, place, all_of_it.put(direction, loss.outputs))


def _eliminated(
    matrix: np.ndarray, slope: np.ndarray, held: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Return the model in the held weights alone, and how the others follow them."""
    inner = matrix[np.ix_(held, held)]
    if held.all():
        return inner, slope[held], lambda _: np.zeros(0)
    cross, rest = matrix[np.ix_(~held, held)], matrix[np.ix_(~held, ~held)]
    rest[np.diag_indices(len(rest))] += 1e-9 * max(float(rest.diagonal().max()), 1e-300)
    factor = cho_factor(rest)
    answer, own = cho_solve(factor, cross), cho_solve(factor, slope[~held])
    return (
        inner - cross.T @ answer,
        slope[held] - cross.T @ own,
        lambda moved: -own - answer @ moved,
    )


def _triangle(matrix: np.ndarray) -> np.ndarray:
    """Return the upper Cholesky factor, of a matrix that may be singular."""
    diagonal = np.einsum("ii->i", matrix)
    damping = _DAMPING * max(float(diagonal.max(initial=0.0)), 1e-300)
    while True:
        diagonal += damping
        try:
            return np.asfortranarray(cholesky(matrix))
        except LinAlgError:
            damping *= 100


def _elastic_net(
    triangle: np.ndarray, target: np.ndarray, norms: Norms, start: np.ndarray, tolerance: float
) -> np.ndarray:
    """Return argmin ½‖target − triangle·w‖² + α Σ|w| + ½β Σw²."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import enet_path

    total = norms.alpha + norms.beta
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the certificate judges
        _, weights, _ = enet_path(
            triangle,
            target,
            l1_ratio=norms.alpha / total,
            alphas=[total / len(target)],  # pyright: ignore[reportArgumentType]
            coef_init=start.copy(),
            precompute=False,  # pyright: ignore[reportArgumentType]
            check_input=False,
            tol=tolerance,
            max_iter=_MOST,
        )
    return weights[:, 0]
