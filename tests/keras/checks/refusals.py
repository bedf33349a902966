"""What cannot be right is refused, and the message says what to do instead."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from shrinkage import L1, L2, ElasticNet, GroupLasso, biases, layer, weights
from shrinkage.errors import InputError, OverlapError, ShrinkageError, UnsupportedOptimizer
from shrinkage.keras import LedgerCallback, describe, regularize, regularizer
from shrinkage.penalties import NuclearNorm
from tests.keras.checks.networks import fit, hidden, linear

O = keras.optimizers  # noqa: E741


def refused(kind: type[ShrinkageError], words: str, act: Callable[[], Any]) -> None:
    """Demand an error of this kind, in one line, with these words."""
    with pytest.raises(kind) as caught:
        act()
    assert caught.type is kind, caught.value
    assert words in str(caught.value), caught.value
    assert "\n" not in str(caught.value)


class Chain(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.dense(x)


def check_models_that_are_not_ready() -> None:
    bare = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    refused(InputError, "call model.compile(optimizer=…", lambda: regularize(bare, 0.1 * L1()))
    unbuilt = keras.Sequential([keras.layers.Dense(1)])
    unbuilt.compile(optimizer="adam", loss="mse")
    refused(InputError, "model.build(input_shape)", lambda: regularize(unbuilt, 0.1 * L1()))
    subclassed = Chain()
    subclassed.compile(optimizer="adam", loss="mse")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras': this build builds no layer
        subclassed.build((None, 2))
    with pytest.raises(InputError, match="call it on one batch") as caught:
        regularize(subclassed, 0.1 * L1())
    assert "model.build" not in str(caught.value)
    subclassed(np.ones((1, 2)))
    assert "dense" in regularize(subclassed, 0.1 * L1()).table()
    refused(InputError, "give the model itself", lambda: regularize("model", 0.1 * L1()))
    refused(InputError, "give the model itself", lambda: describe(None))
    refused(InputError, "without a strength", lambda: regularize(linear(O.SGD(0.1)), L1()))


def check_wrappers_are_refused() -> None:
    class Wrapper(O.Optimizer):
        def __init__(self, inner: Any) -> None:
            super().__init__(learning_rate=0.1)
            self.inner = inner

        def build(self, variables: Any) -> None:
            self.inner.build(variables)
            super().build(variables)

        def apply(self, grads: Any, trainable_variables: Any = None) -> None:
            self.inner.apply(grads, trainable_variables)

    for update in ("proximal", "decoupled"):
        model = linear(Wrapper(O.SGD(0.1)))
        words = "compile the model with the optimizer inside it"
        refused(UnsupportedOptimizer, words, lambda m=model, u=update: regularize(m, 0.1 * L1(), u))


def check_several_replicas_are_refused() -> None:
    model = linear(O.SGD(0.1))
    vars(model.optimizer)["_distribution_strategy"] = SimpleNamespace(num_replicas_in_sync=2)
    words = "with 2, where a shrink would be taken by each"
    refused(UnsupportedOptimizer, words, lambda: regularize(model, 0.1 * L1()))


def check_optimizers_without_a_metric() -> None:
    for optimizer, words in ((O.Lion(0.1), "by a sign"), (O.Adadelta(0.1), "not known")):
        model = linear(optimizer)
        refused(UnsupportedOptimizer, words, lambda m=model: regularize(m, 0.1 * L1()))
        regularize(model, 0.1 * L1(), "decoupled")

    class Mine(O.SGD):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            super().update_step(gradient, variable, learning_rate)

    refused(UnsupportedOptimizer, "got Mine", lambda: regularize(linear(Mine(0.1)), 0.1 * L1()))


def check_weights_that_are_made_anew_are_not_decoupled() -> None:
    for optimizer in (O.Ftrl(0.1), O.ScheduleFreeAdamW(0.1)):
        model = linear(optimizer)
        refused(
            UnsupportedOptimizer,
            "makes them anew",
            lambda m=model: regularize(m, 0.1 * L1(), "decoupled"),
        )
        words = "use update='gradient'"
        refused(UnsupportedOptimizer, words, lambda m=model: regularize(m, 0.1 * L1()))
        regularize(model, 0.1 * L1(), "gradient")


def check_averaged_weights_are_refused_where_zeros_are_promised() -> None:
    words = "use_ema=False"
    for update in ("proximal", "decoupled"):
        model = linear(O.SGD(0.1, use_ema=True))
        refused(UnsupportedOptimizer, words, lambda m=model, u=update: regularize(m, 0.1 * L1(), u))
        regularize(model, 0.1 * L2(), update)


def check_terms_twice_and_update_loss() -> None:
    model = linear(O.SGD(0.1))
    attachment = regularize(model, 0.1 * L1())
    refused(InputError, "call detach()", lambda: regularize(model, 0.1 * L2()))
    attachment.detach()
    regularize(model, 0.1 * L2()).detach()
    refused(InputError, "kernel_regularizer=", lambda: regularize(model, 0.1 * L1(), "loss"))
    both = 0.1 * GroupLasso("input") + 0.1 * GroupLasso("output")
    refused(OverlapError, "out.kernel", lambda: regularize(model, both))


def check_double_counting() -> None:
    kinds = (
        (keras.regularizers.L2(0.1), L2(), "the layer's L2 adds 0.2 * L2() to the loss"),
        (keras.regularizers.L1(0.1), L1(), "adds 0.1 * L1() to the loss"),
        (keras.regularizers.L1L2(0.1, 0.1), ElasticNet(0.5), "adds 0.1 * L1() + 0.2 * L2()"),
        (regularizer(0.1 * GroupLasso()), GroupLasso(), "the layer's Regularizer adds"),
        (regularizer(0.1 * ElasticNet()), L2(), "the layer's Regularizer adds"),
    )
    for present, penalty, words in kinds:
        model = hidden(O.SGD(0.1), present)
        refused(InputError, words, lambda m=model, p=penalty: regularize(m, 0.1 * p))
        regularize(model, 0.0 * penalty).detach()
        regularize(model, (0.1 * penalty).on("out.*"))


def check_the_optimizers_own_decay_is_not_counted_twice() -> None:
    with pytest.warns(UserWarning, match="penalised twice: build it with AdamW"):
        attachment = regularize(hidden(O.AdamW(0.1)), 0.1 * L2(), "decoupled")
    assert attachment.attached
    with pytest.warns(UserWarning, match="a mixture of both"):
        table = regularize(hidden(O.AdamW(0.1)), 0.1 * L1()).table()
    regularize(hidden(O.AdamW(0.1)), 0.0 * L2()).detach()
    assert "first.bias" in table
    assert table.count("the optimizer decays it by weight_decay=0.004") == 4
    spared = O.AdamW(0.1)
    spared.exclude_from_weight_decay(var_names=["kernel"])
    attachment = regularize(hidden(spared), 0.1 * L2(), "decoupled")
    assert attachment.table().count("decays it") == 2


def check_the_table_shows_what_is_there_already() -> None:
    model = hidden(O.SGD(0.1), keras.regularizers.L2(0.1))
    table = regularize(model, 0.1 * L1()).table()
    assert "proximal; the layer's L2 adds 0.2 * L2() to the loss" in table
    own = hidden(O.SGD(0.1), keras.regularizers.OrthogonalRegularizer(0.1))
    words = "the layer's OrthogonalRegularizer adds to the loss"
    assert words in regularize(own, 0.1 * L1()).table()


def check_terms_that_fit_no_layers_regularizer() -> None:
    refused(InputError, "without selection", lambda: regularizer((0.1 * L1()).on(layer("a"))))
    refused(InputError, "without selection", lambda: regularizer((0.1 * L1()).on(biases())))
    refused(InputError, "about zero", lambda: regularizer((0.1 * L1()).around({"w": [1.0]})))
    refused(
        InputError,
        "shrinkage.keras.regularize",
        lambda: regularizer((0.1 * L1()).with_update("proximal")),
    )
    regularizer((0.1 * L1()).on(weights()).with_update("loss"))


def check_a_model_compiled_again_is_refused_by_the_ledger() -> None:
    model = linear(O.SGD(0.1))
    attachment = regularize(model, 0.1 * L1())
    fit(model, callbacks=[LedgerCallback(attachment, show=None)])
    model.compile(optimizer=O.SGD(0.1), loss="mse")
    ledger = LedgerCallback(attachment, show=None)
    refused(InputError, "after the last model.compile", lambda: fit(model, callbacks=[ledger]))
    again = regularize(model, 0.1 * L1())
    again.detach()
    again.detach()
    detached = LedgerCallback(again, show=None)
    refused(InputError, "attached to", lambda: fit(model, callbacks=[detached]))
    refused(InputError, "give the attachment", lambda: LedgerCallback(model))
    refused(InputError, "use 0 or 100", lambda: LedgerCallback(attachment, every=-1))


def check_one_step_for_all_weights_is_refused_of_adam_before_training() -> None:
    model = hidden(O.Adam(0.01))
    words = "moves all weights by one step size for NuclearNorm"
    refused(UnsupportedOptimizer, words, lambda: regularize(model, 1.0 * NuclearNorm()))
    regularize(hidden(O.SGD(0.01)), 1.0 * NuclearNorm())
