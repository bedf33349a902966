"""Data losses of counts, quantiles, several targets, labels and censored times."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso, LogisticRegression, PoissonRegressor
from sklearn.metrics import log_loss, mean_pinball_loss, mean_poisson_deviance

from shrinkage import L1, L2, fit_path
from shrinkage.errors import InputError
from shrinkage.paths.data_losses import data_loss, loss_for
from shrinkage.paths.engines.censored_losses import StackedCox
from shrinkage.paths.engines.count_losses import StackedPoisson
from shrinkage.paths.engines.efron import StackedEfron
from shrinkage.paths.engines.label_losses import StackedBinaryCrossEntropy
from shrinkage.paths.engines.losses import StackedSquaredError
from shrinkage.paths.engines.quantile_losses import StackedPinball
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.stacked import StackedEngine

random = np.random.default_rng(0)
ROWS = 12
COUNTS = random.poisson(2.0, ROWS).astype(float)
NUMBERS = random.normal(size=ROWS)
TWO = random.normal(size=(ROWS, 2))
LABELS = (random.random((ROWS, 3)) > 0.5).astype(float)
TIMES = np.array([3.0, -1, 2, 2, -2, 5, 1, -4, 2, 4, -4, 1])
LOSSES = {
    "counts": (StackedPoisson(), COUNTS),
    "quantile": (StackedPinball(0.8), NUMBERS),
    "several": (StackedSquaredError(), TWO),
    "labels": (StackedBinaryCrossEntropy(), LABELS),
    "times": (StackedCox(), TIMES),
    "tied times": (StackedEfron(), TIMES),
}
WEIGHT = random.uniform(0.5, 1.5, ROWS)
each = pytest.mark.parametrize("name", LOSSES)


def outputs_of(target, models=2):
    outputs = 1 if target.ndim == 1 else target.shape[1]
    return torch.from_numpy(np.random.default_rng(1).normal(size=(models, outputs, ROWS)))


def brute_cox(outputs, times, weight):
    """Return Breslow's negative log partial likelihood by its definition, over the rows."""
    total = 0.0
    for i, time in enumerate(times):
        if time > 0:
            there = np.abs(times) >= time
            risk = np.log((weight[there] * np.exp(outputs[there])).sum())
            total += weight[i] * (risk - outputs[i])
    return total / len(times)


def brute_efron(outputs, times, weight):
    """Return Efron's negative log partial likelihood by its definition, over the rows."""
    total, sizes = 0.0, weight * np.exp(outputs)
    for time in np.unique(times[times > 0]):
        tied = np.flatnonzero(times == time)
        there, gone = sizes[np.abs(times) >= time].sum(), sizes[tied].sum()
        left = [np.log(there - place / len(tied) * gone) for place in range(len(tied))]
        total += weight[tied].mean() * sum(left) - (weight[tied] * outputs[tied]).sum()
    return total / len(times)


PEERS = {
    "counts": lambda o, w: 0.5 * mean_poisson_deviance(COUNTS, np.exp(o[0]), sample_weight=w),
    "quantile": lambda o, w: mean_pinball_loss(NUMBERS, o[0], alpha=0.8, sample_weight=w),
    "several": lambda o, w: 0.5 * np.average(((TWO.T - o) ** 2).sum(0), weights=w),
    "labels": lambda o, w: sum(
        log_loss(LABELS[:, k], 1 / (1 + np.exp(-o[k])), sample_weight=w) for k in range(3)
    ),
    "times": lambda o, w: brute_cox(o[0], TIMES, np.ones(ROWS) if w is None else w),
    "tied times": lambda o, w: brute_efron(o[0], TIMES, np.ones(ROWS) if w is None else w),
}


@each
@pytest.mark.parametrize("weighted", [False, True])
def test_a_loss_is_that_of_an_independent_implementation(name, weighted):
    loss, target = LOSSES[name]
    weight = WEIGHT / WEIGHT.mean() if weighted else None
    outputs = outputs_of(target)
    given = None if weight is None else torch.from_numpy(weight)
    values = loss(outputs, torch.from_numpy(target), given)
    expected = [PEERS[name](own, weight) for own in outputs.numpy()]
    np.testing.assert_allclose(values, expected, rtol=1e-12)


@each
@pytest.mark.parametrize("weighted", [False, True])
def test_a_gradient_is_that_of_finite_differences(name, weighted):
    loss, target = LOSSES[name]
    weight = torch.from_numpy(WEIGHT) if weighted else None
    outputs, y = outputs_of(target, models=1), torch.from_numpy(target)
    value, gradient = loss.with_gradient(outputs.clone(), y, weight)
    assert torch.equal(value, loss(outputs, y, weight))
    for place in np.ndindex(*outputs.shape):
        step = torch.zeros_like(outputs)
        step[place] = 1e-6
        slope = (loss(outputs + step, y, weight) - loss(outputs - step, y, weight)) / 2e-6
        assert abs(float(slope) - float(gradient[place])) < 1e-8


