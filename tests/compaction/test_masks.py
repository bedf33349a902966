"""Masks of attention: those that a buffer has whole, and those of words that are none."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from shrinkage.compaction import compact, coupled_units
from tests.compaction.networks import settle


def numbers(*shape: int) -> torch.Tensor:
    """Return normal numbers in float64."""
    return torch.randn(*shape, dtype=torch.float64)


class Causal(nn.Module):
    """Attention under a mask in a buffer, of which the code reads the part of the words' length."""

    mask: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.register_buffer("mask", torch.tril(torch.ones(16, 16)).view(1, 1, 16, 16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, words, 8)."""
        rows, count, _ = x.shape
        q, k, v = (own.view(rows, count, 4, 2).transpose(1, 2) for own in self.qkv(x).split(8, 2))
        scores = (q @ k.transpose(-2, -1)).masked_fill(
            self.mask[:, :, :count, :count] == 0, float("-inf")
        )
        own = (scores.softmax(-1) @ v).transpose(1, 2).contiguous().view(rows, count, 8)
        return self.out(own)


def test_a_mask_that_is_cut_along_two_axes_stays_whole() -> None:
    """Longer words read more of it than the example's."""
    model: Any = settle(Causal())
    with torch.no_grad():
        for third in range(3):
            model.qkv.weight[8 * third : 8 * third + 2] = 0.0
            model.qkv.bias[8 * third : 8 * third + 2] = 0.0
    result: Any = compact(model, numbers(4, 5, 8), timed=False)
    assert result.layers[0].after == 18
    assert {shape for (shape,) in result.proof.lengths} == {(2, own, 8) for own in (10, 6, 2, 1)}
    longest = numbers(3, 16, 8)
    torch.testing.assert_close(result.module(longest), model.eval()(longest))


class Padded(nn.Module):
    """Torch's attention, which copies a mask of padded words for each of its heads."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 4, batch_first=True)
        self.last = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor, padded: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2)."""
        own = self.attention(x, x, x, key_padding_mask=padded)[0]
        return self.last(own.mean(1))


def test_heads_go_under_a_mask_that_is_copied_for_each() -> None:
    """Each head has its copy, which goes with it."""
    model: Any = settle(Padded())
    inputs = numbers(6, 5, 8), torch.arange(5).expand(6, 5) > torch.randint(1, 5, (6, 1))
    heads = [unit for unit in coupled_units(model, inputs) if unit.is_head]
    assert len(heads) == 4
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, axis, places in heads[1].members:
            parameters[name].index_fill_(axis, torch.tensor(places), 0.0)
    result = compact(model, inputs, timed=False)
    assert {own.name: own.after for own in result.layers}["attention"] == 18
    assert (2, 10, 8) in {own[0] for own in result.proof.lengths}


class Stepping(nn.Module):
    """A recurrent layer in the network's own code, from a state of zeros of a written size."""

    def __init__(self) -> None:
        super().__init__()
        self.size, self.into, self.over = 7, nn.Linear(5, 7), nn.Linear(7, 7)
        self.last = nn.Linear(7, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2)."""
        state = x.new_zeros(x.shape[0], self.size)
        for place in range(x.shape[1]):
            state = torch.tanh(self.into(x[:, place]) + self.over(state))
        return self.last(torch.where(state > 0, state, torch.zeros_like(state)))


def test_states_of_zeros_are_as_long_as_they_have_to_be() -> None:
    """Units of a state that begins at zeros are coupled, and go."""
    model: Any = settle(Stepping())
    x = numbers(6, 4, 5)
    assert len(coupled_units(model, x)) == 7
    with torch.no_grad():
        for weight in (model.into.weight, model.into.bias, model.over.weight, model.over.bias):
            weight[2:4] = 0.0
    result: Any = compact(model, x, timed=False)
    assert (result.module.over.in_features, result.module.over.out_features) == (5, 5)
    assert result.attributes == {"size": 5}
    assert result.notes == ("new sizes were put into size",)
