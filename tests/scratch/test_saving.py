"""A network is copied and saved without the rows that it has seen."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from shrinkage.errors import InputError
from shrinkage.scratch import (
    SGD,
    Affine,
    BatchNorm,
    Dropout,
    Layer,
    Network,
    ReLU,
    Sigmoid,
    Tanh,
    Trainer,
    fit,
)
from tests.scratch import training as both

X, Y = both.data()
MANY = np.random.default_rng(0).normal(size=(5000, 6))


class Cached(Layer):
    """Passes numbers on, and keeps them under a name that is there from the beginning."""

    def __init__(self):
        super().__init__()
        self.x = None
        self.slope = 2.0

    def forward(self, x, training=None):  # noqa: ARG002
        self.x, self.also = x, x
        return self.slope * x

    def backward(self, gradient):
        return self.slope * gradient


LAYERS = [Affine(6, 5), BatchNorm(5), Tanh(), Dropout(0.3), Cached(), Affine(5, 4), Sigmoid()]
LAYERS += [ReLU(), Affine(4, 3)]


def used() -> Network:
    network = Network(LAYERS)
    fit(network, X, Y, optimizer=SGD(0.1), epochs=2)
    network.backward(network.forward(MANY, np.random.default_rng(0)))
    return network


WAYS = {
    "pickle": lambda saved: pickle.loads(pickle.dumps(saved)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


def test_a_file_does_not_grow_with_the_rows():
    network = used()
    network(MANY[:1])
    few = len(pickle.dumps(network))
    network(MANY)
    assert len(pickle.dumps(network)) == few < 5000


@pytest.mark.parametrize("way", ["pickle", "deepcopy"])
def test_a_copy_predicts_the_same_and_has_no_rows(way):
    network = used()
    twin = WAYS[way](network)
    for layer in twin.layers:
        held = (value for value in vars(layer).values() if isinstance(value, np.ndarray))
        assert all(len(array) < 100 for array in held)
        assert layer.gradients == {}
    np.testing.assert_array_equal(twin(X), network(X))


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_has_no_way_back(way):
    network = used()
    with pytest.raises(InputError, match="forward before backward"):
        WAYS[way](network).backward(np.ones((5000, 3)))
    assert network.backward(np.ones((5000, 3)))["0.weight"].shape == (5, 6)


def test_an_attribute_that_a_batch_brought_is_gone_from_a_copy():
    layer = copy.deepcopy(used()).layers[4]
    assert vars(layer)["x"] is None  # None at its start
    assert "also" not in vars(layer)
    assert vars(layer)["slope"] == 2.0


def test_a_copy_goes_on_learning_as_the_network_does():
    network = used()
    twin = pickle.loads(pickle.dumps(network))
    steps = [Trainer(each, SGD(0.1)) for each in (network, twin)]
    assert [steps[0].step(X, Y) for _ in range(3)] == [steps[1].step(X, Y) for _ in range(3)]


def test_layers_taken_from_a_network_are_without_rows():
    again = Network(used().layers)
    assert len(pickle.dumps(again)) < 5000


def test_parameters_are_saved_and_loaded_by_name(tmp_path):
    network = Network([Affine(6, 4), ReLU(), Affine(4, 3)], seed=0)
    fit(network, X, Y, optimizer=SGD(0.1), epochs=2)
    np.savez(tmp_path / "network.npz", **network.parameters)
    other = Network([Affine(6, 4), ReLU(), Affine(4, 3)], seed=1)
    other.parameters.update(np.load(tmp_path / "network.npz"))
    np.testing.assert_array_equal(other(X), network(X))
