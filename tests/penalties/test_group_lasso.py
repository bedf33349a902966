"""Groups: which weights belong together, and the root of the diagonal metric to 1e-12."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shrinkage.errors import InputError
from shrinkage.penalties import L1, GroupLasso
from shrinkage.penalties.secular import group_prox_closed, group_prox_diagonal

torch = pytest.importorskip("torch")


def bisected(w: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """The prox of one group by bisection of φ(r) = 1, in the widest float there is."""
    wide, t = w.astype(np.longdouble), threshold.astype(np.longdouble)
    with np.errstate(divide="ignore", invalid="ignore"):
        if np.nansum((wide / t) ** 2) <= 1:
            return np.zeros_like(w)
        low, high = np.longdouble(0), np.sqrt(np.sum(wide**2))
        for _ in range(200):
            middle = (low + high) / 2
            inside = np.nansum((wide / (middle + t)) ** 2) > 1
            low, high = (middle, high) if inside else (low, middle)
        return np.where(t == 0, wide, wide * (high / (high + t))).astype(w.dtype)


@pytest.mark.parametrize("spread", [0.0, 0.5, 2.0, 6.0])
@pytest.mark.parametrize("special", [0.0, 1e-300, 1e300, math.inf])
def test_the_diagonal_prox_is_the_bisected_one(spread: float, special: float) -> None:
    rng = np.random.default_rng(int(10 * spread))
    for size in (1, 2, 5, 40):
        w = rng.standard_normal(size) * 10 ** rng.uniform(-spread, spread, size)
        t = 0.5 * np.abs(w) * 10 ** rng.uniform(-spread, spread, size)
        t[0] = special
        with np.errstate(all="ignore"):
            got, expected = group_prox_diagonal(w, t, (0,)), bisected(w, t)
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=0.0)
        assert np.array_equal(got == 0, expected == 0)


def test_many_groups_and_models_at_once_are_each_their_own() -> None:
    rng = np.random.default_rng(0)
    w = rng.standard_normal((3, 4, 5)) * 10 ** rng.uniform(-6, 6, (3, 1, 5))
    t = np.abs(w) * 10 ** rng.uniform(-2, 2, w.shape)
    got = GroupLasso("input").prox(w, t, stacked=1)
    for k in range(3):
        for j in range(5):
            expected = bisected(w[k, :, j], 2.0 * t[k, :, j])  # √|g| = 2
            np.testing.assert_allclose(got[k, :, j], expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_equal_steps_in_a_group_give_the_closed_form(dtype: type, scale: float) -> None:
    w = (np.random.default_rng(1).standard_normal((6, 4)) * scale).astype(dtype)
    step = np.full(w.shape, 0.4 * scale, dtype)
    once = group_prox_closed(w, step[:1], (0,))
    np.testing.assert_allclose(
        group_prox_diagonal(w, step, (0,)), once, rtol=8 * float(np.finfo(dtype).eps)
    )
    assert once.any()


def test_magnitudes_do_not_matter() -> None:
    w = np.array([[3.0, 0.3], [4.0, 0.1]])
    steps = np.array([[0.5, 0.5], [1.0, 0.2]])
    for step in (0.5, steps):
        for scale in (2.0**-800, 2.0**800):
            got = GroupLasso().prox(scale * w, scale * step)
            np.testing.assert_allclose(got / scale, GroupLasso().prox(w, step), rtol=1e-14)
            assert (got[:, 1] == 0).all()
            assert (got[:, 0] != 0).all()
    for scale in (1e-200, 1e200):
        value = GroupLasso().value(scale * w) / scale
        np.testing.assert_allclose(value, GroupLasso().value(w), rtol=1e-14)
        np.testing.assert_allclose(
            GroupLasso().gradient(scale * w), GroupLasso().gradient(w), rtol=1e-14
        )


def test_zero_groups_stay_zero_and_have_no_gradient() -> None:
    w = np.zeros((3, 2))
    w[:, 0] = [1.0, 2.0, 2.0]
    np.testing.assert_allclose(GroupLasso().gradient(w)[:, 0], np.sqrt(3) * w[:, 0] / 3)
    assert not GroupLasso().gradient(w)[:, 1].any()
    for step in (0.1, np.full(w.shape, 0.1), np.full(w.shape, math.inf), np.zeros(w.shape)):
        assert not GroupLasso().prox(w, step)[:, 1].any()


def test_a_diverged_group_is_nan_as_a_whole_and_alone() -> None:
    w = np.ones((3, 2))
    w[0, 0] = math.nan
    for step in (0.1, np.full(w.shape, 0.1)):
        got = GroupLasso().prox(w, step)
        assert np.isnan(got[:, 0]).all()
        assert np.isfinite(got[:, 1]).all()


@pytest.mark.parametrize("excess", [-1e-6, -1e-14, 0.0, 1e-14, 1e-6])
def test_a_group_vanishes_exactly_on_the_unit_ball_of_its_metric(excess: float) -> None:
    t = np.array([0.5, 2.0])
    w = np.array([0.6, 0.8]) * (1 + excess) * t  # Σ (w/t)² = (1 + excess)²
    w[0] = np.nextafter(w[0], 0.0 if excess == 0 else w[0])
    with np.errstate(all="ignore"):
        got = group_prox_diagonal(w, t, (0,))
    assert got.any() == (excess > 0)
    assert np.array_equal(got == 0, bisected(w, t) == 0)


def test_half_precision_is_computed_in_single() -> None:
    rng = np.random.default_rng(6)
    w = torch.tensor(rng.standard_normal((500, 3)), dtype=torch.bfloat16)
    t = torch.tensor(rng.uniform(0.01, 0.02, (500, 3)), dtype=torch.bfloat16)
    for step in (0.01, t):
        wide = step.double() if step is t else torch.tensor(step).bfloat16().item()
        expected = GroupLasso().prox(w.double(), wide)
        gap = (GroupLasso().prox(w, step).double() - expected).abs() / expected.abs()
        assert float(gap.max()) <= 2.0**-8  # half a unit in the last place


def test_float32_of_torch_agrees_with_float64() -> None:
    rng = np.random.default_rng(2)
    w, t = rng.standard_normal((64, 50)), 10 ** rng.uniform(-3, 0, (64, 50))
    got = GroupLasso().prox(torch.tensor(w, dtype=torch.float32), torch.tensor(t))
    expected = GroupLasso().prox(w, t)
    assert np.array_equal(got.numpy() == 0, expected == 0)
    np.testing.assert_allclose(got.numpy(), expected, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("penalty", "groups"),
    [
        (GroupLasso("input"), (1,)),
        (GroupLasso("output"), (0,)),
        (GroupLasso("layer"), ()),
        (GroupLasso(axes=(0, 1)), (0, 1)),
        (GroupLasso(axes=(-1,)), (2,)),
        (GroupLasso("input").with_axes(2, 0), (2,)),
        (GroupLasso("output").with_axes(2, 1), (1,)),
        (GroupLasso("layer").with_axes(None, None), ()),
        (GroupLasso(axes=(0,)).with_axes(2, 1), (0,)),
    ],
)
def test_groups_lie_where_they_should(penalty: GroupLasso, groups: tuple[int, ...]) -> None:
    w = np.random.default_rng(3).standard_normal((2, 3, 4))
    within = tuple(axis for axis in range(3) if axis not in groups)
    size = math.prod(w.shape[axis] for axis in within)
    norms = np.sqrt(np.sum(w**2, axis=within))
    assert float(penalty.value(w)) == pytest.approx(math.sqrt(size) * norms.sum(), rel=1e-14)
    assert float(penalty.critical_strength(w)) == pytest.approx(
        norms.max() / math.sqrt(size), rel=1e-14
    )


def test_groups_of_one_weight_are_l1() -> None:
    w = np.random.default_rng(4).standard_normal((3, 4))
    np.testing.assert_allclose(
        GroupLasso(axes=(0, 1)).prox(w, 0.5), L1().prox(w, 0.5), rtol=1e-14, atol=1e-15
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GroupLasso("inputs"), "did you mean input"),
        (lambda: GroupLasso("input", axes=(0,)), "drop one"),
        (lambda: GroupLasso(axes=(0, 0)), "distinct whole numbers"),
        (lambda: GroupLasso(axes=(True,)), "distinct whole numbers"),
        (lambda: GroupLasso(axes=1), "distinct whole numbers"),
        (lambda: GroupLasso("input").with_axes(None, 0), "with an input axis"),
        (lambda: GroupLasso("input").value(np.ones(3)), r"got one model's shape \(3,\)"),
        (lambda: GroupLasso(axes=(2,)).prox(np.ones((5, 2, 2)), 1.0, 1), r"shape \(2, 2\)"),
        (lambda: GroupLasso(axes=(0, -2)).value(np.ones((2, 2))), "name one axis twice"),
    ],
)
def test_bad_groups_are_one_line(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make()  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_the_empty_array_costs_nothing() -> None:
    w = np.ones((0, 3))
    assert float(GroupLasso().value(w)) == 0.0
    assert float(GroupLasso().critical_strength(w)) == 0.0
    assert GroupLasso().prox(w, 1.0).shape == (0, 3)
    assert float(L1().critical_strength(w)) == 0.0
