"""The solver of linear models on hard rows: columns that nearly depend on each other, one class."""

from __future__ import annotations

import numpy as np
import pytest

from shrinkage.paths.engines.linear.classes import Logistic, Softmax
from shrinkage.paths.engines.linear.counts import Counts
from shrinkage.paths.engines.linear.family import Family
from shrinkage.paths.engines.linear.norms import Norms
from shrinkage.paths.engines.linear.solver import GAP, Solver
from tests.builders.linear_losses import norms_of, table


def powers() -> np.ndarray:
    """Return the powers 1 to 24 of numbers from −1 to 1."""
    return np.linspace(-1, 1, 200)[:, None] ** np.arange(1, 25)


def alike() -> np.ndarray:
    """Return 30 columns that differ by a thousandth."""
    random = np.random.default_rng(1)
    return random.normal(size=(150, 1)) + 1e-3 * random.normal(size=(150, 30))


def one_far_row() -> np.ndarray:
    """Return columns of which one row is a million times as large as the others."""
    x = np.random.default_rng(16).normal(size=(300, 20))
    x[0] *= 1e6
    return x


def by_thirds(x: np.ndarray) -> np.ndarray:
    """Return three classes, of a number that half of the columns tell in part."""
    random = np.random.default_rng(0)
    weights = random.normal(size=x.shape[1]) * (random.random(x.shape[1]) < 0.5)
    told = (x - x.mean(axis=0)) / x.std(axis=0) @ weights
    number = told / told.std() + random.normal(size=len(x))
    return np.argsort(np.argsort(number)) * 3 // len(x)


@pytest.mark.parametrize(
    ("make", "decades", "shares"),
    [
        (powers, 6, (0.0, 0.0, 1.0)),
        (alike, 5, (0.0, 0.0, 1.0)),
        (alike, 5, (0.0, 0.01, 0.99)),
        (one_far_row, 6, (0.0, 0.01, 0.99)),
    ],
)
def test_inputs_of_many_classes_are_grouped_to_a_certificate(make, decades, shares):
    """Groups turn round in Newton's step there, and halves of it lead nowhere."""
    x = make()
    labels, inputs = by_thirds(x), x.shape[1]
    groups = np.broadcast_to(np.arange(inputs), (3, inputs))
    loss = Softmax(x, labels, np.full(len(x), 1 / len(x)), 3)
    pull = loss.at(np.zeros((3, inputs)), loss.start()).pull @ loss.x
    top = np.linalg.norm(pull, axis=0).max() / np.sqrt(3)
    levels = top * np.geomspace(1, 10.0**-decades, 12)[:, None] * shares
    norms = Norms(1.0, 1.0, 1.0, groups, np.zeros(inputs, dtype=bool)).at(levels[0])
    assert Solver(loss).path(Family(norms, levels)).gaps.max() <= GAP


@pytest.mark.parametrize("kind", ["logistic", "softmax", "counts"])
def test_rows_of_one_class_or_no_count_have_a_constant_for_a_certified_model(kind):
    """Nothing is left to gain over a constant, and a gap over nothing says nothing."""
    x, _, share = table()
    ones = np.ones(len(x), dtype=int)
    loss = {
        "logistic": lambda: Logistic(x, ones, share),
        "softmax": lambda: Softmax(x, ones, share, 3),
        "counts": lambda: Counts(x, 0.0 * ones, share),
    }[kind]()
    norms = norms_of("l1", loss.outputs)
    path = Solver(loss).path(Family(norms, np.geomspace(1, 1e-4, 5)[:, None] * (1.0, 0.0, 0.0)))
    assert not path.weights.any()
    assert path.gaps.max() <= GAP
    outputs = path.intercepts[0] if kind == "softmax" else np.append(0.0, path.intercepts[0])
    assert outputs.argmax() == (kind != "counts")
