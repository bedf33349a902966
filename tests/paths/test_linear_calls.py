"""Linear models by one compiled call each: those of the solver's steps, and certified."""

from __future__ import annotations

import numpy as np
import pytest

from shrinkage.paths.engines.linear import in_calls
from shrinkage.paths.engines.linear.counts import Counts
from shrinkage.paths.engines.linear.family import Family
from shrinkage.paths.engines.linear.kernels import Blocks, are_built, descend
from shrinkage.paths.engines.linear.kernels.newton import Newton
from shrinkage.paths.engines.linear.solver import Solver
from tests.builders.linear_losses import (
    INPUTS,
    PENALTIES,
    ROWS,
    loss_of,
    norms_of,
    table,
)


def refuse(*_: object) -> None:
    raise AssertionError("a model was left to the steps in Python")


compiled = pytest.mark.skipif(not are_built(), reason="nothing was compiled here")


@compiled
@pytest.mark.parametrize("rows", [ROWS, 30])
@pytest.mark.parametrize("words", [*PENALTIES, "l1 group l2", "l1 group free"])
@pytest.mark.parametrize("kind", ["logistic", "counts"])
def test_models_in_one_call_each_are_those_of_the_steps(kind, words, rows, monkeypatch):
    """Groups are uneven and their columns no neighbours; no model is left to the steps."""
    inputs = INPUTS if rows == ROWS else 90 if words == "l2" else 300
    loss, shape = loss_of(kind, rows, inputs), norms_of(words, 1, inputs)
    if shape.labels is not None:
        own = np.array([0, 1, 1, 2, 3, 0, 1, 3, 3, 2, 0, 3])[np.arange(inputs) % 12]
        own = np.unique((own + 4 * (np.arange(inputs) // 12))[~shape.free], return_inverse=True)[1]
        shape.labels[:, ~shape.free] = own
    top = float(np.abs(Solver(loss).pull_at_zero(shape.free)).max())
    levels = np.geomspace(1.2, 0.02, 8)[:, None] * top * (shape.level > 0)
    family = Family(shape, levels)
    with monkeypatch.context() as patched:
        patched.setattr(Solver, "solve", refuse)
        path = Solver(loss).path(family)
    monkeypatch.setattr(in_calls, "is_built", lambda: False)
    steps = Solver(loss).path(family)
    assert path.gaps.max() <= 1e-10
    size = np.abs(steps.weights).max()
    np.testing.assert_allclose(path.weights, steps.weights, rtol=0, atol=1e-6 * max(size, 1.0))
    np.testing.assert_array_equal(path.weights == 0, steps.weights == 0)
    np.testing.assert_allclose(path.intercepts, steps.intercepts, rtol=0, atol=1e-5)
    assert words in ("l2", "l1 free", "group free l2", "l1 group free") or not path.weights[0].any()


@compiled
@pytest.mark.parametrize("kind", ["logistic", "counts"])
def test_many_rows_leave_no_model_to_the_steps(kind, monkeypatch):
    """Objectives are compared to the last bits, which a sum over many rows has to have right."""
    loss, shape = loss_of(kind, 40_000, INPUTS), norms_of("l1", 1)
    top = float(np.abs(Solver(loss).pull_at_zero(shape.free)).max())
    levels = np.geomspace(1.2, 0.001, 12)[:, None] * top * (shape.level > 0)
    monkeypatch.setattr(Solver, "solve", refuse)
    assert Solver(loss).path(Family(shape, levels)).gaps.max() <= 1e-10


@compiled
def test_what_a_call_does_not_certify_is_left_to_the_steps(monkeypatch):
    """From where the call ended, and whatever it says of itself."""
    loss = loss_of("logistic")
    family = Family(norms_of("l1", 1), np.geomspace(0.1, 0.005, 6)[:, None] * (1.0, 0.0, 0.0))
    expected, call = Solver(loss).path(family), Newton.solve
    asked = []

    def wrong(own, level, weights, *rest):
        asked.append(level[0])
        call(own, level, weights, *rest)
        weights[:3] += 0.01
        return True

    monkeypatch.setattr(Newton, "solve", wrong)
    path = Solver(loss).path(family)
    assert len(asked) == 6
    assert path.gaps.max() <= 1e-10
    np.testing.assert_allclose(path.weights, expected.weights, rtol=0, atol=1e-7)


@compiled
@pytest.mark.parametrize("scale", [1e-7, 1e6])
def test_the_scale_of_all_columns_and_large_counts_cost_no_certificate(scale, monkeypatch):
    """What rounding leaves of an intercept's derivative is of the order of the counts."""
    x, outputs, share = table()
    loss = Counts(scale * x, np.ceil(np.exp(2 + outputs[:, 0])), share)
    top = float(np.abs(Solver(loss).pull_at_zero(np.zeros(INPUTS, dtype=bool))).max())
    monkeypatch.setattr(Solver, "solve", refuse)
    levels = np.geomspace(1, 1e-3, 10)[:, None] * (top, 0.0, 0.0)
    assert Solver(loss).path(Family(norms_of("l1", 1), levels)).gaps.max() <= 1e-10


@compiled
@pytest.mark.parametrize("rows", [8, 20, 40])
def test_descent_ends_where_there_are_more_columns_than_the_matrix_has_directions(rows):
    """Among columns that depend on others the penalty says which go: no more stay than rows."""
    random = np.random.default_rng(0)
    root = np.geomspace(1, 1e-2, rows)
    x = random.normal(size=(rows, 3 * rows)) * root[:, None]
    curvature, gradient = x.T @ x, -x.T @ (random.normal(size=rows) * root)
    top, count = np.abs(gradient).max(), 3 * rows
    levels = np.geomspace(top, 1e-6 * top, 12)[:, None] * (1.0, 0.0, 0.0)
    blocks = Blocks(np.ones(count), np.arange(count + 1), np.zeros(count))
    start = np.zeros(count)
    weights, there = descend(curvature, gradient, start, blocks, levels, 1e-13 * top, 500)
    assert there.all()
    assert (weights != 0).sum(axis=1).max() <= rows
    slope = gradient + weights @ curvature
    assert (np.abs(slope) <= levels[:, :1] + 1e-12 * top).all()
    held = weights != 0
    np.testing.assert_allclose(slope[held], (-levels[:, :1] * np.sign(weights))[held], atol=1e-11)
