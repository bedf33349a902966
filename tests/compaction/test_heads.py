"""Attention heads are units, however they are written: named, zeroed by a prox, and taken out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from shrinkage.compaction import compact, coupled_units
from shrinkage.errors import InputError
from shrinkage.penalties import GroupLasso
from shrinkage.pytorch import shrink_units

WIDTH, HEADS, SIZE = 16, 4, 4


class Pooled(nn.Module, ABC):
    """Attention between an input of (rows, 5, 16) and three outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(WIDTH, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.attend(x).mean(1))

    @abstractmethod
    def attend(self, x: torch.Tensor) -> torch.Tensor: ...


class Torch(Pooled):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


class Packed(Pooled):
    """As vision transformers have it: one layer for queries, keys and values."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        n, length, width = x.shape
        q, k, v = self.qkv(x).reshape(n, length, 3, HEADS, SIZE).permute(2, 0, 3, 1, 4).unbind(0)
        y = scaled_dot_product_attention(q, k, v).transpose(1, 2)
        return self.proj(y.reshape(n, length, width))


class Separate(Pooled):
    """As language models have it: a layer each, with as many heads of keys as of queries."""

    keys = HEADS

    def __init__(self) -> None:
        super().__init__()
        self.q, self.o = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.k, self.v = (nn.Linear(WIDTH, SIZE * self.keys) for _ in range(2))

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (
            layer(x).unflatten(2, (-1, SIZE)).transpose(1, 2) for layer in (self.q, self.k, self.v)
        )
        return self.o(self.product(q, k, v).transpose(1, 2).flatten(2))

    def product(self, q: Any, k: Any, v: Any) -> torch.Tensor:
        return scaled_dot_product_attention(q, k, v)


class Repeated(Separate):
    """Two queries share a head of keys, which is repeated."""

    keys = HEADS // 2

    def product(self, q: Any, k: Any, v: Any) -> torch.Tensor:
        k, v = (own.repeat_interleave(2, 1) for own in (k, v))
        return super().product(q, k, v)


class Expanded(Repeated):
    """The same by expand, with the product written out."""

    def product(self, q: Any, k: Any, v: Any) -> torch.Tensor:
        k, v = (own[:, :, None].expand(-1, -1, 2, -1, -1).flatten(1, 2) for own in (k, v))
        return (q @ k.transpose(-2, -1) / SIZE**0.5).softmax(-1) @ v


class Grouped(Repeated):
    """The same by torch's own option."""

    def product(self, q: Any, k: Any, v: Any) -> torch.Tensor:
        return scaled_dot_product_attention(q, k, v, enable_gqa=True)


def made(kind: type[Pooled]) -> Pooled:
    torch.manual_seed(0)
    return kind()


@pytest.mark.parametrize("kind", [Torch, Packed, Separate, Repeated, Expanded, Grouped])
def test_a_head_is_zeroed_as_a_whole_and_taken_out_without_a_change(kind: type[Pooled]) -> None:
    model = made(kind)
    x = torch.randn(12, 5, WIDTH, generator=torch.Generator().manual_seed(1))
    heads = [unit for unit in coupled_units(model, x[:2]) if unit.is_head]
    count = HEADS // 2 if issubclass(kind, Repeated) else HEADS
    assert len(heads) == count
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    shrink = shrink_units(optimizer, model, 0.2, heads)
    for _ in range(60):
        optimizer.zero_grad()
        (model(x) - x[:, 0, :3]).square().mean().backward()
        optimizer.step()
        dead = int((shrink.norms() == 0).sum())
        if dead:
            break
    assert 0 < dead < count
    smaller = compact(model.eval(), x).module
    torch.testing.assert_close(smaller(x), model(x), rtol=1e-5, atol=1e-6)
    after, before = (sum(p.numel() for p in own.parameters()) for own in (smaller, model))
    into = 3 * (WIDTH + 1) * WIDTH if count == HEADS else 2 * (WIDTH + 1) * WIDTH
    assert after == before - dead * (into + WIDTH * WIDTH) // count


def test_other_units_are_no_heads() -> None:
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 6, batch_first=True)
    units = coupled_units(nn.TransformerEncoder(layer, 1).eval(), torch.randn(2, 5, WIDTH))
    assert [unit.is_head for unit in units].count(True) == HEADS
    hidden = [unit for unit in units if not unit.is_head]
    assert len(hidden) >= 6
    assert all(len(places) == 1 for unit in hidden for _, _, places in unit.members)


def test_a_group_lasso_per_head_says_where_heads_are() -> None:
    with pytest.raises(InputError, match=r"got 'head': a head lies in several .* is_head"):
        GroupLasso(per="head")
