"""Momentum under a rate that changes: the optimum and its zeros are there until the rate is 0."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.linear_model import Lasso

from shrinkage import L1
from shrinkage.keras import LedgerCallback, regularize
from tests.keras.checks.networks import distance, half_square, kernel, linear, regression, train

ALPHA, STEPS, RATE = 0.2, 240, 0.05
TERMS = ALPHA * L1()
O = keras.optimizers  # noqa: E741
S = keras.optimizers.schedules
MOMENTA: dict[str, Callable[[Any], Any]] = {
    "SGD": lambda rate: O.SGD(rate, momentum=0.9),
    "Nesterov": lambda rate: O.SGD(rate, momentum=0.9, nesterov=True),
    "RMSprop": lambda rate: O.RMSprop(rate, momentum=0.8, epsilon=1.0),
}
SCHEDULES: dict[str, Callable[[], Any]] = {
    "cosine": lambda: S.CosineDecay(RATE, STEPS),
    "cosine with warm-up": lambda: S.CosineDecay(
        0.0, STEPS - 40, warmup_target=RATE, warmup_steps=40
    ),
    "restarts": lambda: S.CosineDecayRestarts(RATE, STEPS // 2, m_mul=0.5),
    "linear": lambda: S.PolynomialDecay(RATE, STEPS, end_learning_rate=0.0),
    "exponential": lambda: S.ExponentialDecay(RATE, 40, 0.5),
    "inverse time": lambda: S.InverseTimeDecay(RATE, 10, 1.0),
    "steps": lambda: S.PiecewiseConstantDecay([160, 200], [RATE, RATE / 100, 0.0]),
}
# What a schedule returns is the same on every backend: all of them are tried on one.
SHOWN = tuple(SCHEDULES) if keras.backend.backend() == "torch" else ("cosine", "steps")


def _at_the_lasso(model: Any) -> None:
    x, y = regression("float64")
    peer = Lasso(alpha=ALPHA, fit_intercept=False, tol=1e-12).fit(x, y[:, 0]).coef_
    ours = kernel(model)[:, 0]
    assert 3 <= (peer == 0).sum() < 8
    assert np.array_equal(ours == 0, peer == 0), (ours, peer)
    np.testing.assert_allclose(ours, peer, atol=2e-3)
    pull = x.T @ (x @ ours - y[:, 0]) / len(x)
    outside = np.abs(pull) - ALPHA
    residual = np.where(ours == 0, np.maximum(outside, 0), np.abs(pull + ALPHA * np.sign(ours)))
    assert residual.max() < 1e-3, residual


def _schedule(optimizer: Callable[[Any], Any], schedule: Callable[[], Any]) -> None:
    model = linear(optimizer(schedule()))
    attachment = regularize(model, TERMS)
    train(model, STEPS * 3 // 4)
    before = attachment.zeros()
    train(model, STEPS // 4)
    assert attachment.zeros() == before
    _at_the_lasso(model)


CHECKS = {
    f"zeros and optimum under {name} while the rate is {title}": partial(
        _schedule, optimizer, schedule
    )
    for name, optimizer in MOMENTA.items()
    for title, schedule in SCHEDULES.items()
    if title == "cosine" or (name == "SGD" and title in SHOWN)
}


def _fit(model: Any, *callbacks: Any) -> list[int]:
    """Fit in epochs of eight full batches, and return the zeros after each."""
    x, y = regression()
    ledger = LedgerCallback(regularize(model, TERMS), show=None)
    model.fit(
        np.tile(x, (8, 1)),
        np.tile(y, (8, 1)),
        batch_size=len(x),
        epochs=STEPS // 8,
        shuffle=False,
        verbose=0,
        callbacks=[*callbacks, ledger],
    )
    return [record.zeros["out.kernel"] for record in ledger.records]


def check_rates_that_a_callback_sets() -> None:
    falling = keras.callbacks.LearningRateScheduler(lambda epoch: RATE * (1 - epoch / 30) ** 2)
    model = linear(MOMENTA["SGD"](RATE))
    zeros = _fit(model, falling)
    assert len(set(zeros[15:])) == 1
    _at_the_lasso(model)


def check_accumulated_batches_follow_the_schedule() -> None:
    twice: Any = S.CosineDecay(RATE, 2 * STEPS)
    model = linear(O.SGD(twice, momentum=0.9, gradient_accumulation_steps=2))
    regularize(model, TERMS)
    train(model, 2 * STEPS)
    _at_the_lasso(model)


def check_a_loaded_run_goes_on_as_if_it_had_not_stopped() -> None:
    """And its file is that of the optimizer alone: Keras warns of a variable too many."""
    path = Path(os.environ["CHECKS_FOLDER"]) / "velocity.keras"
    models = [linear(MOMENTA["Nesterov"](SCHEDULES["linear"]())) for _ in range(2)]
    for model in models:
        regularize(model, TERMS)
        train(model, 200)
    models[0].save(path)
    loaded: Any = keras.saving.load_model(path, {"half_square": half_square})
    plain = linear(MOMENTA["Nesterov"](SCHEDULES["linear"]()))
    plain.optimizer.build(plain.trainable_variables)
    assert len(loaded.optimizer.variables) == len(plain.optimizer.variables)
    regularize(loaded, TERMS)
    for model in (models[1], loaded):
        train(model, 30)
    assert distance(models[1], loaded) < 1e-6
    restored = linear(MOMENTA["Nesterov"](SCHEDULES["linear"]()))
    attachment = regularize(restored, TERMS)
    restored.load_weights(path)
    assert attachment.steps == 200
    train(restored, 30)
    assert distance(models[1], restored) < 1e-6


def check_detached_leaves_the_optimizer_as_it_was() -> None:
    model, plain = (linear(MOMENTA["SGD"](RATE)) for _ in range(2))
    for own in (model, plain):
        own.optimizer.build(own.trainable_variables)
    before = dict(vars(model.optimizer))
    regularize(model, TERMS).detach()
    assert vars(model.optimizer).keys() == before.keys()
    assert len(model.optimizer.variables) == len(plain.optimizer.variables)
    train(model, 3)
    train(plain, 3)
    assert distance(model, plain) == 0
