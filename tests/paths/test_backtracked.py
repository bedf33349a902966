"""Linear models by gradients: what keeps a model from ending, and what must not."""

from __future__ import annotations

import numpy as np

from shrinkage import MCP, fit_path
from shrinkage.paths.engines.linear import backtracked

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
