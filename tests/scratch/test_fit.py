"""`fit` learns, repeats, keeps its records apart, and solves what scikit-learn solves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.datasets import load_digits

import shrinkage
from shrinkage import L1, L2, GroupLasso, Terms
from shrinkage.scratch import (
    SGD,
    Adam,
    Affine,
    Dropout,
    HalfSquaredError,
    History,
    Layer,
    Momentum,
    Network,
    Regularization,
    ReLU,
    Trainer,
    fit,
)
from tests.builders.convex import assert_same_optimum, elastic_net, regression
from tests.processes import loaded_by
from tests.scratch import training as both

X, Y = both.data()


def small() -> Network:
    return Network([Affine(6, 9), ReLU(), Dropout(0.2), Affine(9, 3)], seed=3)


def train(**changed) -> tuple[Network, History]:
    network = small()
    settings = {"optimizer": Adam(0.01), "epochs": 4, "batch_size": 32, **changed}
    return network, fit(network, X[:90], Y[:90], **settings)


def same(first: Network, second: Network) -> bool:
    pairs = zip(first.parameters.values(), second.parameters.values(), strict=True)
    return all(a.tobytes() == b.tobytes() for a, b in pairs)


def test_digits_are_learnt_and_l1_leaves_zeros():
    images, labels = load_digits(return_X_y=True)
    network = Network([Affine(64, 32), ReLU(), Affine(32, 10)])
    history = fit(
        network,
        images[:1200] / 16,
        labels[:1200],
        optimizer=Adam(1e-2),
        terms=1e-3 * L1(),
        epochs=15,
        validation=(images[1200:] / 16, labels[1200:]),
    )
    assert history.train_accuracy[-1] > 0.97
    assert history.validation_accuracy[-1] > 0.90
    assert history.zeros[-1] == network.zeros > 0.4 * (64 * 32 + 32 * 10)
    assert history.train_loss[-1] < 0.3 * history.train_loss[0]
    assert history.penalty[-1] == pytest.approx(
        1e-3 * sum(np.abs(network.parameters[f"{n}.weight"]).sum() for n in (0, 2)), rel=1e-12
    )


def test_a_seed_repeats_a_run_to_the_last_bit():
    first, second, other = train(seed=5), train(seed=5), train(seed=6)
    assert same(first[0], second[0])
    assert first[1] == second[1]
    assert not same(first[0], other[0])


def test_validation_is_looked_at_and_never_trained_on():
    alone, beside = train(), train(validation=(X[90:], Y[90:]))
    assert same(alone[0], beside[0])
    assert alone[1].validation_loss == alone[1].validation_accuracy == ()
    trainer = Trainer(beside[0], SGD(0.1))
    last = (beside[1].validation_loss[-1], beside[1].validation_accuracy[-1])
    assert trainer.evaluate(X[90:], Y[90:]) == last


def test_the_history_is_frozen_and_as_long_as_training():
    _, history = train(validation=(X[90:], Y[90:]))
    assert {len(getattr(history, field.name)) for field in dataclasses.fields(history)} == {4}
    with pytest.raises(dataclasses.FrozenInstanceError):
        history.train_loss = ()  # type: ignore[misc]


@pytest.mark.parametrize("update", shrinkage.terms.term.UPDATES)
def test_strength_zero_is_no_penalty_to_the_last_bit(update):
    terms = 0.0 * L1() + 0.0 * L2() + 0.0 * GroupLasso()
    assert same(train()[0], train(terms=terms, update=update)[0])


@pytest.mark.parametrize("update", shrinkage.terms.term.UPDATES)
def test_strength_zero_keeps_the_sign_of_a_zero(update):
    network = Network([Affine(2, 1, lambda *_: np.array([[-0.0, 1.0]]))])
    idle = Regularization(network.infos, 0.0 * L1() + 0.0 * L2(), update)
    w, gradient = network.parameters["0.weight"], np.array([[-0.0, -0.0]])
    unmoved = idle.before("0.weight", w, gradient, 0.1)
    idle.after("0.weight", w, 0.1, 0.1)
    assert np.signbit(unmoved).all()
    assert np.signbit(w).tolist() == [[True, False]]


@pytest.mark.parametrize("update", ["proximal", "decoupled"])
def test_only_updates_with_a_prox_leave_zeros(update):
    assert train(terms=0.2 * L1(), update=update, epochs=40)[0].zeros > 10
    assert train(terms=0.2 * L1(), update="gradient", epochs=40)[0].zeros == 0


@pytest.mark.parametrize("optimizer", [SGD(0.1), Momentum(0.02), Adam(0.01)])
def test_the_end_is_the_lasso_of_scikit_learn(optimizer):
    table, target = regression(80)
    network = Network([Affine(12, 1)])
    trainer = Trainer(network, optimizer, 0.1 * L1(), loss=HalfSquaredError())
    for _ in range(3000):
        trainer.step(table, target)
    theirs = elastic_net(0.1).fit(table, target).coef_
    assert_same_optimum(network.parameters["0.weight"][0], theirs, 1e-8)


def test_numbers_have_no_accuracy():
    history = fit(
        Network([Affine(6, 1)]), X, X[:, 0], optimizer=SGD(0.1), loss=HalfSquaredError(), epochs=2
    )
    assert (len(history.train_loss), history.train_accuracy) == (2, ())


def test_the_last_batch_may_be_smaller_and_a_batch_larger_than_all():
    assert train(batch_size=80)[1] != train(batch_size=90)[1]
    assert train(batch_size=90)[1] == train(batch_size=1000)[1]


def test_given_layers_and_arrays_are_left_alone():
    layer, rows, labels = Affine(6, 3), X.copy(), Y.copy()
    first, second = Network([layer], seed=0), Network([layer], seed=0)
    fit(first, rows, labels, optimizer=SGD(0.1), epochs=1)
    assert not same(first, second)
    assert layer.parameters == {}
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(labels, Y)


def test_a_layer_of_ones_own_is_a_layer():
    class Square(Layer):
        def forward(self, x, training=None):  # noqa: ARG002
            self.x = x
            return x**2

        def backward(self, gradient):
            return 2 * self.x * gradient

    network = Network([Affine(6, 4), Square(), Affine(4, 3)])
    assert max(shrinkage.scratch.gradient_check(network, X[:9], Y[:9]).values()) < 1e-7


@pytest.mark.parametrize("update", ["proximal", "decoupled", "gradient", "loss"])
def test_the_audit_clears_a_step(update):
    def step(scale):
        network = Network([Affine(6, 8), ReLU(), Affine(8, 3)], seed=1)
        before = {name: w.copy() for name, w in network.parameters.items()}
        terms = (1e-2 * L1() + 1e-2 * L2()).scaled(scale)
        Trainer(network, SGD(0.1), terms, update).step(X, Y)
        return before, network.parameters

    report = shrinkage.audit(step, 1e-2 * L1() + 1e-2 * L2(), learning_rate=0.1, update=update)
    assert report.ok, str(report)


def test_the_audit_finds_a_step_without_its_terms():
    def step(scale):
        network = Network([Affine(6, 8), ReLU(), Affine(8, 3)], seed=1)
        before = {name: w.copy() for name, w in network.parameters.items()}
        Trainer(network, SGD(0.1), (1e-2 * L2()).scaled(scale * 0)).step(X, Y)
        return before, network.parameters

    assert not shrinkage.audit(step, 1e-2 * L2(), learning_rate=0.1).ok


def test_no_terms_is_an_empty_sum():
    assert same(train()[0], train(terms=Terms(()))[0])


def test_only_numpy_is_loaded():
    heavy = {"torch", "jax", "tensorflow", "keras", "sklearn"}
    assert not loaded_by("import shrinkage.scratch") & heavy
