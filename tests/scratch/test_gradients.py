"""Slopes by the chain rule are those by trying, to 1e-7; wrong ones are found."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shrinkage import L1, L2, norms, weights
from shrinkage.scratch import (
    Affine,
    BatchNorm,
    Dropout,
    HalfSquaredError,
    Network,
    ReLU,
    Sigmoid,
    SoftmaxCrossEntropy,
    Tanh,
    gradient_check,
)
from tests.scratch import training as both

X, LABELS = (array[:15] for array in both.data())
LAYERS = {
    "affine": [],
    "relu": [ReLU()],
    "tanh": [Tanh()],
    "sigmoid": [Sigmoid()],
    "dropout": [Dropout(0.4)],
    "batch norm": [BatchNorm(8)],
    "all": [BatchNorm(8), ReLU(), Affine(8, 8), Dropout(0.3), Tanh(), Affine(8, 8), Sigmoid()],
}
LOSSES = {
    "classes": (SoftmaxCrossEntropy(), LABELS),
    "numbers": (HalfSquaredError(), np.random.default_rng(5).normal(size=(15, 3))),
}


def network(middle: list) -> Network:
    return Network([Affine(6, 8), *middle, Affine(8, 3)], seed=7)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("layers", LAYERS)
def test_slopes_are_those_by_trying(layers, loss):
    objective, target = LOSSES[loss]
    distances = gradient_check(network(LAYERS[layers]), X, target, loss=objective)
    assert distances.keys() == network(LAYERS[layers]).parameters.keys()
    assert max(distances.values()) < 1e-7


@pytest.mark.parametrize("penalty", [p for p in both.PENALTIES if p not in both.WITHOUT_SLOPES])
def test_slopes_with_a_penalty_are_those_by_trying(penalty):
    distances = gradient_check(both.network(), X, LABELS, terms=both.PENALTIES[penalty])
    assert max(distances.values()) < 1e-7


def test_slopes_as_when_predicting_are_those_of_torch():
    """A frozen BatchNorm divides by a constant: its way back is another one."""
    ours = both.network()
    theirs = both.torch_network(ours).eval()
    theirs[5] = torch.nn.Identity()
    _, slope = SoftmaxCrossEntropy()(ours.forward(X), LABELS)
    with pytest.warns(UserWarning, match=r"BatchNorm\(8\) acts otherwise while"):
        slopes = ours.backward(slope)
    torch.nn.functional.cross_entropy(
        theirs(torch.from_numpy(X)), torch.from_numpy(LABELS)
    ).backward()
    for name, parameter in theirs.named_parameters():
        assert parameter.grad is not None
        np.testing.assert_allclose(slopes[name], parameter.grad.numpy(), rtol=0, atol=1e-12)


def test_the_network_is_left_as_it_is():
    ours = both.network()
    before = {name: w.copy() for name, w in ours.parameters.items()}
    gradient_check(ours, X, LABELS, terms=(0.1 * L1()).on(weights() | norms()))
    for name, w in ours.parameters.items():
        np.testing.assert_array_equal(w, before[name])
    norm = ours.layers[1]
    assert isinstance(norm, BatchNorm)
    np.testing.assert_array_equal(norm.mean, np.zeros(8))


class TanhOfItself(Tanh):
    """The slope 1 − y in place of 1 − y²."""

    def backward(self, gradient):
        return gradient * (1 - self._y)


class ReLUWithoutMask(ReLU):
    """Passes every gradient on."""

    def backward(self, gradient):
        return gradient


class SigmoidWithoutSlope(Sigmoid):
    """The slope y in place of y (1 − y)."""

    def backward(self, gradient):
        return gradient * self._y


class DropoutUnscaled(Dropout):
    """Drops gradients without 1 / (1 − share)."""

    def backward(self, gradient):
        return gradient * (self._mask > 0)


class BatchNormOfConstants(BatchNorm):
    """Mean and variance do not move with the batch."""

    def backward(self, gradient):
        super().backward(gradient)
        return gradient * self.parameters["weight"] / self._root


class AffineMeanBias(Affine):
    """The bias gets the mean over the rows of what is a mean already."""

    def backward(self, gradient):
        passed = super().backward(gradient)
        self.gradients["bias"] = gradient.mean(axis=0)
        return passed


class SummedCrossEntropy(SoftmaxCrossEntropy):
    """A gradient that is not divided by the rows, as in a published network."""

    def __call__(self, outputs, target):
        value, slope = super().__call__(outputs, target)
        return value, slope * len(outputs)


FAULTY = {
    "tanh": TanhOfItself(),
    "relu": ReLUWithoutMask(),
    "sigmoid": SigmoidWithoutSlope(),
    "dropout": DropoutUnscaled(0.4),
    "batch norm": BatchNormOfConstants(8),
    "affine": AffineMeanBias(8, 8),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_wrong_way_back_is_found(fault):
    distances = gradient_check(network([FAULTY[fault]]), X, LABELS)
    assert max(distances.values()) > 1e-3


def test_a_wrong_gradient_of_a_loss_is_found():
    distances = gradient_check(network([]), X, LABELS, loss=SummedCrossEntropy())
    assert max(distances.values()) > 1e-3


class TanhWithOneNaN(Tanh):
    """NaN in the way back of one column."""

    def backward(self, gradient):
        return np.where(np.arange(8) == 7, np.nan, super().backward(gradient))


@pytest.mark.parametrize("entries", [1, 100])
def test_a_slope_that_is_not_finite_is_an_infinite_difference(entries):
    distances = gradient_check(network([TanhWithOneNaN()]), X, LABELS, entries=entries)
    assert distances["0.weight"] == distances["0.bias"] == max(distances.values()) == np.inf
    assert distances["2.weight"] < 1e-7


@pytest.mark.parametrize("middle", [[ReLU()], [Tanh()], []])
@pytest.mark.parametrize("distance", [1e-6, 1e-5])
def test_slopes_that_are_all_rounding_are_no_mistake(middle, distance):
    zero = [Affine(6, 8, zeros), *middle, Affine(8, 3, zeros)]
    distances = gradient_check(Network(zero), X, np.arange(15) % 3, distance=distance)
    assert max(distances.values()) < 1e-7


def test_a_network_that_has_learnt_all_its_rows_is_right():
    learnt = network([Tanh()])
    learnt.parameters["2.weight"] *= 0
    learnt.parameters["2.bias"] = [40.0, 0.0, 0.0]
    assert max(gradient_check(learnt, X, np.zeros(15, int)).values()) < 1e-7


def test_mistakes_of_small_slopes_are_found():
    distances = gradient_check(network([FAULTY["tanh"]]), 1e-3 * X, LABELS)
    assert max(distances.values()) > 1e-3


def zeros(_, outputs, inputs):
    return np.zeros((outputs, inputs))


def test_a_strength_counts_in_the_check():
    assert max(gradient_check(network([Tanh()]), X, LABELS, terms=100.0 * L2()).values()) < 1e-7
