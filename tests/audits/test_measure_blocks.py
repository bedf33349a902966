"""A large parameter is measured in blocks, with the numbers of all at once; or in part."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from shrinkage.audits.measuring import expected as blocks_of
from shrinkage.audits.measuring.expected import Expectation
from shrinkage.audits.measuring.fits import Fit
from shrinkage.audits.measuring.measure import Measured, Pair, measure
from shrinkage.penalties import L1, L2, GroupLasso
from shrinkage.terms import Part

COUNT = (1 << 20) + 12_344
SHAPE = (5, COUNT // 5)
RATE = 0.05
STEP = 2.0**-23
ALL = 1 << 40  # weights that tell as much as all: more than there are


def pair(*, gradients: bool, metric: bool) -> tuple[Pair, Expectation]:
    """Return a step with L1 and L2 about a reference, both in the gradient."""
    generator = np.random.default_rng(0)
    w, data, reference = (generator.normal(size=SHAPE).astype(np.float32) for _ in range(3))
    parts = (Part(0.02, L1(), None), Part(0.3, L2(), reference.astype(np.float64)))
    expectation = Expectation(parts)
    gradient = data + expectation.subgradient(w.astype(np.float64)).astype(np.float32)
    rate = np.float32(RATE)
    known = (data, gradient) if gradients else (None, None)
    size = np.full(SHAPE, RATE) if metric else None
    runs = Pair(w, w - rate * data, w - rate * gradient, *known, STEP, STEP, metric=size)
    return runs, expectation


def both(
    monkeypatch: pytest.MonkeyPatch, runs: Pair, expectation: Expectation
) -> tuple[Measured, Measured]:
    """Return what is measured in blocks, and at once."""
    assert len(list(expectation.blocks(int(np.prod(runs.start.shape)), ALL))) > 1
    in_blocks = measure(runs, expectation, RATE, 1.0, enough=ALL)
    monkeypatch.setattr(blocks_of, "_BLOCK", 1 << 40)
    assert len(list(expectation.blocks(int(np.prod(runs.start.shape)), ALL))) == 1
    return in_blocks, measure(runs, expectation, RATE, 1.0, enough=ALL)


def assert_same_fit(first: Fit, second: Fit) -> None:
    for field in dataclasses.fields(Fit):
        mine, other = float(getattr(first, field.name)), float(getattr(second, field.name))
        assert mine == pytest.approx(other, rel=1e-9, abs=1e-12), field.name


@pytest.mark.parametrize("metric", [False, True])
@pytest.mark.parametrize("gradients", [False, True])
def test_blocks_give_the_numbers_of_all_at_once(
    monkeypatch: pytest.MonkeyPatch, gradients: bool, metric: bool
) -> None:
    first, second = both(monkeypatch, *pair(gradients=gradients, metric=metric))
    assert first.changes.keys() == second.changes.keys()
    for name in first.changes:
        assert_same_fit(first.changes[name], second.changes[name])
    assert_same_fit(first.displacement, second.displacement)
    assert_same_fit(first.clip, second.clip)
    assert (first.gradient is None) == (second.gradient is None) == (not gradients)
    if first.gradient is not None and second.gradient is not None:
        assert_same_fit(first.gradient, second.gradient)
        assert first.gradient.factor == pytest.approx(1, abs=1e-6)
    assert (first.finite, first.plain) == (second.finite, second.plain)
    assert first.survives == pytest.approx(second.survives, rel=1e-6)


def test_the_surviving_share_is_that_of_all_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """A last block of few weights does not count as much as the first."""
    w = np.ones((1 << 20) + 64)
    w[1 << 20 :] = 1e-3
    runs, expectation = Pair(w, w, w, rounding=STEP), Expectation((Part(1e-7, L1()),))
    first, second = both(monkeypatch, runs, expectation)
    assert second.survives < 0.01
    assert first.survives == pytest.approx(second.survives, abs=1e-6)


@pytest.mark.parametrize("where", [0, COUNT - 1])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_one_number_that_is_none_is_seen_in_any_block(where: int, value: float) -> None:
    runs, expectation = pair(gradients=True, metric=False)
    after = runs.after.reshape(-1).copy()
    after[where] = value
    spoilt = dataclasses.replace(runs, after=after.reshape(SHAPE))
    measured = measure(spoilt, expectation, RATE, 1.0)
    assert not measured.finite
    assert measured.gradient is None


def test_groups_are_not_cut() -> None:
    group = Expectation((Part(0.1, GroupLasso()),))
    assert [where for where, _ in group.blocks(COUNT)] == [None]


def test_blocks_cover_every_weight_once() -> None:
    slices = [where for where, _ in Expectation((Part(0.1, L1()),)).blocks(COUNT, ALL)]
    assert len(slices) > 1
    assert np.array_equal(
        np.concatenate([np.arange(COUNT)[where] for where in slices]), np.arange(COUNT)
    )


@pytest.mark.parametrize("width", [1, 5, 768, 1024, 1920, 3072])
def test_every_column_of_a_large_matrix_is_looked_at(width: int) -> None:
    """A penalty may leave out some inputs or outputs: no stride may step over them all."""
    count = 40 * 1920 * 1024
    blocks = Expectation((Part(0.1, L1()),)).blocks(count)
    columns = [np.arange(count)[where] % width for where, _ in blocks]
    assert 2**16 < sum(block.size for block in columns) <= 2**17 + 1
    assert np.unique(np.concatenate(columns)).size == width


@pytest.mark.parametrize("gradients", [False, True])
def test_part_of_a_large_parameter_has_the_factor_of_all(gradients: bool) -> None:
    runs, expectation = pair(gradients=gradients, metric=False)
    measured = measure(runs, expectation, RATE, 1.0)
    fit = measured.gradient if gradients else measured.changes["gradient"]
    assert fit is not None
    assert fit.fits
    assert fit.is_one(1e-3)


def test_one_weight_that_no_term_is_on_is_seen_to_change() -> None:
    runs, _ = pair(gradients=False, metric=False)
    after = runs.zero.copy()
    after.reshape(-1)[7] += 0.5
    changed = dataclasses.replace(runs, after=after)
    same = dataclasses.replace(runs, after=runs.zero.copy())
    assert measure(changed, Expectation(()), RATE, 1.0).moved
    assert not measure(same, Expectation(()), RATE, 1.0).moved


def test_nothing_given_is_changed() -> None:
    runs, expectation = pair(gradients=True, metric=True)
    arrays: list[Any] = [runs.start, runs.zero, runs.after, runs.gradient, runs.metric]
    copies = [array.copy() for array in arrays]
    measure(runs, expectation, RATE, 1.0)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, copies, strict=True))


def stray(strays: slice, *, largest: float = 1.0) -> tuple[Pair, Expectation]:
    """Return a prox of three times the strength, in steps of each weight, with strays in some."""
    generator = np.random.default_rng(1)
    w = generator.normal(size=1 << 14)
    steps = RATE * np.exp(generator.normal(size=w.size))
    w[5], steps[5] = 1e3, largest * RATE
    pushed = Expectation((Part(0.06, L1()),)).change("proximal", w, w, steps)
    pushed[strays] *= -1
    return Pair(w, w, w + pushed, metric=steps), Expectation((Part(0.02, L1()),))


def predictions(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Note of every prediction its mechanism and how many weights it is of."""
    asked: list[tuple[str, int]] = []
    change = Expectation.change

    def noted(self: Expectation, mechanism: str, w: Any, *rest: Any) -> Any:
        asked.append((mechanism, w.size))
        return change(self, mechanism, w, *rest)

    monkeypatch.setattr(Expectation, "change", noted)
    return asked


