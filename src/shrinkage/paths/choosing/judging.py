"""Scores and data losses of all models of a unit on some of its rows, and the outputs there.

Who uses this: learning curves while a unit trains, and its outcome when it is done.
"""

from __future__ import annotations

import numpy as np
import torch

from shrinkage.paths.engines.base import FoldData, Outputs, Problem, Rows

BLOCK = 2**20  # numbers that are gathered at a time: a copy of all rows would be made page by page


def judge(
    problem: Problem, data: FoldData, values: torch.Tensor, positions: torch.Tensor
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return outputs (models, outputs, rows), scores (models,) and data losses (models,).

    Args:
        problem: gives the loss and the scorer.
        data: the unit's rows.
        values: outputs (models, outputs, rows) on the rows to judge on.
        positions: of these.
    """
    loss = loss_at(problem, data.rows, positions, values)
    places = positions.cpu().numpy()
    weight = None if data.score_weight is None else data.score_weight[places]
    array = values.cpu().numpy()
    raw = data.raw_target[places]
    return array, problem.scorer.score(array, raw, weight, data.encoding), loss


def outputs_at(rows: Rows, positions: torch.Tensor, outputs: Outputs) -> torch.Tensor:
    """Return outputs (models, outputs, rows) for the rows at these positions, a block at a time."""
    most = max(1, BLOCK // max(1, rows.x[:1].numel()))
    return torch.cat([outputs(rows.x[some]) for some in positions.split(most)], dim=-1)


def loss_at(
    problem: Problem, rows: Rows, positions: torch.Tensor, values: torch.Tensor
) -> np.ndarray:
    """Return data losses (models,) of outputs (models, outputs, rows) of the rows there."""
    weight = None if rows.weight is None else rows.weight[positions]
    return problem.loss(values, rows.target[positions], weight).cpu().numpy().astype(np.float64)
