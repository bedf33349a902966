"""Networks whose answers are random, and networks of graphs, whose tensors have no rows to drop."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from shrinkage.compaction import compact, coupled_units


class Sampling(nn.Module):
    """A variational autoencoder: its code is drawn, in evaluation too."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.mean, self.spread = nn.Linear(6, 8), nn.Linear(8, 3), nn.Linear(8, 3)
        self.decode = nn.Linear(3, 6)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = torch.relu(self.hidden(x))
        mean, spread = self.mean(hidden), self.spread(hidden)
        return self.decode(mean + torch.randn_like(spread) * spread.exp()), mean


class Graph(nn.Module):
    """Two graph convolutions: features of nodes, and which nodes are neighbours."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, 8), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor, neighbours: torch.Tensor) -> torch.Tensor:
        return self.second(torch.relu(neighbours @ self.first(x)))


def test_both_networks_draw_the_same_numbers():
    torch.manual_seed(0)
    model, x = Sampling().eval(), torch.randn(7, 6)
    with torch.no_grad():
        model.hidden.weight[5:] = 0
    result: Any = compact(model, x, timed=False)
    assert result.proof.difference_real < 1e-6
    assert result.module.hidden.weight.shape == (5, 6)


def test_a_network_of_a_graph_gets_smaller():
    torch.manual_seed(0)
    model = Graph().eval()
    nodes = torch.randn(9, 5), (torch.rand(9, 9) < 0.4).float()
    with torch.no_grad():
        model.second.weight[:, 3:] = 0
    result: Any = compact(model, nodes)
    torch.testing.assert_close(result.module(*nodes), model(*nodes))
    assert result.module.first.weight.shape == (3, 5)
    assert result.proof.before.seconds_one is None
    assert result.proof.before.seconds_batch > 0
    assert len(coupled_units(model, nodes)) == 8
