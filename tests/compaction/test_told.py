"""What stays is told with the reason, what is dead with its name, and what it costs in full."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from shrinkage.compaction import CollapsedNetwork, compact
from tests.compaction.networks import pictures, rows, settle, words


class Held(nn.Module):
    """Two units of `first` are dead, and what `after` does with them holds them."""

    def __init__(self, first: nn.Module, after: Any) -> None:
        super().__init__()
        self.first, self.after, self.last = first, after, nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2)."""
        return self.last(self.after(self.first(x)))


class Recurrent(nn.Module):
    """The last answer of a recurrent layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(6, 7, batch_first=True, proj_size=6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 6)."""
        return self.layer(x)[0][:, -1]


def mixed(x: torch.Tensor) -> torch.Tensor:
    """Return products of the halves of the features."""
    first, second = x.view(-1, 2, 3).unbind(1)
    return (first[:, :, None] @ second[:, None]).flatten(1)[:, :6]


def averaged(x: torch.Tensor) -> torch.Tensor:
    """Return channels divided by their neighbours'."""
    return functional.local_response_norm(x, 3).mean((2, 3))


class Neighbours(nn.Module):
    """Channels weighed by their neighbours' means, as in efficient channel attention."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, channels)."""
        means = x.mean((2, 3))
        return means * torch.sigmoid(self.gates(means[:, None])[:, 0])


LINEAR, TABLE, MAPS = nn.Linear(10, 6), nn.Embedding(9, 6), nn.Conv2d(3, 6, 3)
GROUPS = nn.Sequential(nn.Conv2d(6, 6, 3, groups=2), nn.AdaptiveAvgPool2d(1), nn.Flatten())


@pytest.mark.parametrize(
    ("first", "after", "inputs", "why"),
    [
        (LINEAR, functional.normalize, rows, "a norm runs over them"),
        (LINEAR, mixed, rows, "a product reads them"),
        (TABLE, Recurrent(), words, "lstm reads them"),
        (MAPS, averaged, pictures(3), "pad runs over them"),
        (MAPS, Neighbours(), pictures(3), "they are one with units that are needed"),
        (MAPS, GROUPS, pictures(3), "a group of a convolution reads them"),
    ],
)
def test_dead_units_that_stay_are_told(first: Any, after: Any, inputs: Any, why: str) -> None:
    """Of every layer that makes units, whatever reads them."""
    model: Any = settle(Held(first, after))
    with torch.no_grad():
        weight = model.first.weight
        (weight.t() if first is TABLE else weight)[2:4] = 0.0
    notes = compact(model, inputs(), timed=False).notes
    assert f"2 dead units of 'first' stay: {why}" in notes


def test_a_norm_that_is_dead_is_named() -> None:
    """Scales of zero make a constant, too."""
    model: Any = settle(nn.Sequential(nn.Linear(10, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)))
    with torch.no_grad():
        model[1].weight[:] = 0.0
    with pytest.raises(CollapsedNetwork, match="every unit of '1' is dead"):
        compact(model, rows(), timed=False)


def test_groups_of_a_transposed_convolution_go() -> None:
    """One channel a group, and two of three."""
    up, widen = nn.ConvTranspose2d(6, 6, 4, 2, 1, groups=6), nn.ConvTranspose2d(6, 9, 2, groups=3)
    layers = nn.Conv2d(3, 6, 1), nn.ReLU(), up, nn.ReLU(), widen, nn.Conv2d(9, 2, 1)
    model: Any = settle(nn.Sequential(*layers))
    with torch.no_grad():
        for layer in (model[0], model[2]):
            layer.weight[2:4], layer.bias[2:4] = 0.0, 0.0
    smaller: Any = compact(model, pictures(3)(), tolerance=1e-10, timed=False).module
    assert [smaller[2].groups, smaller[4].groups] == [4, 2]
    assert (smaller[4].in_channels, smaller[4].out_channels) == (4, 6)


def test_fused_layers_are_counted() -> None:
    """Multiply-adds of torch's transformer layers, which evaluation takes in one call."""
    model: Any = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1, enable_nested_tensor=False
    )
    with torch.no_grad():
        model.layers[0].linear1.weight[4:], model.layers[0].linear1.bias[4:] = 0.0, 0.0
    proof = compact(model, torch.randn(3, 5, 8), timed=False).proof
    products = 5 * (4 * 8 * 8 + 2 * 8 * 16) + 2 * 5 * 5 * 8
    assert proof.before.multiply_adds == products
    assert proof.after.multiply_adds == products - 5 * 2 * 8 * 12