def test_a_mechanism_that_stays_far_away_is_predicted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its four tries are of some weights, and what is told of it is of all of them."""
    runs, expectation = stray(slice(0))
    asked = predictions(monkeypatch)
    measured = measure(runs, expectation, RATE, 1.0)
    whole = [name for name, size in asked if size == runs.start.size]
    assert not measured.changes["gradient"].fits
    assert whole.count("gradient") <= 2
    assert measured.changes["gradient"].cc == pytest.approx(
        float(np.sum((runs.after - runs.start) ** 2))
    )
    assert measured.changes["proximal"].fits
    assert measured.changes["proximal"].factor == pytest.approx(3, abs=1e-2)


def test_few_weights_that_stray_do_not_rule_out_what_all_fit() -> None:
    """A third of those that are tried first go elsewhere; one of the others outweighs them."""
    runs, expectation = stray(slice(None, None, 51), largest=3e4)
    measured = measure(runs, expectation, RATE, 1.0)
    assert measured.changes["proximal"].fits
    assert measured.changes["proximal"].factor == pytest.approx(3, abs=1e-2)


@pytest.mark.parametrize("strength", [0.3, 0.6])
def test_a_prox_that_is_asked_for_is_tried_first(strength: float) -> None:
    """Where it fits no other mechanism is; where it arrives with another factor all are."""
    w = np.random.default_rng(1).normal(size=4_000)
    expectation = Expectation((Part(0.3, L1()),))
    after = L1().prox(w, RATE * strength)
    gradient = np.zeros(())
    none = np.broadcast_to(gradient, w.shape)
    runs = Pair(w, w, after, none, none, STEP, STEP)
    measured = measure(runs, expectation, RATE, 1.0, allowed=("proximal",))
    assert set(measured.changes) == ({"proximal"} if strength == 0.3 else {"decoupled", "proximal"})
    assert measured.changes["proximal"].factor == pytest.approx(strength / 0.3, rel=1e-6)
