"""Reweighted L1: rounds of a weighted lasso by others, checkpoints, stacks; and their limit."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from shrinkage import L2, LogSum, ReweightedL1
from shrinkage.errors import InputError
from shrinkage.terms import Part

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(3)
X = RNG.standard_normal((40, 8))
Y = X @ np.array([2.0, -1.0, 0.5, 0, 0, 0, 0, 0.2]) + 0.3 * RNG.standard_normal(40)
STRENGTH, EPSILON, ROUND = 0.2, 0.3, 1500


def rounds(count: int) -> list[np.ndarray]:
    """Return the solutions of a weighted lasso by scikit-learn, each reweighted by the last."""
    from sklearn.linear_model import Lasso

    a, found = np.ones(8), []
    for _ in range(count):
        lasso = Lasso(STRENGTH, fit_intercept=False, tol=1e-12, max_iter=100_000)
        found.append(lasso.fit(X / a, Y).coef_ / a)
        a = EPSILON / (np.abs(found[-1]) + EPSILON)
    return found


def train(layer: Any, optimizer: Any, steps: int) -> None:
    x, y = torch.tensor(X), torch.tensor(Y)[:, None]
    for _ in range(steps):
        optimizer.zero_grad()
        (0.5 * (layer(x) - y).square().mean()).backward()
        optimizer.step()


def started() -> tuple[Any, Any, Any]:
    from shrinkage.pytorch import regularize

    layer = torch.nn.Linear(8, 1, bias=False).double()
    torch.nn.init.zeros_(layer.weight)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.2)
    terms = STRENGTH * ReweightedL1(EPSILON, every=ROUND)
    return layer, optimizer, regularize(optimizer, layer, terms)


def test_each_round_ends_at_the_weighted_lasso_of_scikit_learn() -> None:
    layer, optimizer, attachment = started()
    for expected in rounds(2):
        train(layer, optimizer, ROUND)
        got = layer.weight.detach().numpy()[0]
        np.testing.assert_allclose(got, expected, atol=1e-8)
        np.testing.assert_array_equal(got == 0, expected == 0)
    assert float(attachment.value()[attachment.assignment.terms.ids[0]]) > 0


def test_the_rounds_end_where_log_sum_is_stationary() -> None:
    """A point that its own prox step leaves where it is."""
    w = rounds(40)[-1]
    moved = w - 0.05 * X.T @ (X @ w - Y) / len(X)
    np.testing.assert_allclose(LogSum(EPSILON).prox(moved, 0.05 * STRENGTH), w, atol=1e-9)


def test_a_checkpoint_goes_on_within_a_round() -> None:
    from shrinkage.pytorch import regularize

    def made() -> tuple[Any, Any, Any]:
        layer = torch.nn.Linear(8, 1, bias=False).double()
        torch.nn.init.zeros_(layer.weight)
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
        terms = STRENGTH * ReweightedL1(EPSILON, every=20) + 0.1 * L2()
        return layer, optimizer, regularize(optimizer, layer, terms)

    layer, optimizer, attachment = made()
    train(layer, optimizer, 50)
    states = copy.deepcopy([own.state_dict() for own in (layer, optimizer, attachment)])
    again = made()
    for own, state in zip(again, states, strict=True):
        own.load_state_dict(state)
    train(layer, optimizer, 25)
    train(again[0], again[1], 25)
    assert torch.equal(layer.weight, again[0].weight)


def test_each_model_of_a_stack_is_reweighted_by_its_own() -> None:
    from shrinkage.pytorch import attach

    strengths = torch.tensor([0.0, 0.1, 0.6], dtype=torch.float64)
    start = torch.tensor(RNG.standard_normal((3, 2, 4)))

    def trained(w: Any, strength: Any, stacked: int) -> Any:
        own = torch.nn.Parameter(w.clone())
        optimizer = torch.optim.Adam([own], lr=0.05)
        fixed = Part(0.1, L2(), term="fixed")
        part = Part(strength, ReweightedL1(0.3, every=4), term="one")
        attach(optimizer, {own: [part, fixed]}, stacked=stacked)
        for _ in range(11):
            own.grad = own.detach() - 0.3
            optimizer.step()
        return own.detach()

    together = trained(start, strengths, 1)
    for k, strength in enumerate(strengths.tolist()):
        alone = trained(start[k], strength, 0)
        torch.testing.assert_close(together[k], alone, rtol=1e-12, atol=0)
    assert not torch.equal(together[1], together[2])


def test_where_nobody_counts_steps_it_is_refused() -> None:
    from shrinkage import fit_path
    from shrinkage.pytorch import penalty_loss

    with pytest.raises(InputError, match=r"penalty_loss, got ReweightedL1.*use LogSum"):
        penalty_loss(torch.nn.Linear(2, 1), 0.1 * ReweightedL1())
    with pytest.raises(InputError, match=r"solved, not trained by steps, got.*use LogSum"):
        fit_path("linear", X, Y, penalty=ReweightedL1(), strengths=2, folds=2, progress=False)
    with pytest.raises(InputError, match="every"):
        ReweightedL1(every=0)
