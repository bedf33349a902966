"""Strengths that are set or scheduled while a model trains, and zeros that stay."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from shrinkage import L1, L2
from shrinkage.errors import InputError
from shrinkage.keras import Cosine, LedgerCallback, WarmUp, regularize
from tests.keras.checks.networks import distance, fit, kernel, linear, regression, train

TERMS = 0.4 * L1() + (0.1 * L2()).named("decay")


def _momentum() -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(0.05, momentum=0.8)


def check_a_schedule_is_the_strengths_set_step_by_step() -> None:
    schedules = (
        [WarmUp(3), Cosine(3, end=0.5)],
        lambda step: keras.ops.where(step < 2, 0.25, 1.0),
    )
    for schedule in schedules:
        scheduled, by_hand = (linear(_momentum()) for _ in range(2))
        attachment = regularize(scheduled, TERMS, schedule=schedule)
        hand = regularize(by_hand, TERMS)
        for _ in range(4):
            for term, strength in attachment.strengths.items():
                hand.set_strength(term, strength)
            train(scheduled, 1)
            train(by_hand, 1)
        assert distance(scheduled, by_hand) < 1e-6
        np.testing.assert_array_equal(kernel(scheduled) == 0, kernel(by_hand) == 0)
        strength = attachment.strengths["decay"]
        assert strength == pytest.approx(0.05 if isinstance(schedule, list) else 0.1)
        expected = strength * (kernel(scheduled) ** 2).sum() / 2
        assert attachment.value()["decay"] == pytest.approx(expected, rel=1e-5)


def check_a_schedule_goes_on_in_compiled_epochs() -> None:
    model = linear(keras.optimizers.SGD(0.05))
    attachment = regularize(model, 50.0 * L1(), schedule=WarmUp(1000))
    ledger = LedgerCallback(attachment, show=None)
    fit(model, epochs=3, callbacks=[ledger])
    terms = [next(iter(record.terms.values())) for record in ledger.records]
    assert terms[-1] > 0
    assert list(attachment.strengths.values()) == pytest.approx([50.0 * 18 / 1000])
    assert attachment.zeros()["out.kernel"] < 8


def check_a_strength_is_set_in_the_middle_of_fit() -> None:
    class Setting(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
            attachment.set_strength("sparse", (0.0, 1000.0, 0.0)[epoch])

    model = linear(_momentum())
    attachment = regularize(model, (0.1 * L1()).named("sparse"))
    ledger = LedgerCallback(attachment, show=None)
    fit(model, epochs=3, callbacks=[Setting(), ledger])
    assert [record.zeros["out.kernel"] for record in ledger.records] == [0, 8, 0]
    assert attachment.strengths == {"sparse": 0.0}
    assert attachment.attached
    assert len(model.optimizer.variables) == 3  # step, rate, one velocity: nothing is left of ours


def check_zeros_stay_where_they_are_frozen() -> None:
    x, y = regression()
    counts = {}
    for freeze in (False, True):
        model = linear(_momentum())
        attachment = regularize(model, 2.0 * L1(), freeze_zeros=freeze)
        train(model, 4)
        gone = kernel(model) == 0
        attachment.set_strength(0, 1e-6)
        model.train_on_batch(x, -y)
        train(model, 4)
        counts[freeze] = gone.sum(), (kernel(model)[gone] == 0).sum()
    assert counts[True][0] == counts[True][1] > 0
    assert counts[False][1] == 0 < counts[False][0]


def check_zeros_of_before_the_first_step_may_move_and_freezing_can_be_taken_back() -> None:
    model = linear(keras.optimizers.SGD(0.1))
    model.get_layer("out").set_weights([np.zeros((8, 1), "float32")])
    attachment = regularize(model, 0.01 * L1(), freeze_zeros=True)
    train(model, 1)
    assert (kernel(model) != 0).sum() >= 3
    attachment.set_strength(0, 50.0)
    train(model, 2)
    attachment.set_strength(0, 1e-6)
    train(model, 2)
    assert attachment.zeros() == {"out.kernel": 8}
    attachment.freeze_zeros = False
    train(model, 2)
    assert attachment.zeros() == {"out.kernel": 0}


def check_what_is_no_strength_term_or_schedule() -> None:
    model = linear(keras.optimizers.SGD(0.1))
    attachment = regularize(model, TERMS)
    for term, strength in (("decai", 0.1), ("decay", -1.0), (2, 0.1)):
        with pytest.raises(InputError):
            attachment.set_strength(term, strength)
    with pytest.raises(InputError, match="each of 2 terms"):
        regularize(linear(keras.optimizers.SGD(0.1)), TERMS, schedule=[WarmUp(3)])
