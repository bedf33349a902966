"""`proximal` reaches scikit-learn's optimum: weights to 1e-6, the same zeros."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, make_regression
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, RMSprop

from shrinkage import L1, L2, ElasticNet, Terms
from shrinkage.pytorch import regularize

ALPHA = 0.1
OPTIMIZERS = {
    "sgd": (SGD, {"lr": 0.5}),
    "momentum": (SGD, {"lr": 0.1, "momentum": 0.9}),
    "dampened": (SGD, {"lr": 0.2, "momentum": 0.8, "dampening": 0.5}),
    "nesterov": (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "adam": (Adam, {"lr": 0.1}),
    "amsgrad": (Adam, {"lr": 0.1, "amsgrad": True}),
    "adamw": (AdamW, {"lr": 0.1, "weight_decay": 0.0}),
    "rmsprop": (RMSprop, {"lr": 0.05}),
    "rmsprop-centered": (RMSprop, {"lr": 0.1, "centered": True, "eps": 0.1}),
    "rmsprop-momentum": (RMSprop, {"lr": 0.03, "momentum": 0.5}),
    "adagrad": (Adagrad, {"lr": 0.5}),
    "adagrad-decay": (Adagrad, {"lr": 0.5, "lr_decay": 1e-4}),
}


def regression() -> tuple[torch.Tensor, torch.Tensor]:
    x, y = make_regression(60, 12, n_informative=4, noise=5.0, random_state=0)[:2]
    x = StandardScaler().fit_transform(x)
    return torch.from_numpy(x), torch.from_numpy((y - y.mean()) / y.std())


def fit(
    loss: Callable[[nn.Module], torch.Tensor],
    inputs: int,
    optimizer: tuple,
    terms: Terms,
    steps: int,
) -> nn.Linear:
    """Train a linear layer on all rows at once; the learning rate falls in the last third."""
    torch.manual_seed(0)
    model = nn.Linear(inputs, 1, dtype=torch.float64)
    kind, options = optimizer
    chosen = kind(model.parameters(), **options)
    regularize(chosen, model, terms)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        chosen, lambda t: 0.5 ** max(0, 60 * t / steps - 40)
    )
    for _ in range(steps):
        chosen.zero_grad()
        loss(model).backward()
        chosen.step()
        schedule.step()
    return model


LASSO = (ALPHA * L1(), Lasso(ALPHA, tol=1e-14, max_iter=100_000))
PEER = SklearnElasticNet(ALPHA, l1_ratio=0.7, tol=1e-14, max_iter=100_000)
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
    x, y = regression()
    model = fit(
        lambda m: 0.5 * (m(x).squeeze() - y).square().mean(), 12, OPTIMIZERS[name], terms, 1500
    )
    peer.fit(x.numpy(), y.numpy())
    ours = model.weight.detach().numpy().ravel()
    assert 0 < np.count_nonzero(peer.coef_) < 12
    np.testing.assert_allclose(ours, peer.coef_, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(ours == 0, peer.coef_ == 0)
    np.testing.assert_allclose(model.bias.detach().numpy(), peer.intercept_, atol=1e-6)


LOGISTIC = {
    "nesterov": (SGD, {"lr": 1.0, "momentum": 0.9, "nesterov": True}),
    "adam": (Adam, {"lr": 0.1}),
    "rmsprop-momentum": (RMSprop, {"lr": 0.03, "momentum": 0.8}),
}


@pytest.mark.parametrize("name", LOGISTIC)
def test_logistic_regression(name):
    """Strength 0.02 keeps 7 of the 30 columns of breast-cancer."""
    strength = 0.02
    data, target = load_breast_cancer(return_X_y=True)
    rows = StandardScaler().fit_transform(data)
    peer = LogisticRegression(
        C=1 / (strength * len(target)), l1_ratio=1.0, solver="saga", tol=1e-10, max_iter=200_000
    ).fit(rows, target)
    x, y = torch.from_numpy(rows), torch.from_numpy(target).double()
    model = fit(
        lambda m: nn.functional.binary_cross_entropy_with_logits(m(x).squeeze(), y),
        30,
        LOGISTIC[name],
        Terms((strength * L1(),)),
        2400,
    )
    ours = model.weight.detach().numpy().ravel()
    assert np.count_nonzero(ours) == 7
    np.testing.assert_array_equal(ours == 0, peer.coef_.ravel() == 0)
    np.testing.assert_allclose(ours, peer.coef_.ravel(), rtol=0, atol=1e-6)
