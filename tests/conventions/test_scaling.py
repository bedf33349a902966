"""`scaled_weight_decay`: each published rule keeps what it says, and speaks of its own changes."""

from __future__ import annotations

import math

import pytest

from shrinkage.conventions import scaled_weight_decay, timescale
from shrinkage.conventions.scaling import SCALING_RULES
from shrinkage.errors import InputError

DECAY, RATE, SAMPLES, BATCH, EPOCHS, PARAMETERS = 0.1, 1e-3, 1_000_000, 100, 2, 50_000


def numbers(**change: float) -> dict[str, float]:
    """Return the matrices' weight decay of every rule that speaks of a change."""
    return {answer.rule.name: answer.matrices for answer in scaled_weight_decay(DECAY, **change)}


CHANGES = [
    {"samples": 3.0},
    {"batch_size": 4.0},
    {"learning_rate": 0.5},
    {"epochs": 5.0},
    {"width": 2.0, "learning_rate": 0.5},
    {"samples": 3.0, "batch_size": 2.0, "learning_rate": 0.7, "parameters": 6.0},
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_timescale_in_epochs_stays(change) -> None:
    def epochs(decay: float, samples: float = 1, batch_size: float = 1, learning_rate: float = 1):
        rows, batch = round(SAMPLES * samples), round(BATCH * batch_size)
        return timescale(RATE * learning_rate, decay, samples=rows, batch_size=batch).epochs

    known = {
        name: change[name] for name in ("samples", "batch_size", "learning_rate") if name in change
    }
    assert epochs(numbers(**change)["timescale"], **known) == pytest.approx(
        epochs(DECAY), rel=1e-12
    )
    same = timescale(RATE, DECAY).weight_decay_at(**known)
    assert numbers(**change)["timescale"] == pytest.approx(same, rel=1e-12)


@pytest.mark.parametrize("change", CHANGES)
def test_the_share_of_training_goes_with_tokens_per_parameter(change) -> None:
    def share(decay: float, change: dict[str, float]) -> float:
        tokens = SAMPLES * EPOCHS * change.get("samples", 1) * change.get("epochs", 1)
        batch, rate = BATCH * change.get("batch_size", 1), RATE * change.get("learning_rate", 1)
        return batch / (rate * decay * tokens)

    growth = change.get("parameters", change.get("width", 1) ** 2)
    per_parameter = change.get("samples", 1) * change.get("epochs", 1) / growth
    ratio = share(numbers(**change)["power-lines"], change) / share(DECAY, {})
    assert ratio == pytest.approx(per_parameter**-0.527, rel=1e-12)


@pytest.mark.parametrize("width", [0.5, 3.0])
def test_another_width_at_the_rate_of_mup(width: float) -> None:
    answers = numbers(width=width, learning_rate=1 / width)
    assert list(answers) == [rule.name for rule in SCALING_RULES]
    # the largest singular value goes by √(lr / λ) · width^0.75 and shall not move
    gain = math.sqrt(1 / width / (answers["root-width"] / DECAY)) * width**0.75
    assert gain == pytest.approx(1, rel=1e-12)
    assert answers["independent"] / width == pytest.approx(DECAY, rel=1e-12)
    vectors = {
        answer.rule.name: answer.vectors
        for answer in scaled_weight_decay(DECAY, width=width, learning_rate=1 / width)
    }
    assert vectors == {**dict.fromkeys(answers), "root-width": 0.0}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"samples": 2.0},
        {"width": 2.0},
        {"width": 2.0, "learning_rate": 1.0},
        {"width": 2.0, "learning_rate": 0.5, "batch_size": 2.0},
        {"learning_rate": 0.5},
    ],
)
def test_the_rules_of_width_are_silent_about_other_changes(change) -> None:
    assert set(numbers(**change)) == {"timescale", "power-lines"}


def test_no_change_is_no_change_and_no_decay_stays_none() -> None:
    assert set(numbers().values()) == {DECAY}
    assert {answer.matrices for answer in scaled_weight_decay(0, width=2, learning_rate=0.5)} == {0}


def test_every_rule_has_its_range_and_its_source() -> None:
    assert len({rule.name for rule in SCALING_RULES}) == len(SCALING_RULES)
    for rule in SCALING_RULES:
        assert "arXiv" in rule.source
        assert rule.published_for


@pytest.mark.parametrize("factor", [0, -1, math.nan, math.inf, "2", True])
@pytest.mark.parametrize("name", ["samples", "epochs", "batch_size", "width", "parameters"])
def test_a_factor_is_a_number_above_zero(name: str, factor) -> None:
    with pytest.raises(InputError, match=f"the factor of {name} as a finite number above 0"):
        scaled_weight_decay(DECAY, **{name: factor})


def test_a_weight_decay_is_at_least_zero() -> None:
    with pytest.raises(InputError, match="weight_decay as a finite number of at least 0"):
        scaled_weight_decay(-0.1)
