"""What a record says of an optimizer is what the optimizer does."""

from __future__ import annotations

import copy
import inspect

import pytest
import torch
from torch import nn, optim

from shrinkage.pytorch.optimizers import (
    FACTS,
    METRICS,
    UNKNOWN,
    Metric,
    Motion,
    OwnDecay,
    facts_of,
)

OPTIMIZERS = [
    kind
    for kind in vars(optim).values()
    if isinstance(kind, type) and issubclass(kind, optim.Optimizer) and kind is not optim.Optimizer
]
SWITCHED = [
    kind
    for kind in OPTIMIZERS
    if "decoupled_weight_decay" in inspect.signature(kind.__init__).parameters
]
RATE, DECAY = 0.125, 0.25
SHAPE = (4, 3)


class Foreign(optim.Optimizer):
    """Nobody has told the library of it."""

    def step(self, closure=None):
        return closure


def random(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def begun(kind: type[optim.Optimizer], **options) -> tuple[nn.Parameter, optim.Optimizer]:
    """Return a weight and its optimizer after three steps without a decay."""
    w = nn.Parameter(random(0))
    rates = {"lr": RATE} | ({"weight_decay": 0.0} if _has_decay(kind) else {})
    optimizer = kind([w], **rates, **options)
    for seed in (1, 2, 3):
        w.grad = random(seed)
        optimizer.step(*_closure(kind))
    return w, optimizer


def _closure(kind: type[optim.Optimizer]) -> tuple:
    return (lambda: 1.0,) if kind is optim.LBFGS else ()


def _has_decay(kind: type[optim.Optimizer]) -> bool:
    return "weight_decay" in inspect.signature(kind.__init__).parameters


def stepped(w: nn.Parameter, optimizer: optim.Optimizer, gradient, decay: float) -> torch.Tensor:
    """Return where a copy of the weight goes in one step."""
    memo: dict = {}
    own, copied = copy.deepcopy(w, memo), copy.deepcopy(optimizer, memo)
    copied.param_groups[0]["weight_decay"] = decay
    own.grad = gradient
    copied.step()
    return own.detach()


def measured_decay(kind: type[optim.Optimizer], **options) -> OwnDecay:
    """Return how a decay enters: as a gradient of the same size, or as lr·decay·w beside it."""
    if not _has_decay(kind):
        return OwnDecay.NONE
    w, optimizer = begun(kind, **options)
    gradient, start = random(4), w.detach().clone()
    own = stepped(w, optimizer, gradient, DECAY)
    in_gradient = stepped(w, optimizer, gradient + DECAY * start, 0.0)
    bare = stepped(w, optimizer, gradient, 0.0)
    if torch.allclose(own, bare, rtol=0, atol=1e-12):
        return OwnDecay.NONE
    if torch.allclose(own, in_gradient, rtol=0, atol=1e-12):
        return OwnDecay.COUPLED
    if torch.allclose(own, bare - RATE * DECAY * start, rtol=0, atol=1e-12):
        return OwnDecay.DECOUPLED
    return OwnDecay.SCALED


def measured_adaptivity(kind: type[optim.Optimizer]) -> bool:
    """Return whether weights with larger gradients move less than so many times as far."""
    moved = []
    sizes = torch.linspace(1.0, 100.0, 12, dtype=torch.float64).view(SHAPE)
    for scale in (torch.ones_like(sizes), sizes):
        w = nn.Parameter(random(0))
        options = {"lambd": 0.0} if kind is optim.ASGD else {}
        options |= {"weight_decay": 0.0} if _has_decay(kind) else {}
        optimizer = kind([w], lr=1e-3, **options)
        start = w.detach().clone()
        w.grad = 1e-2 * random(1) * scale
        if kind is optim.SparseAdam:
            w.grad = w.grad.to_sparse()
        for _ in range(8):  # RAdam adapts from the sixth step on
            optimizer.step(*_closure(kind))
        moved.append(w.detach() - start)
    shares = moved[1] / moved[0] / sizes
    return not torch.allclose(shares, shares[0, 0].expand(SHAPE), rtol=1e-2, atol=0)


def test_there_are_optimizers_to_ask():
    assert {optim.SGD, optim.Adam, optim.AdamW} < set(OPTIMIZERS)


@pytest.mark.parametrize("kind", OPTIMIZERS)
class TestEveryOptimizerOfTorch:
    def test_it_has_a_record_of_its_own(self, kind):
        assert kind in FACTS
        facts = facts_of(kind)
        assert (facts.metric is None) == bool(facts.no_metric)
        assert facts.own_decay is not OwnDecay.UNKNOWN

    def test_its_own_decay_enters_as_the_record_says(self, kind):
        assert facts_of(kind).own_decay is measured_decay(kind)

    def test_it_adapts_as_the_record_says(self, kind):
        assert facts_of(kind).adapts is measured_adaptivity(kind)

    def test_a_subclass_that_keeps_its_step_inherits(self, kind):
        assert facts_of(type("Same", (kind,), {})) is FACTS[kind]

    def test_one_that_steps_by_itself_is_not_known(self, kind):
        facts = facts_of(type("Other", (kind,), {"step": Foreign.step}))
        assert (facts.metric, facts.own_decay) == (None, OwnDecay.UNKNOWN)
        assert facts.refuses == FACTS[kind].refuses


@pytest.mark.parametrize("kind", SWITCHED)
def test_a_group_may_switch_its_decay_to_decoupled(kind):
    group = kind([nn.Parameter(torch.ones(1))], decoupled_weight_decay=True).param_groups[0]
    assert facts_of(kind).decay_in(group) is OwnDecay.DECOUPLED
    assert measured_decay(kind, decoupled_weight_decay=True) is OwnDecay.DECOUPLED


def test_an_unknown_class_has_the_record_that_knows_nothing():
    assert facts_of(Foreign) is UNKNOWN
    assert facts_of(Foreign).own_decay is OwnDecay.UNKNOWN
    assert facts_of(Foreign).refusal("proximal") == "its metric is not known"
    assert not facts_of(Foreign).refusal("decoupled")


def test_a_metric_that_a_user_registers_is_a_record():
    metric = Metric(lambda moment, _noted=None: Motion(float(moment.group["lr"])))
    METRICS[Foreign] = metric
    assert facts_of(Foreign).metric is metric
    assert METRICS[Foreign] is metric
    del METRICS[Foreign]
    assert facts_of(Foreign) is UNKNOWN
