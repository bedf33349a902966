"""What the conditions of a conversion claim beyond the factor: momentum, logits, glmnet's y."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch.nn import functional

from shrinkage.conventions import convert
from tests.conventions.libraries import IN_PROCESS, glmnet, torch_steps
from tests.conventions.problem import data, run_of


@pytest.mark.slow
def test_decoupled_decay_under_momentum_has_to_be_divided(keras_runs) -> None:
    """With momentum m, decay λ / (1 − m) settles where L2 of strength λ does."""
    momentum, strength = 0.5, 0.08
    run = run_of("torch.sgd.weight_decay", strength, loss="half", steps=2000)
    optimum = torch_steps(run, torch.optim.SGD, weight_decay=strength, momentum=momentum)
    numbers = (strength / (1 - momentum), strength)
    runs = [
        {
            **run_of("keras.sgd.weight_decay", number, loss="half", steps=100),
            "momentum": momentum,
            "start": optimum.tolist(),
        }
        for number in numbers
    ]
    right, wrong = keras_runs(runs)
    np.testing.assert_allclose(right, optimum, rtol=0, atol=1e-7)
    assert np.abs(wrong - optimum).max() > 1e-3
    said = convert(strength, "torch.sgd.weight_decay", "keras.sgd.weight_decay").valid_when
    assert "divided by 1 − m" in said


def _fitted_logits(classes: np.ndarray, logits: int, strength: float) -> np.ndarray:
    """Train logits by torch to the optimum and return their weights."""
    X = torch.tensor(data("logistic")[0])
    y = torch.tensor(classes, dtype=torch.long)
    w = torch.zeros(X.shape[1], logits, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0, weight_decay=strength)
    for _ in range(4000):
        optimizer.zero_grad()
        functional.cross_entropy(X @ w, y).backward()
        optimizer.step()
    return w.detach().numpy()


def _logistic(C: float, classes: np.ndarray) -> np.ndarray:
    model = LogisticRegression(C=C, fit_intercept=False, solver="newton-cholesky", tol=1e-13)
    return model.fit(data("logistic")[0], classes).coef_.T


def test_two_logits_need_twice_the_strength_of_one() -> None:
    classes = data("logistic")[1]
    one = convert(
        3.0, "sklearn.LogisticRegression.C", "torch.sgd.weight_decay", n_samples=len(classes)
    )
    logits = _fitted_logits(classes, 2, 2 * one.value)
    np.testing.assert_allclose(
        logits[:, 1] - logits[:, 0], _logistic(3.0, classes)[:, 0], atol=1e-7
    )
    assert "twice the strength of L2" in one.valid_when


def test_three_logits_need_the_strength_itself() -> None:
    classes = np.arange(len(data("logistic")[1])) % 3
    answer = convert(
        3.0, "sklearn.LogisticRegression.C", "torch.sgd.weight_decay", n_samples=len(classes)
    )
    logits = _fitted_logits(classes, 3, answer.value)
    np.testing.assert_allclose(logits, _logistic(3.0, classes), atol=1e-7)


def test_glmnet_divides_its_l2_part_by_the_deviation_of_y() -> None:
    X, y = data("half")
    sd = 2.5
    y = sd * y
    run = {**run_of("glmnet.lambda", 0.1, loss="half", l1_ratio=0.0), "y": y.tolist()}
    alpha = convert(0.1, "glmnet.lambda", "sklearn.Ridge.alpha", l1_ratio=0, n_samples=len(y)).value
    ridge = Ridge(alpha=alpha / sd, fit_intercept=False).fit(X, y).coef_
    np.testing.assert_allclose(glmnet(run, sd), ridge, atol=1e-9)
    lasso = IN_PROCESS["sklearn.Lasso.alpha"]({**run, "convention": "sklearn.Lasso.alpha"})
    np.testing.assert_allclose(glmnet({**run, "l1_ratio": 1.0}, sd), lasso, atol=1e-9)


def test_adam_ignores_what_l2_asks_for() -> None:
    """The refusal is right: no strength near the offered one makes the two trainings equal."""
    run = run_of("torch.adamw.weight_decay", 0.05, loss="half", steps=100)
    decoupled = IN_PROCESS["torch.adamw.weight_decay"](run)
    for factor in np.geomspace(0.1, 10, 21):
        coupled = IN_PROCESS["torch.adam.weight_decay"]({**run, "number": 0.05 * factor})
        assert np.abs(coupled - decoupled).max() > 1e-4
