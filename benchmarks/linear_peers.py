"""Paths of linear models by other packages; `linear_vs_peers.py` runs it in each one's own Python.

Usage: `python linear_peers.py PEER SECONDS CELL.npz …`. Beside every cell lies then a file with the
coefficients and seconds of each tolerance of the peer, from the loosest to the tightest that fits
into the seconds of a cell.
"""

# pyright: reportMissingImports=false, reportArgumentType=false, reportAttributeAccessIssue=false
from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Cell = dict[str, Any]
Fold = tuple[np.ndarray, np.ndarray]  # coefficients (strengths, outputs, inputs), intercepts
TOLERANCES = {
    "adelie": (1e-7, 1e-9, 1e-11, 1e-13),
    "glmnet": (1e-7, 1e-9, 1e-11, 1e-13),
    "skglm": (1e-5, 1e-7, 1e-9),
    "scikit-learn": (1e-4, 1e-6, 1e-8, 1e-10),
}


class NoSuchModel(Exception):
    """This package has no such model."""


def adelie(cell: Cell, x: np.ndarray, y: np.ndarray, tolerance: float) -> Fold:
    """Group elastic nets; of several outputs the weights of an input are a group."""
    import adelie as ad

    classes, name, inputs = int(cell["classes"]), str(cell["penalty"]), x.shape[1]
    if classes > 2 and name in ("L1", "elastic net"):
        raise NoSuchModel
    strengths, options = cell["strengths"], {"tol": tolerance, "max_iters": 10**7}
    if classes == 0:
        family = ad.glm.gaussian(y)
    elif classes == 2:
        family = ad.glm.binomial(y.astype(float))
    else:
        family, strengths = ad.glm.multinomial(np.eye(classes)[y]), strengths / classes
    if classes:
        options["irls_tol"] = tolerance
    if classes <= 2 and name == "group":
        options["groups"] = np.arange(0, inputs, int(cell["size"]))
    alpha = {"L2": 0.0, "elastic net": 0.5}.get(name, 1.0)
    scale = 0.5 if classes == 2 and alpha < 1 else 1.0
    if classes == 2 and alpha == 0.5:  # of two classes half as much ½Σw²
        alpha, scale = 2 / 3, 0.75
    state = ad.grpnet(
        np.asfortranarray(x),
        family,
        alpha=alpha,
        lmda_path=strengths * scale,
        early_exit=False,
        n_threads=1,
        progress_bar=False,
        **options,
    )
    outputs = classes if classes > 2 else 1
    weights = np.asarray(state.betas.todense()).reshape(len(strengths), inputs, outputs)
    return weights.transpose(0, 2, 1), np.asarray(state.intercepts).reshape(-1, outputs)


def glmnet(cell: Cell, x: np.ndarray, y: np.ndarray, tolerance: float) -> Fold:
    """Elastic nets of numbers, two and more classes."""
    from glmnet import ElasticNet, LogitNet

    classes, name, strengths = int(cell["classes"]), str(cell["penalty"]), cell["strengths"]
    if name == "group":
        raise NoSuchModel
    alpha, scale = {"L1": (1.0, 1.0), "L2": (0.0, 1.0), "elastic net": (0.5, 1.0)}[name]
    if classes == 2 and name != "L1":
        alpha, scale = (0.0, 0.5) if name == "L2" else (2 / 3, 0.75)
    spread = 1.0
    if not classes:  # the ridge of numbers is divided by their spread: they get one of 1
        spread, mixed = y.std(), alpha / y.std() + 1 - alpha
        y, alpha, scale = y / spread, min(1.0, alpha / spread / mixed), mixed
    model = (LogitNet if classes else ElasticNet)(
        alpha=alpha,
        lambda_path=strengths * scale,
        n_splits=0,
        standardize=False,
        tol=tolerance,
        max_iter=10**6,
    ).fit(x, y)
    weights, intercept = model.coef_path_, model.intercept_path_
    if weights.shape[-1] < len(strengths):
        raise ValueError(f"it ended after {weights.shape[-1]} strengths")
    if weights.ndim == 2:
        weights, intercept = spread * weights[None], spread * np.atleast_2d(intercept)
    return weights.transpose(2, 0, 1), intercept.T


