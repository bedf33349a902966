"""`timescale`: the numbers, the place against the published range, and the scaling rules."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from shrinkage.conventions import TimescalePlace, convert, timescale
from shrinkage.errors import InputError

SETTING = {"samples": 10_000, "batch_size": 100, "epochs": 50}


def test_a_weight_without_gradient_shrinks_to_a_third() -> None:
    answer = timescale(1e-2, 0.1)
    left = (1 - 1e-2 * 0.1) ** answer.steps
    assert answer.steps == pytest.approx(1000)
    assert left == pytest.approx(math.exp(-1), rel=1e-3)
    assert (answer.epochs, answer.place) == (None, TimescalePlace.UNKNOWN)


@pytest.mark.parametrize(
    ("decay", "place"),
    [
        (0, TimescalePlace.NONE),
        (1.1, TimescalePlace.BELOW),
        (0.9, TimescalePlace.WITHIN),
        (0.03, TimescalePlace.WITHIN),
        (0.01, TimescalePlace.ABOVE),
    ],
)
def test_the_place_against_the_published_range(decay: float, place: TimescalePlace) -> None:
    answer = timescale(1e-2, decay, **SETTING)
    assert answer.place is place
    low, high = answer.published_range
    assert (low <= decay <= high) == (place is TimescalePlace.WITHIN)


def test_the_ends_of_the_range_are_one_epoch_and_the_training() -> None:
    low, high = timescale(1e-2, 0.5, **SETTING).published_range
    assert timescale(1e-2, high, **SETTING).epochs == pytest.approx(1)
    assert timescale(1e-2, low, **SETTING).epochs == pytest.approx(SETTING["epochs"])


def test_without_the_length_of_training_only_the_lower_end_is_judged() -> None:
    assert timescale(1e-2, 0.5, samples=10_000, batch_size=100).place is TimescalePlace.NO_END
    assert timescale(1e-2, 2.0, samples=10_000, batch_size=100).place is TimescalePlace.BELOW


@pytest.mark.parametrize(
    ("factors", "changed"),
    [
        ({"samples": 4}, {"samples": 40_000}),
        ({"batch_size": 2}, {"batch_size": 200}),
        ({"learning_rate": 0.25}, {"learning_rate": 2.5e-3}),
        ({"samples": 4, "batch_size": 2}, {"samples": 40_000, "batch_size": 200}),
    ],
)
def test_a_scaled_setting_keeps_its_timescale_in_epochs(factors, changed) -> None:
    before = timescale(1e-2, 0.5, **SETTING)
    setting = {"learning_rate": 1e-2, **SETTING, **changed}
    after = timescale(weight_decay=before.weight_decay_at(**factors), **setting)
    assert after.epochs == pytest.approx(before.epochs, rel=1e-12)
    assert after.weight_decay != before.weight_decay


def test_convert_agrees() -> None:
    answer = timescale(1e-2, 0.5, **SETTING)
    converted = convert(
        0.5, "torch.adamw.weight_decay", "timescale.epochs", learning_rate=1e-2, steps_per_epoch=100
    )
    assert converted.value == pytest.approx(answer.epochs)


@pytest.mark.parametrize("rate", [1e-4, 1.7e-4, 1.8e-4, 1e-3])
def test_a_decay_that_float32_rounds_away_is_noticed(rate: float) -> None:
    kept = np.float32(1) - np.float32(rate * rate)
    assert timescale(rate, rate).below_resolution == (kept == 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": 0}, "learning_rate as a finite number above 0"),
        ({"weight_decay": -1}, "weight_decay as a finite number of at least 0"),
        ({"weight_decay": math.nan}, "weight_decay"),
        ({"samples": 10}, "samples and batch_size together"),
        ({"batch_size": 10}, "samples and batch_size together"),
        ({"samples": 10, "batch_size": 11}, "at most the 10 samples, got 11"),
        ({"samples": 0, "batch_size": 1}, "samples as a whole number of at least 1"),
        ({"samples": 9, "batch_size": 1.5}, "batch_size as a whole number"),
        ({"epochs": 0}, "epochs as a finite number above 0"),
    ],
)
def test_bad_input(arguments, message) -> None:
    with pytest.raises(InputError, match=message):
        timescale(**{"learning_rate": 0.1, "weight_decay": 0.1, **arguments})


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_a_scale_invariant_weight_turns_as_predicted(momentum: float) -> None:
    """AdamW along random gradients that are orthogonal to the weight and go by 1 / its length."""
    rate, decay, size = 0.1, 0.1, 400
    random = torch.Generator().manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(size, generator=random, dtype=torch.float64))
    optimizer = torch.optim.AdamW([weight], lr=rate, weight_decay=decay, betas=(momentum, 0.99))
    angles = []
    for _ in range(500):
        before = weight.detach().clone()
        gradient = torch.randn(size, generator=random, dtype=torch.float64)
        gradient -= before * (gradient @ before) / (before @ before)
        weight.grad = gradient / (gradient.norm() * before.norm())
        optimizer.step()
        angles.append(torch.cosine_similarity(before, weight.detach(), dim=0).acos().item())
    predicted = timescale(rate, decay).rotation(momentum)
    assert np.mean(angles[300:]) == pytest.approx(predicted, rel=0.05)


def test_without_decay_there_is_no_angle_to_settle_at() -> None:
    assert timescale(0.1, 0).rotation() == 0
    with pytest.raises(InputError, match="momentum as a number of at least 0 and below 1"):
        timescale(0.1, 0.1).rotation(1.0)


def test_a_factor_is_above_zero() -> None:
    with pytest.raises(InputError, match="the factor of samples"):
        timescale(0.1, 0.1).weight_decay_at(samples=0)
