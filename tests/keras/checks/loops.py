"""Every way to train: fit, batches, compiled or not, several steps an execution, accumulation."""

from __future__ import annotations

import keras
import numpy as np

from shrinkage import L1, L2
from shrinkage.keras import regularize
from tests.keras.checks.networks import (
    distance,
    fit,
    hidden,
    kernel,
    linear,
    regression,
    same,
    train,
)

TERMS = 0.02 * L1() + 0.01 * L2()
BACKEND = keras.backend.backend()


def check_strength_zero_is_the_unregularized_run_bit_for_bit() -> None:
    plain = hidden(keras.optimizers.Adam(0.01))
    fit(plain, epochs=2)
    for update in ("proximal", "decoupled", "gradient"):
        zero = hidden(keras.optimizers.Adam(0.01))
        regularize(zero, 0.0 * L1() + 0.0 * L2(), update)
        fit(zero, epochs=2)
        assert same(plain, zero)


def check_all_loops_make_the_same_weights_with_zeros() -> None:
    ways = {"eager": {"run_eagerly": True}, "traced": {"jit_compile": False}}
    if BACKEND != "torch":  # Keras refuses the first; torch.compile takes a compiler, and minutes
        ways["several"] = {"steps_per_execution": 3, "jit_compile": False}
        ways["compiled"] = {"jit_compile": True}
    models = {name: hidden(keras.optimizers.Adam(0.05), **way) for name, way in ways.items()}
    for model in models.values():
        regularize(model, TERMS)
        fit(model, epochs=2)
    eager = models.pop("eager")
    assert 0 < (kernel(eager, "first") == 0).sum() < 48
    for name, model in models.items():
        assert distance(eager, model) < 2e-5, name
        assert np.array_equal(kernel(eager, "first") == 0, kernel(model, "first") == 0), name


def check_a_model_that_has_trained_is_traced_again() -> None:
    model = hidden(keras.optimizers.SGD(0.1))
    fit(model)
    attachment = regularize(model, 10.0 * L1())
    fit(model, epochs=1)
    assert attachment.zeros() == {"first.kernel": 48, "out.kernel": 6}
    attachment.detach()
    fit(model, epochs=1)
    assert attachment.zeros()["out.kernel"] == 0


def check_detached_is_the_run_without() -> None:
    plain, detached = (hidden(keras.optimizers.Adam(0.01)) for _ in range(2))
    regularize(detached, TERMS).detach()
    fit(plain)
    fit(detached)
    assert same(plain, detached)


def check_accumulated_steps_shrink_once() -> None:
    x, y = regression()
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=3)
    model = linear(optimizer)
    regularize(model, 0.1 * L1())
    start = kernel(model)
    for _ in range(2):
        model.train_on_batch(x, y)
        assert kernel(model).tobytes() == start.tobytes()
    model.train_on_batch(x, y)
    at_once = linear(keras.optimizers.SGD(0.1))
    regularize(at_once, 0.1 * L1())
    train(at_once, 1)
    assert distance(model, at_once) < 1e-6
    assert kernel(model).tobytes() != start.tobytes()


def check_learning_rate_schedules_reach_the_shrink() -> None:
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.1, 0.0])
    model = linear(keras.optimizers.SGD(schedule))
    regularize(model, 0.1 * L1())
    train(model, 1)
    after = kernel(model)
    train(model, 3)
    assert kernel(model).tobytes() == after.tobytes()


def check_variables_without_gradient_stay() -> None:
    model = hidden(keras.optimizers.SGD(0.1))
    regularize(model, 1.0 * L1())
    before = kernel(model, "out")
    gradients = [keras.ops.zeros(variable.shape) for variable in model.trainable_variables]
    gradients[2] = None
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Gradients do not exist")
        model.optimizer.apply(gradients, model.trainable_variables)
    assert kernel(model, "out").tobytes() == before.tobytes()
    assert (kernel(model, "first") == 0).any()


def check_clipping_leaves_the_shrink_whole() -> None:
    model = linear(keras.optimizers.SGD(0.1, clipnorm=1e-9))
    before = kernel(model)
    regularize(model, 0.5 * L1())
    train(model, 1)
    expected = np.sign(before) * np.maximum(np.abs(before) - 0.05, 0)
    np.testing.assert_allclose(kernel(model), expected, atol=1e-7)
