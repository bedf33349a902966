"""Every conversion that exists, by running both libraries; every other one is refused."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from shrinkage.conventions import NoEqualStrength, convert
from shrinkage.conventions.base import Penalises
from shrinkage.conventions.expressions import Product
from shrinkage.conventions.registry import REGISTRY
from shrinkage.conventions.relations import Refusal, relation
from tests.conventions.directions import DIRECTIONS, NUMBERS, REFUSED
from tests.conventions.libraries import IN_PROCESS
from tests.conventions.plans import plan

# Keras rounds to float32 on the way; without it all agree to 1e-8.
TOLERANCE = 1e-7


# One test for all: every direction of one library waits for the same run of it.
@pytest.mark.slow
def test_both_libraries_end_with_the_same_weights_in_every_direction(compared) -> None:
    assert len(compared) == len(DIRECTIONS)
    distances = {name: float(np.abs(one - other).max()) for name, (one, other) in compared.items()}
    wrong = {name: distance for name, distance in distances.items() if not distance <= TOLERANCE}
    assert wrong == {}


# One direction for every convention that runs in this process, and a wrong factor for it.
FAULTS = {
    direction.source.name: direction
    for direction in DIRECTIONS
    if {direction.source.name, direction.target.name} <= set(IN_PROCESS)
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_factor_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    direction = FAULTS[name]
    wrong = replace(direction.source, strength=direction.source.strength * Product(Fraction(2)))
    monkeypatch.setitem(REGISTRY, name, wrong)
    runs = plan(direction)
    first, second = (
        run if isinstance(run, np.ndarray) else IN_PROCESS[run["convention"]](run) for run in runs
    )
    assert np.abs(first - second).max() > 1e4 * TOLERANCE


def test_a_wrong_scale_of_the_update_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("torch.muon.weight_decay", "torch.muon.match_rms_adamw.weight_decay")
    for fault in (1, 2):
        scale = REGISTRY[names[1]].update_scale
        wrong = replace(REGISTRY[names[1]], update_scale=fault * scale)
        monkeypatch.setitem(REGISTRY, names[1], wrong)
        (direction,) = (
            direction
            for direction in DIRECTIONS
            if (direction.source.name, direction.target.name) == names
        )
        runs = plan(replace(direction, target=wrong))
        first, second = (IN_PROCESS[run["convention"]](run) for run in runs)
        assert (np.abs(first - second).max() > 1e4 * TOLERANCE) == (fault == 2)


NEAR = [pair for pair in REFUSED if relation(*pair) is not Refusal.OTHER_PENALTY]


def test_other_penalties_are_refused_with_the_reason() -> None:
    pairs = [pair for pair in REFUSED if relation(*pair) is Refusal.OTHER_PENALTY]
    assert len(pairs) > 1000
    for source, target in pairs:
        number = (0.02, 0.03) if source.penalises is Penalises.PAIR else 0.05
        with pytest.raises(NoEqualStrength, match=Refusal.OTHER_PENALTY.value[:40]):
            convert(number, source.name, target.name)


@pytest.mark.parametrize("pair", NEAR, ids=lambda pair: f"{pair[0].name}-{pair[1].name}")
def test_the_others_are_refused_with_the_reason(pair) -> None:
    source, target = pair
    pair_of_numbers = source.penalises is Penalises.PAIR
    number = (0.02, 0.03) if pair_of_numbers else NUMBERS.get(source.name, 0.05)
    with pytest.raises(NoEqualStrength, match=f"{source.name} has no equal {target.name}: ") as no:
        convert(number, source.name, target.name)
    assert no.value.reason in str(no.value)
    decayed = any(item.mechanism.beside_the_optimizer for item in pair)
    plain_l2 = source.penalises is Penalises.L2 or source.usual_l1_ratio == 0
    plain_l2 = plain_l2 and target.penalises is not Penalises.L1
    assert ("nearest in timescale" in str(no.value)) == (decayed and plain_l2)


def test_every_convention_is_in_some_direction_both_ways() -> None:
    convertible = set(REGISTRY) - {"cautious.weight_decay"}
    assert {direction.source.name for direction in DIRECTIONS} == convertible
    assert {direction.target.name for direction in DIRECTIONS} == convertible
    assert len(DIRECTIONS) > 200
    assert len(REFUSED) > 100
