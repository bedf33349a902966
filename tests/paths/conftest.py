"""Small problems for the path engines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from shrinkage.datasets import TargetEncoding
from shrinkage.paths.choosing.scores import DEFAULT_SCORES, Scorer
from shrinkage.paths.engines.architectures import parse_architecture
from shrinkage.paths.engines.base import FoldData, Problem, Rows, Unit
from shrinkage.paths.engines.losses import LOSSES
from shrinkage.paths.engines.recipe import Recipe
from shrinkage.penalties import L1, Penalty
from shrinkage.selections import weights

Make = Callable[..., tuple[Problem, Unit]]


def make_problem(
    model: str = "mlp:8,5",
    penalty: Penalty | None = None,
    *,
    task: str = "classification",
    update: str = "proximal",
    epochs: int = 4,
    dtype: torch.dtype = torch.float64,
    strengths: tuple[float, ...] = (0.0, 1e-3, 1e-2, 0.1),
    rows: int = 160,
    inputs: int = 6,
    learning_rate: float = 1e-2,
    weighted: bool = False,
) -> tuple[Problem, Unit]:
    """Return a problem and a unit of it on seeded Gaussian rows."""
    random = np.random.default_rng(7)
    x = random.normal(size=(rows, inputs))
    signal = x[:, 0] - 2.0 * x[:, 1] + 0.3 * random.normal(size=rows)
    labels = np.digitize(signal, [-1.0, 1.0])
    y = labels if task == "classification" else signal
    encoding = TargetEncoding.fit(y, task)
    kind = torch.int64 if task == "classification" else dtype
    weight = torch.from_numpy(random.uniform(0.5, 1.5, rows)).to(dtype) if weighted else None
    data = FoldData(
        Rows(torch.from_numpy(x).to(dtype), torch.from_numpy(y).to(kind), weight),
        torch.arange(rows - 40),
        torch.arange(rows - 40, rows),
        y,
        encoding,
    )
    problem = Problem(
        architecture=parse_architecture(model),
        penalty=penalty or L1(),
        selection=weights(),
        update=update,
        recipe=Recipe(epochs=epochs, batch_size=16, learning_rate=learning_rate),
        loss=LOSSES[task],
        scorer=Scorer(DEFAULT_SCORES[task]),
        n_outputs=encoding.n_outputs,
        device=torch.device("cpu"),
        dtype=dtype,
    )
    return problem, Unit("unit", strengths, 3, data, inputs)


@pytest.fixture
def make() -> Make:
    """Return `make_problem`."""
    return make_problem
