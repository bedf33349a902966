"""What a person may get wrong is one line that says what was expected, what came, what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scratch_training as both

from shrinkage import L1, ShrinkageError
from shrinkage.errors import InputError
from shrinkage.scratch import (
    SGD,
    Adam,
    AdamW,
    Affine,
    BatchNorm,
    Dropout,
    HalfSquaredError,
    Momentum,
    Network,
    ReLU,
    Tanh,
    Trainer,
    TrainingDiverged,
    fit,
    gradient_check,
)

X, Y = both.data()


def network() -> Network:
    return Network([Affine(6, 4), ReLU(), Affine(4, 3)])


def run(X: Any = X, Y: Any = Y, **changed: Any):
    return fit(changed.pop("network", network()), X, Y, **{"optimizer": SGD(0.1), **changed})


SOMETHING_ELSE: Any = ReLU
HALVES: Any = 2.5
ONE_BETA: Any = 0.9
WITH_NAN = np.where(np.arange(120)[:, None] == 7, np.nan, X)
CASES = {
    "a label too large": (lambda: run(Y=np.full(120, 3)), "labels from 0 to 2, .* came 3 to 3"),
    "a negative label": (lambda: run(Y=Y - 1), "labels from 0 to 2, .* came -1 to 1"),
    "labels that are no whole numbers": (lambda: run(Y=Y / 2), "whole numbers, came .* float64"),
    "labels as text": (lambda: run(Y=Y.astype(str)), "whole numbers, .* return_inverse"),
    "labels in a column": (lambda: run(Y=Y[:, None]), r"120 labels .* shape \(120, 1\)"),
    "too few labels": (lambda: run(Y=Y[:5]), "120 labels"),
    "a label in validation": (lambda: run(validation=(X, Y + 1)), "came 1 to 3"),
    "a label in a step": (lambda: Trainer(network(), SGD(0.1)).step(X, Y - 3), "came -3 to -1"),
    "validation alone": (lambda: run(validation=X), r"validation=\(X, y\), came ndarray"),
    "columns": (lambda: run(X=X[:, :5]), r"\(rows, 6\), came \(120, 5\)"),
    "columns of validation": (lambda: run(validation=(X[:, :5], Y)), "the X of validation"),
    "one row flat": (lambda: run(X=X[0]), r"\(rows, 6\), came \(6,\)"),
    "no rows": (lambda: run(X=X[:0], Y=Y[:0]), r"came \(0, 6\)"),
    "text": (lambda: run(X=[["a"] * 6] * 120), "numbers, came list .* encode text"),
    "missing values": (lambda: run(X=WITH_NAN), "finite numbers in X, came NaN"),
    "missing values predicted": (lambda: network()(WITH_NAN), "finite numbers in X"),
    "targets of a wrong width": (
        lambda: run(Y=X[:, :2], loss=HalfSquaredError()),
        r"shape \(120, 3\), came \(120, 2\)",
    ),
    "targets with gaps": (
        lambda: run(Y=WITH_NAN[:, :3], loss=HalfSquaredError()),
        "finite targets",
    ),
    "neighbours": (lambda: Network([Affine(6, 4), ReLU(), Affine(5, 3)]), "layer 2, Affine, .* 4"),
    "a norm of another width": (lambda: Network([Affine(6, 4), BatchNorm(5)]), "layer 1, Batch"),
    "no layers": (lambda: Network([]), "came 0 layers"),
    "no sizes": (lambda: Network([ReLU(), Tanh()]), "came 2 layers without one"),
    "a class for a layer": (
        lambda: Network([Affine(6, 4), SOMETHING_ELSE]),
        "a layer, came <class .*ReLU'>: give for example Affine",
    ),
    "a seed": (lambda: Network([Affine(1, 1)], seed=-1), "seed as a whole number"),
    "inputs": (lambda: Affine(0, 3), "inputs as a whole number of at least 1, came 0"),
    "outputs": (lambda: Affine(3, HALVES), "outputs as a whole number"),
    "an initialisation": (
        lambda: Network([Affine(2, 3, lambda _, outputs, inputs: np.ones((inputs, outputs)))]),
        r"shape \(3, 2\), came \(2, 3\)",
    ),
    "all dropped": (lambda: Dropout(1.0), "below 1, came 1.0"),
    "epochs": (lambda: run(epochs=0), "epochs as a whole number of at least 1, came 0"),
    "batch size": (lambda: run(batch_size=2.5), "batch_size as a whole number"),
    "a seed of training": (lambda: run(seed=None), "seed as a whole number"),
    "a lonely row": (
        lambda: run(network=Network([BatchNorm(6), Affine(6, 3)]), batch_size=17),
        "at least 2 rows",
    ),
    "an update": (lambda: run(terms=L1() * 0.1, update="proximate"), "did you mean proximal"),
    "a penalty without strength": (lambda: run(terms=L1()), "without a strength"),
    "a pattern": (lambda: run(terms=(0.1 * L1()).on("1.weight")), "0.weight"),
    "an optimizer by name": (lambda: run(optimizer="sgd"), r"optimizer .* came 'sgd'"),
    "a loss by name": (lambda: run(loss="mse"), "as loss, came 'mse'"),
    "no network": (lambda: run(network=[Affine(6, 3)]), "expected a Network, came list"),
    "a learning rate of 0": (lambda: SGD(0.0), "learning_rate above 0"),
    "a learning rate without end": (lambda: Adam(float("inf")), "learning_rate as a number"),
    "momentum": (lambda: Momentum(0.1, momentum=1.0), "momentum .* below 1, came 1.0"),
    "betas": (lambda: Adam(betas=ONE_BETA), "betas as two numbers"),
    "a beta": (lambda: Adam(betas=(0.9, 1.0)), "each of betas .* came 1.0"),
    "decay": (lambda: AdamW(weight_decay=-0.1), "weight_decay as a number of at least 0"),
    "distance": (lambda: gradient_check(network(), X, Y, distance=0), "distance above 0"),
    "entries": (lambda: gradient_check(network(), X, Y, entries=0), "entries as a whole number"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_error_says_what_to_do(case):
    call, message = CASES[case]
    with pytest.raises(ShrinkageError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert ": " in str(caught.value)


def test_a_loss_that_is_not_finite_stops_and_names_epoch_and_layer():
    with pytest.raises(TrainingDiverged, match=r"in epoch \d+ .* layer \d, (Affine|ReLU)\(.*lower"):
        run(optimizer=SGD(1e155), epochs=20, loss=HalfSquaredError(), Y=X[:, :3])


def test_the_layer_named_is_the_first_with_numbers_that_are_none():
    broken = network()
    broken.parameters["2.weight"][0, 0] = np.nan
    with pytest.raises(TrainingDiverged, match=r"in epoch 1 .* layer 2, Affine\(4, 3\), is the fi"):
        run(network=broken)


def test_outputs_that_are_finite_but_too_large_are_named():
    broken = network()
    broken.parameters["2.bias"][:] = 1e200
    with pytest.raises(TrainingDiverged, match=r"outputs of layer 2, .* too large"):
        Trainer(broken, SGD(0.1), loss=HalfSquaredError()).step(X, X[:, :3])


def test_weights_after_the_last_step_are_looked_at():
    with pytest.raises(TrainingDiverged, match="in epoch 1 "):
        run(optimizer=SGD(1e200), batch_size=1000, epochs=1, loss=HalfSquaredError(), Y=X[:, :3])


def test_errors_are_value_errors():
    assert issubclass(TrainingDiverged, ValueError)
    assert issubclass(InputError, ShrinkageError)
