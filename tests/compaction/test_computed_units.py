"""Units of layers whose weights are computed in every call: weight norms and other forms."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from shrinkage.compaction import compact, coupled_units
from shrinkage.pytorch.units import shrink_units


class Adapted(nn.Module):
    """A weight and a product of low rank."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.randn(2, columns)), nn.Parameter(torch.randn(rows, 2))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Return their sum."""
        return weight + self.b @ self.a


def older(layer: nn.Module) -> nn.Module:
    """Return a layer with the weight norm of older networks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return nn.utils.weight_norm(layer)


def pruned(layer: nn.Module) -> nn.Module:
    """Return a layer with a mask on its weight and one on its bias."""
    return prune.random_unstructured(prune.random_unstructured(layer, "weight", 0.2), "bias", 0.2)


def adapted(layer: nn.Module) -> nn.Module:
    """Return a layer with an adapter in its weight."""
    own: Any = layer
    parametrize.register_parametrization(layer, "weight", Adapted(*own.weight.shape))
    return layer


FORMS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "weight norm": parametrizations.weight_norm,
    "older weight norm": older,
    "spectral norm": parametrizations.spectral_norm,
    "adapter": adapted,
    "mask": pruned,
}


def network(form: Callable[[nn.Module], nn.Module]) -> tuple[nn.Module, torch.Tensor]:
    """Return a network with computed weights, and rows."""
    torch.manual_seed(0)
    layers = (form(nn.Linear(5, 8)), nn.ReLU(), form(nn.Linear(8, 6)), nn.ReLU(), nn.Linear(6, 2))
    return nn.Sequential(*layers).eval(), torch.randn(4, 5)


@pytest.mark.parametrize("form", FORMS)
def test_units_of_computed_weights_vanish_where_their_members_do(form: str) -> None:
    """All hidden units are found, and `compact` takes out those whose members are zero."""
    model, x = network(FORMS[form])
    units = coupled_units(model, x)
    assert len(units) == 8 + 6
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for unit in units[::2]:
            for name, axis, places in unit.members:
                parameters[name].index_fill_(axis, torch.tensor(places), 0.0)
    assert model(x).isfinite().all()
    smaller: Any = compact(model, x, timed=False).module
    assert (smaller[0].out_features, smaller[2].out_features) == (4, 3)


def test_units_of_transposed_convolutions_vanish() -> None:
    """A weight norm of torch is by the first axis, which is the inputs' of those."""
    torch.manual_seed(0)
    norm = parametrizations.weight_norm
    layers = (norm(nn.Conv1d(2, 6, 3)), nn.ReLU(), norm(nn.ConvTranspose1d(6, 4, 3)), nn.ReLU())
    model, x = nn.Sequential(*layers, nn.Conv1d(4, 1, 1)).eval(), torch.randn(3, 2, 9)
    units = coupled_units(model, x)
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for unit in units[::2]:
            for name, axis, places in unit.members:
                parameters[name].index_fill_(axis, torch.tensor(places), 0.0)
    smaller: Any = compact(model, x, timed=False).module
    assert (smaller[0].out_channels, smaller[2].out_channels) == (3, 2)


def test_units_of_orthogonal_weights_are_none() -> None:
    """Of an orthogonal weight no row can vanish: its units are not told as if they could."""
    model, x = network(parametrizations.orthogonal)
    assert not coupled_units(model, x)


@pytest.mark.parametrize("form", ["weight norm", "older weight norm"])
def test_shrinking_units_of_weight_norms_takes_magnitudes(form: str) -> None:
    """A unit's size is that of its magnitude and bias: a strong prox makes both exactly 0."""
    model, x = network(FORMS[form])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    shrink = shrink_units(optimizer, model, 3.0, coupled_units(model, x))
    assert shrink.sizes.tolist() == [2] * 14
    for _ in range(60):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    assert not shrink.norms().any()
    assert model(x).isfinite().all()
