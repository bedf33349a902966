"""Coupled units: one group across layers, in the optimizer's metric; compaction takes it out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage import GroupLasso
from shrinkage.compaction import compact, coupled_units
from shrinkage.errors import InputError
from shrinkage.pytorch import attach
from shrinkage.pytorch.units import shrink_units
from shrinkage.terms import Part
from tests.penalties.test_group_lasso import bisected


class Residual(nn.Module):
    """Two layers write the same four units, which a norm scales."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 4, bias=False)
        self.norm, self.last = nn.BatchNorm1d(4), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(x))
        return self.last(torch.relu(self.norm(x + self.second(x))))


def trained(make: type, strength: float, steps: int = 1) -> tuple[nn.Module, nn.Module]:
    """Return the network after some steps with the shrink, and before the shrink of the last."""
    torch.manual_seed(0)
    model, x = Residual().double(), torch.randn(16, 3, dtype=torch.float64)
    optimizer = make(model.parameters(), lr=0.05)
    bare = Residual().double()
    bare.load_state_dict(model.state_dict())
    alone = make(bare.parameters(), lr=0.05)
    shrink_units(optimizer, model, strength, coupled_units(model, x))
    for _ in range(steps):
        for own, moving in ((model, optimizer), (bare, alone)):
            moving.zero_grad()
            own(x).square().mean().backward()
            moving.step()
    return model, bare


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.RMSprop])
def test_the_shrink_is_the_prox_of_each_unit_over_all_its_layers(make: type) -> None:
    strength = 0.4
    model, bare = trained(make, strength)
    incoming = ("first.weight", "first.bias", "second.weight", "norm.weight", "norm.bias")
    before, after = dict(bare.named_parameters()), dict(model.named_parameters())
    optimizer_steps, farthest = {}, {}
    for name in incoming:
        # RMSprop's first step is lr·g/(√(0.01 g²) + ε)
        g = before[name].grad
        assert g is not None
        own = 0.05 / (0.1 * g.abs() + 1e-8) if make is torch.optim.RMSprop else 0.05 + 0 * g
        optimizer_steps[name] = own
        farthest[name] = 2 * (own * g.abs()).clamp_min(0.05)
    for unit in range(4):
        w = torch.cat([before[name][unit].flatten() for name in incoming]).detach().numpy()
        t = torch.cat([optimizer_steps[name][unit].flatten() for name in incoming]).numpy()
        expected = bisected(w, strength * np.sqrt(len(w)) * t)
        if make is torch.optim.RMSprop:
            far = torch.cat([farthest[name][unit].flatten() for name in incoming]).numpy()
            expected = np.clip(expected, w - far, w + far)
        got = torch.cat([after[name][unit].flatten() for name in incoming]).detach().numpy()
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)
    for name in ("last.weight", "last.bias"):  # wires out of units, and what no unit is
        assert torch.equal(after[name], before[name])


def test_of_one_layer_without_bias_it_is_the_group_lasso() -> None:
    torch.manual_seed(0)
    x = torch.randn(16, 3, dtype=torch.float64)
    model = nn.Sequential(nn.Linear(3, 5, bias=False), nn.ReLU(), nn.Linear(5, 1)).double()
    other = nn.Sequential(nn.Linear(3, 5, bias=False), nn.ReLU(), nn.Linear(5, 1)).double()
    other.load_state_dict(model.state_dict())
    mine, theirs = (torch.optim.Adam(m.parameters(), lr=0.02) for m in (model, other))
    shrink_units(mine, model, 0.05, coupled_units(model, x))
    weight = other[0].weight
    attach(theirs, {weight: [Part(0.05, GroupLasso(axes=(0,)))]})  # type: ignore[dict-item]
    for _ in range(25):
        for own, optimizer in ((model, mine), (other, theirs)):
            optimizer.zero_grad()
            (own(x) - x[:, :1]).square().mean().backward()
            optimizer.step()
    torch.testing.assert_close(model[0].weight, other[0].weight, rtol=0, atol=1e-9)


def test_strength_0_is_the_run_without_bit_for_bit() -> None:
    model, bare = trained(torch.optim.Adam, 0.0, steps=3)
    for own, other in zip(model.parameters(), bare.parameters(), strict=True):
        assert torch.equal(own, other)


def test_what_it_zeroes_compaction_takes_out() -> None:
    torch.manual_seed(1)
    x = torch.randn(64, 6)
    model = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    shrink = shrink_units(optimizer, model, 0.004, coupled_units(model, x))
    assert shrink.sizes.tolist() == [7] * 24
    for _ in range(300):
        optimizer.zero_grad()
        (model(x) - x[:, :1].relu()).square().mean().backward()
        optimizer.step()
    alive = int((shrink.norms() > 0).sum())
    assert 0 < alive < 24
    assert shrink.value() == pytest.approx(0.004 * 7**0.5 * float(shrink.norms().sum()), rel=1e-12)
    smaller: Any = compact(model, x).module
    assert smaller[0].out_features <= alive
    shrink.detach()
    shrink.strength = 1e9
    weight = next(model.parameters())
    before = weight.detach().clone()
    optimizer.zero_grad(set_to_none=False)
    optimizer.step()
    assert float((weight.detach() - before).abs().max()) < 0.02  # no shrink any more


def test_bad_units_are_refused_by_name() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    units = coupled_units(model, torch.randn(2, 3))
    with pytest.raises(InputError, match="at least one unit"):
        shrink_units(optimizer, model, 1.0, ())
    with pytest.raises(InputError, match=r"'0.bias', which it has not"):
        shrink_units(optimizer, nn.Linear(3, 4), 1.0, units)
    with pytest.raises(InputError, match="outside"):
        shrink_units(torch.optim.SGD(model[2].parameters(), lr=0.1), model, 1.0, units)
    with pytest.raises(InputError, match="strength"):
        shrink_units(optimizer, model, -1.0, units)
