"""Small problems for the path engines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from shrinkage import fit_path
from shrinkage.datasets import TargetEncoding
from shrinkage.paths.choosing.scores import DEFAULT_SCORES, Scorer
from shrinkage.paths.engines.architectures import build_seeded, parse_architecture
from shrinkage.paths.engines.base import FoldData, Problem, Rows, Unit
from shrinkage.paths.engines.losses import LOSSES
from shrinkage.paths.engines.recipe import Recipe
from shrinkage.paths.settings import PathTerms
from shrinkage.penalties import L1, Penalty
from shrinkage.pytorch import describe
from shrinkage.selections import weights
from shrinkage.terms import Term, assign
from tests.paths.small_runs import SMALL

Make = Callable[..., tuple[Problem, Unit]]


def make_problem(
    model: str = "mlp:8,5",
    penalty: Penalty | None = None,
    *,
    task: str = "classification",
    classes: int = 3,
    update: str = "proximal",
    epochs: int = 4,
    dtype: torch.dtype = torch.float64,
    strengths: tuple[float, ...] = (0.0, 1e-3, 1e-2, 0.1),
    rows: int = 160,
    inputs: int = 6,
    learning_rate: float = 1e-2,
    weighted: bool = False,
    fixed: tuple[Term, ...] = (),
) -> tuple[Problem, Unit]:
    """Return a problem and a unit of it on seeded Gaussian rows."""
    random = np.random.default_rng(7)
    x = random.normal(size=(rows, inputs))
    signal = x[:, 0] - 2.0 * x[:, 1] + 0.3 * random.normal(size=rows)
    labels = np.digitize(signal, [-1.0, 1.0][: classes - 1])
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
        None if weight is None else weight.numpy(),
    )
    architecture = parse_architecture(model)
    module = build_seeded(architecture, inputs, encoding.n_outputs, 0, dtype)
    terms = PathTerms.of(penalty or L1(), weights(), fixed)
    problem = Problem(
        architecture=architecture,
        terms=terms,
        assignment=assign((info for info, _ in describe(module)), terms.terms, update),
        update=update,
        recipe=Recipe(epochs=epochs, batch_size=16, learning_rate=learning_rate),
        loss=LOSSES[task],
        scorer=Scorer(DEFAULT_SCORES[task]),
        n_outputs=encoding.n_outputs,
        device=torch.device("cpu"),
        dtype=dtype,
    )
    settings = terms.settings((strength,) for strength in strengths)
    return problem, Unit("unit", settings, 3, data)


@pytest.fixture
def make() -> Make:
    """Return `make_problem`."""
    return make_problem


@pytest.fixture(scope="session")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:500], y[:500]


@pytest.fixture(scope="session")
def run(digits, tmp_path_factory):
    """Return a finished path, and its directory."""
    store = tmp_path_factory.mktemp("runs") / "digits"
    return fit_path("mlp:16", *digits, store=store, **SMALL), store
