"""`proximal` solves group-lasso logistic regression by every optimizer with a metric.

Against skglm's GroupProxNewton, weights to 1e-6, the same zeros.
"""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from torch import nn

from shrinkage import GroupLasso
from tests.builders.convex import assert_same_optimum, two_classes
from tests.peers.convex_training import OPTIMIZERS, fit, logistic_loss
from tests.processes import environment, program
from tests.selecting import in_pairs

STRENGTH = 0.05
GROUPS = np.arange(12).reshape(3, 4).T  # a group is a column of the 3 × 4 weights
# One optimizer a metric: that each optimizer has the metric that it is said to have, L1 shows in
# test_regularize_logistic.py.
METRICS = (
    *("sgd", "nesterov", "adam", "amsgrad", "adamax", "adafactor"),
    *("rmsprop-centered", "rmsprop-momentum", "adagrad-decay", "adadelta"),
)


@pytest.fixture(scope="module")
def optimum(tmp_path_factory) -> np.ndarray:
    problem, solution = (tmp_path_factory.mktemp("skglm") / name for name in ("in.npz", "out.npz"))
    x, y = two_classes()
    np.savez(problem, x=x, y=y, groups=GROUPS, strength=STRENGTH)
    command = [*program("tests.peers.skglm_group_logistic"), problem, solution]
    subprocess.run(command, env=environment(NUMBA_DISABLE_JIT="1"), check=True)
    solved = np.load(solution)
    assert solved["violation"] < 1e-12
    return solved["weights"][:-1]


@pytest.mark.parametrize("name", in_pairs(OPTIMIZERS, METRICS.__contains__))
@pytest.mark.slow
def test_group_lasso_logistic_regression(name, optimum):
    """A convolution as long as its input is a linear layer with weights of 1 × 3 × 4."""
    x, y = two_classes()
    model = nn.Conv1d(3, 1, 4).double()
    loss = logistic_loss(x.reshape(-1, 3, 4), y)
    ours = fit(model, loss, OPTIMIZERS[name], STRENGTH * GroupLasso(axes=(2,)))
    assert_same_optimum(ours, optimum)