@each
def test_no_constant_is_better_than_the_best_one(name):
    loss, target = LOSSES[name]
    y, weight = torch.from_numpy(target), torch.from_numpy(WEIGHT / WEIGHT.mean())
    best = torch.from_numpy(loss.constant_outputs(target, weight.numpy(), target.shape[-1]))
    best = best[: outputs_of(target).shape[1]].view(1, -1, 1)
    least = float(loss(best.expand(1, -1, ROWS), y, weight))
    assert least == pytest.approx(loss.constant(target, weight.numpy()), rel=1e-12)
    for move in (-1e-3, 1e-3):
        assert float(loss((best + move).expand(1, -1, ROWS), y, weight)) >= least - 1e-15


def test_without_equal_times_efron_is_breslow():
    times = torch.from_numpy(np.arange(1.0, ROWS + 1) * np.sign(TIMES))
    outputs, weight = outputs_of(TIMES), torch.from_numpy(WEIGHT)
    torch.testing.assert_close(
        StackedEfron()(outputs, times, weight), StackedCox()(outputs, times, weight)
    )


def test_risks_of_any_size_give_finite_gradients():
    outputs = torch.tensor([[[800.0, -800.0, 0.0, 5.0]]], dtype=torch.float64)
    times = torch.tensor([1.0, 2.0, -3.0, 3.0], dtype=torch.float64)
    weight = torch.tensor([1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    for loss, given in itertools.product((StackedCox(), StackedEfron()), (None, weight)):
        value, gradient = loss.with_gradient(outputs, times, given)
        assert torch.isfinite(value).all()
        assert torch.isfinite(gradient).all()


@each
def test_the_stack_trains_what_models_one_by_one_are(name, make):
    loss, target = LOSSES[name]
    problem, unit = make(task="regression", epochs=3)
    y = np.random.default_rng(2).permutation(np.resize(target, (160, *target.shape[1:])))
    outputs = 1 if y.ndim == 1 else y.shape[1]
    if outputs > 1:
        problem = replace(problem, n_outputs=outputs, assignment=_assignment(problem, outputs))
    problem = replace(problem, loss=loss)
    rows = replace(unit.data.rows, target=torch.from_numpy(y))
    unit = replace(unit, data=replace(unit.data, rows=rows, raw_target=y), watched=False)
    x = unit.data.rows.x
    trained = [
        engine.train(problem, replace(unit, data=replace(unit.data, validation=None)), _ignored)
        for engine in (StackedEngine(), SequentialEngine())
    ]
    stacked, sequential = (one.outputs(x) for one in trained)
    np.testing.assert_allclose(stacked, sequential, atol=1e-8)


def _ignored(steps):
    del steps


def _assignment(problem, outputs):
    from shrinkage.pytorch import describe
    from shrinkage.terms import assign

    module = problem.architecture.build(6, outputs)
    infos = (info for info, _ in describe(module))
    return assign(infos, problem.terms.terms, problem.update)


X = random.normal(size=(150, 4))
QUICK = {"folds": 2, "test_size": 0, "refit": "all", "progress": False, "standardize": False}


def weights_of(result, which):
    module = result.model(which)[0]
    return module.weight.detach().numpy(), module.bias.detach().numpy()


def test_a_linear_model_of_counts_is_scikit_learns():
    y = random.poisson(np.exp(0.5 + 0.6 * X[:, 0])).astype(float)
    result = fit_path("linear", X, y, loss="poisson", penalty=L2(), strengths=(0.1, 1), **QUICK)
    assert result.score_name == "d2_poisson"
    for which, alpha in ((0, 0.1), (1, 1.0), ("unregularized", 0.0)):
        peer = PoissonRegressor(alpha=alpha, tol=1e-10, max_iter=10_000).fit(X, y)
        weight, bias = weights_of(result, which)
        np.testing.assert_allclose(weight[0], peer.coef_, atol=1e-6)
        np.testing.assert_allclose(bias, peer.intercept_, atol=1e-6)
        np.testing.assert_allclose(result.predict(X, which), peer.predict(X), rtol=1e-5)
    assert result.score(X, y, 0) == pytest.approx(
        PoissonRegressor(alpha=0.1, tol=1e-10, max_iter=10_000).fit(X, y).score(X, y), abs=1e-6
    )


def test_linear_models_of_several_numbers_are_those_of_each_alone():
    Y = np.column_stack([X[:, 0] + X[:, 1], 5 * X[:, 2]]) + random.normal(size=(150, 2))
    result = fit_path("linear", X, Y, strengths=(0.02, 0.2), **QUICK)
    assert result.summary["target"]["parts"][1]["name"] == "y1"
    for which, alpha in ((0, 0.02), (1, 0.2)):
        weight, _ = weights_of(result, which)
        for k in range(2):
            peer = Lasso(alpha=alpha, tol=1e-10).fit(X, Y[:, k])
            np.testing.assert_allclose(weight[k], peer.coef_, atol=1e-6)
            assert list(weight[k] == 0) == list(peer.coef_ == 0)
    assert result.predict(X).shape == (150, 2)


def test_linear_models_of_labels_are_independent_classifiers():
    Y = (X[:, :2] + random.normal(size=(150, 2)) > 0.3).astype(int)
    result = fit_path("linear", X, Y, penalty=L2(), strengths=(0.05, 0.5), **QUICK)
    assert result.summary["task"] == "multi-label"
    assert result.score_name == "mean_average_precision"
    for k in range(2):
        peer = LogisticRegression(C=1 / (150 * 0.05), tol=1e-10, max_iter=10_000).fit(X, Y[:, k])
        weight, _ = weights_of(result, 0)
        np.testing.assert_allclose(weight[k], peer.coef_[0], atol=1e-6)
        np.testing.assert_allclose(
            result.predict_proba(X, 0)[:, k], peer.predict_proba(X)[:, 1], atol=1e-6
        )
        np.testing.assert_array_equal(result.predict(X, 0)[:, k], peer.predict(X))


def test_a_group_over_all_targets_leaves_inputs_out_of_all():
    from shrinkage import GroupLasso

    Y = np.column_stack([X[:, 0], X[:, 0] - X[:, 1]]) + 0.1 * random.normal(size=(150, 2))
    result = fit_path(
        "linear", X, Y, penalty=GroupLasso(per="input"), strengths=(0.05, 0.2), **QUICK
    )
    weight, _ = weights_of(result, 0)
    assert (weight[:, 2:] == 0).all()
    assert (weight[:, :2] != 0).all()


@pytest.mark.parametrize("weighted", [False, True])
def test_labels_and_numbers_that_nothing_couples_are_solved_as_each_alone(weighted):
    own = np.random.default_rng(5)
    X = own.normal(size=(80, 4))
    labels = (X[:, :2] + own.normal(size=(80, 2)) > 0).astype(int)
    labels = np.column_stack([labels, X[:, 2] > 0])  # the last is separable
    weight = {"sample_weight": own.uniform(0.5, 2.0, 80)} if weighted else {}
    options = {**QUICK, "standardize": False, "strengths": (0.01, 0.05), **weight}
    together = fit_path("linear", X, labels, penalty=L1(), **options)
    numbers = fit_path("linear", X, X[:, :2] @ np.ones((2, 2)) + labels[:, :2], **options)
    for k in range(3):
        alone = fit_path("linear", X, labels[:, k], penalty=L1(), **options)
        z = alone.model(0)[0].weight[1] - alone.model(0)[0].weight[0]
        torch.testing.assert_close(together.model(0)[0].weight[k], z, atol=1e-5, rtol=0)
    assert (together.residual[1:] < 1e-6).all()
    assert (numbers.residual < 1e-6).all()


@pytest.mark.parametrize(
    ("name", "y", "task", "said"),
    [
        ("poisson", np.array([1.0, -2.0]), "regression", "at least 0, got -2"),
        ("cox", np.array([-1.0, -2.0]), "regression", "got no event"),
        ("cox", np.array([0.0, 2.0]), "regression", "got a time of 0"),
        ("cox:efron", np.array([0.0, 2.0]), "regression", "got a time of 0"),
        ("poisson", np.array(["a", "b"]), "classification", "expected --loss cross-entropy"),
        ("poisson", np.ones((3, 2)), "regression", "is for one target, got 2"),
        ("squared", np.ones((3, 2)), "multi-label", "expected --loss binary-cross-entropy"),
    ],
)
def test_targets_that_a_loss_does_not_fit_are_refused(name, y, task, said):
    with pytest.raises(InputError, match=said):
        loss_for(name, y, task)


@pytest.mark.parametrize("name", ["poissn", "quantile", "quantile:1", "quantile:a", "huber"])
def test_an_unknown_loss_names_those_that_are_offered(name):
    with pytest.raises(InputError, match="quantile"):
        data_loss(name)


def test_a_network_of_counts_predicts_means_and_resumes(tmp_path):
    y = random.poisson(np.exp(1 + X[:, 0])).astype(float)
    y[0] = 200.0
    result = fit_path(
        "mlp:8", X, y, loss="poisson", penalty=L1(), strengths=(1e-3, 1e-2),
        folds=2, epochs=30, store=tmp_path / "run", progress=False,
    )  # fmt: skip
    from shrinkage.run import load_result

    again = load_result(tmp_path / "run")
    np.testing.assert_array_equal(again.predict(X), result.predict(X))
    assert (result.predict(X) > 0).all()
    assert result.constant.cv_score <= 0
    assert result.best.cv_score > result.constant.cv_score
