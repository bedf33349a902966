"""Sums of penalties: the closed form is the minimizer, in every metric; the rest is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shrinkage.errors import OverlapError
from shrinkage.penalties import L1, L2, MCP, ElasticNet, GroupLasso, SparseGroupLasso
from shrinkage.terms import Part, ProximalSum, closed_form, smooth_and_nonsmooth

torch = pytest.importorskip("torch")

SHAPE = (4, 3)
RNG = np.random.default_rng(0)
CENTRE, OTHER = RNG.standard_normal(SHAPE), RNG.standard_normal(SHAPE)

SUMS = {
    "l1": [(0.3, L1(), None)],
    "l1 around": [(0.3, L1(), CENTRE)],
    "l1 twice": [(0.3, L1(), None), (0.2, L1(), None)],
    "l2 around two": [(0.3, L2(), CENTRE), (0.5, L2(), OTHER), (0.1, L2(), None)],
    "elastic net": [(0.4, ElasticNet(0.3), None)],
    "elastic net around": [(0.4, ElasticNet(0.3), CENTRE)],
    "l1 and l2 around": [(0.3, L1(), None), (0.5, L2(), CENTRE)],
    "both around": [(0.3, L1(), OTHER), (0.5, L2(), CENTRE)],
    "group": [(0.2, GroupLasso(), None)],
    "group twice": [(0.2, GroupLasso(), CENTRE), (0.1, GroupLasso(), CENTRE.copy())],
    "sparse group": [(0.2, GroupLasso(), None), (0.2, L1(), None)],
    "sparse group by name": [(0.4, SparseGroupLasso(0.5), CENTRE)],
    "all": [
        (0.2, GroupLasso(), CENTRE),
        (0.1, L1(), CENTRE),
        (0.3, L2(), OTHER),
        (0.1, L2(), None),
    ],
}


def elementary(triples) -> list[Part]:
    return [part for triple in triples for part in Part(*triple).elementary()]


def summed(triples) -> ProximalSum:
    return closed_form(elementary(triples))


def metrics(rng: np.random.Generator) -> list:
    return [0.4, np.exp(rng.uniform(-3, 1, SHAPE))]


@pytest.mark.parametrize("name", SUMS)
def test_the_prox_satisfies_the_three_point_inequality(name: str) -> None:
    rng = np.random.default_rng(1)
    whole = summed(SUMS[name])
    for step in metrics(rng):
        for scale in (0.5, 2.0):
            w = scale * rng.standard_normal(SHAPE)
            u = whole.prox(w, step)
            mine = float(np.sum((u - w) ** 2 / (2 * step)) + whole.value(u))
            for size in (1e-3, 0.1, 1.0):
                for rival in (*(u + size * rng.standard_normal((40, *SHAPE))), u + size * (w - u)):
                    its = float(np.sum((rival - w) ** 2 / (2 * step)) + whole.value(rival))
                    gained = float(np.sum((rival - u) ** 2 / (2 * step)))
                    assert mine + gained <= its + 1e-11 * (1 + its)


@pytest.mark.parametrize("name", SUMS)
def test_value_is_the_sum_by_hand_and_gradient_its_slope(name: str) -> None:
    w = np.random.default_rng(2).standard_normal(SHAPE)
    whole = summed(SUMS[name])
    by_hand = sum(s * p.value(w if q is None else w - q) for s, p, q in SUMS[name])
    assert float(whole.value(w)) == pytest.approx(float(by_hand), rel=1e-13)
    slope = whole.gradient(w)
    for index in np.ndindex(SHAPE):
        shift = np.zeros(SHAPE)
        shift[index] = 1e-6
        expected = (whole.value(w + shift) - whole.value(w - shift)) / 2e-6
        assert slope[index] == pytest.approx(float(expected), abs=1e-7)


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("make", [np.asarray, torch.tensor])
def test_stacked_strengths_are_one_model_at_a_time(name: str, make: object) -> None:
    rng = np.random.default_rng(3)
    w, factors = rng.standard_normal((3, *SHAPE)), np.array([0.5, 0.0, 2.0])
    parts = [(make(s * factors), p, None if q is None else make(q)) for s, p, q in SUMS[name]]  # type: ignore[operator]
    rates = np.exp(rng.uniform(-3, 1, w.shape))
    for step in (0.4, rates):
        given = make(step) if np.ndim(step) else step  # type: ignore[operator]
        together = np.asarray(summed(parts).prox(make(w), given, stacked=1))  # type: ignore[operator]
        for k, factor in enumerate(factors):
            alone = summed([(s * factor, p, q) for s, p, q in SUMS[name]])
            own = step if np.ndim(step) == 0 else step[k]  # pyright: ignore[reportIndexIssue]
            expected = alone.prox(w[k], own)
            np.testing.assert_allclose(together[k], expected, rtol=1e-12, atol=1e-14)
            assert np.array_equal(together[k] == 0, expected == 0)
        assert together[1].tobytes() == w[1].tobytes()
    values = np.asarray(summed(parts).value(make(w), 1))  # type: ignore[operator]
    for k, factor in enumerate(factors):
        alone = summed([(s * factor, p, q) for s, p, q in SUMS[name]])
        assert values[k] == pytest.approx(float(alone.value(w[k])), rel=1e-13)


@pytest.mark.parametrize("penalty", [L1(), L2(), GroupLasso("input")], ids=repr)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_one_part_is_the_penalty_bit_for_bit(penalty: object, dtype: object) -> None:
    rng = np.random.default_rng(4)
    w = torch.tensor(rng.standard_normal(SHAPE), dtype=dtype)  # type: ignore[arg-type]
    per_weight = torch.tensor(rng.uniform(0, 1, SHAPE), dtype=dtype)  # type: ignore[arg-type]
    one = summed([(0.3, penalty, None)])
    assert torch.equal(one.prox(w, 0.7), penalty.prox(w, 0.3 * 0.7))  # type: ignore[attr-defined]
    strength = torch.tensor(0.3, dtype=dtype)  # type: ignore[arg-type]
    expected = penalty.prox(w, strength * per_weight)  # type: ignore[attr-defined]
    assert torch.equal(one.prox(w, per_weight), expected)
    assert one.prox(w, 0.7).dtype == dtype


def test_zeros_are_exact_and_positive_or_exactly_the_reference() -> None:
    w = np.array([0.01, -0.01, -0.0, 2.0])
    u = summed([(1.0, L1(), None), (1.0, L2(), None)]).prox(w, 0.1)
    assert u[:3].tobytes() == np.zeros(3).tobytes()
    centre = np.array([0.3, -0.7, 1.1, 2.2])
    u = summed([(10.0, L1(), centre)]).prox(w, 1.0)
    assert u.tobytes() == centre.tobytes()


@pytest.mark.parametrize("name", SUMS)
def test_strength_or_step_zero_gives_back_the_bits(name: str) -> None:
    w = np.random.default_rng(5).standard_normal(SHAPE)
    w[0, 0] = -0.0
    whole = summed(SUMS[name])
    none = summed([(0.0, p, q) for s, p, q in SUMS[name]])
    step = np.full(SHAPE, 0.4)
    step[0] = 0.0
    assert whole.prox(w, 0.0).tobytes() == w.tobytes()
    assert none.prox(w, 0.4).tobytes() == w.tobytes()
    assert none.prox(w, 0.4) is not w
    assert none.prox(w, math.inf).tobytes() == w.tobytes()
    assert whole.prox(w, step)[0].tobytes() == w[0].tobytes()
    assert float(none.value(w)) == 0.0
    assert not none.gradient(w).any()


def test_an_endless_step_goes_to_the_minimum_of_the_terms() -> None:
    w, far = np.random.default_rng(6).standard_normal(SHAPE), math.inf
    assert not summed(SUMS["elastic net"]).prox(w, far).any()
    ridge = summed([(1.0, L2(), CENTRE), (3.0, L2(), OTHER)]).prox(w, far)
    np.testing.assert_allclose(ridge, (CENTRE + 3 * OTHER) / 4, rtol=1e-14)


def test_parts_of_an_elastic_net_are_taken_apart_and_told_apart() -> None:
    parts = elementary([(0.5, ElasticNet(0.2), None), (1.0, GroupLasso(), None)])
    assert [p.penalty for p in parts] == [L1(), L2(), GroupLasso()]
    assert [p.strength for p in parts] == [0.1, 0.4, 1.0]
    smooth, nonsmooth = smooth_and_nonsmooth(parts)
    assert [p.penalty for p in smooth] == [L2()]
    assert [p.penalty for p in nonsmooth] == [L1(), GroupLasso()]
    assert [p.at(2.0).strength for p in parts] == [0.4, 1.6, 2.0]


def test_no_parts_do_nothing() -> None:
    w = np.array([-0.0, 1.0])
    assert summed([]).prox(w, 0.1).tobytes() == w.tobytes()
    assert summed([]).value(np.ones((2, 3)), 1).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("strength", [0.0, 1.0])
@pytest.mark.parametrize(
    ("parts", "names"),
    [
        ([(L1(), None), (L1(), CENTRE)], r"L1\(\) and L1\(\) around different references"),
        ([(L1(), OTHER), (L1(), CENTRE)], "around different references"),
        ([(L1(), CENTRE), (GroupLasso(), None)], r"L1\(\) and GroupLasso\(.*\) around different"),
        ([(GroupLasso("input"), None), (GroupLasso("output"), None)], "per='input'.*per='output'"),
        ([(ElasticNet(0.5), CENTRE), (L1(), None)], "around different references"),
        ([(MCP(), None), (L1(), None)], r"MCP\(gamma=3.0\) and L1\(\) on one parameter"),
        ([(MCP(), None), (MCP(), None)], r"MCP\(gamma=3.0\) and MCP\(gamma=3.0\) on one"),
    ],
)
def test_other_overlaps_are_refused_by_name(parts: list, names: str, strength: float) -> None:
    with pytest.raises(OverlapError, match=names) as caught:
        summed([(strength, penalty, reference) for penalty, reference in parts])
    assert "\n" not in str(caught.value)