def skglm(cell: Cell, x: np.ndarray, y: np.ndarray, tolerance: float) -> Fold:
    """One output."""
    from skglm import GeneralizedLinearEstimator
    from skglm.datafits import Logistic, Quadratic, QuadraticGroup
    from skglm.penalties import L1, L1_plus_L2, WeightedGroupL2
    from skglm.solvers import AndersonCD, GroupBCD, ProxNewton
    from skglm.utils.data import grp_converter

    classes, name, inputs = int(cell["classes"]), str(cell["penalty"]), x.shape[1]
    if name == "L2" or classes > 2 or (classes and name == "group"):
        raise NoSuchModel
    target, datafit = (2.0 * y - 1, Logistic()) if classes else (y, Quadratic())
    options = {"tol": tolerance, "fit_intercept": True, "warm_start": True, "max_iter": 1000}
    solver = (ProxNewton if classes else AndersonCD)(**options)
    if name == "group":
        size = int(cell["size"])
        indices, starts = grp_converter(size, inputs)
        datafit, solver = QuadraticGroup(starts, indices), GroupBCD(**options)
    weights, intercepts, last = [], [], None
    for strength in cell["strengths"]:
        if name == "group":
            roots = np.sqrt(np.diff(starts)).astype(float)
            penalty = WeightedGroupL2(strength, roots, starts, indices)
        elif name == "L1":
            penalty = L1(strength)
        elif classes:
            penalty = L1_plus_L2(0.75 * strength, 2 / 3)
        else:
            penalty = L1_plus_L2(strength, 0.5)
        model = GeneralizedLinearEstimator(datafit, penalty, solver)
        if last is not None:
            model.coef_, model.intercept_ = last
        model.fit(x, target)
        last = model.coef_.copy(), model.intercept_
        weights.append(np.ravel(last[0])[None])
        intercepts.append(np.ravel(last[1])[:1])
    return np.array(weights), np.array(intercepts)


def scikit_learn(cell: Cell, x: np.ndarray, y: np.ndarray, tolerance: float) -> Fold:
    """`enet_path`, ridge regression, and logistic regression from strength to strength."""
    from sklearn.linear_model import LogisticRegression, Ridge, enet_path

    classes, name, strengths = int(cell["classes"]), str(cell["penalty"]), cell["strengths"]
    if name == "group":
        raise NoSuchModel
    center = x.mean(axis=0)
    if not classes and name == "L2":
        fits = [Ridge(alpha=s * len(y)).fit(x, y) for s in strengths]
        return np.array([f.coef_[None] for f in fits]), np.array([[f.intercept_] for f in fits])
    if not classes:
        share = 1.0 if name == "L1" else 0.5
        _, weights, _ = enet_path(
            x - center,
            y - y.mean(),
            l1_ratio=share,
            alphas=strengths,
            tol=tolerance,
            max_iter=100_000,
        )
        weights = weights.T[:, None, :]
        return weights, y.mean() - weights @ center
    share, scale = {"L1": (1.0, 1.0), "L2": (0.0, 1.0), "elastic net": (0.5, 1.0)}[name]
    if classes == 2 and name != "L1":
        share, scale = (0.0, 0.5) if name == "L2" else (2 / 3, 0.75)
    model = LogisticRegression(
        l1_ratio=share,
        solver="lbfgs" if name == "L2" else "saga",
        tol=tolerance,
        max_iter=20_000,
        warm_start=True,
        random_state=0,
    )
    weights, intercepts = [], []
    for strength in strengths:
        model.set_params(C=1 / (scale * strength * len(y))).fit(x, y)
        weights.append(model.coef_.copy())
        intercepts.append(model.intercept_.copy())
        if time.process_time() > _deadline[0]:
            raise TimeoutError
    return np.array(weights), np.array(intercepts)


PEERS: dict[str, Callable[[Cell, np.ndarray, np.ndarray, float], Fold]] = {
    "adelie": adelie,
    "glmnet": glmnet,
    "skglm": skglm,
    "scikit-learn": scikit_learn,
}
_deadline = [np.inf]


def fits(peer: str, cell: Cell, seconds: float) -> Iterator[tuple[float, float, list[Fold]]]:
    """Yield tolerance, seconds and the folds, one tolerance after the other."""
    x, y, folds = cell["x"], cell["y"], cell["folds"]
    _deadline[0] = np.inf
    PEERS[peer]({**cell, "strengths": cell["strengths"][:2]}, x, y, 1e-2)  # imports, compiles
    _deadline[0] = time.process_time() + seconds
    for tolerance in TOLERANCES[peer]:
        taken, done = 0.0, []
        for fold in np.unique(folds):
            begin = time.process_time()
            done.append(PEERS[peer](cell, x[folds != fold], y[folds != fold], tolerance))
            taken += time.process_time() - begin
            if time.process_time() > _deadline[0]:
                raise TimeoutError
        yield tolerance, taken, done


def main(peer: str, seconds: float, paths: list[str]) -> None:
    """Fit every cell, and write what came of it."""
    warnings.simplefilter("ignore")
    for path in paths:
        cell, kept, said = dict(np.load(path)), {}, ""
        try:
            for number, (tolerance, taken, done) in enumerate(fits(peer, cell, seconds)):
                kept |= {f"tolerance_{number}": tolerance, f"seconds_{number}": taken}
                for fold, (weights, intercepts) in enumerate(done):
                    kept |= {
                        f"weights_{number}_{fold}": weights,
                        f"intercepts_{number}_{fold}": intercepts,
                    }
        except NoSuchModel:
            said = "has no such model"
        except TimeoutError:
            said = f"more than {seconds:g} s"
        except Exception as error:
            said = f"{type(error).__name__}: {error}"[:120]
        target = Path(path)
        np.savez(target.with_name(f"{target.stem}.{peer}.npz"), said=said, **kept)


if __name__ == "__main__" and len(sys.argv) > 3:  # alone it has nothing to do
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
