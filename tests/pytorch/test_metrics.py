"""The metric read from an optimizer is the one it has just moved in."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn, optim
from torch.optim import (
    ASGD,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    RAdam,
    RMSprop,
)

from shrinkage import L1
from shrinkage.errors import UnsupportedOptimizer
from shrinkage.pytorch import attach
from shrinkage.pytorch.optimizers import FACTS, METRICS, Moment, Motion, metric_of
from shrinkage.terms import FARTHEST, Part

NO_METRIC = {kind: facts.no_metric for kind, facts in FACTS.items() if facts.no_metric}

# 2⁻³ as learning rate: ASGD keeps its own in a float32 tensor.
RATE = 0.125
CASES = [
    (SGD, {}),
    (SGD, {"fused": True, "maximize": True}),
    (SGD, {"weight_decay": 0.3}),
    (ASGD, {"lambd": 0.0}),
    (ASGD, {"lambd": 0.5, "alpha": 0.9, "t0": 2.0}),
    (ASGD, {"lambd": 0.25, "foreach": True}),
    (Adam, {}),
    (Adam, {"amsgrad": True}),
    (Adam, {"fused": True, "eps": 1e-2}),
    (Adam, {"weight_decay": 0.3, "maximize": True}),
    (AdamW, {"weight_decay": 0.0, "betas": (0.8, 0.9), "foreach": True}),
    (NAdam, {}),
    (NAdam, {"betas": (0.8, 0.95), "momentum_decay": 0.5, "eps": 1e-2}),
    (NAdam, {"foreach": True, "maximize": True}),
    (RAdam, {}),
    (RAdam, {"betas": (0.8, 0.99), "eps": 1e-2}),
    (RAdam, {"betas": (0.9, 0.9), "foreach": True, "weight_decay": 0.3}),
    (RAdam, {"betas": (0.9, 0.5)}),
    (Adamax, {}),
    (Adamax, {"betas": (0.8, 0.9), "eps": 0.1, "foreach": True}),
    (Adafactor, {}),
    (Adafactor, {"d": 2.0, "eps": (0.3, 0.1), "beta2_decay": -0.5, "maximize": True}),
    (Adafactor, {"weight_decay": 0.5, "foreach": True}),
    (Adafactor, {"lr": 2.0, "eps": (2.0, 0.1), "beta2_decay": -0.1}),
    (RMSprop, {}),
    (RMSprop, {"centered": True, "eps": 1e-2}),
    (Adagrad, {}),
    (Adagrad, {"lr_decay": 0.3, "initial_accumulator_value": 0.1}),
    (Adadelta, {}),
    (Adadelta, {"rho": 0.7, "eps": 1e-2, "foreach": True, "maximize": True}),
]
SHAPES = [(5,), (4, 3), (2, 3, 4)]


@pytest.fixture
def double_numbers():
    """Let NAdam keep its product of momenta as exactly as the test does."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(usual)


def random(shape, generator):
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def step(optimizer, w):
    """Take a step and return the motion that the metric reads around it."""
    metric, group = metric_of(optimizer), optimizer.param_groups[0]
    noted = metric.note(Moment(group, optimizer.state.get(w, {})), w)
    optimizer.step()
    return metric.motion(Moment(group, optimizer.state[w], gradient=w.grad), noted)


def sizes(motion):
    """Return the step size of each weight."""
    denominator = motion.denominator()
    return motion.rate if denominator is None else motion.rate / denominator


def direction(optimizer, w, start, count):
    """Return what the optimizer has multiplied by its metric: its first moment, or the gradient.

    It is 1 for a constant gradient of one.
    """
    group, state = optimizer.param_groups[0], optimizer.state[w]
    gradient = -w.grad if group["maximize"] else w.grad
    if not isinstance(optimizer, Adafactor):  # its decay is decoupled
        gradient = gradient + group["weight_decay"] * start
    if "betas" not in group:
        return gradient
    past = 1 - group["betas"][0] ** count
    if not isinstance(optimizer, NAdam):
        return state["exp_avg"] / past
    moments = [
        group["betas"][0] * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"]))
        for t in range(1, count + 2)
    ]
    fresh = (1 - moments[-2]) / (1 - math.prod(moments[:-1]))
    old = moments[-1] / (1 - math.prod(moments))
    return (fresh * gradient + old * state["exp_avg"]) / (fresh + old * past)


