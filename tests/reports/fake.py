"""Believable results, made by formulas: paths on images, numbers, grouped rows, and a surface."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from shrinkage.paths.results import (
    AssignmentRow,
    ChosenModel,
    Difference,
    LayerTrace,
    LearningCurve,
    PathResult,
    Status,
)
from shrinkage.paths.results.goal import GoalRecord
from shrinkage.paths.results.surfaces import Surface, SurfaceAxis

VERSIONS = {"shrinkage": "0.1.0", "python": "3.11.7", "torch": "2.13.0", "numpy": "2.4.0"}
CODE = """import torch
from shrinkage import L1
from shrinkage.pytorch import regularize

model = torch.nn.Sequential(
    torch.nn.Linear({inputs}, 64), torch.nn.ReLU(),
    torch.nn.Linear(64, 32), torch.nn.ReLU(),
    torch.nn.Linear(32, {outputs}),
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
regularize(optimizer, model, {strength} * L1(), update="proximal")
"""


def image_result(strengths: int = 20, folds: int = 5, seed: int = 29) -> PathResult:
    """Return a classification of 28 × 28 images by three layers under L1."""
    random = np.random.default_rng(seed)
    grid = np.geomspace(1e-6, 1e-2, strengths)
    u = np.linspace(0.0, 1.0, strengths)
    curve = 0.962 + 0.013 * np.sin(np.pi * np.clip(u / 0.75, 0, 1)) - 0.9 * np.clip(u - 0.78, 0, 1)
    scores = curve[:, None] + random.normal(0, 0.006, (strengths, folds))
    status = [Status.OK] * strengths
    scores[-1] = 0.1124
    status[-1] = Status.COLLAPSED
    validation = 0.13 + 0.09 * (1 - u) ** 2 + 2.1 * np.clip(u - 0.7, 0, 1) ** 1.3
    train = 0.012 * np.exp(3.2 * u) + 2.0 * np.clip(u - 0.72, 0, 1) ** 1.3
    shapes = {"0.weight": (64, 784), "2.weight": (32, 64), "4.weight": (10, 32)}
    layers = tuple(
        _trace(name, shape, u, start, folds, random)
        for (name, shape), start in zip(shapes.items(), (0.15, 0.4, 0.55), strict=True)
    )
    nonzero = sum(layer.nonzero for layer in layers)
    total = sum(layer.size for layer in layers)
    best = int(np.argmax(scores.mean(axis=1)))
    simple = _within_one_standard_error(scores, best)
    chosen = (
        _chosen("best", best, grid, scores, 0.9718, nonzero, total),
        _chosen("one_standard_error", simple, grid, scores, 0.9689, nonzero, total),
        ChosenModel("unregularized", None, 0.0, 0.9612, 0.9607, total, total),
    )
    kept = np.round(784 * (1 - 0.95 * np.clip((u - 0.1) / 0.9, 0, 1) ** 1.4))[:, None]
    return PathResult(
        summary=_summary("mnist", "classification", 70000, 784, "mlp:64,32", "l1", "accuracy"),
        strengths=grid,
        fold_scores=scores,
        train_loss=train[:, None] * random.normal(1, 0.02, (strengths, folds)),
        validation_loss=validation[:, None] * random.normal(1, 0.02, (strengths, folds)),
        status=tuple(status),
        nonzero=nonzero,
        inputs_kept=np.clip(kept + random.integers(-6, 7, (strengths, folds)), 0, 784),
        layers=layers,
        curves=_curves(grid[best], 12),
        chosen=chosen,
        weights=_image_weights(random),
        assignment=_assignment(shapes),
        input_names=tuple(f"pixel {i}" for i in range(784)),
        image_shape=(28, 28),
        score_name="accuracy",
        split_description="The 10,000 test rows are those that came with the data; the 60,000 "
        "training rows were split into 5 folds with equal shares of the classes.",
        code=CODE.format(inputs=784, outputs=10, strength=f"{grid[best]:.6g}"),
    )


def regression_result(strengths: int = 15, folds: int = 5, seed: int = 1) -> PathResult:
    """Return a linear regression of ten named inputs under L1, one strength not converged."""
    random = np.random.default_rng(seed)
    names = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
    grid = np.geomspace(0.005, 45.0, strengths)
    u = np.linspace(0.0, 1.0, strengths)
    scores = (0.482 - 0.5 * np.clip(u - 0.55, 0, 1) ** 2.2)[:, None]
    scores = scores + random.normal(0, 0.035, folds) + random.normal(0, 0.004, (strengths, folds))
    count = np.maximum(0, np.round(10 * (1 - np.clip((u - 0.2) / 0.8, 0, 1) ** 0.9))).astype(int)
    count[-1] = 0
    nonzero = np.repeat(count[:, None], folds, axis=1)
    norm = 38.0 * (1 - u**1.5)[:, None] * np.ones(folds)
    full = np.array([-0.4, -11.3, 24.8, 15.4, -37.7, 22.7, 4.8, 8.4, 35.7, 3.2])
    weights = {
        "best": np.array([0.0, -9.3, 24.8, 14.1, -4.8, 0.0, -10.6, 0.0, 24.2, 2.6]),
        "one_standard_error": np.array([0, 0, 23.9, 8.9, 0, 0, -5.6, 0, 21.3, 0.0]),
        "unregularized": full,
    }
    best = int(np.argmax(scores.mean(axis=1)))
    simple = _within_one_standard_error(scores, best)
    status = [Status.OK] * (strengths - 1) + [Status.COLLAPSED]
    status[1] = Status.NOT_CONVERGED
    return PathResult(
        summary=_summary("diabetes", "regression", 442, 10, "linear", "l1", "r2"),
        strengths=grid,
        fold_scores=scores,
        train_loss=(1420 + 1500 * u**4)[:, None] * np.ones(folds),
        validation_loss=(1530 + 1450 * u**4)[:, None] * random.normal(1, 0.01, (1, folds)),
        status=tuple(status),
        nonzero=nonzero,
        inputs_kept=nonzero,
        layers=(LayerTrace("weight", (1, 10), nonzero, norm),),
        curves=(),
        chosen=(
            _chosen("best", best, grid, scores, 0.4463, nonzero, 10),
            _chosen("one_standard_error", simple, grid, scores, 0.4281, nonzero, 10),
            ChosenModel("unregularized", None, 0.0, 0.4795, 0.4526, 10, 10),
        ),
        weights={role: {"weight": w[None, :]} for role, w in weights.items()},
        assignment=_assignment({"weight": (1, 10)}),
        input_names=names,
        image_shape=None,
        score_name="r2",
        split_description="89 of 442 rows, drawn at random with seed 0, are the test rows.",
        code="from shrinkage import L1\n",
        warnings=("1 of 15 strengths stopped at the iteration limit before the minimizer.",),
    )


def group_result(seed: int = 2) -> PathResult:
    """Return a table with 77 proteins under a group penalty: edges, divergence, odd names."""
    random = np.random.default_rng(seed)
    base = image_result(strengths=12, seed=seed)
    names = tuple(f"{prefix}_N{i}" for i, prefix in enumerate(["BDNF", "pERK", "SOD1", "Tau"] * 20))
    names = ("DYRK1A_N", "ITSN1_N", *names[:75])
    shapes = {"0.weight": (64, 77), "2.weight": (8, 64)}
    u = np.linspace(0, 1, 12)
    layers = tuple(
        _trace(name, shape, u, start, 5, random)
        for (name, shape), start in zip(shapes.items(), (0.3, 0.7), strict=True)
    )
    nonzero = sum(layer.nonzero for layer in layers)
    total = sum(layer.size for layer in layers)
    scores = (0.93 - 0.05 * (1 - u) - 0.5 * np.clip(u - 0.8, 0, 1))[:, None]
    scores = scores + random.normal(0, 0.02, (12, 5))
    scores[0], status = np.nan, [Status.DIVERGED] + [Status.OK] * 11
    grid = np.geomspace(1e-4, 0.3, 12)
    best = int(np.nanargmax(scores.mean(axis=1)))
    simple = _within_one_standard_error(scores, best)
    chosen = (
        _chosen("best", best, grid, scores, 0.912, nonzero, total),
        _chosen("one_standard_error", simple, grid, scores, 0.903, nonzero, total),
        ChosenModel("unregularized", None, 0.0, None, 0.912, total, total),
    )
    kept = np.clip(np.round(77 * (1 - u**1.5)), 0, 77)
    return replace(
        base,
        summary=_summary("mice", "classification", 1080, 77, "mlp:64", "group-lasso", "accuracy"),
        strengths=grid,
        fold_scores=scores,
        status=tuple(status),
        nonzero=nonzero,
        inputs_kept=kept[:, None] * np.ones(5),
        layers=layers,
        curves=_curves(float(grid[best]), 12),
        chosen=chosen,
        weights=_table_weights(random),
        assignment=_assignment(shapes),
        input_names=names,
        image_shape=None,
        split_description="Rows of one MouseID stay together in the test rows and in every fold.",
        warnings=("One strength diverged: 0.0001.", "24 cells were empty and took the median."),
    )


def _trace(name, shape, u, start, folds, random) -> LayerTrace:
    size = int(np.prod(shape))
    share = np.clip((1 - np.clip((u - start) / (1 - start), 0, 1)) ** 1.8, 0, 1)
    share = share[:, None] * random.uniform(0.97, 1.0, (len(u), folds))
    norm = 9.0 * np.sqrt(share) * (1.02 - u)[:, None] ** 0.7
    return LayerTrace(name, shape, np.round(size * share).astype(int), norm)


def _within_one_standard_error(scores: np.ndarray, best: int) -> int:
    mean = np.nan_to_num(scores.mean(axis=1), nan=-np.inf)
    error = scores[best].std(ddof=1) / np.sqrt(scores.shape[1]) if scores.shape[1] > 1 else 0.0
    return int(np.flatnonzero(mean >= mean[best] - error).max())


def _chosen(role, index, grid, scores, test, nonzero, total) -> ChosenModel:
    count = int(nonzero[index].mean())
    mean = float(scores[index].mean())
    return ChosenModel(role, index, float(grid[index]), mean, test, count, total)


def _curves(strength: float, epochs: int) -> tuple[LearningCurve, ...]:
    t = np.arange(epochs, dtype=float)
    falling = 0.42 * np.exp(-0.45 * t)
    return (
        LearningCurve("best", strength, falling + 0.06, 0.6 * falling + 0.131, 0.97 - falling / 10),
        LearningCurve(
            "unregularized",
            0.0,
            falling + 0.004,
            0.6 * falling + 0.125 + 0.009 * t,
            0.96 - falling / 10,
        ),
    )


def _image_weights(random) -> dict[str, dict[str, np.ndarray]]:
    rows, columns = np.mgrid[0:28, 0:28]
    found = {}
    for role, cut, noise in (
        ("best", 0.055, 0.02),
        ("one_standard_error", 0.10, 0.01),
        ("unregularized", 0.0, 0.075),
    ):
        units = np.zeros((64, 28, 28))
        for unit in units[: {"best": 51, "one_standard_error": 29}.get(role, 64)]:
            for sign in (1, 1, -1, -1):
                y, x = random.uniform(7, 21, 2)
                wide, turn = random.uniform(1.5, 4), random.uniform(0, np.pi)
                along = (rows - y) * np.cos(turn) + (columns - x) * np.sin(turn)
                across = (columns - x) * np.cos(turn) - (rows - y) * np.sin(turn)
                unit += sign * 0.3 * np.exp(-(along**2) / 8 / wide - across**2 / wide)
            unit += random.normal(0, noise, (28, 28))
        found[role] = np.where(np.abs(units) > cut, units - np.sign(units) * cut, 0.0)
    return {role: {"0.weight": units.reshape(64, 784)} for role, units in found.items()}


def _table_weights(random) -> dict[str, dict[str, np.ndarray]]:
    full = random.normal(0, 0.12, (64, 77)) * random.uniform(0.3, 1.5, 77)
    found = {}
    for role, kept in (("best", 31), ("one_standard_error", 17), ("unregularized", 77)):
        weights = full.copy()
        weights[:, np.argsort(-np.linalg.norm(full, axis=0))[kept:]] = 0.0
        found[role] = {"0.weight": weights, "2.weight": np.ones((8, 64))}
    return found


def _assignment(shapes) -> tuple[AssignmentRow, ...]:
    rows = []
    for name, shape in shapes.items():
        rows.append(AssignmentRow(name, shape, "weight", "λ · L1", "weights are penalised"))
        bias = name.replace("weight", "bias")
        rows.append(AssignmentRow(bias, shape[:1], "bias", "", "biases are not, by default"))
    return tuple(rows)


def _summary(data, task, samples, features, model, penalty, score) -> dict[str, object]:
    return {
        "task": task,
        "data": data,
        "n_samples": samples,
        "n_features": features,
        "model": model,
        "penalty": penalty,
        "update": "proximal",
        "seed": 0,
        "score_name": score,
        "models_trained": 103,
        "wall_seconds": 41.7,
        "versions": VERSIONS,
    }


def surface_result(seed: int = 3) -> PathResult:
    """Return a regression over 4 strengths of L1 × 3 of L2, the ridge along a diagonal."""
    base, random = regression_result(), np.random.default_rng(seed)
    axes = (
        SurfaceAxis("l1", (1e-3, 1e-2, 0.1, 1.0), is_strength=True),
        SurfaceAxis("l2", (1e-2, 0.1, 1.0), is_strength=True),
    )
    cells = tuple((one, two) for one in axes[0].values for two in axes[1].values)
    along = np.array([abs(i + 1.5 * j - 3) for i in range(4) for j in range(3)])
    scores = 0.5 - 0.04 * along[:, None] + random.normal(0, 0.02, 5)
    nonzero = np.array([10 - 3 * i for i in range(4) for _ in range(3)])[:, None].repeat(5, axis=1)
    mean = scores.mean(axis=1)
    error = scores.std(axis=1, ddof=1) / np.sqrt(5)
    best = int(mean.argmax())
    within = mean >= mean[best] - error[best]
    near = np.flatnonzero(within)
    simple = int(near[nonzero[near].mean(axis=1).argmin()])
    surface = Surface(axes, cells, np.full(12, 10), within, "weights")

    def chosen(role: str, index: int) -> ChosenModel:
        grid = np.array([one for one, _ in cells])
        model = _chosen(role, index, grid, scores, 0.44, nonzero, 10)
        return replace(model, setting=surface.setting(index))

    plain = replace(base.unregularized, setting={"l1": 0.0, "l2": 0.0})
    return replace(
        base,
        summary={**base.summary, "penalty": "L1() × L2()"},
        strengths=np.array([one for one, _ in cells]),
        fold_scores=scores,
        train_loss=1400 + 100 * along[:, None] * np.ones(5),
        validation_loss=1500 + 100 * along[:, None] * np.ones(5),
        status=(Status.OK,) * 12,
        nonzero=nonzero,
        inputs_kept=nonzero,
        layers=(LayerTrace("weight", (1, 10), nonzero, 1.0 * nonzero),),
        chosen=(chosen("best", best), chosen("one_standard_error", simple), plain),
        warnings=(),
        surface=surface,
    )


def search_result() -> PathResult:
    """Return the trials of a search: some cells of the surface, with a norm each."""
    base = surface_result()
    assert base.surface is not None
    norms = ("none", "batch", "layer")
    axes = (*base.surface.axes, SurfaceAxis("norm", ("batch", "layer", "none"), is_strength=False))
    cells = tuple((*cell, norms[i % 3]) for i, cell in enumerate(base.surface.cells))
    surface = replace(base.surface, axes=axes, cells=cells)

    def placed(model: ChosenModel) -> ChosenModel:
        where = {"l1": 0.0, "l2": 0.0, "norm": "none"}
        return replace(
            model, setting=where if model.index is None else surface.setting(model.index)
        )

    outer = {
        "folds": 3,
        "score": 0.45,
        "score_standard_error": 0.02,
        "difference": 0.03,
        "difference_standard_error": 0.01,
    }
    return replace(
        base,
        summary={**base.summary, "outer": outer},
        chosen=tuple(map(placed, base.chosen)),
        surface=surface,
    )


def goal_result(**changes: Any) -> PathResult:
    """Return a result in which a budget of bytes chose the third of the strengths."""
    path = image_result()
    sizes = tuple(range(100 * len(path.strengths), 0, -100))
    total = path.best.total_weights
    record = GoalRecord(
        **{
            "text": "20 kB",
            "counts": "weights",
            "budget": ("bytes", 20_000.0),
            "least_score": None,
            "weights": sizes,
            "features": None,
            "bytes": tuple(60 * size for size in sizes),
            "total_weights": total,
            "total_features": 64,
            "dense_bytes": 99_000,
            **changes,
        }
    )
    chosen = replace(path.best, role="goal", index=2, nonzero=sizes[2])
    pairs = (
        Difference("best", "goal", 0.012, 0.004),
        Difference("goal", "unregularized", -0.003, 0.002),
    )
    return replace(path, goal=record, chosen=(*path.chosen, chosen), differences=pairs)
