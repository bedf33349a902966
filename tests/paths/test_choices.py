"""Grid, rules and scores: what chooses a strength."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss, r2_score

from shrinkage import fit_path
from shrinkage.datasets import TargetEncoding
from shrinkage.errors import InputError
from shrinkage.paths.choosing.grid import check_strengths, extension, log_grid
from shrinkage.paths.choosing.grid_top import top_of_grid
from shrinkage.paths.choosing.rules import Choice, choose
from shrinkage.paths.choosing.scores import Scorer
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.paths.options import PathOptions
from shrinkage.paths.results.records import standard_error
from shrinkage.paths.results.warnings import _edge
from shrinkage.paths.surfaces.spec import SurfaceSpec
from shrinkage.penalties import L1, L2


def test_the_grid_spans_four_decades_evenly():
    grid = np.array(log_grid(3.0, 20))
    assert len(grid) == 20
    assert grid[-1] == pytest.approx(3.0)
    assert grid[0] == pytest.approx(3e-4)
    np.testing.assert_allclose(np.diff(np.log(grid)), np.diff(np.log(grid))[0])


@pytest.mark.parametrize(
    ("strengths", "words"),
    [
        ((), "got none"),
        ((0.2, 0.1), "ascending"),
        ((0.1, 0.1), "ascending"),
        ((-0.1, 0.1), "not negative"),
        ((0.1, float("nan")), "finite"),
        ((0.1, float("inf")), "finite"),
    ],
)
def test_bad_strengths_are_refused(strengths, words):
    with pytest.raises(InputError, match=words):
        check_strengths(strengths)


@pytest.mark.parametrize(
    "given",
    [
        [1, 2, 3],
        range(1, 4),
        np.arange(1, 4),
        torch.arange(1, 4),
        iter((1.0, 2, 3)),
        ("1", 2, 3),
    ],
)
def test_strengths_are_any_sequence_of_numbers(given):
    assert PathOptions(strengths=given).strengths == (1.0, 2.0, 3.0)


@pytest.mark.parametrize("given", [[[1, 2], [3, 4]], [1, None], ["a", "b"]])
def test_strengths_that_are_no_numbers_are_one_line(given):
    with pytest.raises(InputError, match=r"as a count or as numbers in ascending order"):
        PathOptions(strengths=given)
    with pytest.raises(InputError, match=r"strengths of an axis as a count or as numbers"):
        SurfaceSpec((L1(), L2()), (given, 3))


def test_extension_adds_one_decade_beyond_the_edge():
    grid = log_grid(1.0, 20)
    down = extension(grid, 0)
    assert down is not None
    assert down.below
    assert down.strengths[0] == pytest.approx(1e-5, rel=0.2)
    assert (np.diff(np.log((*down.strengths, *grid))) > 0).all()
    up = extension(grid, 19)
    assert up is not None
    assert not up.below
    assert up.strengths[-1] == pytest.approx(10.0, rel=0.2)
    assert extension(grid, 7) is None


def folds(*scores: float, plain: float) -> SimpleNamespace:
    """Return what the folds say of three strengths, and of none."""
    around = np.array([-0.01, 0.0, 0.01])
    rows = {"score": np.array([score + around for score in scores])}
    none = SimpleNamespace(measures={"score": plain + np.array([[0.012, 0.001, -0.01]])})
    strengths = (1e-3, 1e-2, 1e-1)
    return SimpleNamespace(
        strengths=strengths, measures=rows, unregularized=none, rounds=1, ends_empty=False
    )


def test_the_smallest_strength_is_an_edge_only_where_none_is_worse():
    first, last = (Choice(best=k, one_standard_error=2) for k in (0, 2))
    assert "lie beyond" in _edge(folds(0.9, 0.8, 0.7, plain=0.6), first)
    assert "cannot tell it from none" in _edge(folds(0.9, 0.8, 0.7, plain=0.9), first)
    assert "lie beyond" in _edge(folds(0.7, 0.8, 0.9, plain=0.9), last)


def test_a_grid_that_ends_with_a_constant_is_not_extended():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 50)), np.random.default_rng(99).integers(0, 2, 60)
    result = fit_path("linear", X, y, penalty=L1(), strengths=8, folds=3, test=(X, y))
    assert result.best.strength == result.strengths[-1]
    assert result.nonzero[7].any()  # in a fold, so that a decade is added, and no second one
    assert len(result.strengths) == 10
    assert not result.nonzero[-1].any()
    (said,) = (s for s in result.warnings if "largest of the grid" in s)
    assert "no model of this path does better than a constant" in said


@pytest.mark.parametrize("penalty", [L1(), L2()], ids=repr)
def test_the_top_is_where_the_network_is_no_better_than_a_constant(make, penalty):
    problem, unit = make("mlp:8", penalty, strengths=(0.0,), rows=400)
    top = top_of_grid(problem, unit, StackedEngine()).strength
    longer, at_top = make("mlp:8", penalty, strengths=(top / 100, top), rows=400, epochs=20)
    trained = StackedEngine().train(longer, at_top, lambda _: None)
    rows = at_top.data.rows.take(at_top.data.train)
    below, there = problem.loss(trained.outputs(rows.x), rows.target, None).tolist()
    constant = problem.loss.constant(rows.target.numpy(), None)
    assert below < 0.8 * constant
    assert there > 0.95 * constant


def test_one_standard_error_takes_the_largest_strength_within_it():
    mean = np.array([0.90, 0.95, 0.949, 0.941, 0.93])
    error = np.array([0.5, 0.01, 0.0, 0.0, 0.0])
    choice = choose(mean, error)
    assert (choice.best, choice.one_standard_error) == (1, 3)


def test_ties_go_to_the_larger_strength_and_nan_is_never_chosen():
    assert choose(np.array([0.9, 0.9, np.nan]), np.zeros(3)).best == 1
    assert choose(np.array([0.9, 0.8]), np.array([np.nan, np.nan])).one_standard_error == 0
    with pytest.raises(InputError, match="none: training diverged"):
        choose(np.array([np.nan, np.nan]), np.zeros(2))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12), st.floats(0, 0.3))
@settings(max_examples=60, deadline=None)
def test_the_choice_is_the_definition(scores, error):
    mean = np.array(scores)
    choice = choose(mean, np.full(len(mean), error))
    assert mean[choice.best] == mean.max()
    inside = [k for k in range(len(mean)) if mean[k] >= mean.max() - error]
    assert choice.one_standard_error == inside[-1]


def test_standard_error_is_that_of_the_mean():
    scores = np.random.default_rng(0).normal(size=(4, 5))
    expected = [np.std(row, ddof=1) / np.sqrt(5) for row in scores]
    np.testing.assert_allclose(standard_error(scores), expected)


def test_scores_are_scikit_learns():
    random = np.random.default_rng(1)
    labels = np.array(["a", "b", "c"], dtype=object)[random.integers(0, 3, 50)]
    outputs = random.normal(size=(2, 3, 50))
    weight = random.uniform(0.1, 2, 50)
    encoding = TargetEncoding.fit(labels, "classification")
    predicted = [encoding.decode(model.argmax(axis=0)) for model in outputs]
    for weights in (None, weight):
        scores = Scorer("accuracy").score(outputs, labels, weights, encoding)
        expected = [accuracy_score(labels, p, sample_weight=weights) for p in predicted]
        np.testing.assert_allclose(scores, expected)
    scores = Scorer("balanced_accuracy").score(outputs, labels, None, encoding)
    np.testing.assert_allclose(scores, [balanced_accuracy_score(labels, p) for p in predicted])
    shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    scores = Scorer("neg_log_loss").score(outputs, labels, None, encoding)
    np.testing.assert_allclose(scores, [-log_loss(labels, s.T) for s in shares])


def test_regression_scores_are_in_the_targets_own_unit():
    random = np.random.default_rng(2)
    y = 100 + 30 * random.normal(size=40)
    encoding = TargetEncoding.fit(y, "regression", standardize=True)
    outputs = (encoding.encode(y) + 0.1 * random.normal(size=40))[None, None]
    expected = r2_score(y, encoding.decode(outputs[0, 0]))
    np.testing.assert_allclose(Scorer("r2").score(outputs, y, None, encoding), [expected])


def test_outputs_that_are_not_finite_have_no_score():
    encoding = TargetEncoding.fit(np.array([0, 1]), "classification")
    outputs = np.array([[[0.0, 1.0], [1.0, 0.0]], [[np.nan, 1.0], [1.0, 0.0]]])
    scores = Scorer("accuracy").score(outputs, np.array([1, 0]), None, encoding)
    assert scores[0] == 1.0
    assert np.isnan(scores[1])


def test_an_unknown_scorer_lists_near_names():
    with pytest.raises(InputError, match="balanced_accuracy"):
        Scorer("balanced_acuracy")
