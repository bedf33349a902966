"""LassoNet's penalty: its prox against LassoNet's own, against a search, and in a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch import nn

from shrinkage import Hierarchical
from shrinkage.errors import InputError, UnsupportedOptimizer
from shrinkage.pytorch import regularize

RNG = np.random.default_rng(7)


def weights(skips: int, hidden: int, inputs: int) -> np.ndarray:
    """Return weights of very different sizes, (outputs, inputs), some of them zero."""
    w = RNG.normal(size=(skips + hidden, inputs)) * 10 ** RNG.uniform(-2, 1, (1, inputs))
    w[:, 0] = 0.0
    w[skips:, 1] = 0.0
    return w


@pytest.mark.parametrize("skips", [1, 3])
@pytest.mark.parametrize("ratio", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("step", [0.05, 1.0, 20.0])
def test_the_prox_is_lassonets(skips: int, ratio: float, step: float) -> None:
    prox = pytest.importorskip("lassonet.prox").prox
    w = weights(skips, 6, 40)
    v, u = torch.tensor(w[:skips]), torch.tensor(w[skips:])
    theta, hidden = prox(v, u, lambda_=step, lambda_bar=0.0, M=ratio)
    expected = np.nan_to_num(torch.cat([theta, hidden]).numpy())  # it divides 0 by 0
    found = Hierarchical(skips, ratio).prox(w, step)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert (found != 0).any(axis=0).sum() < 40 or step < 1


def test_the_prox_is_the_lowest_point_of_a_search() -> None:
    """Given ‖θ‖ = r the rest is known, and r is searched on a line."""
    skips, step, penalty = 2, 0.7, Hierarchical(2, 0.8)
    w = weights(skips, 5, 12)
    found = penalty.prox(w, step)
    for j in range(12):
        v, u = w[:skips, j], w[skips:, j]
        size, length = np.abs(u), np.linalg.norm(v)

        def objective(r: float, length=length, size=size) -> float:
            beyond = np.maximum(size - penalty.ratio * r, 0.0)
            return ((r - length) ** 2 + np.sum(beyond**2)) / (2 * step) + r

        top = length + size.sum() + 1.0
        best: Any = minimize_scalar(objective, bounds=(0.0, top), method="bounded")
        r = float(np.linalg.norm(found[:skips, j]))
        assert objective(r) <= min(best.fun, objective(0.0)) + 1e-12
        assert (np.abs(found[skips:, j]) <= penalty.ratio * r * (1 + 1e-12)).all()
        if length:
            np.testing.assert_allclose(found[:skips, j] * length, v * r, atol=1e-12)


def test_hidden_weights_alone_bring_an_input_in() -> None:
    w = np.array([[0.0, 0.0], [3.0, 0.1]])
    found = Hierarchical(ratio=1.0).prox(w, 1.0)
    np.testing.assert_allclose(found, [[1.0, 0.0], [1.0, 0.0]])
    w[0] = -1e-9
    assert Hierarchical(ratio=1.0).prox(w, 1.0)[0, 0] == pytest.approx(-1.0)  # its sign may jump


def test_the_subgradient_is_the_shortest_along_the_bounds() -> None:
    w = np.array([[-2.0], [4.0], [1.0]])  # ratio 2: the first hidden weight is at its bound
    penalty = Hierarchical(ratio=2.0)
    g = penalty.gradient(w)
    np.testing.assert_allclose(g[:, 0], [-1 / 5, 2 / 5, 0.0])
    h = 1e-6
    assert (penalty.value(w) - penalty.value(w - h * g)) / h == pytest.approx((g * g).sum())
    assert not penalty.gradient(np.zeros((3, 2))).any()
    assert penalty.value(w * [[1.0], [1.1], [1.0]]) == np.inf


def test_bad_layers_and_options_are_refused_with_what_to_do() -> None:
    for penalty, shape, said in (
        (Hierarchical(3), (3, 4), "more than 3 outputs"),
        (Hierarchical(), (4,), "the layer that reads the inputs"),
        (Hierarchical(axes=(5, 0)), (4, 3), "select the layer"),
    ):
        with pytest.raises(InputError, match=said):
            penalty.value(np.ones(shape))
    with pytest.raises(InputError, match="update='decoupled'"):
        Hierarchical().prox(np.ones((3, 2)), np.ones((3, 2)))
    with pytest.raises(InputError, match="two axes"):
        Hierarchical(axes=(0,))
    with pytest.raises(InputError, match="ratio"):
        Hierarchical(ratio=0.0)


class Skipping(nn.Module):
    """A network whose first layer has the linear part beside the hidden units."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(inputs, 1 + hidden), nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the linear part and what the hidden units add."""
        z = self.first(x)
        return z[:, :1] + self.last(torch.relu(z[:, 1:]))


def test_a_network_keeps_the_inputs_that_say_something() -> None:
    torch.manual_seed(0)
    x = torch.randn(200, 8)
    y = x[:, :1] - x[:, 1:2].abs()
    model = Skipping(8, 12)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    term = (0.3 * Hierarchical(ratio=3.0)).on("first.weight")
    regularize(optimizer, model, term)
    for _ in range(500):
        optimizer.zero_grad()
        (0.5 * (model(x) - y).square().mean()).backward()
        optimizer.step()
    w = model.first.weight.detach()
    assert (w != 0).any(dim=0).tolist() == [True, True, *[False] * 6]
    assert bool((w[1:].abs() <= 3.0 * w[:1].abs() * (1 + 1e-5)).all())


def test_adams_metric_is_refused_before_training() -> None:
    model = Skipping(4, 3)
    term = (0.1 * Hierarchical()).on("first.weight")
    with pytest.raises(UnsupportedOptimizer, match="update='proximal', got Adam"):
        regularize(torch.optim.Adam(model.parameters()), model, term, update="proximal")
