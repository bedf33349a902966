"""Sets that arrays share, and penalties renewed by rounds, under jit: the weights of torch."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from shrinkage import L1, L2
from shrinkage.errors import InputError
from shrinkage.optax import TreeLedger, decoupled, gradient, penalty_loss, proximal
from shrinkage.penalties import GlobalCardinality, ReweightedL1
from shrinkage.pytorch import regularize

RATE = 0.02
SETS = (GlobalCardinality(fraction=0.2), GlobalCardinality(keep=5, least=3))


def data() -> tuple[np.ndarray, ...]:
    """Return two layers (out, in), rows and targets; the second layer's weights are small."""
    r = np.random.default_rng(0)
    shapes = ((8, 6), (3, 8), (40, 6), (40, 3))
    first, second, x, y = (r.normal(size=shape) for shape in shapes)
    return first, 0.1 * second, x, y


def by_optax(optimizer: Any, update: str, terms: Any, steps: int = 20) -> list[np.ndarray]:
    first, second, x, y = data()
    params = {"a": {"kernel": jnp.array(first.T)}, "b": {"kernel": jnp.array(second.T)}}
    if update == "decoupled":
        optimizer = optax.chain(optimizer, decoupled(terms, RATE))
    elif update == "gradient":
        optimizer = optax.chain(gradient(terms), optimizer)
    else:
        optimizer = proximal(optimizer, terms, RATE)

    def loss(params: Any) -> Any:
        made = jnp.tanh(x @ params["a"]["kernel"]) @ params["b"]["kernel"]
        return 0.5 * jnp.mean(jnp.sum((made - y) ** 2, 1))

    @jax.jit
    def step(params: Any, state: Any) -> Any:
        moves, state = optimizer.update(jax.grad(loss)(params), state, params)
        return optax.apply_updates(params, moves), state

    state: Any = optimizer.init(params)
    for _ in range(steps):
        params, state = step(params, state)
    return [np.asarray(params[name]["kernel"]).T for name in "ab"]


def by_torch(kind: Any, update: str, terms: Any, steps: int = 20) -> list[np.ndarray]:
    first, second, x, y = map(torch.tensor, data())
    layers = [torch.nn.Linear(6, 8, bias=False), torch.nn.Linear(8, 3, bias=False)]
    model = torch.nn.Sequential(layers[0], torch.nn.Tanh(), layers[1]).double()
    with torch.no_grad():
        layers[0].weight.copy_(first)
        layers[1].weight.copy_(second)
    optimizer = kind(model.parameters(), lr=RATE)
    regularize(optimizer, model, terms, update=update)
    for _ in range(steps):
        optimizer.zero_grad()
        (0.5 * (model(x) - y).square().sum(1).mean()).backward()
        optimizer.step()
    return [layer.weight.detach().numpy() for layer in layers]


@pytest.mark.parametrize("penalty", SETS)
@pytest.mark.parametrize("update", ["proximal", "decoupled"])
@pytest.mark.parametrize(
    ("ours", "theirs"), [(optax.sgd, torch.optim.SGD), (optax.adam, torch.optim.Adam)]
)
def test_what_stays_is_divided_as_in_torch(penalty, update, ours, theirs):
    terms = [1.0 * penalty, 0.01 * L1()]
    with jax.enable_x64(True):
        found = by_optax(ours(RATE), update, terms)
    for own, other in zip(found, by_torch(theirs, update, terms), strict=True):
        assert ((own != 0) == (other != 0)).all()
        np.testing.assert_allclose(own, other, atol=1e-12)


def test_more_than_there_are_is_refused():
    with pytest.raises(InputError, match="at most 72 to keep of 72 weights in all layers"):
        by_optax(optax.sgd(RATE), "proximal", 1.0 * GlobalCardinality(keep=99), steps=1)


@pytest.mark.parametrize("update", ["proximal", "decoupled", "gradient"])
@pytest.mark.parametrize(
    ("ours", "theirs"), [(optax.sgd, torch.optim.SGD), (optax.adam, torch.optim.Adam)]
)
def test_a_reweighted_l1_goes_through_its_rounds_as_in_torch(update, ours, theirs):
    terms = [0.05 * ReweightedL1(0.3, every=6), 0.01 * L2()]
    with jax.enable_x64(True):
        found = by_optax(ours(RATE), update, terms)
        never = by_optax(ours(RATE), update, [0.05 * L1(), 0.01 * L2()])
    for own, other, plain in zip(found, by_torch(theirs, update, terms), never, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-12)
        assert np.abs(own - plain).max() > 1e-3


def test_slopes_are_kept_in_the_state_and_told_by_the_ledger():
    params = {"kernel": jnp.array([[3.0, 0.5]])}
    term = 2.0 * ReweightedL1(1.0, every=1)
    optimizer = proximal(optax.sgd(0.5), term, 0.5)
    still = jax.tree.map(jnp.zeros_like, params)
    state: Any = optimizer.init(params)
    assert state.renewals["kernel"][0].tolist() == [[1.0, 1.0]]
    for _ in range(2):
        _, state = optimizer.update(still, state, params)
    np.testing.assert_allclose(state.renewals["kernel"][0], [[1 / 4, 1 / 1.5]], rtol=1e-6)
    ledger = TreeLedger(term, every=1)
    ledger.note(1, params, renewals=state.renewals)
    told = ledger.records[0].terms
    assert list(told.values()) == pytest.approx([2 * (3 / 4 + 0.5 / 1.5)])
    with pytest.raises(InputError, match=r"holds of kernel, got none: give note\(…, renewals"):
        ledger.note(2, params)
    with pytest.raises(InputError, match=r"penalty_loss, got ReweightedL1.*use LogSum"):
        penalty_loss(params, term)
