"""LassoNet's penalty: its prox against LassoNet's own, against a search, and in a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch import nn

from shrinkage import Hierarchical
from shrinkage.errors import InputError
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


@pytest.mark.parametrize("ratio", [0.2, 1.0, 10.0])
def test_the_prox_in_a_metric_is_the_lowest_point_of_a_plane(ratio: float) -> None:
    """Two skips are searched on a grid of the plane, finer about the answer; the rest is known."""
    w = weights(2, 4, 14)
    steps = 10 ** RNG.uniform(-1.5, 1.0, w.shape)
    w[0, 2:6], steps[0, 2:6] = 0.0, 20.0  # the longest step at 0: its sign may be either
    found = Hierarchical(2, ratio).prox(w, steps)
    assert (found[:2] != 0).any(axis=0).sum() not in (0, 14)

    def objective(theta: np.ndarray, j: int) -> np.ndarray:
        most = ratio * np.linalg.norm(theta, axis=-1)
        rest = np.clip(w[2:, j], -most[..., None], most[..., None])
        costs = (theta - w[:2, j]) ** 2 / steps[:2, j], (rest - w[2:, j]) ** 2 / steps[2:, j]
        return 0.5 * (costs[0].sum(-1) + costs[1].sum(-1)) + most / ratio

    for j in range(14):
        own, span = found[:2, j], np.abs(w[:, j]).sum() * (1 + 1 / ratio) + 1e-3
        reached = float(objective(own, j))
        for size in (span, 0.1 * span, 0.01 * span):
            line = np.linspace(-size, size, 201)
            theta = np.stack(np.meshgrid(line, line), -1)
            for place in (theta, own + theta):
                assert reached <= objective(place, j).min() + 1e-12 * (1 + reached)
        clipped = np.clip(w[2:, j], *(np.linalg.norm(own) * ratio * np.array([-1.0, 1.0])))
        np.testing.assert_allclose(found[2:, j], clipped, rtol=1e-12, atol=1e-300)


def test_equal_steps_are_one_step() -> None:
    w = weights(3, 5, 20)
    w[:3, 3:5] = 0.0
    found = Hierarchical(3, 0.7).prox(w, np.full(w.shape, 0.3))
    np.testing.assert_allclose(found, Hierarchical(3, 0.7).prox(w, 0.3), rtol=1e-12)
    kernel = np.zeros((3, 2, 2, 2))  # θ is zero: of the positions of a kernel one gets the length
    kernel[1:] = RNG.normal(size=(2, 2, 2, 2))
    for step in (0.1, np.full(kernel.shape, 0.1)):
        moved = Hierarchical(1, 0.7, axes=(1, 0)).prox(kernel, step)
        assert (moved[0] != 0).sum() == 2
        assert Hierarchical(1, 0.7, axes=(1, 0)).value(moved) < np.inf


def test_adam_ends_where_a_plain_step_stays() -> None:
    """In its own metric Adam solves the problem of the strength, with the same zeros."""
    torch.manual_seed(0)
    x = torch.randn(120, 6, dtype=torch.float64) * torch.tensor([3.0, 1, 1, 0.2, 1, 1])
    y = torch.stack([x[:, 0] - x[:, 1], 0.4 * x[:, 3]], 1)
    layer = nn.Linear(6, 5, bias=False).double()
    penalty = Hierarchical(2, 0.5, axes=(1, 0))
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    regularize(optimizer, layer, 0.1 * penalty)

    def gradient() -> torch.Tensor:
        optimizer.zero_grad()
        z = layer(x)
        made = z[:, :2] + z[:, 2:4] + z[:, 4:]
        (0.5 * (made - y).square().sum(1).mean()).backward()
        assert layer.weight.grad is not None
        return layer.weight.grad

    for _ in range(4000):
        gradient()
        optimizer.step()
    w = layer.weight.detach()
    again = penalty.prox(w - 0.01 * gradient(), 0.01 * 0.1)
    torch.testing.assert_close(again, w, rtol=0, atol=1e-9)
    assert (w != 0).any(dim=0).tolist() == [True, True, False, False, False, False]


def test_adam_without_a_gradient_does_not_erase_an_input() -> None:
    layer = nn.Linear(2, 4, bias=False)
    start = layer.weight.detach().clone()
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.001)
    regularize(optimizer, layer, 0.1 * Hierarchical(ratio=100.0, axes=(1, 0)))
    layer.weight.grad = torch.zeros_like(layer.weight)
    optimizer.step()
    moved = (layer.weight.detach() - start).abs()
    assert 0 < float(moved.max()) <= 0.002 * (1 + 1e-5)
