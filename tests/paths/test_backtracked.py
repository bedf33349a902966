"""Linear models by gradients: what keeps a model from ending, and what must not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shrinkage import L1, MCP, fit_path
from shrinkage.paths.engines.linear import accelerated, backtracked

random = np.random.default_rng(0)


def test_an_intercept_that_the_loss_does_not_see_keeps_no_model_from_ending(monkeypatch):
    """Rounding moves it, in a model without weights it alone; such steps say nothing."""
    monkeypatch.setattr(backtracked, "MOST_ITERATIONS", 100)
    X = random.normal(size=(120, 3))
    times = random.exponential(np.exp(-X[:, 0])).round(1) + 0.1
    seen = np.where(random.random(120) < 0.7, times, -times)
    options = {"folds": 2, "test_size": 0, "refit": "all", "progress": False}
    strengths = (0.05, 0.6, 0.9)
    options["standardize"] = False
    result = fit_path("linear", X, seen, loss="cox", penalty=MCP(), strengths=strengths, **options)
    assert [str(status) for status in result.status] == ["ok", "ok", "collapsed"]
    assert result.residual is None


@pytest.mark.parametrize(("first", "ends"), [(1.0, True), (1e-17, False)])
def test_where_no_weight_is_left_the_first_step_measures_what_rounding_moves(first, ends):
    """At the top of a grid all weights are zero to rounding, which is no measure of itself."""
    noise = np.random.default_rng(0)

    def forward_backward(point: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(1e-17 * noise.normal(size=tuple(point.shape)))

    solution = accelerated._accelerate(
        lambda _: forward_backward,
        torch.zeros(1, 2, 3, dtype=torch.float64),
        lambda weights, _: torch.zeros(len(weights), dtype=torch.bool),
        most=100,
        least=first,
    )
    assert solution.converged.tolist() == [ends]


def test_without_a_penalty_a_model_is_that_of_any_other_with_its_certificate(monkeypatch):
    monkeypatch.setattr(accelerated, "MOST_NOT_CONVEX", 20)
    rows = np.random.default_rng(0)
    X = rows.normal(size=(90, 4)) * (1.0, 30.0, 1.0, 1.0)
    y = (X[:, 0] + rows.normal(size=90) > 0).astype(int)
    options = {"folds": 2, "repeats": 1, "refit": "all", "progress": False, "standardize": False}
    grid = {"strengths": (0.0, 0.02), **options}
    one, other = (fit_path("linear", X, y, penalty=own, **grid) for own in (MCP(), L1()))
    assert one.residual is not None
    assert one.residual[0].max() < 1e-6
    np.testing.assert_array_equal(one.fold_scores[0], other.fold_scores[0])
    for name, own in other.weights["unregularized"].items():
        np.testing.assert_array_equal(one.weights["unregularized"][name], own)
