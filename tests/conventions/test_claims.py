"""What the conditions of a conversion claim beyond the factor: momentum, logits, glmnet's y."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch.nn import functional

from shrinkage.conventions import convert
from tests.conventions.conftest import in_own_process
from tests.conventions.libraries import IN_PROCESS, cautious, glmnet, torch_muon, torch_steps
from tests.conventions.problem import COLUMNS, data, run_of

pytestmark = pytest.mark.slow  # compiling and importing, four seconds a test or more


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


def test_no_strength_makes_a_decay_of_all_coordinates_cautious() -> None:
    run = run_of("cautious.weight_decay", 0.5, loss="half", steps=30, optimizer="adam")
    masked = cautious(run)
    for factor in np.geomspace(0.1, 10, 21):
        plain = IN_PROCESS["torch.adamw.weight_decay"]({**run, "number": 0.5 * factor})
        assert np.abs(plain - masked).max() > 1e-3


def test_under_a_schedule_an_independent_decay_is_one_number_and_a_corrected_one_is_not() -> None:
    """Three steps at falling rates, where the decays are lr · λ, s · λ and lr² / max_lr · λ."""
    rates, largest = (0.25, 0.125, 0.0625), 0.25
    start = run_of("torch.adamw.weight_decay", 0.0, loss="half")["start"]
    w = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    w.grad = torch.zeros_like(w)
    optimizer = torch.optim.AdamW([w], lr=largest)
    left = {"independent": 1.0, "timm.adamc": 1.0}
    shares = {"independent": lambda rate: rate / largest, "timm.adamc": lambda r: r**2 / largest}
    for name, share in shares.items():
        w.data = torch.tensor(start, dtype=torch.float64)
        numbers = []
        for rate in rates:
            context = {"max_learning_rate": largest}
            context |= {} if name == "independent" else {"learning_rate": rate}
            pair = (f"{name}.weight_decay", "torch.adamw.weight_decay")
            numbers.append(convert(0.1, *pair, **context).value)
            optimizer.param_groups[0].update(lr=rate, weight_decay=numbers[-1])
            optimizer.step()
            left[name] *= 1 - 0.1 * share(rate)
        np.testing.assert_allclose(w.detach().numpy(), left[name] * np.array(start), rtol=1e-12)
        assert (len(set(numbers)) == 1) == (name == "independent")


def _matrix_run(convention: str, number: float, outputs: int, rate: float) -> dict:
    """Return a run on a matrix with more outputs than inputs, in Keras' and optax's layout."""
    random = np.random.default_rng(5)
    run = run_of(convention, number, loss="half", learning_rate=rate, steps=3)
    targets = random.normal(size=(len(run["X"]), outputs))
    start = random.normal(size=(COLUMNS, outputs))
    return {**run, "start": start.tolist(), "y": targets.tolist()}


@pytest.mark.slow
def test_muon_of_three_libraries_steps_alike_on_a_wide_matrix() -> None:
    """Same decay, same update: the three scales and layouts, and momentum as in the defaults."""
    keras, optax = "keras.muon.weight_decay", "optax.contrib.muon.weight_decay"
    plain = _matrix_run("torch.muon.weight_decay", 0.4, 5, 0.0625)
    answer = convert(0.4, "torch.muon.weight_decay", keras, fan_in=COLUMNS)
    scaled = _matrix_run(keras, answer.value, 5, 0.0625 * answer.learning_rate_factor)
    same_rate = _matrix_run(keras, 0.4, 5, 0.0625)
    both = [{**run, "nesterov": flag} for flag in (False, True) for run in (scaled, same_rate)]
    for flag, (right, wrong) in zip(
        (False, True),
        np.array(in_own_process("keras", both)).reshape(2, 2, COLUMNS, 5),
        strict=True,
    ):
        torch_weights = torch_muon(plain, nesterov=flag)
        np.testing.assert_allclose(right, torch_weights, rtol=0, atol=1e-6)
        assert np.abs(wrong - torch_weights).max() > 1e-2
    runs = [{**plain, "convention": optax, "nesterov": flag} for flag in (False, True)]
    right, other = in_own_process("optax", runs)
    plain_weights = torch_muon(plain, nesterov=False)
    np.testing.assert_allclose(right, plain_weights, rtol=0, atol=1e-7)
    nesterov = np.abs(other - torch_muon(plain, nesterov=True)).max()
    assert nesterov > 1e-4, "the bias corrections that the condition speaks of"
