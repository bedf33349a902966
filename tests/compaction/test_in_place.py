"""Tensors that are changed in place: followed where nobody reads the old ones through a view."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from shrinkage.compaction import compact, coupled_units
from shrinkage.compaction.tracing import UntraceableNetwork


class Tokens(nn.Module):
    """Positions are added in place, as many transformers of images do it."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.hidden, self.head = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 2)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.position = nn.Parameter(torch.randn(1, 4, 8))

    def positioned(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        x += self.position[:, : x.shape[1]]
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.positioned(self.embed(x))
        return self.head(torch.relu(self.hidden(x))).mean(1)


class Reshaped(Tokens):
    def positioned(self, x: torch.Tensor) -> torch.Tensor:
        x = x.reshape(len(x), -1, 8)
        x += self.position[:, : x.shape[1]]
        return x.flatten(1).view(len(x), -1, 8)


class BaseRead(Tokens):
    def positioned(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.view(-1, 8)
        rows += self.token[0]
        return x


class ViewRead(Tokens):
    def positioned(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.view(-1, 8)
        x += self.token
        return rows.view(x.shape)


class PartChanged(Tokens):
    def positioned(self, x: torch.Tensor) -> torch.Tensor:
        first = x[:, 0]
        first += self.token[0]
        return x


def _sparse(kind: type[Tokens]) -> Tokens:
    torch.manual_seed(0)
    model = kind().eval()
    with torch.no_grad():
        model.hidden.weight[3:] = 0
    return model


@pytest.mark.parametrize("kind", [Tokens, Reshaped])
def test_a_tensor_that_nobody_else_reads_may_change(kind):
    model, x = _sparse(kind), torch.randn(5, 3, 4)
    result: Any = compact(model, x, timed=False)
    torch.testing.assert_close(result.module(x), model(x))
    assert result.module.hidden.weight.shape == (3, 8)
    assert result.notes == ()
    assert len(coupled_units(model, x)) == 16


@pytest.mark.parametrize("kind", [BaseRead, ViewRead, PartChanged])
def test_a_tensor_that_is_read_through_its_memory_is_named(kind):
    model, x = _sparse(kind), torch.randn(5, 3, 4)
    with pytest.raises(UntraceableNetwork, match="shares its memory, is read afterwards"):
        coupled_units(model, x)
    result = compact(model, x, timed=False)
    torch.testing.assert_close(result.module(x), model(x))
