"""Masks of attention: those that a buffer has whole, and those of words that are none."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from shrinkage.compaction import compact
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
