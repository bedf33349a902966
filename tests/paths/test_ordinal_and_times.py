"""Ordered classes, quantiles and censored times through whole paths."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import minimize
from sklearn.linear_model import QuantileRegressor

from shrinkage import L1, L2, fit_path
from shrinkage.errors import InputError
from shrinkage.paths.choosing.own_scores import concordance
from shrinkage.paths.data_losses import data_loss
from shrinkage.paths.engines.layers.ordered import OrderedClasses
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.run import load_result

random = np.random.default_rng(0)
X = random.normal(size=(120, 3))
LEVEL = np.digitize(X[:, 0] + random.logistic(size=120), [-1.0, 0.5, 1.5])
QUICK = {"folds": 2, "test_size": 0, "refit": "all", "progress": False, "standardize": False}


def odds(parameters, strength=0.0):
    """Return F of the proportional odds model by its definition, for 4 classes."""
    w, first, gaps = parameters[:3], parameters[3], np.exp(parameters[4:])
    thresholds = np.r_[-np.inf, first + np.r_[0.0, np.cumsum(gaps)], np.inf]
    below = 1 / (1 + np.exp(-(thresholds[:, None] - X @ w)))
    chance = np.diff(below, axis=0)[LEVEL, np.arange(len(X))]
    return -np.log(chance).mean() + 0.5 * strength * w @ w


def test_the_layer_gives_the_probabilities_of_cumulative_logits():
    layer = OrderedClasses(4).double()
    with torch.no_grad():
        layer.first += 0.3
        layer.gaps += torch.tensor([0.5, -1.0])
        number = torch.tensor([[-40.0], [-0.3], [2.0], [40.0]], dtype=torch.float64)
        steps = torch.nn.functional.softplus(layer.gaps).cumsum(0)
        thresholds = torch.cat([layer.first, layer.first + steps])
        below = torch.sigmoid(thresholds - number)
        chance = torch.cat([below, torch.ones(4, 1)], 1).diff(dim=1, prepend=torch.zeros(4, 1))
        said = layer(number)
    np.testing.assert_allclose(said.exp(), chance, atol=1e-12)
    assert torch.isfinite(said).all()


def test_ordered_classes_stack_as_one_by_one(make):
    from dataclasses import replace

    from shrinkage.paths.engines.architectures import Ordered, build_seeded
    from shrinkage.pytorch import describe
    from shrinkage.terms import assign

    problem, unit = make(epochs=3)
    architecture = Ordered(problem.architecture)
    module = build_seeded(architecture, 6, 3, 0, torch.float64)
    infos = (info for info, _ in describe(module))
    assignment = assign(infos, problem.terms.terms, "proximal")
    problem = replace(problem, architecture=architecture, assignment=assignment)
    unit = replace(unit, data=replace(unit.data, validation=None), watched=False)
    both = [
        engine.train(problem, unit, lambda _: None).outputs(unit.data.rows.x)
        for engine in (StackedEngine(), SequentialEngine())
    ]
    np.testing.assert_allclose(*both, atol=1e-8)


def test_a_linear_model_of_ordered_classes_is_the_proportional_odds_model(tmp_path):
    result = fit_path(
        "linear", X, LEVEL, loss="ordinal", penalty=L2(), strengths=(0.05, 0.2), epochs=120,
        batch_size=60, learning_rate=0.1, dtype="float64", store=tmp_path / "run", **QUICK,
    )  # fmt: skip
    for which, strength in ((0, 0.05), ("unregularized", 0.0)):
        least = minimize(odds, np.zeros(6), args=(strength,), tol=1e-10)
        module = result.model(which)
        w = module[0].weight.detach().numpy()[0]
        chance = result.predict_proba(X, which)[np.arange(120), LEVEL]
        value = -np.log(chance).mean() + 0.5 * strength * w @ w
        assert value == pytest.approx(least.fun, abs=2e-4)
        np.testing.assert_allclose(w, least.x[:3], atol=0.03)
    again = load_result(tmp_path / "run")
    np.testing.assert_array_equal(again.predict(X), result.predict(X))
    assert result.best.cv_log_loss < result.constant.cv_log_loss
    assert [row.parameter for row in result.assignment if row.term] == ["0.weight"]


def test_thresholds_start_at_the_shares_of_the_training_rows(make):
    from dataclasses import replace

    from shrinkage.paths.engines.architectures import Ordered
    from shrinkage.paths.engines.base import template

    problem, unit = make()
    problem = replace(problem, architecture=Ordered(problem.architecture))
    module = template(problem, unit)
    counts = np.bincount(unit.data.rows.target[unit.data.train].numpy(), minlength=3)
    zero = torch.zeros(1, 1, dtype=torch.float64)
    np.testing.assert_allclose(module[-1](zero)[0].exp().detach(), counts / counts.sum())
    module[-1].begin_at(torch.tensor([0, 0, 2]), torch.tensor([1.0, 3.0, 4.0]))
    expected = np.array([4.0, 0.5, 4.0]) / 8.5  # of a class without rows half a row
    np.testing.assert_allclose(module[-1](zero)[0].exp().detach(), expected)


def test_text_has_the_order_that_was_said():
    y = np.array(["low", "mid", "high", "top"])[LEVEL]
    options = {"epochs": 3, "strengths": (1e-3, 1e-2), "scorer": "neg_rank_error", **QUICK}
    said = fit_path("mlp:4", X, y, loss="ordinal:low,mid,high,top", **options)
    assert said.model_file.target["classes"] == ["low", "mid", "high", "top"]
    counted = fit_path("mlp:4", X, LEVEL, loss="ordinal", **options)
    np.testing.assert_array_equal(said.fold_scores, counted.fold_scores)
    grades = pd.Categorical(y, categories=["low", "mid", "high", "top"], ordered=True)
    given = fit_path("mlp:4", X, pd.Series(grades), loss="ordinal", **options)
    np.testing.assert_array_equal(given.fold_scores, counted.fold_scores)
    with pytest.raises(InputError, match="expected the order of the classes"):
        fit_path("mlp:4", X, y, loss="ordinal", **options)
    with pytest.raises(InputError, match="no place for 'top'"):
        fit_path("mlp:4", X, y, loss="ordinal:low,mid,high", **options)
    with pytest.raises(InputError, match="at least 3 classes"):
        fit_path("mlp:4", X, LEVEL > 1, loss="ordinal", **options)


def test_a_linear_quantile_is_scikit_learns_to_the_loss_of_it():
    y = X[:, 0] + random.exponential(size=120)
    result = fit_path(
        "linear", X, y, loss="quantile:0.8", penalty=L1(), strengths=(0.02, 0.1), epochs=200,
        batch_size=60, learning_rate=0.05, dtype="float64", **QUICK,
    )  # fmt: skip
    assert result.score_name == "d2_pinball:0.8"

    def value(predicted, w, alpha):
        beyond = y - predicted
        return np.maximum(0.8 * beyond, -0.2 * beyond).mean() + alpha * np.abs(w).sum()

    for which, alpha in ((0, 0.02), (1, 0.1)):
        peer = QuantileRegressor(quantile=0.8, alpha=alpha).fit(X, y)
        w = result.model(which)[0].weight.detach().numpy()[0] * result.model_file.target["scale"]
        least = value(peer.predict(X), peer.coef_, alpha)
        assert value(result.predict(X, which), w, alpha) == pytest.approx(least, rel=2e-3)
    share = (y <= result.predict(X, "unregularized")).mean()
    assert 0.75 < share < 0.85


TIME = random.exponential(np.exp(-X[:, 0])).round(1) + 0.1
TIMES = np.where(random.random(120) < 0.7, TIME, -TIME)


def brute_cox(w, strength):
    risk = X @ w
    terms = [
        np.log(np.exp(risk[np.abs(TIMES) >= TIMES[i]]).sum()) - risk[i]
        for i in np.flatnonzero(TIMES > 0)
    ]
    return sum(terms) / 120 + 0.5 * strength * w @ w


@pytest.mark.slow
def test_a_linear_model_of_censored_times_is_coxs():
    result = fit_path("linear", X, TIMES, loss="cox", penalty=L2(), strengths=(0.05, 0.2), **QUICK)
    for which, strength in ((0, 0.05), (1, 0.2), ("unregularized", 0.0)):
        least = minimize(brute_cox, np.zeros(3), args=(strength,), tol=1e-12)
        w = result.model(which)[0].weight.detach().numpy()[0]
        np.testing.assert_allclose(w, least.x, atol=1e-5)
    assert result.score_name == "concordance"
    assert result.constant.cv_score == 0.5
    assert result.best.cv_score > 0.65
    assert "by event" in result.split_description


R_TIMES = {"cox": 1.475285, "cox:efron": 1.676857}  # of R's package survival, "test1"


@pytest.mark.parametrize("loss", R_TIMES)
def test_equal_times_have_the_coefficient_that_r_has(loss):
    x = np.array([[0.0], [1], [1], [1], [0], [0]])
    times = np.array([4.0, 1, -1, 2, 2, -3])
    function = data_loss(loss).stacked

    def value(slope):
        outputs = torch.from_numpy(slope * x.T[None])
        return float(function(outputs, torch.from_numpy(times), None))

    assert minimize(value, 0.0, tol=1e-12).x[0] == pytest.approx(R_TIMES[loss], abs=2e-6)


def test_a_linear_model_of_tied_times_is_solved_by_efron():
    x, times = X[:40], np.ceil(np.abs(TIMES[:40])) * np.sign(TIMES[:40])
    options = {"penalty": L2(), "strengths": (0.05, 0.2), **QUICK}
    result = fit_path("linear", x, times, loss="cox:efron", **options)
    loss, target = data_loss("cox:efron").stacked, torch.from_numpy(times)

    def value(w):
        outputs = torch.from_numpy((x @ w)[None, None])
        return float(loss(outputs, target, None)) + 0.025 * w @ w

    own = result.model(0)[0].weight.detach().numpy()[0]
    np.testing.assert_allclose(own, minimize(value, np.zeros(3), tol=1e-12).x, atol=1e-5)
    assert result.summary["loss"] == "cox:efron"


def test_a_network_of_censored_times_ranks_them():
    result = fit_path(
        "mlp:8", X, TIMES, loss="cox", strengths=(1e-3, 1e-2), epochs=60, folds=2, progress=False
    )
    assert result.best.test_score > 0.6
    assert result.summary["batch_size"] == 2048


def test_concordance_counts_every_comparable_pair_once():
    y, risk = TIMES[:40], np.round(X[:40, 0], 1)
    right = pairs = 0.0
    for i, j in itertools.permutations(range(40), 2):
        later = abs(y[j]) > y[i] or (abs(y[j]) == y[i] and y[j] < 0)
        if y[i] > 0 and later:
            pairs += 1
            right += 1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0
    assert concordance(y, risk) == pytest.approx(right / pairs, rel=1e-12)
    assert np.isnan(concordance(-np.abs(y), risk))
