"""Decoupled, gradient and proximal updates, against Keras' own penalties and against NumPy."""

from __future__ import annotations

import keras
import numpy as np

from shrinkage import L1, L2, convert, everything
from shrinkage.keras import regularize
from shrinkage.penalties import GlobalCardinality, ReweightedL1
from shrinkage.terms.schedules import CubicSparsity
from tests.keras.checks.networks import (
    distance,
    fit,
    half_square,
    hidden,
    kernel,
    linear,
    regression,
    train,
)


def check_decoupled_l2_is_the_weight_decay_of_adamw() -> None:
    own = hidden(keras.optimizers.AdamW(0.02, weight_decay=0.3))
    ours = hidden(keras.optimizers.AdamW(0.02, weight_decay=0.0))
    regularize(ours, (0.3 * L2()).on(everything()), "decoupled")
    fit(own)
    fit(ours)
    assert distance(own, ours) < 1e-6


def check_gradient_l2_is_keras_l2_at_the_converted_strength() -> None:
    strength = convert(0.01, "keras.l2", "shrinkage.l2").value
    assert strength == 0.02
    for optimizer in (lambda: keras.optimizers.SGD(0.05), lambda: keras.optimizers.Adam(0.01)):
        own = hidden(optimizer(), keras.regularizers.L2(0.01))
        ours = hidden(optimizer())
        regularize(ours, (strength * L2()).on("first.*"), "gradient")
        fit(own)
        fit(ours)
        assert distance(own, ours) < 1e-6


def check_decoupled_l1_is_soft_thresholding_by_the_learning_rate() -> None:
    model, plain = (linear(keras.optimizers.Adam(0.05)) for _ in range(2))
    regularize(model, 4.0 * L1(), "decoupled")
    train(model, 1)
    train(plain, 1)
    moved = kernel(plain)
    expected = np.sign(moved) * np.maximum(np.abs(moved) - 0.2, 0)
    np.testing.assert_allclose(kernel(model), expected, atol=1e-6)
    assert (kernel(model) == 0).any()


def check_proximal_adam_is_the_prox_in_its_own_metric() -> None:
    """One step by hand: v = 0.001·g², the step size is lr·√0.001/(√v + ε)."""
    model = linear(keras.optimizers.Adam(0.05, epsilon=1e-3))
    start = kernel(model).astype(np.float64)
    x, y = regression("float64")
    gradient = x.T @ (x @ start - y) / len(x)
    size = 0.05 * np.sqrt(0.001) / (np.sqrt(0.001) * np.abs(gradient) + 1e-3)
    moved = start - size * gradient
    regularize(model, 0.3 * L1())
    train(model, 1)
    expected = np.sign(moved) * np.maximum(np.abs(moved) - 0.3 * size, 0)
    np.testing.assert_allclose(kernel(model), expected, atol=2e-6)


def check_terms_around_a_reference_end_there() -> None:
    reference = {"out.kernel": np.full((8, 1), 0.25)}
    for update in ("proximal", "decoupled"):
        model = linear(keras.optimizers.SGD(0.1))
        attachment = regularize(model, (50.0 * L1()).around(reference), update)
        train(model, 30)
        np.testing.assert_array_equal(kernel(model), np.float32(0.25))
        assert list(attachment.value().values()) == [0.0]


def check_terms_may_have_their_own_updates() -> None:
    model = linear(keras.optimizers.Adam(0.05))
    terms = 0.5 * L1() + (0.1 * L2()).with_update("decoupled")
    attachment = regularize(model, terms)
    train(model, 200)
    assert attachment.zeros()["out.kernel"] > 0
    assert "proximal + decoupled" in attachment.table()


def check_values_are_those_of_the_penalties() -> None:
    model = linear(keras.optimizers.SGD(0.1))
    w = kernel(model).astype(np.float64)
    terms = 0.5 * L1() + 0.25 * L2()
    values = regularize(model, terms).value()
    assert list(values) == [repr(term) for term in terms]
    expected = [0.5 * np.abs(w).sum(), 0.125 * (w**2).sum()]
    np.testing.assert_allclose(list(values.values()), expected, rtol=1e-6)


