"""Names, roles, kinds and axes of the variables of many layers, and selections of them."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest

from shrinkage import L1, GroupLasso, biases, kind, layer
from shrinkage.errors import InputError, UnmatchedPattern
from shrinkage.keras import describe, regularize

L = keras.layers


def network() -> keras.Model:
    """Return a model with convolutions, a nested model and a normalization."""
    inner = keras.Sequential([keras.Input((5,)), L.Dense(4, name="dense")], name="encoder")
    inputs = keras.Input((6, 6, 3))
    y = L.Conv2D(4, 3, name="conv")(inputs)
    y = L.Conv2DTranspose(2, 3, name="back")(y)
    y = L.BatchNormalization(name="norm")(y)
    y = L.DepthwiseConv2D(2, name="depth")(y)
    y = L.Dense(5, name="dense")(L.Flatten(name="flat")(y))
    y = L.Dropout(0.5, name="drop")(inner(y))
    model = keras.Model(inputs, L.Dense(1, name="dense_1")(y))
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    return model


def check_names_roles_kinds_and_axes() -> None:
    described = {
        info.name: (info.role, info.kind, info.input_axis, info.output_axis)
        for info, _ in describe(network())
    }
    assert described["conv.kernel"] == ("weight", "conv", 2, 3)
    assert described["conv.bias"] == ("bias", "conv", None, None)
    assert described["back.kernel"] == ("weight", "conv", 3, 2)
    assert described["norm.gamma"] == ("norm", "norm", None, None)
    assert described["norm.beta"] == ("bias", "norm", None, None)
    assert described["depth.kernel"] == ("weight", "conv", 2, None)
    assert described["dense.kernel"] == ("weight", "linear", 0, 1)
    assert described["encoder.dense.kernel"] == ("weight", "linear", 0, 1)
    assert "norm.moving_mean" not in described
    assert len(described) == 14


def check_recurrent_attention_and_embedding_layers() -> None:
    inputs = keras.Input((7,), dtype="int32")
    y = L.Embedding(9, 4, name="words")(inputs)
    y = L.MultiHeadAttention(2, 3, name="heads")(y, y)
    y = L.Bidirectional(L.LSTM(3), name="both")(y)
    model = keras.Model(inputs, L.PReLU(name="slope")(y))
    described = {
        info.name: (info.role, info.kind, info.input_axis, info.output_axis)
        for info, _ in describe(model)
    }
    assert described["words.embeddings"] == ("embedding", "embedding", 0, 1)
    assert described["heads.query.kernel"] == ("weight", "attention", 0, None)
    assert described["heads.attention_output.kernel"] == ("weight", "attention", None, 2)
    assert described["heads.query.bias"][0] == "bias"
    forward = [name for name in described if name.startswith("both.forward_")]
    kernels = [name for name in forward if name.endswith("kernel")]
    assert [described[name] for name in kernels] == [("weight", "recurrent", 0, 1)] * 2
    assert described["slope.alpha"][0] == "other"


def check_selections_by_layer_kind_pattern_and_role() -> None:
    chosen = {
        layer("dense_1"): {"dense_1.kernel"},
        layer("encoder"): {"encoder.dense.kernel"},
        kind("conv"): {"conv.kernel", "back.kernel", "depth.kernel"},
        layer("conv") & biases(): {"conv.bias"},
    }
    for selection, names in chosen.items():
        attachment = regularize(network(), (0.1 * L1()).on(selection))
        assert set(attachment.zeros()) == names, selection
    attachment = regularize(network(), (0.1 * L1()).on("dense*.kernel"))
    assert set(attachment.zeros()) == {"dense.kernel", "dense_1.kernel"}


def check_a_layer_without_kernel_is_said_to_be_one() -> None:
    for name, word in (("drop", "Dropout"), ("flat", "Flatten")):
        with pytest.raises(UnmatchedPattern, match=f"layer '{name}' is a {word}, which has no"):
            regularize(network(), (0.1 * L1()).on(layer(name)))
    with pytest.raises(UnmatchedPattern, match=r"did you mean dense\.kernel"):
        regularize(network(), (0.1 * L1()).on("dense/kernel"))


def check_groups_lie_along_the_axes_of_each_layer() -> None:
    model = network()
    attachment = regularize(model, (1e3 * GroupLasso(per="output")).on("conv.*", "back.*"))
    values = attachment.value()
    conv, back = (model.get_layer(name).get_weights()[0] for name in ("conv", "back"))
    lengths = np.sqrt((conv**2).sum((0, 1, 2))).sum() * np.sqrt(27)
    lengths += np.sqrt((back**2).sum((0, 1, 3))).sum() * np.sqrt(36)
    np.testing.assert_allclose(list(values.values()), 1e3 * lengths, rtol=1e-5)


def check_shared_layers_are_penalised_once() -> None:
    shared = L.Dense(3, name="shared")
    inputs = keras.Input((3,))
    inner = keras.Model(inputs, shared(inputs), name="inner")
    model = keras.Model(inputs, shared(inner(inputs)))
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    attachment = regularize(model, 0.1 * L1())
    assert len(attachment.zeros()) == 1
    assert "the same array, once" in attachment.table()


def check_frozen_layers_are_not_penalised() -> None:
    model = network()
    model.get_layer("conv").trainable = False
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    assert "conv.kernel" not in regularize(model, 0.1 * L1()).zeros()


def check_two_variables_of_one_name_are_refused() -> None:
    class Pair(L.Layer):
        def __init__(self) -> None:
            super().__init__(name="pair")
            self.first, self.second = L.Dense(2, name="same"), L.Dense(2, name="same")

        def call(self, x: object) -> object:
            return self.second(self.first(x))

    model = keras.Sequential([keras.Input((2,)), Pair()])
    with pytest.raises(InputError, match=r"two of 'pair\.same\.kernel'"):
        describe(model)


def check_a_wrapper_knows_what_the_layer_inside_it_knows() -> None:
    inputs = keras.Input((6, 6, 3))
    y = L.SpectralNormalization(L.Conv2DTranspose(2, 3, name="back"), name="wrapped")(inputs)
    model = keras.Model(inputs, y)
    info = next(info for info, _ in describe(model) if info.role == "weight")
    assert (info.kind, info.input_axis, info.output_axis) == ("conv", 3, 2)
    words = keras.Input((7,), dtype="int32")
    embedding = L.SpectralNormalization(L.Embedding(9, 4, name="words"), name="wrapped")
    model = keras.Model(words, embedding(words))
    assert {info.role for info, _ in describe(model)} == {"embedding"}


def check_convolutions_inside_recurrent_layers_are_recurrent() -> None:
    inputs = keras.Input((2, 5, 5, 3))
    model = keras.Model(inputs, L.ConvLSTM2D(2, 3, name="both")(inputs))
    described = {info.name: info for info, _ in describe(model)}
    kernels = [info for name, info in described.items() if name.endswith("kernel")]
    assert [info.kind for info in kernels] == ["recurrent"] * 2
    assert [info.input_axis for info in kernels] == [2, 2]


def check_a_layer_that_no_call_uses_is_left_out() -> None:
    class Spare(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.used = L.Dense(1, name="used")
            self.spare = L.Dense(1, name="spare")

        def call(self, x: object) -> object:
            return self.used(x)

    model = Spare()
    with pytest.raises(InputError, match="expected a built model"):
        describe(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of the spare layer on some backends
        model(np.ones((2, 3), "float32"))
    assert {info.name for info, _ in describe(model)} == {"used.kernel", "used.bias"}