def kept(optimizer, motion):
    """Return the share of the weights that the optimizer's own decoupled decay leaves."""
    group = optimizer.param_groups[0]
    if isinstance(optimizer, ASGD):
        return 1 - group["lambd"] * motion.rate
    return 1 - group["lr"] * group["weight_decay"] if isinstance(optimizer, Adafactor) else 1.0


@pytest.mark.usefixtures("double_numbers")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("kind", "options"), CASES, ids=str)
def test_displacement_is_metric_times_direction(kind, options, shape):
    """With gradients that vary and a learning rate that falls."""
    generator = torch.Generator().manual_seed(0)
    w = nn.Parameter(random(shape, generator))
    optimizer = kind([w], **{"lr": RATE, **options})
    for count in range(1, 13):
        optimizer.param_groups[0]["lr"] = optimizer.defaults["lr"] * 0.9 ** (count - 1)
        size = 10.0 if count == 1 else 1.0  # amsgrad remembers the first
        w.grad = size * random(shape, generator)
        start = w.detach().clone()
        motion = step(optimizer, w)
        moved = sizes(motion) * direction(optimizer, w, start, count)
        expected = kept(optimizer, motion) * start - moved
        torch.testing.assert_close(w.detach(), expected, rtol=1e-10, atol=1e-12)
        if motion.reach is not None and not group_decays(optimizer):
            reach = torch.as_tensor(motion.reaches(), dtype=torch.float64)
            exact = moved.abs().clamp_min(motion.reach)
            assert (moved.abs() <= FARTHEST * reach).all()
            if motion.push is not None:
                torch.testing.assert_close(reach, exact, rtol=1e-10, atol=1e-12)


def group_decays(optimizer):
    return bool(optimizer.param_groups[0].get("weight_decay"))


CONSTANT = [case for case in CASES if not {"weight_decay", "maximize"} & set(case[1])] + [
    (SGD, {"momentum": 0.9}),
    (SGD, {"momentum": 0.9, "nesterov": True}),
    (SGD, {"momentum": 0.7, "dampening": 0.4, "foreach": True}),
    (RMSprop, {"momentum": 0.9, "alpha": 0.0}),  # the denominator is constant then
]


@pytest.mark.parametrize(("kind", "options"), CONSTANT, ids=str)
def test_a_constant_gradient_is_amplified_as_the_gain_says(kind, options):
    generator = torch.Generator().manual_seed(1)
    w = nn.Parameter(random((4, 3), generator))
    w.grad = random((4, 3), generator)
    optimizer = kind([w], **{"lr": RATE, **options})
    buffer = None
    for _ in range(12):
        start = w.detach().clone()
        motion = step(optimizer, w)
        gain, buffer = metric_of(optimizer).gain(optimizer.param_groups[0], buffer)
        expected = kept(optimizer, motion) * start - gain * sizes(motion) * w.grad
        torch.testing.assert_close(w.detach(), expected, rtol=1e-10, atol=1e-12)


# Adafactor's step depends on the size of the weights, which the strength changes.
STEADY = [case for case in CONSTANT if case[0] is not Adafactor and not case[1].get("lambd")]


@pytest.mark.parametrize(("kind", "options"), STEADY, ids=str)
def test_the_shrink_is_amplified_as_a_constant_gradient_is(kind, options):
    """A gradient of 1 with strength s on a positive weight moves 1 + s times as far."""
    paths = []
    for strength in (0.0, 0.25):
        w = nn.Parameter(torch.full((1,), 1000.0, dtype=torch.float64))
        optimizer = kind([w], **{"lr": RATE, **options})
        attach(optimizer, {w: [Part(strength, L1())]})
        path = [1000.0]
        for _ in range(8):
            w.grad = torch.ones_like(w)
            optimizer.step()
            path.append(float(w.detach()))
        paths.append(torch.tensor(path, dtype=torch.float64).diff())
    torch.testing.assert_close(paths[1], 1.25 * paths[0], rtol=1e-8, atol=0)


@pytest.mark.parametrize("foreach", [False, True])
def test_radam_is_scalar_until_its_variance_is_finite(foreach):
    w = nn.Parameter(torch.ones(3))
    optimizer = RAdam([w], lr=RATE, foreach=foreach)
    found = []
    for _ in range(8):
        w.grad = torch.ones(3)
        found.append(step(optimizer, w).square is not None)
    assert found == [False] * 5 + [True] * 3


