"""One pass over some rows, on from where the last one ended: `partial_fit`.

Who uses this: `OneStrength`. The optimizer goes on with its own state at a constant learning rate;
scales and classes are those of the first call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from shrinkage.datasets import Preprocessing
from shrinkage.datasets.preparation.numbers import NumericInputs
from shrinkage.estimators.training import Task
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.engines.seeding import seed_generators
from shrinkage.paths.engines.sequential import attached, stepped
from shrinkage.pytorch.copies import deep_copy

OptimizerState = dict[str, Any]


def first_scales(
    X: np.ndarray, names: tuple[str, ...], weight: np.ndarray | None, *, standardize: bool
) -> Preprocessing:
    """Return a preparation from the first rows; a column that is constant there keeps its unit.

    Later rows may vary in it, so that no column is left out.

    >>> first = np.array([[1.0, 5.0], [3.0, 5.0]])
    >>> first_scales(first, ("a", "b"), None, standardize=True).transform(first).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    means, scales = np.zeros(X.shape[1]), np.ones(X.shape[1])
    if standardize:
        values = X.astype(np.float64)
        means = np.average(values, axis=0, weights=weight)
        spread = np.sqrt(np.average((values - means) ** 2, axis=0, weights=weight))
        scales = np.where(spread > 0, spread, 1.0)
    own = tuple(means.tolist())
    return Preprocessing(names, (NumericInputs(names, own, own, tuple(scales.tolist())),))


def one_pass(
    task: Task, module: nn.Module, state: OptimizerState | None, seed: int, passes: int
) -> tuple[nn.Module, OptimizerState, float]:
    """Return a trained copy of a module, the optimizer's state, and the mean data loss.

    Args:
        task: the problem, on the rows of this pass.
        module: where to begin; it stays as it is.
        state: of the optimizer, from the pass before.
        seed: of the order of the rows and of dropout.
        passes: how many there were before.
    """
    problem, unit = task.posed.problem, task.unit(seed)
    module = deep_copy(module).to(problem.device).train()
    learned = [value for value in module.parameters() if value.requires_grad]
    optimizer = torch.optim.Adam(learned, lr=problem.recipe.learning_rate, fused=True)
    if state is not None:
        optimizer.load_state_dict(state)
        optimizer.param_groups[0]["lr"] = problem.recipe.learning_rate
    strengths = problem.terms.settings([(task.strength,)]).strengths(0)
    attachment = attached(problem, module, optimizer, strengths)
    losses = []
    count = len(unit.data.train)
    for step, batch in enumerate(problem.recipe.batches(count, seed, passes)):
        seed_generators(derived_seed(unit.seed, passes, step), problem.device)
        rows = unit.data.rows.take(unit.data.train[torch.from_numpy(batch)])
        losses.append(stepped(problem, module, optimizer, rows, attachment))
    if attachment is not None:
        attachment.detach()
    return module.cpu().eval(), optimizer.state_dict(), float(np.mean(losses))
