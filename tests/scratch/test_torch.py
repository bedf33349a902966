"""Training from scratch ends at PyTorch's weights: every penalty, update and optimizer."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from shrinkage import L1, L2, ElasticNet, GroupLasso
from shrinkage.penalties import REGISTRY
from shrinkage.scratch import Adam, AdamW, Momentum, Regularization, Trainer
from tests.scratch import training as both
from tests.selecting import in_pairs

UPDATES = ("loss", "gradient", "decoupled", "proximal")


def test_every_registered_penalty_is_compared():
    terms = [term for sum_ in both.PENALTIES.values() for term in getattr(sum_, "terms", (sum_,))]
    assert set(REGISTRY.values()) <= {type(t.penalty) for t in terms}


ONE_STEP = ("rank", "orthogonal", "nuclear norm", "soft orthogonality")
CASES = [
    case
    for case in itertools.product(both.PENALTIES, UPDATES, both.OPTIMIZERS)
    if (case[0] not in both.CONSTRAINTS or case[1] in ("decoupled", "proximal"))
    and (case[0] not in ONE_STEP or case[1] != "proximal" or not case[2].startswith("adam"))
]
FIRST = (next(iter(both.PENALTIES)), "elastic-net")


def is_needed(case):
    """Every penalty with every update, every optimizer where it matters: in its metric."""
    penalty, update, optimizer = case
    concave = ("mcp", "scad", "log-sum", "l-half", "l0", "reweighted l1", "sparse group lasso")
    concave = (*concave, "blocks")
    if penalty in ONE_STEP:
        return (update, optimizer) in (("proximal", "momentum"), ("decoupled", "adam"))
    if penalty in concave + both.CONSTRAINTS:
        return (update, optimizer) in (("proximal", "adam"), ("decoupled", "momentum"))
    return update == "proximal" or optimizer == "momentum" or penalty in FIRST


@pytest.mark.parametrize("case", in_pairs(CASES, is_needed), ids="-".join)
def test_a_hundred_steps_end_at_the_weights_of_torch(case):
    penalty, update, optimizer = case
    terms = both.PENALTIES[penalty]
    ours = both.numpy_weights(both.OPTIMIZERS[optimizer][0], terms, update)
    theirs = both.torch_weights(optimizer, terms, update)
    assert both.farthest(ours, theirs) < 1e-10
    for name in ours:
        np.testing.assert_array_equal(ours[name] == 0, theirs[name] == 0)


@pytest.mark.parametrize("optimizer", both.OPTIMIZERS)
def test_terms_may_have_an_update_each(optimizer):
    terms = (0.05 * L2()).with_update("decoupled") + 0.01 * L1()
    terms = terms + (0.02 * L2()).with_update("gradient")
    ours = both.numpy_weights(both.OPTIMIZERS[optimizer][0], terms, "proximal")
    assert both.farthest(ours, both.torch_weights(optimizer, terms, "proximal")) < 1e-10
    assert (ours["0.weight"] == 0).any()


def _epsilon_inside(self, w, gradient, memory):
    time = memory["time"] = memory.get("time", 0) + 1
    mean = memory["mean"] = 0.9 * memory.get("mean", 0.0) + 0.1 * gradient
    square = memory["square"] = 0.999 * memory.get("square", 0.0) + 0.001 * gradient**2
    size = self.learning_rate / np.sqrt(square / (1 - 0.999**time) + self.epsilon)
    w -= size * mean / (1 - 0.9**time)
    return size


def _without_gain(self, w, gradient, memory):
    buffer = memory["buffer"] = self.momentum * memory.get("buffer", 0.0) + gradient
    w -= self.learning_rate * buffer
    return self.learning_rate


def _scalar_step(self, name, w, rate, step_size, moved):  # noqa: ARG001
    if name in self:
        w[...] = self._plans[name].in_metric.prox(w, rate)


def _decay_after(self, name, w, rate, step_size, moved):  # noqa: ARG001
    if name in self:
        w -= rate * 0.05 * w


def _idle(self, name, w, gradient, rate):  # noqa: ARG001
    return gradient


def _unbounded(self, name, w, rate, step_size, moved):  # noqa: ARG001
    if name in self:
        w[...] = self._plans[name].in_metric.prox(w, step_size)


FAULTS = {
    "Adam's epsilon inside the root": (Adam, "step", _epsilon_inside, "adam", "nothing", "loss"),
    "no gain of momentum": (Momentum, "step", _without_gain, "momentum", "l1", "proximal"),
    "no metric": (Regularization, "after", _scalar_step, "adam", "l1", "proximal"),
    "no bound": (Regularization, "after", _unbounded, "adam", "l1", "proximal"),
    "decayed twice": (Regularization, "after", _decay_after, "sgd", "l2", "decoupled"),
    "the terms never arrive": (Regularization, "before", _idle, "sgd", "l2", "gradient"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_comparison_finds(fault, monkeypatch):
    owner, method, broken, optimizer, penalty, update = FAULTS[fault]
    theirs = both.torch_weights(optimizer, both.PENALTIES[penalty], update)
    monkeypatch.setattr(owner, method, broken)
    ours = both.numpy_weights(both.OPTIMIZERS[optimizer][0], both.PENALTIES[penalty], update)
    assert both.farthest(ours, theirs) > 1e-8


TWICE = r"weight_decay=0\.1 on 4 parameters .* penalised twice.* drop the L2 term"
MIXED = r"weight_decay=0\.1 on 4 parameters .* mixture of both.* keep both knowingly"
DECAYS = {
    "l2": (0.1 * L2(), TWICE),
    "an elastic net": (0.1 * ElasticNet(0.5), TWICE),
    "l2 and l1": (0.1 * L2() + 0.1 * L1(), TWICE),
    "l1": (0.1 * L1(), MIXED),
    "l1 and an absent l2": (0.1 * L1() + 0.0 * L2(), MIXED),
    "groups": (0.1 * GroupLasso(per="output"), MIXED),
    "l2 around a reference": ((0.1 * L2()).around(both.reference()), MIXED),
}


@pytest.mark.parametrize("terms", DECAYS)
def test_two_decays_are_named(terms):
    penalised, message = DECAYS[terms]
    with pytest.warns(UserWarning, match=message):
        Trainer(both.network(), AdamW(0.01, weight_decay=0.1), penalised)


@pytest.mark.parametrize("terms", [(), 0.0 * L2(), 0.0 * L1() + 0.0 * ElasticNet(0.5)])
def test_one_decay_is_no_warning(terms):
    Trainer(both.network(), AdamW(0.01, weight_decay=0.1), terms)


def test_a_decay_of_zero_is_no_warning():
    Trainer(both.network(), AdamW(0.01, weight_decay=0.0), 0.1 * L2())
