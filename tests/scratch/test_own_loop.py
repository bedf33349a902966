"""A loop of one's own, without `Trainer`: numbers are right, or there is an error."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from shrinkage.errors import InputError
from shrinkage.scratch import (
    SGD,
    Affine,
    BatchNorm,
    Dropout,
    HalfSquaredError,
    Momentum,
    Network,
    ReLU,
    Sigmoid,
    SoftmaxCrossEntropy,
    Tanh,
    Trainer,
    fit,
)
from tests.scratch import training as both

X, Y = both.data()
TARGETS = np.eye(3)[Y]
OUTPUTS = np.random.default_rng(1).normal(size=(120, 3))


def network(*last: Any) -> Network:
    return Network([Affine(6, 4), ReLU(), Affine(4, 3), *last], seed=2)


WRONG_LABELS = {
    "a column": (Y[:, None], "np.ravel"),
    "one-hot": (np.eye(3, dtype=int)[Y], "np.argmax"),
    "below 0": (Y - 1, "labels from 0 to 2"),
    "too large": (Y + 1, "labels from 0 to 2"),
    "too few": (Y[:1], "120 labels"),
    "no whole numbers": (1.0 * Y, "whole numbers"),
}


@pytest.mark.parametrize("labels", WRONG_LABELS)
def test_cross_entropy_refuses_labels_that_do_not_fit(labels):
    wrong, message = WRONG_LABELS[labels]
    with pytest.raises(InputError, match=message):
        SoftmaxCrossEntropy()(OUTPUTS, wrong)


def test_a_column_of_targets_may_be_flat():
    column = np.arange(30.0)[:, None]
    value, slope = HalfSquaredError()(column, np.arange(30.0))
    assert value == 0
    np.testing.assert_array_equal(slope, np.zeros((30, 1)))


@pytest.mark.parametrize("target", [np.zeros((120, 1)), np.zeros(3), np.zeros((1, 3)), 0.0])
def test_squared_error_never_broadcasts(target):
    with pytest.raises(InputError, match=r"targets as numbers of shape \(120, 3\)"):
        HalfSquaredError()(OUTPUTS, target)


@pytest.mark.parametrize("outputs", [np.zeros(3), np.zeros((0, 3)), [[0.0, 1.0]]])
def test_a_loss_wants_a_table_of_outputs(outputs):
    with pytest.raises(InputError, match="outputs as an array"):
        SoftmaxCrossEntropy()(outputs, np.array([1]))


@pytest.mark.parametrize("last", [Tanh(), Sigmoid(), ReLU(), Dropout(0.2), BatchNorm(3)])
def test_outputs_may_be_changed_in_place(last):
    def slopes(in_place: bool) -> dict[str, np.ndarray]:
        ours = network(last)
        outputs = ours.forward(X, np.random.default_rng(0))
        if in_place:
            outputs -= TARGETS
            return ours.backward(outputs)
        return ours.backward(outputs - TARGETS)

    for changed, same in zip(slopes(True).values(), slopes(False).values(), strict=True):
        np.testing.assert_array_equal(changed, same)


def test_what_is_assigned_to_a_parameter_is_in_the_network():
    ours, other = network(), Network([Affine(6, 4), ReLU(), Affine(4, 3)], seed=9)
    ours.parameters["0.weight"] = np.zeros((4, 6))
    assert not ours.layers[0].parameters["weight"].any()
    ours.parameters["0.weight"] += 1
    assert (ours.parameters["0.weight"] == 1).all()
    ours.parameters.update(other.parameters)
    np.testing.assert_array_equal(ours(X), other(X))
    assert ours.layers[0].parameters["weight"] is not other.layers[0].parameters["weight"]


def test_names_and_shapes_of_parameters_stay():
    parameters = network().parameters
    with pytest.raises(InputError, match=r"'0.weigth': did you mean 0.weight"):
        parameters["0.weigth"] = np.zeros((4, 6))
    with pytest.raises(InputError, match=r"shape \(4, 6\) for 0.weight, got \(6, 4\)"):
        parameters["0.weight"] = np.zeros((6, 4))
    with pytest.raises(InputError, match=r"0\.weight to stay"):
        del parameters["0.weight"]


@pytest.mark.parametrize("layer", [BatchNorm(3), Dropout(0.5)])
def test_learning_without_training_is_named(layer):
    ours = network(layer)
    ours.forward(X)
    with pytest.warns(UserWarning, match=r"forward\(x, generator\) before backward, as (B|D)"):
        ours.backward(OUTPUTS)
    ours.forward(X, np.random.default_rng(0))
    ours.backward(OUTPUTS)


@pytest.mark.parametrize("middle", [[], [Dropout(0.0)]])
def test_a_network_that_always_acts_alike_needs_no_training(middle):
    ours = network(*middle)
    ours.forward(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours.backward(OUTPUTS)


@pytest.mark.parametrize("training", [True, False, 3])
def test_training_is_a_generator(training):
    with pytest.raises(InputError, match=f"training as a generator .* got {training}"):
        network().forward(X, training)


def test_forward_wants_its_columns():
    with pytest.raises(InputError, match=r"\(rows, 6\), got \(120, 5\)"):
        network().forward(X[:, :5])
    with pytest.raises(InputError, match=r"\(rows, 6\), got \(6,\)"):
        network().forward(X[0])


@pytest.mark.parametrize("gradient", [np.ones((120, 1)), np.ones((20, 3)), 1.0])
def test_backward_wants_the_shape_of_the_last_outputs(gradient):
    ours = network()
    ours.forward(X)
    with pytest.raises(InputError, match=r"of shape \(120, 3\)"):
        ours.backward(gradient)


def test_a_learning_rate_may_change_between_steps():
    ours, other = network(), network()
    trainer = Trainer(ours, Momentum(0.1))
    trainer.step(X, Y)
    trainer.optimizer = Momentum(0.01)
    trainer.step(X, Y)
    buffers = dict.fromkeys(other.parameters, 0.0)
    for rate in (0.1, 0.01):
        _, slope = SoftmaxCrossEntropy()(other.forward(X), Y)
        for name, gradient in other.backward(slope).items():
            buffers[name] = 0.9 * buffers[name] + gradient
            other.parameters[name] -= rate * buffers[name]
    for name, w in ours.parameters.items():
        np.testing.assert_allclose(w, other.parameters[name], rtol=0, atol=1e-14)


def test_a_second_fit_starts_momentum_afresh():
    ours, other = network(), network()
    settings: dict[str, Any] = {"batch_size": 200, "epochs": 1}
    fit(ours, X, Y, optimizer=Momentum(0.1), **settings)
    fit(ours, X, Y, optimizer=Momentum(0.1), **settings)
    fit(other, X, Y, optimizer=SGD(0.1), **(settings | {"epochs": 2}))  # first steps have no past
    np.testing.assert_allclose(ours(X), other(X), rtol=1e-12)