def test_asgd_moves_by_the_learning_rate_of_the_step_before():
    w = nn.Parameter(torch.ones(3, dtype=torch.float64))
    optimizer = ASGD([w], lr=0.5, lambd=0.0)
    rates = []
    for rate in (0.5, 0.25, 0.125):
        optimizer.param_groups[0]["lr"] = rate
        w.grad = torch.ones_like(w)
        rates.append(step(optimizer, w).rate)
    assert rates == [0.5, 0.5, 0.25]


@pytest.mark.parametrize("kind", [Adadelta, Adafactor, ASGD])
def test_a_run_under_way_is_read_from_its_state(kind):
    """What is noted before a step depends on nothing that earlier notes have left."""
    motions = []
    for first in (0, 3):
        generator = torch.Generator().manual_seed(2)
        w = nn.Parameter(random((4, 3), generator))
        optimizer = kind([w], lr=RATE)
        for count in range(4):
            w.grad = random((4, 3), generator)
            if count < first:
                optimizer.step()
            else:
                motion = step(optimizer, w)
        motions.append(motion)
    assert motions[0].rate == motions[1].rate
    torch.testing.assert_close(sizes(motions[0]), sizes(motions[1]), rtol=0, atol=0)


@pytest.mark.parametrize("kind", [Adam, AdamW, NAdam, RAdam, RMSprop, Adagrad, Adamax])
def test_a_motion_refers_to_the_optimizers_own_tensors(kind):
    """Nothing is copied, and the denominator is new, so that it may be written to."""
    w = nn.Parameter(torch.ones(3))
    optimizer = kind([w], lr=RATE)
    for _ in range(7):
        w.grad = torch.ones(3)
        motion = step(optimizer, w)
    own = {value.data_ptr() for value in optimizer.state[w].values()}
    assert (motion.square if motion.given is None else motion.given).data_ptr() in own
    assert motion.denominator().data_ptr() not in own


@pytest.mark.parametrize("kind", METRICS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_denominator_of_16_bit_weights_is_float32(kind, dtype):
    w = nn.Parameter(torch.ones(3, 2, dtype=dtype))
    optimizer = kind([w], lr=torch.tensor(RATE))
    for _ in range(7):
        w.grad = torch.full_like(w, 0.5)
        motion = step(optimizer, w)
    denominator = motion.denominator()
    assert isinstance(motion.rate, float)
    assert denominator is None or denominator.dtype is torch.float32


def test_centered_squares_are_subtracted_in_float32():
    mean = torch.tensor([3.0], dtype=torch.bfloat16)
    found = Motion(1.0, torch.tensor([25.0], dtype=torch.bfloat16), mean, 0.5).denominator()
    assert torch.equal(found, torch.tensor([4.5]))


class TestRegistry:
    def test_every_optimizer_of_torch_has_a_metric_or_a_reason(self):
        known = {
            kind
            for kind in vars(optim).values()
            if isinstance(kind, type) and issubclass(kind, optim.Optimizer)
        }
        assert known - {optim.Optimizer} == METRICS.keys() | NO_METRIC.keys()
        assert not METRICS.keys() & NO_METRIC.keys()

    @pytest.mark.parametrize("kind", NO_METRIC)
    def test_the_reason_is_told(self, kind):
        optimizer = kind([nn.Parameter(torch.ones(2, 2))])
        with pytest.raises(UnsupportedOptimizer) as caught:
            metric_of(optimizer)
        assert f"got {kind.__name__}, which {NO_METRIC[kind]}: " in str(caught.value)
        words = {optim.LBFGS: "update='loss'", optim.SparseAdam: "sparse=False"}
        assert words.get(kind, "update='decoupled', 'gradient' or 'loss'") in str(caught.value)

    def test_a_subclass_that_steps_by_itself_is_not_known(self):
        class Other(Adam):
            def step(self, closure=None):
                return super().step(closure)

        class Same(Adam):
            pass

        w = nn.Parameter(torch.ones(2))
        assert metric_of(Same([w])) is METRICS[Adam]
        with pytest.raises(UnsupportedOptimizer, match=r"expected one of SGD, .* got Other, whose"):
            metric_of(Other([w]))
