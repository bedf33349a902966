"""The group lasso's in-place route takes the penalty's own proximal step, and is taken."""

from __future__ import annotations

import math

import pytest
import torch

from shrinkage import L1, L2, GroupLasso
from shrinkage.errors import InputError
from shrinkage.pytorch.optimizers import Motion
from shrinkage.pytorch.prox.group import GroupThreshold
from shrinkage.pytorch.prox.shrink import Shrink
from shrinkage.pytorch.prox.soft import Workspace
from shrinkage.terms import Part, closed_form

LAYOUTS = [GroupLasso("input"), GroupLasso("output"), GroupLasso("layer"), GroupLasso(axes=(-1,))]
SHAPES = [(3, 4, 5), (1, 700, 400), (40, 64, 80), (5, 1, 9), (4, 6, 3, 5)]


def weights(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Weights of sizes that differ by input, so that some groups vanish and others do not."""
    w = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    w = w * torch.logspace(-3, 0.5, shape[-1], dtype=torch.float64)
    w[..., 0] = -0.0
    return w.to(dtype)


def motion_of(form: str, shape: tuple[int, ...], dtype: torch.dtype) -> Motion:
    generator = torch.Generator().manual_seed(1)
    if form == "scalar":
        return Motion(0.05)
    square = 10 ** (4 * torch.rand(shape, generator=generator, dtype=torch.float64) - 4)
    square[..., 1:2] = 0.0
    mean = 0.5 * square if form == "centered" else None
    return Motion(0.05, square.to(dtype), None if mean is None else mean.to(dtype), 1e-3)


def parts_of(penalty: GroupLasso, models: int, mixed: bool) -> list[Part]:
    strengths = torch.logspace(-3, 0.5, models, dtype=torch.float64)
    parts = [Part(strengths, penalty)]
    if mixed:
        parts += [Part(strengths.flip(0) / 50, L1()), Part(0.3, L2()), Part(strengths / 9, penalty)]
    return parts


def moved_in_place(parts: list[Part], w: torch.Tensor, motion: Motion) -> torch.Tensor:
    shrink, moved = Shrink(closed_form(parts), w.shape[0], Workspace()), w.clone()
    shrink(moved, motion)
    assert all(isinstance(route, GroupThreshold) for route in shrink._in_place)
    return moved


def moved_by_penalty(parts: list[Part], w: torch.Tensor, motion: Motion) -> torch.Tensor:
    """Take the generic route in float64, on the same numbers."""
    wide = [None if t is None else t.double() for t in (motion.square, motion.mean)]
    denominator = Motion(motion.rate, *wide, motion.epsilon).denominator()
    step = motion.rate if denominator is None else motion.rate / denominator
    return closed_form(parts).prox(w.double(), step, 1)


def assert_alike(moved: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    """Check zeros exactly, other weights beside the largest weight of their model."""
    assert torch.equal(moved == 0, expected == 0)
    assert not torch.signbit(moved[moved == 0]).any()
    size = expected.abs().flatten(1).amax(1).clamp_min(1e-300)
    error = (moved.double() - expected).abs().flatten(1).amax(1)
    assert float((error / size).max()) <= tolerance


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("form", ["scalar", "diagonal", "centered"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("penalty", LAYOUTS, ids=repr)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_it_is_the_closed_form(penalty, shape, form, mixed, dtype, tolerance):
    w, motion = weights(shape, dtype), motion_of(form, shape, dtype)
    parts = parts_of(penalty, shape[0], mixed)
    expected = moved_by_penalty(parts, w, motion)
    assert_alike(moved_in_place(parts, w, motion), expected, tolerance)


def test_some_groups_vanish_and_some_stay():
    """What the check above relies on."""
    shape = (40, 64, 80)
    w, motion = weights(shape, torch.float64), motion_of("diagonal", shape, torch.float64)
    moved = moved_in_place(parts_of(GroupLasso("input"), 40, False), w, motion)
    gone = (moved == 0).all(1)
    assert torch.equal(gone, (moved == 0).any(1))
    assert 0.2 < float(gone.double().mean()) < 0.8


@pytest.mark.parametrize("penalty", LAYOUTS[:3], ids=repr)
def test_the_step_is_stationary(penalty):
    """(u − w)·d/rate + c·√|g|·u/‖u‖ = 0 wherever u is not 0."""
    w, motion = (
        weights((3, 30, 20), torch.float64),
        motion_of("diagonal", (3, 30, 20), torch.float64),
    )
    moved = moved_in_place([Part(0.02, penalty)], w, motion)
    axes = {"input": (1,), "output": (2,), "layer": (1, 2)}[penalty.per]
    root_size = math.sqrt(math.prod(w.shape[axis] for axis in axes))
    length = moved.square().sum(axes, keepdim=True).sqrt()
    stays = (length > 0).expand_as(w)
    assert stays.any()
    denominator = motion.denominator()
    assert denominator is not None
    slope = (moved - w) * denominator / motion.rate + 0.02 * root_size * moved / length
    assert float(slope[stays].abs().max()) < 1e-12


@pytest.mark.parametrize("spread", [6, 20, 60])
@pytest.mark.parametrize("size", [1.0, 1e-18, 1e-12, 1e12])
def test_rates_and_weights_of_any_size(spread, size):
    """Thresholds over many decades in one group, where squares overflow or vanish in float32."""
    generator = torch.Generator().manual_seed(2)
    exponents = spread * (torch.rand((6, 16, 50), generator=generator) - 0.5)
    square = (10**exponents).double()
    w = size * torch.randn((6, 16, 50), generator=generator)
    strengths = size * torch.logspace(-9, 3, 6, dtype=torch.float64)
    parts, motion = [Part(strengths, GroupLasso("input"))], Motion(1e-3, square, None, 1e-8)
    expected = moved_by_penalty(parts, w, motion)
    assert torch.isfinite(expected).all()
    assert_alike(moved_in_place(parts, w.double(), motion), expected, 1e-12)
    narrow = Motion(1e-3, square.float(), None, 1e-8)
    expected = moved_by_penalty(parts, w, narrow)
    assert_alike(moved_in_place(parts, w, narrow), expected, 1e-6)


def test_a_start_whose_squares_overflow():
    """One weight far above its threshold, in a group whose other thresholds are far above it."""
    w = torch.ones(2, 3, 1)
    square = torch.ones(2, 3, 1)
    square[0, 0] = 1e36
    parts, motion = [Part(30.0, GroupLasso("input"))], Motion(1.0, square, None, 0.0)
    expected = moved_by_penalty(parts, w, motion)
    assert float(expected[0, 0]) == pytest.approx(1.0)
    assert_alike(moved_in_place(parts, w, motion), expected, 1e-6)


def test_models_without_group_strength_only_have_the_others():
    strengths = torch.tensor([0.0, 0.4], dtype=torch.float64)
    w, motion = weights((2, 8, 6), torch.float32), motion_of("diagonal", (2, 8, 6), torch.float32)
    parts = [Part(strengths, GroupLasso("input")), Part(0.001, L1())]
    soft = w.clone()
    Shrink(closed_form([Part(0.001, L1())]), 2, Workspace())(soft, motion)
    moved = moved_in_place(parts, w, motion)
    assert torch.equal(moved[0], soft[0])
    assert not torch.equal(moved[1], soft[1])


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("form", ["scalar", "diagonal"])
@pytest.mark.parametrize("penalty", LAYOUTS[:3], ids=repr)
def test_a_diverged_model_changes_no_bit_of_its_neighbours(penalty, form, poison):
    shape = (4, 20, 30)
    w, motion = weights(shape, torch.float32), motion_of(form, shape, torch.float32)
    parts = parts_of(penalty, 4, False)
    clean = moved_in_place(parts, w, motion)
    w[1, 3, 2] = poison
    dirty = moved_in_place(parts, w, motion)
    others = [0, 2, 3]
    assert torch.equal(clean[others], dirty[others])
    assert not torch.isfinite(dirty[1, 3, 2])
    if form == "diagonal" or math.isnan(poison):
        group = {"input": dirty[1, :, 2], "output": dirty[1, 3], "layer": dirty[1]}[penalty.per]
        assert torch.isnan(group).all()


def test_models_of_strength_zero_are_not_touched():
    w, motion = weights((3, 8, 6), torch.float32), motion_of("diagonal", (3, 8, 6), torch.float32)
    strengths = torch.tensor([0.1, 0.0, 0.1], dtype=torch.float64)
    moved = moved_in_place([Part(strengths, GroupLasso("input"))], w, motion)
    assert torch.equal(moved[1].view(torch.int32), w[1].view(torch.int32))
    assert not torch.equal(moved[0], w[0])


def test_a_step_does_not_depend_on_those_before():
    """A run that goes on from a file has the bits of one that never stopped."""
    shape = (6, 20, 30)
    motion = motion_of("diagonal", shape, torch.float32)
    parts = parts_of(GroupLasso("input"), 6, False)
    shrink, w = Shrink(closed_form(parts), 6, Workspace()), weights(shape, torch.float32)
    for _ in range(3):
        expected = moved_in_place(parts, w, motion)
        shrink(w, motion)
        assert torch.equal(w, expected)


def test_without_an_axis_of_models():
    w, motion = weights((1, 8, 6), torch.float64), motion_of("diagonal", (1, 8, 6), torch.float64)
    alone, square = w[0].clone(), motion.square
    assert square is not None
    shrink = Shrink(closed_form([Part(0.1, GroupLasso("input"))]), None, Workspace())
    shrink(alone, Motion(motion.rate, square[0], None, motion.epsilon))
    assert isinstance(shrink._in_place[0], GroupThreshold)
    expected = moved_by_penalty([Part(0.1, GroupLasso("input"))], w, motion)
    assert_alike(alone[None], expected, 1e-12)


def test_a_reference_takes_the_penalties_own_route():
    w, motion = weights((2, 8, 6), torch.float64), motion_of("diagonal", (2, 8, 6), torch.float64)
    parts = [Part(0.1, GroupLasso("input"), torch.ones_like(w))]
    shrink, moved = Shrink(closed_form(parts), 2, Workspace()), w.clone()
    shrink(moved, motion)
    assert shrink._in_place == [None]
    assert_alike(moved, moved_by_penalty(parts, w, motion), 1e-12)


@pytest.mark.parametrize("axes", [(2,), (0, -2)])
def test_axes_that_do_not_exist_are_refused_as_by_the_penalty(axes):
    w = torch.ones(2, 8, 6)
    with pytest.raises(InputError, match="axes"):
        Shrink(closed_form([Part(0.1, GroupLasso(axes=axes))]), 2, Workspace())(w, Motion(0.1))


@pytest.mark.parametrize("form", ["scalar", "diagonal"])
def test_groups_vanish_exactly_at_their_threshold(form):
    """At 1 ± 1e-9 of the strength at which Σ (w·d/(rate·c·√|g|))² is 1, for each of many groups."""
    shape = (300, 9, 1)
    w = torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    motion = motion_of(form, shape, torch.float64)
    denominator = motion.denominator()
    pull = w / motion.rate * (1.0 if denominator is None else denominator)
    critical = pull.square().sum((1, 2)).sqrt() / 3
    above = moved_in_place([Part(critical * (1 + 1e-9), GroupLasso("input"))], w, motion)
    below = moved_in_place([Part(critical * (1 - 1e-9), GroupLasso("input"))], w, motion)
    assert (above == 0).all()
    assert (below != 0).all()
    exactly = moved_in_place([Part(critical, GroupLasso("input"))], w, motion)
    assert (exactly * w >= 0).all()


def test_a_slow_group_changes_no_bit_of_its_neighbours():
    """However many evaluations one model needs, the others stay where they arrived."""
    shape = (4, 20, 300)
    w, motion = weights(shape, torch.float32), motion_of("diagonal", shape, torch.float32)
    parts = [Part(0.05, GroupLasso("input"))]
    easy = moved_in_place(parts, w, motion)
    assert motion.square is not None
    motion.square[1] = 10 ** torch.linspace(-4, 12, 20)[:, None]
    w[1] = 0.01 * motion.square[1] ** -0.25  # each weight is the largest for some root
    slow = moved_in_place(parts, w, motion)
    assert torch.isfinite(slow).all()
    assert torch.equal(easy[[0, 2, 3]], slow[[0, 2, 3]])


def test_a_norm_that_overflows_leaves_the_weights():
    w = torch.full((1, 4, 2), 3e38)
    assert torch.equal(moved_in_place([Part(1.0, GroupLasso("input"))], w, Motion(0.1)), w)


@pytest.mark.parametrize("form", ["scalar", "diagonal"])
def test_groups_of_single_weights_are_single(form):
    shape = (2, 4, 5)
    w, motion = weights(shape, torch.float64), motion_of(form, shape, torch.float64)
    parts = [Part(0.02, GroupLasso(axes=(0, 1)))]
    moved = w.clone()
    Shrink(closed_form(parts), 2, Workspace())(moved, motion)
    torch.testing.assert_close(moved, moved_by_penalty(parts, w, motion), rtol=1e-12, atol=0)


class Unweighted(GroupLasso):
    """Σ_g ‖w_g‖: a sum of norms in which large groups count no more than small ones."""

    def value(self, w, stacked=0):
        return super().value(w, stacked) / self.within(w, stacked)[1]

    def prox(self, w, step, stacked=0):
        return super().prox(w, step / self.within(w, stacked)[1], stacked)


def test_a_group_penalty_of_another_size_takes_its_own_step():
    shape = (2, 4, 5)
    w, motion = weights(shape, torch.float64), motion_of("diagonal", shape, torch.float64)
    parts = [Part(0.02, Unweighted("input"))]
    moved = w.clone()
    Shrink(closed_form(parts), 2, Workspace())(moved, motion)
    torch.testing.assert_close(moved, moved_by_penalty(parts, w, motion), rtol=1e-12, atol=0)
    weighted = moved_by_penalty([Part(0.02, GroupLasso("input"))], w, motion)
    assert not torch.equal(moved, weighted)
