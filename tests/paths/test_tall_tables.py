"""Many rows: what a linear model takes beside its inputs, and a cap that it cannot keep."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from shrinkage import L1, fit_path
from shrinkage.paths.engines.linear.classes import Logistic, Softmax
from shrinkage.paths.engines.linear.losses import Squared, Unknowns

ROWS, COLUMNS = 400_000, 12


def loss_of(classes):
    """Return a loss of so many classes on rows that are many."""
    random = np.random.default_rng(0)
    x, labels = random.normal(size=(ROWS, COLUMNS)), random.integers(0, classes, ROWS)
    share = np.full(ROWS, 1 / ROWS)
    return Logistic(x, labels, share) if classes == 2 else Softmax(x, labels, share, classes)


@pytest.mark.parametrize("classes", [2, 3])
def test_second_derivatives_take_less_than_another_copy_of_the_inputs(classes):
    loss = loss_of(classes)
    weights = np.random.default_rng(1).normal(size=(loss.outputs, COLUMNS))
    none = np.zeros(loss.outputs)
    at = loss.at(weights, none)
    tracemalloc.start()
    matrix = loss.curvature(at, Unknowns(np.ones(weights.shape, dtype=bool), intercepts=True))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < loss.x.nbytes
    moved = np.zeros(weights.shape)
    moved[0, 0] = 1e-5
    ahead, behind = (loss.at(weights + by, none).pull for by in (moved, -moved))
    slope = np.atleast_2d((ahead - behind) / 2e-5) @ loss.x
    assert matrix[0, : slope.size] == pytest.approx(slope.ravel(), abs=1e-9)


@pytest.mark.parametrize("kind", [Squared, Logistic])
def test_a_loss_centres_its_inputs_in_its_one_copy_of_them(kind):
    random = np.random.default_rng(0)
    x, y, share = random.normal(size=(20_000, 30)), np.arange(20_000) % 2, np.full(20_000, 5e-5)
    tracemalloc.start()
    kind(x, y, share)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1.5 * x.nbytes


@pytest.mark.parametrize(("memory", "told"), [("50MB", True), ("64GB", False)])
def test_a_cap_that_is_passed_is_told(memory, told):
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 3))
    result = fit_path("linear", X, X[:, 0], penalty=L1(), strengths=3, folds=2, memory=memory)
    said = [text for text in result.warnings if "more than --memory" in text]
    assert len(said) == int(told)
    assert all("50 MB" in text and "fewer rows or columns" in text for text in said)
