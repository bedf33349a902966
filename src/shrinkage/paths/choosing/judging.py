"""Outputs, scores and data losses of all models of a unit on some of its rows.

Who uses this: learning curves while a unit trains, and its outcome when it is done.
"""

from __future__ import annotations

import numpy as np
import torch

from shrinkage.paths.engines.base import FoldData, Outputs, Problem


def judge(
    problem: Problem, data: FoldData, outputs: Outputs, positions: torch.Tensor
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return outputs (models, outputs, rows), scores (models,) and data losses (models,).

    Args:
        problem: gives the loss and the scorer.
        data: the unit's rows.
        outputs: computes outputs of all models.
        positions: which rows to judge on.
    """
    rows = data.rows.take(positions)
    values = outputs(rows.x)
    loss = problem.loss(values, rows.target, rows.weight).cpu().numpy().astype(np.float64)
    places = positions.cpu().numpy()
    weight = None if data.score_weight is None else data.score_weight[places]
    array = values.cpu().numpy()
    raw = data.raw_target[places]
    return array, problem.scorer.score(array, raw, weight, data.encoding), loss