def test_a_parameter_may_be_an_answer() -> None:
    """It stays as it is."""

    class Answering(nn.Linear):
        def forward(self, x: torch.Tensor) -> Any:
            return super().forward(x), self.bias, self.weight

    model = Answering(10, 3)
    answers = compact(model, torch.randn(4, 10), timed=False).module(torch.randn(4, 10))
    assert [tuple(own.shape) for own in answers] == [(4, 3), (3,), (3, 10)]


class Summed(nn.Module):
    """A stream to which two layers add, one of them with dead units, and an output that is dead."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(10, 6), nn.Linear(10, 6), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.first(x) + self.second(x)))


def test_units_of_a_sum_are_told_and_outputs_are_not() -> None:
    """What else is added holds them; an output is there to stay."""
    model: Any = settle(Summed())
    with torch.no_grad():
        model.first.weight[:2], model.last.weight[1] = 0.0, 0.0
    notes = compact(model, rows(), timed=False).notes
    assert notes == ("2 dead units of 'first' stay: they are one with units that are needed",)


def test_constants_beside_a_border_are_told() -> None:
    """A convolution reads zeros beside them, which no bias can say."""
    layers = nn.Conv2d(3, 6, 1), nn.ReLU(), nn.Conv2d(6, 2, 3, padding=1)
    model: Any = settle(nn.Sequential(*layers))
    with torch.no_grad():
        model[0].weight[:2], model[0].bias[:2] = 0.0, 1.0
    (note,) = compact(model, pictures(3)(), timed=False).notes
    assert note.startswith("2 dead units of '0' stay: what they put out is read beside zeros")


class Bordered(nn.Module):
    """Maps with a border of zeros that the code lays around them, then a channel by itself."""

    def __init__(self, apart: bool) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 2, 3)
        self.apart = nn.Conv2d(6, 6, 3, padding=1, groups=6) if apart else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2, height, width)."""
        x = torch.relu(self.first(x))
        if self.apart is None:
            return self.last(functional.pad(x, (1, 1, 1, 1)))
        return self.last(self.apart(x))


@pytest.mark.parametrize("apart", [False, True])
def test_constants_that_a_border_changes_are_told(apart: bool) -> None:
    """No unit that is needed holds them, and no group: beside zeros they are other numbers."""
    model: Any = settle(Bordered(apart))
    with torch.no_grad():
        model.first.weight[:2], model.first.bias[:2] = 0.0, 1.0
    notes = compact(model, pictures(3)(), timed=False).notes
    assert notes[0].startswith("2 dead units of 'first' stay: what they put out differs from place")
    assert len(notes) == (2 if apart else 1)


class Prototypes(nn.Module):
    """A layer that is called with the rows, and with what they are compared with."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.last = nn.Linear(10, 6), nn.Linear(6, 2)
        self.prototype = nn.Parameter(torch.ones(1, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2)."""
        apart = torch.relu(self.shared(x)) - torch.relu(self.shared(self.prototype))
        return self.last(apart * x[:, :6])


def test_units_of_a_layer_that_is_called_twice_are_counted_once() -> None:
    """Dead are those that are dead in both calls, and not all that one call gives a constant."""
    model: Any = settle(Prototypes())
    with torch.no_grad():
        model.shared.weight[:2] = 0.0
    notes = compact(model, rows(), timed=False).notes
    assert notes == ("2 dead units of 'shared' stay: they are one with units that are needed",)


class Branched(nn.Module):
    """A branch beside another, and what both add up to."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.branch, self.last = nn.Linear(10, 6), nn.Linear(10, 4), nn.Linear(10, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2)."""
        return self.last(torch.cat([torch.relu(self.first(x)), torch.relu(self.branch(x))], 1))


def test_the_unit_that_stays_of_a_dead_layer_is_told_once() -> None:
    """It stays so that the layer has one, and no unit that is needed holds it."""
    model: Any = settle(Branched())
    with torch.no_grad():
        model.branch.weight.zero_()
    (note,) = compact(model, rows(), timed=False).notes
    assert note.startswith("all 4 units of 'branch' are dead")
