"""A proximal gradient loop written in NumPy takes the same steps as `regularize` in torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage import L1, L2, ElasticNet, GroupLasso, Terms
from shrinkage.pytorch import penalty_loss, regularize
from shrinkage.terms import Part, closed_form

RATE = 0.05
STEPS = 40
SUMS = {
    "l1": Terms((0.2 * L1(),)),
    "l2": Terms((0.2 * L2(),)),
    "elastic-net": Terms((0.2 * ElasticNet(0.3),)),
    "group": Terms((0.1 * GroupLasso(per="input"),)),
    "sparse-group-ridge": 0.05 * L1() + 0.05 * GroupLasso(per="output") + 0.1 * L2(),
}


def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(40, 6))
    y = x @ generator.normal(size=(6, 3)) * np.array([1.0, 0.1, 0.0])
    return x, y, generator.normal(size=(3, 6))


def slope(w: np.ndarray) -> np.ndarray:
    x, y, _ = problem()
    return (x @ w.T - y).T @ x / len(x)


def summed(terms: Terms):
    parts = [Part(term.strength, term.penalty) for term in terms]
    return closed_form(own for part in parts for own in part.elementary())


def numpy_sgd(terms: Terms) -> np.ndarray:
    w = problem()[2]
    for _ in range(STEPS):
        w = summed(terms).prox(w - RATE * slope(w), RATE)
    return w


def numpy_adam(terms: Terms) -> np.ndarray:
    w = problem()[2]
    mean, square = np.zeros_like(w), np.zeros_like(w)
    for step in range(1, STEPS + 1):
        gradient = slope(w)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        metric = RATE / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        w = summed(terms).prox(w - metric * mean / (1 - 0.9**step), metric)
    return w


def torch_run(terms: Terms, kind: type[torch.optim.Optimizer]) -> np.ndarray:
    x, y, w = problem()
    model = nn.Linear(6, 3, bias=False, dtype=torch.float64)
    model.weight.data = torch.from_numpy(w.copy())
    optimizer = kind(model.parameters(), lr=RATE)  # type: ignore[call-arg]
    regularize(optimizer, model, terms)
    for _ in range(STEPS):
        optimizer.zero_grad()
        residual = model(torch.from_numpy(x)) - torch.from_numpy(y)
        (0.5 * residual.square().sum() / len(x)).backward()
        optimizer.step()
    return model.weight.detach().numpy()


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize(
    ("kind", "reference"), [(torch.optim.SGD, numpy_sgd), (torch.optim.Adam, numpy_adam)]
)
def test_numpy_and_torch_take_the_same_steps(name, kind, reference):
    ours, expected = torch_run(SUMS[name], kind), reference(SUMS[name])
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-10)
    np.testing.assert_array_equal(ours == 0, expected == 0)


@pytest.mark.parametrize("name", SUMS)
def test_penalty_loss_is_the_numpy_value_and_gradient(name):
    w = problem()[2]
    w[0, :] = 0.0
    model = nn.Linear(6, 3, bias=False, dtype=torch.float64)
    model.weight.data = torch.from_numpy(w.copy())
    loss = penalty_loss(model, SUMS[name])
    loss.backward()
    assert model.weight.grad is not None
    np.testing.assert_allclose(loss.item(), summed(SUMS[name]).value(w), rtol=1e-13)
    np.testing.assert_allclose(
        model.weight.grad.numpy(), summed(SUMS[name]).gradient(w), rtol=1e-13
    )
