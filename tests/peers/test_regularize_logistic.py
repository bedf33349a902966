"""`proximal` solves L1 and elastic-net logistic regression by every optimizer with a metric.

Against scikit-learn's saga, weights to 1e-6, the same zeros.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from torch import nn

from shrinkage import L1, ElasticNet
from shrinkage.pytorch.optimizers import METRICS
from tests.builders.convex import assert_same_optimum, logistic, two_classes
from tests.peers.convex_training import OPTIMIZERS, fit, logistic_loss
from tests.selecting import in_pairs

STRENGTH = 0.05
PENALTIES = {"l1": (L1(), 1.0), "elastic-net": (ElasticNet(0.5), 0.5)}


@cache
def optimum(l1_ratio: float) -> np.ndarray:
    x, y = two_classes()
    peer = logistic(STRENGTH, len(y), l1_ratio).set_params(tol=1e-13)
    return peer.fit(x, y).coef_.ravel()


def test_no_optimizer_with_a_metric_is_left_out():
    assert {kind for kind, _ in OPTIMIZERS.values()} == METRICS.keys()


def is_needed(case):
    """Every optimizer with L1; the other penalty, in the same metrics, with one of a kind."""
    word, name = case
    return word == "l1" or name in ("nesterov", "adam", "adafactor", "rmsprop-momentum")


CASES = [(word, name) for word in PENALTIES for name in OPTIMIZERS]


@pytest.mark.parametrize("case", in_pairs(CASES, is_needed), ids="-".join)
def test_logistic_regression(case):
    word, name = case
    penalty, l1_ratio = PENALTIES[word]
    x, y = two_classes()
    model = nn.Linear(12, 1).double()
    ours = fit(model, logistic_loss(x, y), OPTIMIZERS[name], STRENGTH * penalty)
    assert_same_optimum(ours, optimum(l1_ratio))