def check_a_loop_of_ones_own_is_regularized_too() -> None:
    model = linear(keras.optimizers.SGD(0.1))
    twin = linear(keras.optimizers.SGD(0.1))
    for one in (model, twin):
        regularize(one, 0.3 * L1())
    x, y = regression()
    for _ in range(5):
        w = kernel(model)
        gradient = keras.ops.convert_to_tensor(x.T @ (x @ w - y) / len(x))
        model.optimizer.apply([gradient], model.trainable_variables)
    train(twin, 5)
    assert half_square(y, x @ kernel(model)) > 0
    assert distance(model, twin) < 1e-5


def check_the_largest_weights_of_all_layers_stay() -> None:
    """One step of SGD, and the ten largest of both layers; a schedule ends with as many."""
    for update in ("proximal", "decoupled"):
        ours, plain = (hidden(keras.optimizers.SGD(0.05)) for _ in range(2))
        regularize(ours, 1.0 * GlobalCardinality(fraction=0.2), update)
        train(ours, 1)
        train(plain, 1)
        moved = [kernel(plain, layer) for layer in ("first", "out")]
        least = np.sort(np.abs(np.concatenate([w.ravel() for w in moved])))[-10]
        for layer, w in zip(("first", "out"), moved, strict=True):
            expected = np.where(np.abs(w) >= least, w, 0)
            np.testing.assert_allclose(kernel(ours, layer), expected, atol=1e-6)


def check_a_shared_set_follows_its_schedule_in_the_metric() -> None:
    model = hidden(keras.optimizers.Adam(0.01))
    way = CubicSparsity(4, kept=0.2)
    regularize(model, 1.0 * GlobalCardinality(fraction=0.2, least=2), schedule=way)
    fit(model)
    stays = [int((kernel(model, layer) != 0).sum()) for layer in ("first", "out")]
    assert sum(stays) == 10
    assert min(stays) >= 2


def check_a_reweighted_l1_is_renewed_from_the_weights_of_its_rounds() -> None:
    """Five steps by hand, renewed after the second and the fourth, by every update."""
    x, y = regression("float64")
    penalty = ReweightedL1(epsilon=0.5, every=2)
    for update in ("proximal", "decoupled", "gradient"):
        model = linear(keras.optimizers.SGD(0.05))
        attachment = regularize(model, 0.4 * penalty, update)
        w, own = kernel(model).astype(np.float64), penalty
        for step in range(1, 6):
            slope = x.T @ (x @ w - y) / len(x)
            if update == "gradient":
                w = w - 0.05 * (slope + 0.4 * own.gradient(w))
            else:
                w = own.prox(w - 0.05 * slope, 0.02)
            own = own.renewed(w) if step % 2 == 0 else own
        train(model, 5)
        np.testing.assert_allclose(kernel(model), w, atol=1e-6)
        expected = 0.4 * own.value(w)
        np.testing.assert_allclose(list(attachment.value().values()), expected, rtol=1e-5)
        assert abs(expected - 0.4 * np.abs(w).sum()) > 0.01


def check_a_loaded_run_begins_a_round_with_its_weights() -> None:
    import tempfile
    from pathlib import Path

    penalty = ReweightedL1(epsilon=0.5, every=4)
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "run.weights.h5")
        models = [linear(keras.optimizers.Adam(0.05)) for _ in range(2)]
        first, again = (regularize(model, 0.4 * penalty) for model in models)
        train(models[0], 5)
        models[0].save_weights(file)
        train(models[1], 1)  # an optimizer without variables loads none
        models[1].load_weights(file)
    w = kernel(models[1]).astype(np.float64)
    np.testing.assert_allclose(kernel(models[0]), w, atol=0)
    value = 0.4 * penalty.renewed(w).value(w)
    np.testing.assert_allclose(list(again.value().values()), value, rtol=1e-5)
    assert list(first.value().values()) != list(again.value().values())
    first.detach()
    again.detach()
    assert len(models[0].optimizer.variables) == 4  # steps, rate and two moments


def check_what_is_renewed_goes_on_while_strengths_change() -> None:
    model, twin = (linear(keras.optimizers.SGD(0.05)) for _ in range(2))
    regularize(model, 0.4 * ReweightedL1(0.5, every=2), schedule=lambda step: 1.0 + 0.0 * step)
    regularize(twin, 0.4 * ReweightedL1(0.5, every=2))
    train(model, 5)
    train(twin, 5)
    assert distance(model, twin) < 1e-6
