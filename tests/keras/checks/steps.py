"""Terms on an optimizer that takes no steps, and regularizers that no loss has, are told."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pytest

from shrinkage import L1, L2
from shrinkage.errors import InputError
from shrinkage.keras import FirstEpochWatch, LedgerCallback, regularize, regularizer
from tests.keras.checks.networks import fit, hidden, kernel, linear, regression, same, train

BACKEND = keras.backend.backend()


class Own(keras.Model):
    """Two networks with an optimizer each, as a GAN has; `train_step` asks the first alone."""

    def __init__(self, regularizer: Any = None) -> None:
        super().__init__()
        self.d = keras.layers.Dense(1, name="d", kernel_regularizer=regularizer)
        self.g = keras.layers.Dense(1, name="g")

    def call(self, x: Any) -> Any:
        return self.d(x) + self.g(x)

    def compile(self, d_optimizer: Any, g_optimizer: Any) -> None:
        super().compile()
        self.d_optimizer, self.others = d_optimizer, [g_optimizer]

    def train_step(self, *state_and_data: Any) -> Any:
        *state, data = state_and_data
        x = data[0] if isinstance(data, tuple) else data
        if BACKEND == "jax":  # whose state has no place for these optimizers: nothing moves
            return {"loss": 0.0}, *state
        loss, gradients = self._gradients(x)
        self.d_optimizer.apply(gradients, self.d.trainable_variables)
        return {"loss": loss}

    def _gradients(self, x: Any) -> Any:
        if BACKEND == "tensorflow":
            import tensorflow as tf

            with tf.GradientTape() as tape:
                loss = keras.ops.mean(keras.ops.square(self.d(x)))
            return loss, tape.gradient(loss, [v.value for v in self.d.trainable_variables])
        import torch

        loss = keras.ops.mean(keras.ops.square(self.d(keras.ops.convert_to_tensor(x))))
        values = [variable.value for variable in self.d.trainable_variables]
        return loss.detach(), torch.autograd.grad(loss, values)


def _own(regularizer: Any = None) -> Own:
    model = Own(regularizer)
    model(np.ones((2, 5), "float32"))
    model.compile(keras.optimizers.SGD(0.01), keras.optimizers.Adam(0.02))
    return model


def _fit(model: Any, epochs: int = 2, **options: Any) -> None:
    x = np.ones((16, 5), "float32")
    model.fit(x, batch_size=8, epochs=epochs, verbose=0, shuffle=False, **options)


def check_terms_on_an_optimizer_that_never_steps() -> None:
    model = _own()
    attachment = regularize(model, 0.1 * L1())
    with pytest.raises(InputError, match=r"an epoch without one") as caught:
        _fit(model)
    assert (BACKEND == "jax") != ("optimizer=model.d_optimizer" in str(caught.value))
    attachment.detach()
    _fit(model)


def check_the_optimizer_that_moves_takes_the_terms() -> None:
    model = _own()
    attachment = regularize(model, (1000.0 * L1()).on("d.*"), optimizer=model.d_optimizer)
    assert attachment.attached
    assert attachment.optimizer is model.d_optimizer
    if BACKEND == "jax":
        with pytest.raises(InputError, match="an epoch without one"):
            _fit(model)
        gradients = [keras.ops.zeros(v.shape) for v in model.d.trainable_variables]
        model.d_optimizer.apply(gradients, model.d.trainable_variables)
    else:
        ledger = LedgerCallback(attachment, show=None)
        _fit(model, callbacks=[ledger])
        assert [record.step for record in ledger.records] == [2, 4]
    assert attachment.zeros() == {"d.kernel": 5}


def check_each_of_two_optimizers_has_its_own_terms() -> None:
    model = _own()
    first = regularize(model, (0.1 * L1()).on("d.*"), optimizer=model.d_optimizer)
    second = regularize(model, (0.1 * L1()).on("g.*"), optimizer=model.others[0])
    first.detach()
    assert "fit" in vars(model)
    second.detach()
    assert "fit" not in vars(model)


def check_parameters_that_the_optimizer_does_not_hold() -> None:
    model = _own()
    model.d_optimizer.build(model.d.trainable_variables)
    with pytest.raises(InputError, match=r"got g\.kernel outside of it"):
        regularize(model, 0.1 * L1(), optimizer=model.d_optimizer)
    if BACKEND == "jax":
        return
    later = _own()
    regularize(later, 0.1 * L1(), optimizer=later.d_optimizer)
    with pytest.raises(InputError, match=r"got g\.kernel outside of it"):
        _fit(later)


def check_optimizers_that_are_none_of_keras() -> None:
    model = _own()
    for own in ("adam", None if BACKEND == "torch" else object(), _torch_optimizer()):
        if own is not None:
            with pytest.raises(ValueError, match="expected a Keras optimizer, got"):
                regularize(model, 0.1 * L1(), optimizer=own)


def _torch_optimizer() -> Any:
    if BACKEND != "torch":
        return None
    import torch

    return torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1)


def check_a_model_without_an_optimizer_names_those_it_has() -> None:
    class Uncompiled(Own):
        def compile(self, d_optimizer: Any, g_optimizer: Any) -> None:
            self.d_optimizer, self.others = d_optimizer, [g_optimizer]

    model = Uncompiled()
    model(np.ones((2, 5), "float32"))
    model.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.02))
    with pytest.raises(InputError, match=r"optimizer=model\.d_optimizer"):
        regularize(model, 0.1 * L1())


def check_regularizers_that_no_loss_asks_for() -> None:
    model = _own(regularizer(0.1 * L2()))
    regularize(model, (0.1 * L1()).on("d.*"), optimizer=model.d_optimizer)
    if BACKEND == "jax":
        return
    with pytest.warns(UserWarning, match=r"d\.kernel.*self\.losses"):
        _fit(model)
    alone = _own(regularizer(0.1 * L2()))
    with pytest.warns(UserWarning, match=r"d\.kernel.*self\.losses"):
        _fit(alone, callbacks=[FirstEpochWatch()])
    again = hidden(keras.optimizers.SGD(0.01), regularizer(0.1 * L2()))
    fit(again, epochs=1)
    fit(again, epochs=1, callbacks=[FirstEpochWatch()])
    asked = hidden(keras.optimizers.SGD(0.01), regularizer(0.1 * L2()))
    regularize(asked, 0.1 * L1())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(asked, epochs=2)


def check_callbacks_of_the_caller_are_called_as_before() -> None:
    epochs: list[int] = []
    noting = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _: epochs.append(epoch))
    x, y = regression()
    ways = (
        lambda model: fit(model, epochs=1, callbacks=[noting]),
        lambda model: fit(model, epochs=1, callbacks=noting),
        lambda model: fit(model, epochs=1),
        lambda model: model.fit(x, y, 8, 1, 0, [noting]),
        lambda model: fit(
            model, epochs=1, callbacks=keras.callbacks.CallbackList([noting], model=model)
        ),
    )
    model = linear(keras.optimizers.SGD(0.01))
    regularize(model, 0.1 * L1())
    for way in ways:
        way(model)
    assert epochs == [0, 0, 0, 0]


def check_accumulated_and_skipped_steps_are_steps() -> None:
    model = linear(keras.optimizers.SGD(0.05, gradient_accumulation_steps=9))
    regularize(model, 0.2 * L1())
    fit(model, epochs=1)
    scaler = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01), 2.0**127)
    scaled = linear(scaler)
    attachment = regularize(scaled, 0.2 * L1())
    fit(scaled, epochs=1)
    assert attachment.steps <= 6


def check_a_fit_of_the_class_is_left_alone() -> None:
    first, second = (linear(keras.optimizers.SGD(0.1)) for _ in range(2))
    attachment = regularize(first, 0.3 * L1())
    assert "fit" in vars(first)
    assert "fit" not in vars(second)
    attachment.detach()
    assert "fit" not in vars(first)
    train(first, 2)
    train(second, 2)
    assert same(first, second)
    assert kernel(first).any()
