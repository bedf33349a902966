"""Networks in NumPy whose penalty reaches no weight, too few of them, or the wrong ones."""

from __future__ import annotations

import numpy as np

from shrinkage import L1, L2
from tests.mutants.audit_faults.published import PublishedNetwork
from tests.mutants.audit_faults.records import Audited, NeutralAudit, fault
from tests.mutants.audit_faults.scratch import (
    MATRICES,
    RATE,
    STRENGTH,
    added,
    descend,
    gradients,
    start,
)


@fault("numpy", "no-effect")
def decay_only_in_the_printed_loss() -> Audited:
    """The script of a published text: λ is in the loss that is printed, λW in no gradient."""

    def step(scale: float):
        network = PublishedNetwork(0.001 * scale)
        before = network.arrays()
        network.train(0.001)
        return before, network.arrays()

    return NeutralAudit(step, 0.001 * L2(), 0.001)


@fault("numpy", "no-effect", source="https://github.com/IntelLabs/coach/pull/230")
def setting_that_nobody_reads() -> Audited:
    """The strength is a setting of the network, and the code that trains it never asks."""

    def step(scale: float):
        settings = {"l2_regularization": scale * STRENGTH, "learning_rate": RATE}
        before = start()
        return before, descend(before, gradients(before), settings["learning_rate"])

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@fault("numpy", "no-effect")
def decay_of_the_velocity() -> Audited:
    """The factor meant for the weights is applied to the momentum, which starts at zero."""

    def step(scale: float):
        before = start()
        velocity = {name: np.zeros_like(w) for name, w in before.items()}
        for name in MATRICES:
            velocity[name] *= 1 - RATE * scale * STRENGTH
        slopes = gradients(before)
        velocity = {name: 0.9 * v - RATE * slopes[name] for name, v in velocity.items()}
        return before, {name: w + velocity[name] for name, w in before.items()}, slopes

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@fault("numpy", "selected-unchanged", source="https://github.com/lightaime/cs231n/pull/2")
def first_layer_twice_third_never() -> Audited:
    """W1 stands twice in the sum over layers, where the second should be W3."""

    def step(scale: float):
        before = start()
        slopes = gradients(before)
        for name in ("W1", "W2", "W1"):
            slopes = added(slopes, {name: scale * STRENGTH * before[name]}, [name])
        return before, descend(before, slopes), slopes

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@fault("numpy", "selected-unchanged", source="https://github.com/tkipf/gcn/issues/108")
def only_the_first_layer() -> Audited:
    """The sum over layers takes layers[0]."""

    def step(scale: float):
        before = start()
        slopes = added(gradients(before), {"W1": scale * STRENGTH * before["W1"]}, ["W1"])
        return before, descend(before, slopes)

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@fault("numpy", "selected-unchanged")
def last_layer_missing() -> Audited:
    """range(layers − 1) ends one layer early; L1 by its sign."""

    def step(scale: float):
        before = start()
        slopes = gradients(before)
        for layer in range(1, 3):
            name = f"W{layer}"
            slopes = added(slopes, {name: scale * STRENGTH * np.sign(before[name])}, [name])
        return before, descend(before, slopes), slopes

    return NeutralAudit(step, STRENGTH * L1(), RATE)


@fault(
    "numpy",
    "unselected-changed",
    source="https://github.com/dennybritz/cnn-text-classification-tf/pull/131",
)
def biases_in_the_sum() -> Audited:
    """The sum is over W and b of every layer."""

    def step(scale: float):
        before = start()
        extra = {name: scale * STRENGTH * w for name, w in before.items()}
        slopes = added(gradients(before), extra, before)
        return before, descend(before, slopes), slopes

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@fault("numpy", "wrong-direction", "selected-unchanged", "wrong-factor",
       source="https://github.com/PaddlePaddle/models/pull/1417")  # fmt: skip
def only_rows_of_the_batch() -> Audited:
    """Only the rows of the table that the batch has looked up are decayed."""

    def step(scale: float):
        generator = np.random.default_rng(5)
        before = {"table": generator.normal(size=(9, 4)), "head": generator.normal(size=(4, 1))}
        hit = np.array([1, 4, 7])
        looked_up = before["table"][hit]
        slopes = {"table": np.zeros((9, 4)), "head": looked_up.T @ np.ones((3, 1)) / 3}
        slopes["table"][hit] = before["head"].T / 3 + scale * STRENGTH * looked_up
        slopes["head"] = slopes["head"] + scale * STRENGTH * before["head"]
        return before, descend(before, slopes), slopes

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@fault("numpy", "not-repeatable")
def dropout_without_a_seed() -> Audited:
    """Every call draws another mask, so that no difference can be told from noise."""
    generator = np.random.default_rng(9)  # made once: every call goes on with it

    def step(scale: float):
        before = start()
        slopes = gradients(before, mask=(generator.random(6) < 0.5) * 2.0)
        slopes["b1"] = slopes["b1"] + generator.normal(0, 0.1, 6)
        extra = {name: scale * STRENGTH * before[name] for name in MATRICES}
        slopes = added(slopes, extra, MATRICES)
        return before, descend(before, slopes), slopes

    return NeutralAudit(step, STRENGTH * L2(), RATE)
