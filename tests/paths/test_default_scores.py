"""The default scores of a stack of models, computed at once."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score

from shrinkage.datasets import TargetEncoding
from shrinkage.paths.choosing.scores import Scorer


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["r2", "accuracy"])
def test_the_default_scores_of_all_models_at_once_are_scikit_learns(name, weighted):
    random = np.random.default_rng(0)
    weight = random.uniform(0.0, 2.0, 40) if weighted else None
    if name == "r2":
        y, outputs = random.normal(3.0, 2.0, 40), random.normal(size=(3, 1, 40))
        encoding = TargetEncoding("regression", mean=3.0, scale=2.0)
        expected = [r2_score(y, 3.0 + 2.0 * m[0], sample_weight=weight) for m in outputs[:2]]
    else:
        y, outputs = random.integers(0, 3, 40), random.normal(size=(3, 3, 40))
        encoding = TargetEncoding("classification", classes=(0, 1, 2))
        expected = [accuracy_score(y, m.argmax(axis=0), sample_weight=weight) for m in outputs[:2]]
    outputs[2, 0, 7] = np.inf
    scores = Scorer(name).score(outputs, y, weight, encoding)
    np.testing.assert_allclose(scores[:2], expected, rtol=0, atol=1e-14)
    assert np.isnan(scores[2])
