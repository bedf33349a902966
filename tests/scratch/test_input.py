"""What a person may get wrong is one line that says what was expected, what it got, what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from shrinkage import L1, ShrinkageError
from shrinkage.errors import InputError, UnmatchedPattern
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
from tests.scratch import training as both

X, Y = both.data()


def network() -> Network:
    return Network([Affine(6, 4), ReLU(), Affine(4, 3)])


def run(X: Any = X, Y: Any = Y, **changed: Any):
    return fit(changed.pop("network", network()), X, Y, **{"optimizer": SGD(0.1), **changed})


def with_nan() -> Network:
    broken = network()
    broken.parameters["2.weight"][0, 0] = np.nan
    return broken


SOMETHING_ELSE: Any = ReLU
HALVES: Any = 2.5
ONE_BETA: Any = 0.9
NO_LIST: Any = Affine(6, 3)
BY_NAME: Any = "he"
BY_NUMBER: Any = 3
NONE: Any = None
WITH_NAN = np.where(np.arange(120)[:, None] == 7, np.nan, X)
CASES = {
    "a label too large": (lambda: run(Y=np.full(120, 3)), "labels from 0 to 2, .* got 3 to 3"),
    "a negative label": (lambda: run(Y=Y - 1), "labels from 0 to 2, .* got -1 to 1"),
    "labels that are no whole numbers": (lambda: run(Y=Y / 2), "whole numbers, got .* float64"),
    "labels as text": (lambda: run(Y=Y.astype(str)), "whole numbers, .* return_inverse"),
    "labels in a column": (lambda: run(Y=Y[:, None]), r"shape \(120, 1\) .* np.ravel\(y\)"),
    "one-hot labels": (lambda: run(Y=np.eye(3)[Y]), r"\(120, 3\) .* np.argmax\(y, axis=1\)"),
    "ragged labels": (lambda: run(Y=[[1, 2], [1]] * 60), "labels as one array, got list .* long"),
    "ragged targets": (
        lambda: run(Y=[[1, 2], [1]] * 60, loss=HalfSquaredError()),
        "targets as one array, got list .* equally long",
    ),
    "ragged rows": (lambda: run(X=[[1.0, 2.0], [1.0]] * 60), "X as one array, .* equally long"),
    "a tensor with a gradient": (
        lambda: run(X=torch.tensor(X, requires_grad=True)),
        r"got Tensor .*: give \.detach\(\)",
    ),
    "a masked table": (lambda: run(X=np.ma.masked_greater(X, 1)), "X without a mask"),
    "masked labels": (lambda: run(Y=np.ma.masked_equal(Y, 1)), "labels without a mask"),
    "complex numbers": (lambda: run(X=X + 1j), "real numbers, got complex128"),
    "too few labels": (lambda: run(Y=Y[:5]), "120 labels .* one label a row"),
    "a label in validation": (lambda: run(validation=(X, Y + 1)), "got 1 to 3"),
    "a label in a step": (lambda: Trainer(network(), SGD(0.1)).step(X, Y - 3), "got -3 to -1"),
    "validation alone": (lambda: run(validation=X), r"validation=\(X, y\), got ndarray"),
    "columns": (lambda: run(X=X[:, :5]), r"\(rows, 6\), got \(120, 5\)"),
    "columns of validation": (lambda: run(validation=(X[:, :5], Y)), "the X of validation"),
    "one row flat": (lambda: run(X=X[0]), r"\(rows, 6\), got \(6,\)"),
    "no rows": (lambda: run(X=X[:0], Y=Y[:0]), r"got \(0, 6\)"),
    "text": (lambda: run(X=[["a"] * 6] * 120), "numbers, got list .* encode text"),
    "missing values": (lambda: run(X=WITH_NAN), "finite numbers in X, got NaN"),
    "missing values predicted": (lambda: network()(WITH_NAN), "finite numbers in X"),
    "targets of a wrong width": (
        lambda: run(Y=X[:, :2], loss=HalfSquaredError()),
        r"shape \(120, 3\), got \(120, 2\)",
    ),
    "targets with gaps": (
        lambda: run(Y=WITH_NAN[:, :3], loss=HalfSquaredError()),
        "finite targets",
    ),
    "neighbours": (lambda: Network([Affine(6, 4), ReLU(), Affine(5, 3)]), "layer 2, Affine, .* 4"),
    "a norm of another width": (lambda: Network([Affine(6, 4), BatchNorm(5)]), "layer 1, Batch"),
    "no layers": (lambda: Network([]), "got 0 layers"),
    "no sizes": (lambda: Network([ReLU(), Tanh()]), "got 2 layers without one"),
    "a class for a layer": (
        lambda: Network([Affine(6, 4), SOMETHING_ELSE]),
        "a layer, got <class .*ReLU'>: give for example Affine",
    ),
    "a seed": (lambda: Network([Affine(1, 1)], seed=-1), "seed as a whole number"),
    "inputs": (lambda: Affine(0, 3), "inputs as a whole number of at least 1, got 0"),
    "outputs": (lambda: Affine(3, HALVES), "outputs as a whole number"),
    "an initialisation": (
        lambda: Network([Affine(2, 3, lambda _, outputs, inputs: np.ones((inputs, outputs)))]),
        r"shape \(3, 2\), got \(2, 3\)",
    ),
    "all dropped": (lambda: Dropout(1.0), "below 1, got 1.0"),
    "epochs": (lambda: run(epochs=0), "epochs as a whole number of at least 1, got 0"),
    "batch size": (lambda: run(batch_size=2.5), "batch_size as a whole number"),
    "a seed of training": (lambda: run(seed=None), "seed as a whole number"),
    "a lonely row": (
        lambda: run(network=Network([BatchNorm(6), Affine(6, 3)]), batch_size=17),
        r"at least 2 rows .* \(120 in all, batch_size=17\).* batch_size=18$",
    ),
    "batches of one": (
        lambda: run(network=Network([BatchNorm(6), Affine(6, 3)]), batch_size=1),
        "batch_size=2$",
    ),
    "one row in all": (
        lambda: run(X=X[:1], Y=Y[:1], network=Network([BatchNorm(6), Affine(6, 3)])),
        "at least 2 rows .*: give more rows$",
    ),
    "one row to check": (
        lambda: gradient_check(Network([BatchNorm(6), Affine(6, 3)]), X[:1], Y[:1]),
        "at least 2 rows .*: give it more rows at a time$",
    ),
    "momentum of a norm": (lambda: BatchNorm(6, momentum=5), "momentum .* from 0 to 1, got 5"),
    "a negative momentum of a norm": (lambda: BatchNorm(6, momentum=-0.1), "momentum .* -0.1"),
    "a layer without a list": (lambda: Network(NO_LIST), r"layers in a list, got Affine"),
    "an initialisation by name": (lambda: Affine(4, 3, BY_NAME), "draws W, got 'he'.* he$"),
    "a weight that is none": (
        lambda: Network([Affine(6, 3, lambda *_: np.full((3, 6), np.nan))]),
        "parameter 'weight' of layer 0, Affine, finite",
    ),
    "a layer that has not been started": (lambda: Affine(6, 3).forward(X), "put it into a Net"),
    "a norm that has not been started": (lambda: BatchNorm(6).forward(X), "put it into a Net"),
    "backward alone": (lambda: network().backward(X[:, :3]), "forward before backward"),
    "a number as generator": (
        lambda: Trainer(network(), SGD(0.1), generator=BY_NUMBER),
        r"a generator, got int: .* np.random.default_rng\(0\)",
    ),
    "weights that are none": (lambda: run(network=with_nan()), "NaN or infinity in 2.weight"),
    "a reference that is none": (
        lambda: run(terms=(0.1 * L1()).around(with_nan().parameters)),
        "finite reference for 2.weight",
    ),
    "an update": (lambda: run(terms=L1() * 0.1, update="proximate"), "did you mean proximal"),
    "a penalty without strength": (lambda: run(terms=L1()), "without a strength"),
    "an optimizer by name": (lambda: run(optimizer="sgd"), r"optimizer .* got 'sgd'"),
    "a loss by name": (lambda: run(loss="mse"), "as loss, got 'mse'"),
    "no network": (lambda: run(network=[Affine(6, 3)]), "expected a Network, got list"),
    "a learning rate of 0": (lambda: SGD(0.0), "learning_rate as a finite number above 0"),
    "a learning rate without end": (lambda: Adam(float("inf")), "learning_rate as a finite number"),
    "momentum": (lambda: Momentum(0.1, momentum=1.0), "momentum .* below 1, got 1.0"),
    "betas": (lambda: Adam(betas=ONE_BETA), "betas as two numbers"),
    "a beta": (lambda: Adam(betas=(0.9, 1.0)), "each of betas .* got 1.0"),
    "decay": (lambda: AdamW(weight_decay=-0.1), "weight_decay as a finite number of at least 0"),
    "distance": (lambda: gradient_check(network(), X, Y, distance=0), "distance .* 1e-08 .* 0:"),
    "a distance of nothing": (lambda: gradient_check(network(), X, Y, distance=1e-300), "1e-300"),
    "a loss to check by name": (
        lambda: gradient_check(network(), X, Y, loss=BY_NAME),
        "as loss, got 'he'",
    ),
    "a negative seed to check": (lambda: gradient_check(network(), X, Y, seed=-1), "seed .* -1"),
    "no seed to check": (lambda: gradient_check(network(), X, Y, seed=NONE), "seed .* got None"),
    "no network to check": (lambda: gradient_check(NO_LIST, X, Y), "a Network, got Affine"),
    "entries": (lambda: gradient_check(network(), X, Y, entries=0), "entries as a whole number"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_error_says_what_to_do(case):
    call, message = CASES[case]
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert ": " in str(caught.value)


def test_a_pattern_without_a_match_names_what_there_is():
    with pytest.raises(UnmatchedPattern, match=r"0\.weight"):
        run(terms=(0.1 * L1()).on("1.weight"))


def test_a_loss_that_is_not_finite_stops_and_names_epoch_and_layer():
    with pytest.raises(TrainingDiverged, match=r"in epoch \d+ .* layer \d, (Affine|ReLU)\(.*lower"):
        run(optimizer=SGD(1e155), epochs=20, loss=HalfSquaredError(), Y=X[:, :3])


def test_the_layer_named_is_the_first_with_numbers_that_are_none():
    broken = network()
    trainer = Trainer(broken, SGD(0.1))
    broken.parameters["2.weight"][0, 0] = np.nan
    with pytest.raises(TrainingDiverged, match=r"layer 2, Affine\(4, 3\), is the first .* lower"):
        trainer.step(X, Y)


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


def test_the_advice_for_labels_works():
    for labels in (np.ravel(Y[:, None]), np.argmax(np.eye(3)[Y], axis=1)):
        assert run(Y=labels, epochs=2) == run(epochs=2)


def test_a_lonely_last_row_is_found_before_any_weight_moves():
    norm = Network([BatchNorm(6), Affine(6, 3)])
    before = {name: w.copy() for name, w in norm.parameters.items()}
    with pytest.raises(InputError, match="batch_size=18"):
        run(network=norm, batch_size=17)
    for name, w in norm.parameters.items():
        np.testing.assert_array_equal(w, before[name])
    run(network=norm, batch_size=18, epochs=1)
    assert run(batch_size=17, epochs=1).train_loss  # without a BatchNorm a row alone is no harm


def test_all_of_a_batch_may_go_into_the_running_averages():
    assert BatchNorm(6, momentum=1).momentum == 1
