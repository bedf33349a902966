"""`shrinkage.pytorch.skorch`: what a plain loop does, and what scikit-learn does with nets."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from accelerate.state import AcceleratorState
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from skorch import NeuralNetRegressor
from skorch.hf import AccelerateMixin

from shrinkage import L1
from shrinkage.errors import InputError, UnsupportedOptimizer
from shrinkage.pytorch import WarmUp
from shrinkage.pytorch.skorch import Regularize
from tests.pytorch.loops.tiny_training import (
    EPOCHS,
    TERMS,
    UPDATES,
    WITH_ZEROS,
    adam,
    equal,
    hooks,
    network,
    plain,
    sgd,
    table,
    zeros,
)

X, Y = (part.numpy() for part in table())
OPTIONS = {"schedule": WarmUp(150), "freeze_zeros": True}
KINDS = {
    sgd: {"optimizer": torch.optim.SGD, "lr": 0.05, "optimizer__momentum": 0.9},
    adam: {"optimizer": torch.optim.Adam, "lr": 0.02},
}


class Adding(NeuralNetRegressor):
    """With update="loss" the terms are part of the loss."""

    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss = super().get_loss(y_pred, y_true, X=X, training=training)
        return loss + callback_of(self).attachment.loss() if training else loss


def net(callback: Regularize, build=sgd, kind=NeuralNetRegressor, **options) -> NeuralNetRegressor:
    given = {"max_epochs": EPOCHS, "batch_size": 8, "train_split": None, "verbose": 0}
    callbacks = [("regularize", callback)]
    return kind(network, callbacks=callbacks, **{**given, **KINDS[build], **options})


def callback_of(trained: NeuralNetRegressor) -> Regularize:
    return dict(trained.callbacks_)["regularize"]


class TestSameAsThePlainLoop:
    @pytest.mark.parametrize("build", [sgd, adam])
    @pytest.mark.parametrize("update", UPDATES)
    def test_bit_for_bit(self, update, build):
        kind = Adding if update == "loss" else NeuralNetRegressor
        trained = net(Regularize(TERMS, update), build, kind).fit(X, Y)
        assert equal(trained.module_, plain(EPOCHS, build, update)[0])
        assert (zeros(trained.module_) > 0) == (update in WITH_ZEROS)
        assert callback_of(trained).attachment.steps == 4 * EPOCHS

    def test_partial_fit_goes_on(self):
        trained = net(Regularize(TERMS, **OPTIONS)).fit(X, Y).partial_fit(X, Y)
        assert equal(trained.module_, plain(2 * EPOCHS, **OPTIONS)[0])

    def test_warm_start_goes_on(self):
        trained = net(Regularize(TERMS, **OPTIONS), warm_start=True).fit(X, Y).fit(X, Y)
        assert equal(trained.module_, plain(2 * EPOCHS, **OPTIONS)[0])

    def test_fit_begins_anew(self):
        trained = net(Regularize(TERMS, **OPTIONS)).fit(X, Y).fit(X, Y)
        assert equal(trained.module_, plain(EPOCHS, **OPTIONS)[0])

    def test_other_terms_begin_anew(self):
        trained = net(Regularize(TERMS)).fit(X, Y)
        trained.set_params(callbacks__regularize__terms=9.0 * L1()).partial_fit(X, Y)
        assert callback_of(trained).attachment.strengths == {repr(9.0 * L1()): 9.0}
        assert callback_of(trained).attachment.steps == 4 * EPOCHS
        assert (trained.module_[0].weight == 0).all()

    def test_under_accelerate(self):
        class Accelerated(AccelerateMixin, NeuralNetRegressor):
            pass

        training = net(Regularize(TERMS), kind=Accelerated, accelerator=Accelerator(cpu=True))
        try:
            trained = training.fit(X, Y)
        finally:
            AcceleratorState._reset_state(reset_partial_state=True)
        assert isinstance(trained.optimizer_, AcceleratedOptimizer)
        assert equal(trained.module_, plain(EPOCHS)[0])


class TestScikitLearn:
    def test_clone_has_the_parameters_and_not_the_state(self):
        trained = net(Regularize(TERMS, "decoupled", freeze_zeros=True)).fit(X, Y)
        again = clone(trained)
        ((_, callback),) = again.callbacks
        assert callback.get_params() == {
            "terms": TERMS,
            "update": "decoupled",
            "freeze_zeros": True,
        }
        assert callback.attachment is None
        assert equal(again.fit(X, Y).module_, trained.module_)

    @pytest.mark.slow
    def test_a_search_over_terms(self):
        candidates = [0.001 * L1(), TERMS, 9.0 * L1()]
        options = {"cv": 2, "scoring": "neg_mean_squared_error"}
        grid = {"callbacks__regularize__terms": candidates}
        search = GridSearchCV(net(Regularize(TERMS)), grid, **options).fit(X, Y)
        scores = [cross_val_score(net(Regularize(one)), X, Y, **options) for one in candidates]
        found = search.cv_results_["mean_test_score"]
        np.testing.assert_array_equal(found, np.mean(scores, axis=1))
        assert len(set(found)) == 3
        best = candidates[found.argmax()]
        assert search.best_params_ == {"callbacks__regularize__terms": best}
        assert equal(search.best_estimator_.module_, net(Regularize(best)).fit(X, Y).module_)

    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
    def test_a_copy_goes_on_by_itself(self, copied):
        trained = net(Regularize(TERMS, **OPTIONS)).fit(X, Y)
        again = copied(trained)
        assert callback_of(again).attachment is None
        again.partial_fit(X, Y)
        expected = plain(2 * EPOCHS, **OPTIONS)[0]
        assert equal(again.module_, expected)
        assert equal(trained.partial_fit(X, Y).module_, expected)

    def test_a_copy_that_is_fitted_anew_forgets(self):
        again = copy.deepcopy(net(Regularize(TERMS, **OPTIONS)).fit(X, Y))
        assert equal(again.fit(X, Y).module_, plain(EPOCHS, **OPTIONS)[0])


def test_saved_parameters_go_on():
    trained = net(Regularize(TERMS, **OPTIONS)).fit(X, Y)
    files = {"f_params": io.BytesIO(), "f_optimizer": io.BytesIO()}
    trained.save_params(**files)
    state = io.BytesIO()
    torch.save(callback_of(trained).state_dict(), state)
    for file in (*files.values(), state):
        file.seek(0)
    again = net(Regularize(TERMS, **OPTIONS)).initialize()
    again.load_params(**files)
    callback_of(again).load_state_dict(torch.load(state, weights_only=True))
    again.partial_fit(X, Y)
    assert equal(again.module_, plain(2 * EPOCHS, **OPTIONS)[0])


class TestBeginAndEnd:
    def test_it_detaches(self):
        trained = net(Regularize(TERMS), max_epochs=1).fit(X, Y)
        assert hooks(trained.optimizer_) == 0
        assert "0.weight" in callback_of(trained).attachment.table()

    def test_after_an_error_training_can_begin_again(self):
        trained = net(Regularize(TERMS), max_epochs=1).initialize()
        with pytest.raises(RuntimeError):
            trained.partial_fit(X[:, :3], Y)
        assert hooks(trained.partial_fit(X, Y).optimizer_) == 0
        assert callback_of(trained).attachment.steps == 4

    @pytest.mark.parametrize(
        ("terms", "update"), [(TERMS, "gradient"), (TERMS.with_update("gradient"), "proximal")]
    )
    def test_gradient_is_refused_before_the_first_step(self, terms, update):
        training = net(Regularize(terms, update))
        with pytest.raises(UnsupportedOptimizer, match=r"skorch calls optimizer.step\(closure"):
            training.fit(X, Y)
        assert equal(training.module_, network())

    def test_terms_are_looked_at_when_training_begins(self):
        with pytest.raises(InputError, match="multiply it"):
            net(Regularize(L1())).fit(X, Y)

    def test_own_weight_decay_is_told_with_names_and_remedy(self):
        told = r"weight_decay=0\.3 on 2 parameters.*0\.weight.*optimizer__weight_decay=0\)"
        training = net(Regularize(TERMS), optimizer__weight_decay=0.3, max_epochs=1)
        with pytest.warns(UserWarning, match=told):
            training.fit(X, Y)
