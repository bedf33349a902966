"""Shrinks below the resolution of the weights' dtype are not lost: right to 1 % in 10,000 steps."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW

from shrinkage import L1, L2, ElasticNet, GroupLasso, everything
from shrinkage.pytorch import Ledger, regularize
from shrinkage.pytorch.prox.binades import Binades
from shrinkage.pytorch.prox.rounding import Resolution, is_representable

STEPS = 10_000


class Weights(nn.Module):
    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        start = torch.randn(16, 32, generator=generator)
        self.w = nn.Parameter((start.sign() * (0.2 + start.abs())).to(dtype))


def shrunk(dtype, terms, update, *, kind=SGD, lr=1e-4, steps=STEPS, **options):
    """Return weights before and after steps with zero gradients, in float64, and the attachment."""
    model = Weights(dtype)
    optimizer = kind(model.parameters(), lr=lr)
    attachment = regularize(optimizer, model, terms, update, **options)
    start = model.w.detach().double()
    model.w.grad = torch.zeros_like(model.w)
    for _ in range(steps):
        optimizer.step()
    assert model.w.dtype is dtype
    return start, model.w.detach().double(), attachment


@pytest.mark.parametrize("strength", [1e-4, 1e-3, 1e-2])  # 1e-8 to 1e-6 a step
def test_float32_decay(strength):
    start, end, _ = shrunk(torch.float32, strength * L2(), "decoupled")
    whole = start.abs().sum() * -math.expm1(STEPS * math.log1p(-1e-4 * strength))
    lost = (start - end).abs().sum()
    assert float(lost / whole) == pytest.approx(1, abs=0.01)
    each = (start - end) / start / -math.expm1(STEPS * math.log1p(-1e-4 * strength))
    assert float((each - 1).abs().max()) < 0.03  # of 800 units in the last place, at worst


def test_adamw_alone_loses_it_all():
    """What users meet: lr = weight_decay = 1e-4 changes no float32 weight."""
    model = Weights(torch.float32)
    optimizer = AdamW(model.parameters(), lr=1e-4, weight_decay=1e-4)
    start = model.w.detach().clone()
    model.w.grad = torch.zeros_like(model.w)
    for _ in range(200):
        optimizer.step()
    assert torch.equal(model.w, start)


@pytest.mark.parametrize("rate", [1e-4, 1e-3])
def test_bfloat16_decay(rate):
    start, end, _ = shrunk(torch.bfloat16, 1.0 * L2(), "decoupled", lr=rate, steps=3000)
    whole = start.abs().sum() * -math.expm1(3000 * math.log1p(-rate))
    assert float((start - end).abs().sum() / whole) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("strength", [1e-5, 3e-4])
@pytest.mark.parametrize("update", ["decoupled", "proximal"])
def test_l1(dtype, strength, update):
    """A threshold of 1e-9 is under half a unit in the last place of every float32 weight here."""
    start, end, _ = shrunk(dtype, strength * L1(), update)
    whole = STEPS * 1e-4 * strength
    each = (start - end) * start.sign()
    if dtype is torch.float32:
        assert float((each / whole - 1).abs().max()) < 0.02
        assert float(each.mean() / whole) == pytest.approx(1, abs=0.01)
    else:  # the low parts hold what is still below a unit in the last place
        low = shrunk_low(dtype, strength * L1(), update)
        assert float(((each - low) / whole - 1).abs().max()) < 0.01


def shrunk_low(dtype, terms, update):
    start, _, attachment = shrunk(dtype, terms, update)
    (slot,) = attachment._slots
    return slot.target.resolution.low.double() * start.sign()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    "terms", [1e-3 * ElasticNet(0.5), 1e-4 * GroupLasso(axes=(0,))], ids=["elastic", "group"]
)
def test_proximal_follows_float64(dtype, terms):
    """The same run in float64 tells the whole shrink; Adam's metric has a zero gradient's ε."""
    options = {"kind": SGD, "lr": 1e-4, "steps": 2000}
    start, end, attachment = shrunk(dtype, terms, "proximal", **options)
    exact = exactly(start, terms, **options)
    (slot,) = attachment._slots
    low = slot.target.resolution.low
    end = end if low is None else end + low.double()
    whole = (start - exact).abs().sum()
    assert float((end - exact).abs().sum() / whole) < 0.01


def exactly(start, terms, kind, lr, steps):
    model = Weights(torch.float64)
    model.w.data = start.clone()
    optimizer = kind(model.parameters(), lr=lr)
    regularize(optimizer, model, terms, "proximal")
    model.w.grad = torch.zeros_like(model.w)
    for _ in range(steps):
        optimizer.step()
    return model.w.detach()


@pytest.mark.parametrize("rate", [1e-5, 3e-5, 1e-4, 1e-3])
def test_representable_decay_is_adamws_bit_for_bit(rate):
    models = Weights(torch.float32), Weights(torch.float32)
    theirs = AdamW(models[0].parameters(), lr=1e-2, weight_decay=rate * 100)
    ours = Adam(models[1].parameters(), lr=1e-2)
    regularize(ours, models[1], (rate * 100 * L2()).on(everything()), "decoupled")
    generator = torch.Generator().manual_seed(1)
    for _ in range(300):
        gradient = torch.randn(16, 32, generator=generator)
        for model, optimizer in zip(models, (theirs, ours), strict=True):
            model.w.grad = gradient.clone()
            optimizer.step()
    assert torch.equal(models[0].w, models[1].w)


def test_the_ledger_shows_when_it_was_needed():
    found = {}
    for strength in (1e-4, 1.0):  # 1e-8 and 1e-4 a step
        attachment = shrunk(
            torch.float32, strength * L2(), "decoupled", steps=3, ledger=Ledger(every=1)
        )[2]
        found[strength] = attachment.ledger.records[-1].layers["w"].below_resolution
    assert found == {1e-4: True, 1.0: False}


def test_what_is_owed_survives_a_checkpoint():
    terms, options = 1e-4 * L2() + 1e-5 * L1(), {"steps": 700}
    undisturbed = shrunk(torch.float32, terms, "decoupled", steps=1400)[1]
    _, _, attachment = shrunk(torch.float32, terms, "decoupled", **options)
    model = Weights(torch.float32)
    model.w.data = attachment._slots[0].parameter.detach().clone()
    optimizer = SGD(model.parameters(), lr=1e-4)
    regularize(optimizer, model, terms, "decoupled").load_state_dict(attachment.state_dict())
    model.w.grad = torch.zeros_like(model.w)
    for _ in range(700):
        optimizer.step()
    assert torch.equal(model.w.detach().double(), undisturbed)


def test_what_is_representable():
    assert is_representable(torch.float64, 1e-12)
    assert is_representable(torch.float32, 0.0)
    assert not is_representable(torch.float32, 2e-7)
    assert not is_representable(torch.float16, 1e-4)


def test_weights_near_zero_still_vanish_while_others_are_owed():
    w = torch.tensor([1.0, 0.5e-9, -0.5e-9])
    resolution, owed = Resolution(), Binades()
    assert resolution.low is None
    assert not owed.note(1e-9)
    assert not owed.pay(w)
    model = Weights(torch.float32)
    model.w.data[0, 0] = 0.5e-9
    optimizer = SGD(model.parameters(), lr=1e-4)
    regularize(optimizer, model, 1e-5 * L1(), "decoupled")
    model.w.grad = torch.zeros_like(model.w)
    optimizer.step()
    assert float(model.w.detach()[0, 0]) == 0.0
