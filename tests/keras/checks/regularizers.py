"""`regularizer(term)`: values, derivatives, equality with Keras' own, saving and loading."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np
import pytest

from shrinkage import L1, L2, ElasticNet, GroupLasso, convert
from shrinkage.errors import InputError
from shrinkage.keras import Regularizer, regularize, regularizer
from shrinkage.penalties import Penalty
from tests.keras.checks.networks import distance, fit, hidden, kernel, regression

PENALTIES = (
    L1(),
    L2(),
    ElasticNet(0.3),
    *map(GroupLasso, ("input", "output", "layer")),
)


def check_values_are_those_of_the_penalties_in_numpy() -> None:
    w = np.random.default_rng(2).normal(size=(4, 3)).astype("float32")
    for penalty in PENALTIES:
        expected = 0.3 * float(penalty.with_axes(0, 1).value(w.astype("float64")))
        found = float(regularizer(0.3 * penalty)(keras.ops.convert_to_tensor(w)))
        assert abs(found - expected) < 1e-5, penalty


def check_l2_is_keras_l2_at_the_converted_strength() -> None:
    for name, own in (("l1", keras.regularizers.L1(0.01)), ("l2", keras.regularizers.L2(0.01))):
        strength = convert(0.01, f"keras.{name}", f"shrinkage.{name}").value
        ours = regularizer(strength * {"l1": L1(), "l2": L2()}[name])
        first, second = (hidden(keras.optimizers.Adam(0.01), made) for made in (own, ours))
        losses = [fit(model).history["loss"] for model in (first, second)]
        np.testing.assert_allclose(*losses, rtol=1e-5)
        assert distance(first, second) < 1e-6


def check_zero_groups_have_a_derivative() -> None:
    for jit in (False, keras.backend.backend() != "torch"):
        model = hidden(keras.optimizers.SGD(0.05), regularizer(0.1 * GroupLasso()), jit_compile=jit)
        first = model.get_layer("first")
        first.set_weights([np.zeros((8, 6)), np.zeros(6)])
        fit(model)
        assert np.isfinite(kernel(model, "first")).all()
        assert kernel(model, "first").any()


def check_group_lasso_in_the_loss_is_the_gradient_update() -> None:
    ours = hidden(keras.optimizers.SGD(0.05), regularizer(0.05 * GroupLasso(per="output")))
    twin = hidden(keras.optimizers.SGD(0.05))
    regularize(twin, (0.05 * GroupLasso(per="output")).on("first.*"), "gradient")
    fit(ours)
    fit(twin)
    assert distance(ours, twin) < 1e-6


def check_strength_zero_adds_nothing() -> None:
    assert float(regularizer(0.0 * L1())(keras.ops.ones((2, 2)))) == 0.0


def check_transposed_kernels_take_their_axes() -> None:
    w = np.random.default_rng(2).normal(size=(2, 2, 4, 3)).astype("float32")
    found = float(regularizer(GroupLasso("input") * 1.0, input_axis=-1, output_axis=-2)(w))
    assert abs(found - 4 * np.sqrt((w.astype("float64") ** 2).sum((0, 1, 2))).sum()) < 1e-4


def check_groups_of_units_need_axes_where_a_kernel_does_not_tell() -> None:
    w = np.ones((2, 4, 3), "float32")
    with pytest.raises(InputError, match=r"array of 3 axes .* give regularizer\(…, input_axis=-2"):
        regularizer(1.0 * GroupLasso("input"))(w)
    assert float(regularizer(1.0 * L2())(w)) == 12.0
    found = float(regularizer(1.0 * GroupLasso("input"), input_axis=-2, output_axis=-1)(w))
    assert abs(found - 4 * 6) < 1e-5
    assert abs(float(regularizer(1.0 * GroupLasso("input"))(w[0])) - 4 * 3) < 1e-5


def check_models_are_saved_and_loaded() -> None:
    folder = Path(os.environ["CHECKS_FOLDER"])
    made = regularizer(0.1 * L1() + 0.2 * GroupLasso(axes=(0,)) + 0.3 * ElasticNet(0.25))
    model = hidden(keras.optimizers.Adam(0.01), made)
    fit(model, epochs=1)
    model.save(folder / "regularizer.keras")
    back = keras.saving.load_model(folder / "regularizer.keras", custom_objects={})
    loaded = back.get_layer("first").kernel_regularizer
    assert isinstance(loaded, Regularizer)
    assert loaded.terms == made.terms
    x, _ = regression()
    np.testing.assert_array_equal(back.predict(x, verbose=0), model.predict(x, verbose=0))
    losses = [keras.ops.convert_to_numpy(one.losses[0]) for one in (back, model)]
    np.testing.assert_allclose(*losses, rtol=1e-6)
    trained = hidden(keras.optimizers.Adam(0.05))
    regularize(trained, 10.0 * L1())
    fit(trained, epochs=4)
    assert (kernel(trained, "first") == 0).all()
    trained.save(folder / "regularized.keras")


def check_clones_keep_the_regularizer() -> None:
    model = hidden(keras.optimizers.SGD(0.1), regularizer(0.1 * L1()))
    assert "0.1 * L1()" in repr(
        keras.models.clone_model(model).get_layer("first").kernel_regularizer
    )


def check_a_penalty_outside_the_registry_trains_but_is_not_saved() -> None:
    class Own(Penalty):
        name = "own"

        def value(self, w: object, stacked: int = 0) -> object:
            return L2().value(w, stacked)

        def gradient(self, w: object, stacked: int = 0) -> object:
            return L2().gradient(w, stacked)

        prox = L2.prox
        critical_strength = L2.critical_strength

    made = regularizer(0.5 * Own())
    assert float(made(keras.ops.ones((2, 2)))) == 1.0
    with pytest.raises(InputError, match=r"model\.save_weights"):
        made.get_config()
