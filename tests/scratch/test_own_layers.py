"""Layers of one's own: what is missing is named; names give roles; layers print as their code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shrinkage import L1, everything
from shrinkage.errors import InputError
from shrinkage.scratch import (
    SGD,
    Affine,
    BatchNorm,
    Dropout,
    Layer,
    Network,
    ReLU,
    Tanh,
    Trainer,
    fit,
    gradient_check,
)
from tests.scratch import training as both

X, Y = both.data()


class Scale(Layer):
    """A factor a column."""

    name = "scale"
    start_at: Any = np.ones(5)

    def start(self, generator):  # noqa: ARG002
        self.parameters = {self.name: self.start_at}

    def forward(self, x, training=None):  # noqa: ARG002
        self._x = x
        return x * self.parameters[self.name]

    def backward(self, gradient):
        self.gradients = {self.name: (gradient * self._x).sum(axis=0)}
        return gradient * self.parameters[self.name]


class NoSuper(Layer):
    def __init__(self):
        self.other = 1

    def forward(self, x, training=None):  # noqa: ARG002
        return x

    def backward(self, gradient):
        return gradient


class NoSuperButAStart(Scale):
    def __init__(self):
        self.other = 1


class NoGradient(Scale):
    def backward(self, gradient):
        return gradient * self.parameters["scale"]


class SumOfAll(Scale):
    def backward(self, gradient):
        passed = super().backward(gradient)
        self.gradients = {"scale": (gradient * self._x).sum()}
        return passed


class NoTraining(Scale):
    def forward(self, x):  # type: ignore[override]
        return super().forward(x)


class NoReturn(Scale):
    def forward(self, x, training=None):
        super().forward(x, training)


class NoWayBack(Scale):
    def backward(self, gradient):
        super().backward(gradient)


class AListOfParameters(Scale):
    def start(self, generator):  # noqa: ARG002
        self.parameters = [np.ones(5)]  # type: ignore[assignment]


def started_at(value: Any) -> Scale:
    layer = Scale()
    layer.start_at = value
    return layer


CASES = {
    "no super": (NoSuper(), r"layer 1, NoSuper, .* call super\(\).__init__\(\)"),
    "no super, but a start": (NoSuperButAStart(), r"layer 1, NoSuperButAStart, .* call super"),
    "no gradient": (NoGradient(), r"NoGradient .* shape \(5,\) in self.gradients\['scale'\]"),
    "a gradient of another shape": (SumOfAll(), r"shape \(5,\) .* got \(\)"),
    "no training": (NoTraining(), r"forward\(self, x, training=None\), got forward\(x\)"),
    "no return": (NoReturn(), "forward of NoReturn to return an array, got NoneType"),
    "no way back": (NoWayBack(), "backward of NoWayBack to return an array, got NoneType"),
    "a list of parameters": (AListOfParameters(), "as a dictionary, got list"),
    "a list": (started_at([1.0] * 5), "parameter 'scale' of layer 1, Scale, .* got list"),
    "whole numbers": (started_at(np.ones(5, int)), "array of float64, got int64"),
    "float32": (started_at(np.ones(5, np.float32)), "array of float64, got float32"),
    "NaN": (started_at(np.full(5, np.nan)), "finite at its start"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_layer_lacks_is_named(case):
    layer, message = CASES[case]
    for use in (fit_one_epoch, lambda network: gradient_check(network, X[:9], Y[:9])):
        with pytest.raises(InputError, match=message) as caught:
            use(Network([Affine(6, 5), layer, Affine(5, 3)]))
        assert "\n" not in str(caught.value)
        assert ": " in str(caught.value)


def fit_one_epoch(network: Network) -> Any:
    return fit(network, X, Y, optimizer=SGD(0.1), epochs=1)


def test_a_layer_with_a_parameter_is_right_and_learns():
    network = Network([Affine(6, 5), Scale(), ReLU(), Affine(5, 3)])
    assert max(gradient_check(network, X[:9], Y[:9]).values()) < 1e-7
    fit_one_epoch(network)
    assert (network.parameters["1.scale"] != 1).all()


class Squares(Layer):
    """Between layers rows may be pictures."""

    def forward(self, x, training=None):  # noqa: ARG002
        return x.reshape(len(x), 2, -1)

    def backward(self, gradient):
        return gradient.reshape(len(gradient), -1)


class Flat(Layer):
    def forward(self, x, training=None):  # noqa: ARG002
        return x.reshape(len(x), -1)

    def backward(self, gradient):
        return gradient.reshape(len(gradient), 2, -1)


def test_rows_may_have_any_shape_between_layers():
    network = Network([Affine(6, 8), Squares(), Tanh(), Dropout(0.2), Flat(), Affine(8, 3)])
    assert max(gradient_check(network, X[:9], Y[:9]).values()) < 1e-7


def roles(name: str, value: np.ndarray) -> str:
    layer = started_at(value)
    layer.name = name
    network = Network([Affine(6, 5), layer])
    return {info.name: info.role for info in network.infos}[f"1.{name}"]


def test_names_give_roles():
    assert roles("weight", np.ones((1, 5))) == "weight"
    assert roles("weight", np.ones(5)) == "other"  # a scale: PyTorch's side says so too
    assert roles("bias", np.ones(5)) == "bias"
    assert roles("scale", np.ones((1, 5))) == "other"


def test_a_weight_of_ones_own_is_penalised_and_counted():
    layer = started_at(np.full((1, 5), 1e-3))
    layer.name = "weight"
    network = Network([Affine(6, 5), layer, Affine(5, 3)])
    assert "1.weight" in Trainer(network, SGD(0.1), 0.1 * L1()).regularization
    before = network.zeros
    network.parameters["1.weight"] = np.zeros((1, 5))
    assert network.zeros == before + 5


def test_another_name_is_penalised_when_selected():
    network = Network([Affine(6, 5), Scale(), Affine(5, 3)])
    assert "1.scale" not in Trainer(network, SGD(0.1), 0.1 * L1()).regularization
    assert "1.scale" in Trainer(network, SGD(0.1), (0.1 * L1()).on(everything())).regularization


def test_layers_and_networks_print_as_their_code():
    layers = [Affine(6, 5), BatchNorm(5), Tanh(), Dropout(0.3), ReLU(), Scale(), Affine(5, 3)]
    code = "[Affine(6, 5), BatchNorm(5), Tanh(), Dropout(0.3), ReLU(), Scale(), Affine(5, 3)]"
    assert repr(layers) == code
    assert repr(Network(layers)) == f"Network({code})"
