"""Units of recurrent layers: with all their gates, in all layers, or not at all."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from torch import nn
from torch.fx import GraphModule

from shrinkage.compaction import compact, coupled_units
from tests.compaction.networks import settle


class Recurrent(nn.Module):
    """A recurrent layer between two others, or a cell of it in a loop."""

    def __init__(self, layer: nn.Module, out: int) -> None:
        super().__init__()
        self.first, self.layer, self.last = nn.Linear(3, 4), layer, nn.Linear(out, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2) of (rows, places, 3)."""
        x = torch.relu(self.first(x))
        if isinstance(self.layer, nn.RNNBase):
            return self.last(self.layer(x)[0].mean(1))
        layer: Any = self.layer
        state = x.new_zeros(len(x), layer.hidden_size), x.new_zeros(len(x), layer.hidden_size)
        for place in range(x.shape[1]):
            state = layer(x[:, place], state)
        return self.last(state[0])


class Halved(nn.Module):
    """Features in two halves, of which the sizes are written into the code."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, places, 6)."""
        return self.first(x).view(x.shape[0], 4, 2, 3).flatten(2)


def test_a_graph_with_a_state_of_zeros_pickles() -> None:
    """Its zeros have as many rows as the input."""
    model: Any = settle(nn.Sequential(Halved(), nn.GRU(6, 5, batch_first=True)))
    x = torch.randn(3, 4, 6, dtype=torch.float64)
    with torch.no_grad():
        model[0].first.weight[:3], model[0].first.bias[:3] = 0.0, 0.0
    module = compact(model, x, tolerance=1e-10, timed=False).module
    assert isinstance(module, GraphModule)
    again = pickle.loads(pickle.dumps(module))
    torch.testing.assert_close(again(x[:2])[0], model.eval()(x[:2])[0])


@pytest.mark.parametrize(
    ("layer", "out"),
    [
        (nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True), 10),
        (nn.GRU(4, 5, batch_first=True), 5),
        (nn.RNN(4, 5, batch_first=True, bias=False), 5),
        (nn.LSTMCell(4, 5), 5),
    ],
)
def test_units_of_a_state_go_with_their_gates(layer: nn.Module, out: int) -> None:
    """A state is 0 where what would fill it is, whatever the gates; constants go into biases."""
    model: Any = settle(Recurrent(layer, out))
    x = torch.randn(3, 4, 3, dtype=torch.float64)
    assert len(coupled_units(model, x)) == 4 + 5
    with torch.no_grad():
        model.first.weight[1], model.first.bias[1] = 0.0, 0.5 if hasattr(layer, "bias") else 0.0
        for name, own in model.layer.named_parameters():
            gates = own.unflatten(0, (-1, 5))
            gates[min(2, len(gates) - 1), [1, 3]] = 0.0  # what fills the state
            gates[0, 2] = 0.0  # of a unit that stays, unless this is all it has
            own.copy_(gates.flatten(0, 1))
            if isinstance(layer, nn.RNN) and name == "weight_ih_l0":
                model.first.bias[1] = -1.0  # nothing takes up another constant
    result: Any = compact(model, x, tolerance=1e-10, timed=False)
    new, unit = result.module.layer, "" if isinstance(layer, nn.RNNCellBase) else "_l0"
    stay = 2 if isinstance(layer, nn.RNN) else 3
    assert (new.input_size, new.hidden_size) == (3, stay)
    assert getattr(new, f"weight_hh{unit}").shape[1] == result.module.last.in_features // (out // 5)
    assert result.notes == ()
    assert result.module.train()(x).sum().backward() is None
    assert all(own.grad is not None for own in result.module.parameters())
