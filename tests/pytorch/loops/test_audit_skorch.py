"""`audit_trainer` on skorch: a clone of the net takes a step of its own."""

from __future__ import annotations

import inspect

import pytest
import torch
from skorch import NeuralNetRegressor
from skorch.callbacks import GradientNormClipping

from shrinkage import L1, L2
from shrinkage.errors import InputError
from shrinkage.pytorch import audit_trainer
from shrinkage.pytorch.skorch import Regularize
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.pictures import changes, picture, states_kept
from tests.pytorch.loops.tiny_training import network, table

X, Y = (part.numpy() for part in table())
STRENGTH = 0.05


class Adding(NeuralNetRegressor):
    """A penalty in the loss, which is divided where a net accumulates."""

    def __init__(self, *args, l2=STRENGTH, batches=1, **options):
        self.l2, self.batches = l2, batches
        super().__init__(*args, **options)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss = super().get_loss(y_pred, y_true, X=X, training=training)
        penalty = self.l2 * half_squares(self.module_)
        return (loss + penalty) / self.batches


class Accumulating(Adding):
    """Steps at every second batch."""

    def train_step(self, batch, **fit_params):
        step = self.train_step_single(batch, **fit_params)
        if len(self.history[-1, "batches"]) % 2 == 0:
            self.optimizer_.step()
            self.optimizer_.zero_grad()
        return step


class Forgetting(Accumulating):
    """Divides the loss of the data only."""

    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss = NeuralNetRegressor.get_loss(self, y_pred, y_true, X=X, training=training)
        return loss / 2 + self.l2 * half_squares(self.module_)


def net(kind=NeuralNetRegressor, **options):
    fixed = {"batch_size": 8, "train_split": None, "verbose": 0, "max_epochs": 1}
    return kind(network, **{**fixed, "optimizer": torch.optim.SGD, "lr": 0.05, **options})


def test_the_decay_of_its_optimizer():
    training = net(optimizer=torch.optim.AdamW, optimizer__weight_decay=STRENGTH)
    report = audit_trainer(training, X, Y)
    assert report.ok
    assert report.rules == ("bias-or-norm-penalised",)
    assert not training.initialized_


def test_a_decay_that_is_not_there():
    report = audit_trainer(net(), X, Y, terms=STRENGTH * L2())
    assert report.rules == ("no-effect",)
    assert "optimizer__weight_decay" in report.findings[0].remedy


@pytest.mark.parametrize(
    ("kind", "options", "rules"),
    [
        (Adding, {}, ()),
        (Adding, {"l2": 2 * STRENGTH}, ("wrong-factor",)),
        (Adding, {"callbacks": [("clip", GradientNormClipping(0.01))]}, ("clipped",)),
        (Accumulating, {"batches": 2}, ()),
        (Forgetting, {}, ("accumulation-multiplied",)),
    ],
)
def test_a_penalty_in_get_loss(kind, options, rules):
    report = audit_trainer(net(kind, **options), X, Y, terms=STRENGTH * L2(), strengths="l2")
    assert report.rules == rules
    text, begins = inspect.getsourcelines(kind.get_loss)
    within = next(number for number, line in enumerate(text) if "self.l2" in line)
    lines = {said.line.line for said in report.findings if said.rule != "clipped"}
    assert lines <= {begins + within}


@pytest.mark.parametrize("update", ["proximal", "decoupled"])
def test_the_terms_of_the_callback(update):
    callback = Regularize(STRENGTH * L1(), update)
    report = audit_trainer(net(callbacks=[("regularize", callback)]), X, Y)
    assert report.ok, str(report)
    assert report.update == update
    assert callback.attachment is None


def test_a_net_that_has_begun_goes_on_from_there(capsys):
    class Telling(Adding):
        def train_step(self, batch, **fit_params):
            print(self.module_[0].weight.tolist())
            return super().train_step(batch, **fit_params)

    training = net(Telling, optimizer__momentum=0.9).fit(X, Y)
    capsys.readouterr()
    with states_kept():
        before = picture(training.module_, training.optimizer_), len(training.history)
        report = audit_trainer(training, X, Y, terms=STRENGTH * L2(), strengths="l2")
        after = picture(training.module_, training.optimizer_), len(training.history)
    assert report.ok
    assert changes(before[0], after[0]) == []
    assert before[1] == after[1]
    begins = capsys.readouterr().out.splitlines()
    assert set(begins) == {str(training.module_[0].weight.tolist())}
    assert len(begins) >= 3


class TwoModules(NeuralNetRegressor):
    """The output of one module goes through another; both have one optimizer."""

    def initialize_module(self):
        super().initialize_module()
        self.head_ = torch.nn.Linear(1, 1)
        return self

    def infer(self, x, **fit_params):
        return self.head_(super().infer(x, **fit_params))

    def initialize_optimizer(self):
        weights = [*self.module_.parameters(), *self.head_.parameters()]
        self.optimizer_ = torch.optim.AdamW(weights, lr=0.01, weight_decay=STRENGTH)
        return self


@pytest.mark.parametrize("epochs", [0, 1])
def test_several_modules_of_one_optimizer(epochs):
    training = net(TwoModules)
    for _ in range(epochs):
        training.partial_fit(X, Y)
    report = audit_trainer(training, X, Y)
    assert report.update == "decoupled"
    penalised = {seen.parameter for seen in report.seen if seen.expected}
    assert {"module_.0.weight", "head_.weight"} <= penalised


def test_bad_input():
    with pytest.raises(InputError, match=r"audit_trainer\(net, X, y\)"):
        audit_trainer(net())
    with pytest.raises(InputError, match="did you mean l2"):
        audit_trainer(net(Adding), X, Y, terms=STRENGTH * L2(), strengths="l22")
