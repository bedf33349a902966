"""`proximal` reaches scikit-learn's optimum: weights to 1e-6, the same zeros."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD, Adadelta, Adam, Adamax, NAdam, RAdam, RMSprop

from shrinkage import L1, L2, ElasticNet
from tests.builders.convex import assert_same_optimum, cancer, elastic_net, logistic, regression
from tests.peers.convex_training import OPTIMIZERS, fit, logistic_loss
from tests.selecting import in_pairs

ALPHA = 0.1


LASSO = (ALPHA * L1(), elastic_net(ALPHA))
PEER = elastic_net(ALPHA, 0.7)
ELASTIC_NETS = {
    "elastic-net": (ALPHA * ElasticNet(0.7), PEER),
    "sum-of-terms": (0.7 * ALPHA * L1() + 0.3 * ALPHA * L2(), PEER),
}
CASES = [
    *(pytest.param(name, *LASSO, id=f"lasso-{name}") for name in OPTIMIZERS),
    *(
        pytest.param(name, *case, id=f"{word}-{name}")
        for name in ("nesterov", "adam", "rmsprop-centered")
        for word, case in ELASTIC_NETS.items()
    ),
]


@pytest.mark.parametrize(("name", "terms", "peer"), CASES)
def test_regression(name, terms, peer):
    x, y = map(torch.from_numpy, regression())
    model = nn.Linear(12, 1).double()
    ours = fit(
        model,
        lambda m: 0.5 * (m(x).squeeze() - y).square().mean(),
        OPTIMIZERS[name],
        terms,
    )
    peer.fit(x.numpy(), y.numpy())
    assert_same_optimum(ours, peer.coef_)
    np.testing.assert_allclose(model.bias.detach().numpy(), peer.intercept_, atol=1e-6)


LOGISTIC = {
    "nesterov": (SGD, {"lr": 1.0, "momentum": 0.9, "nesterov": True}),
    "adam": (Adam, {"lr": 0.1}),
    "nadam": (NAdam, {"lr": 0.1}),
    "radam": (RAdam, {"lr": 0.1, "betas": (0.9, 0.99)}),
    "adamax": (Adamax, {"lr": 0.1, "betas": (0.9, 0.99)}),
    "rmsprop-momentum": (RMSprop, {"lr": 0.03, "momentum": 0.8, "alpha": 0.9, "eps": 1e-2}),
    "adadelta": (Adadelta, {"lr": 10.0, "eps": 1e-4}),
}


# One of each kind of metric: every optimizer meets a logistic loss in test_regularize_logistic.py.
SOME = ("nesterov", "adam", "rmsprop-momentum")


@pytest.mark.slow
@pytest.mark.parametrize("name", in_pairs(LOGISTIC, SOME.__contains__))
def test_logistic_regression(name):
    """Strength 0.02 keeps 7 of the 30 columns of breast-cancer."""
    strength = 0.02
    rows, target = cancer()
    peer = logistic(strength, len(target)).fit(rows, target)
    model = nn.Linear(30, 1).double()
    ours = fit(model, logistic_loss(rows, target), LOGISTIC[name], strength * L1(), 2400)
    assert np.count_nonzero(ours) == 7
    assert_same_optimum(ours, peer.coef_.ravel())
