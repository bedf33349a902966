"""The content of `summary.json`: every number of a path in one flat record.

Who uses this: `assembly` makes it, people and programs read it. Numbers that are not finite are
None, so that the file is JSON for every reader.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.engines.base import Engine, Problem
from shrinkage.paths.options import PathOptions
from shrinkage.paths.results.records import ChosenModel
from shrinkage.paths.running.preparation import Preparation


def summary_of(
    preparation: Preparation,
    options: PathOptions,
    problem: Problem,
    engine: Engine,
    found: CrossValidation,
    chosen: tuple[ChosenModel, ...],
    refitted: int,
    versions: Mapping[str, str],
) -> dict[str, object]:
    """Return the record; `wall_seconds` is filled in when the run ends.

    Args:
        preparation: the rows and their split.
        options: the choices.
        problem: what was trained.
        engine: what trained it.
        found: the cross validation.
        chosen: the refitted models.
        refitted: number of models trained on all training rows.
        versions: of the packages.
    """
    data, split = preparation.data, preparation.split
    folds = len(split.folds)
    nonzero = found.total_nonzero.mean(axis=1)
    inputs_kept = found.measures.get("inputs_kept")
    summary: dict[str, object] = {
        "task": data.task,
        "data": data.name,
        "n_samples": data.n_samples + (len(data.test[1]) if data.test is not None else 0),
        "n_features": data.n_features,
        "n_train": len(split.train),
        "n_test": len(preparation.test_rows.y),
        "folds": folds,
        "split": split.description,
        "model": problem.architecture.name,
        "engine": engine.name,
        "penalty": repr(problem.penalty),
        "select": list(options.select),
        "update": problem.update,
        "seed": options.seed,
        "epochs": None if engine.name == "linear" else problem.recipe.epochs,
        "batch_size": None if engine.name == "linear" else problem.recipe.batch_size,
        "learning_rate": None if engine.name == "linear" else problem.recipe.learning_rate,
        "score_name": problem.scorer.name,
        "strengths": list(found.strengths),
        "cv_score_mean": _numbers(found.mean),
        "cv_score_se": _numbers(found.standard_error),
        "nonzero": _numbers(nonzero),
        "inputs_kept": None if inputs_kept is None else _numbers(inputs_kept.mean(axis=1)),
        "status": [str(status) for status in found.status],
        "models_trained": folds * (len(found.strengths) + 1) + refitted,
        "wall_seconds": None,
        "versions": dict(versions),
    }
    for model in chosen:
        summary[model.role] = {
            "index": model.index,
            "strength": model.strength,
            "cv_score": model.cv_score,
            "test_score": model.test_score,
            "nonzero": model.nonzero,
            "total_weights": model.total_weights,
        }
    return summary


def _numbers(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
