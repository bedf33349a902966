"""A tiny path result made by hand, for the examples in docstrings: no training, no data."""

from __future__ import annotations

import numpy as np

from shrinkage.paths.results import ChosenModel, LayerTrace, PathResult, Status


def example_result() -> PathResult:
    """Return four strengths over two folds of a model with one layer of 2 × 4 weights.

    >>> example_result().best.strength
    0.01
    """
    nonzero = np.array([[8, 8], [4, 4], [2, 2], [0, 0]])
    return PathResult(
        summary={"task": "classification", "data": "example", "penalty": "l1"},
        strengths=np.array([0.001, 0.01, 0.1, 1.0]),
        fold_scores=np.array([[0.96, 0.965], [0.965, 0.975], [0.964, 0.972], [0.5, 0.5]]),
        train_loss=np.array([[0.05, 0.05], [0.1, 0.1], [0.12, 0.12], [0.69, 0.69]]),
        validation_loss=np.array([[0.2, 0.2], [0.15, 0.15], [0.16, 0.16], [0.69, 0.69]]),
        status=(Status.OK, Status.OK, Status.OK, Status.COLLAPSED),
        nonzero=nonzero,
        inputs_kept=None,
        layers=(LayerTrace("weight", (2, 4), nonzero, np.sqrt(nonzero)),),
        curves=(),
        chosen=(
            ChosenModel("best", 1, 0.01, 0.97, 0.97, 4, 8),
            ChosenModel("one_standard_error", 2, 0.1, 0.968, 0.965, 2, 8),
            ChosenModel("unregularized", None, 0.0, None, 0.96, 8, 8),
        ),
        weights={},
        assignment=(),
        input_names=("a", "b", "c", "d"),
        image_shape=None,
        score_name="accuracy",
        split_description="",
        code="",
    )
