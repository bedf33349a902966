"""Features that are added up by no weights: factors of tables, products, norms, `einsum`."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from shrinkage.compaction import compact, coupled_units
from tests.compaction.networks import rows, settle


class Factors(nn.Module):
    """A factorization machine on six columns of ten levels, with layers on its factors."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.alone = nn.Embedding(60, 8), nn.Embedding(60, 1)
        self.last = nn.Linear(48, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 1)."""
        own = self.table(x)
        pairs = (own.sum(1).square() - own.square().sum(1)).sum(1, keepdim=True)
        return self.alone(x).sum(1) + 0.5 * pairs + self.last(own.flatten(1))


class Towers(nn.Module):
    """How alike two rows are: a product of all features, or of each row with all others."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.first, self.second, self.how = nn.Linear(10, 8), nn.Linear(10, 8), how

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return (rows,) or (rows, rows)."""
        a, b = self.first(x), self.second(y)
        if self.how == "cosine":
            return (functional.normalize(a, dim=-1) * functional.normalize(b, dim=-1)).sum(-1)
        if self.how == "einsum":
            return torch.einsum("bd,bd->b", a, b)
        return a @ b.t() if self.how == "all" else torch.einsum("id,jd->ij", a, b)


def zero(model: nn.Module, units: Any) -> None:
    """Set all members of some units to 0."""
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for unit in units:
            for name, axis, places in unit.members:
                parameters[name].index_fill_(axis, torch.tensor(places), 0.0)


def test_factors_that_are_zero_go() -> None:
    """A factor is a column of the table and six of the layer behind it."""
    model: Any = settle(Factors())
    x = torch.randint(0, 10, (16, 6)) + torch.arange(6) * 10
    units = coupled_units(model, x)
    assert [len(unit.members) for unit in units] == [2] * 8
    zero(model, units[2:5])
    smaller: Any = compact(model, x, tolerance=1e-10, timed=False).module
    assert (smaller.table.embedding_dim, smaller.last.in_features) == (5, 30)


@pytest.mark.parametrize("how", ["cosine", "einsum", "all", "each"])
def test_features_of_two_towers_go_in_pairs(how: str) -> None:
    """It is enough that one of the two is 0, but for its norm: that counts the other."""
    model: Any = settle(Towers(how))
    assert len(coupled_units(model, (rows(), rows()))) == 8
    with torch.no_grad():
        model.first.weight[2:5], model.first.bias[2:5] = 0.0, 0.0
    smaller: Any = compact(model, (rows(), rows()), tolerance=1e-10, timed=False).module
    one_is_enough = how != "cosine"
    assert smaller.second.out_features == (5 if one_is_enough else 8)
    with torch.no_grad():
        model.second.weight[2:5], model.second.bias[2:5] = 0.0, 0.0
    smaller = compact(model, (rows(), rows()), tolerance=1e-10, timed=False).module
    assert smaller.first.out_features == 5


class Summed(nn.Module):
    """Features that are added up as they are after an activation."""

    def __init__(self, activation: Any) -> None:
        super().__init__()
        self.first, self.activation = nn.Linear(10, 6), activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows,)."""
        return self.activation(self.first(x)).sum(-1)


def test_a_constant_that_is_added_up_stays() -> None:
    """The sum would be another without it, and such units are no coupled ones."""
    sigmoid: Any = settle(Summed(torch.sigmoid))
    assert coupled_units(sigmoid, rows()) == ()
    with torch.no_grad():
        sigmoid.first.weight[:2], sigmoid.first.bias[:2] = 0.0, 0.0
    assert compact(sigmoid, rows(), timed=False).notes == (
        "2 dead units of 'first' stay: a sum runs over them",
    )
    assert len(coupled_units(settle(Summed(torch.relu)), rows())) == 6


class Bare(nn.Module):
    """A factorization machine whose factors are one parameter, read as it is and squared."""

    def __init__(self) -> None:
        super().__init__()
        self.alone, self.factors = nn.Linear(10, 1), nn.Parameter(torch.randn(10, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 1)."""
        pairs = (x @ self.factors).square() - x.square() @ self.factors.square()
        return self.alone(x) + 0.5 * pairs.sum(1, keepdim=True)


def test_a_parameter_may_be_read_twice() -> None:
    """Its columns are factors, and its rows are inputs."""
    model: Any = settle(Bare())
    assert len(coupled_units(model, rows())) == 6
    with torch.no_grad():
        model.factors[:, 2:4], model.factors[1], model.alone.weight[:, 1] = 0.0, 0.0, 0.0
    result: Any = compact(model, rows(), tolerance=1e-10, timed=False, drop_inputs=True)
    assert result.module.factors.shape == (9, 4)
    assert result.module.alone.in_features == 9


class Experts(nn.Module):
    """Three experts in one tensor for each layer, and what each says."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.first, self.gates, self.last = nn.Linear(10, 5), nn.Linear(5, 3), nn.Linear(5, 2)
        self.into, self.out = nn.Parameter(torch.randn(3, 5, 7)), nn.Parameter(torch.randn(3, 7, 5))
        self.into_bias, self.how = nn.Parameter(torch.randn(3, 7)), how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2)."""
        x = torch.relu(self.first(x))
        gates, biases = self.gates(x).softmax(-1), self.into_bias
        if self.how == "labels":
            own = torch.relu(torch.einsum("bd,edh->beh", x, self.into) + biases)
            own = torch.einsum("beh,ehd->bed", own, self.out)
            return self.last(torch.einsum("bed,be->bd", own, gates))
        if self.how == "in one":
            own = torch.baddbmm(biases[:, None], x.expand(3, -1, -1), self.into).relu()
            return self.last((torch.bmm(own, self.out) * gates.t()[..., None]).sum(0))
        own = [
            functional.linear(torch.relu(x @ into + bias), out.t())
            for into, bias, out in zip(self.into, biases, self.out, strict=True)
        ]
        return self.last(sum(gates[:, i, None] * one for i, one in enumerate(own)))


@pytest.mark.parametrize("how", ["labels", "in one", "one by one"])
def test_units_of_experts_go_in_all_of_them(how: str) -> None:
    """A hidden unit that one expert needs stays in all."""
    model: Any = settle(Experts(how))
    assert len(coupled_units(model, rows())) == 5 + 7 + 5
    with torch.no_grad():
        model.first.weight[1], model.first.bias[1] = 0.0, 0.0
        model.into[:, :, 2:5], model.into_bias[:, 2:4], model.into_bias[1:, 4] = 0.0, 0.0, 0.0
        model.into_bias[0, 4] = 1.0
        model.last.weight[:, 0] = 0.0
    result: Any = compact(model, rows(), tolerance=1e-10, timed=False)
    assert result.module.into.shape == (3, 4, 5)
    assert result.module.out.shape == (3, 5, 4)
    assert type(result.module) is Experts


class Labelled(nn.Module):
    """Attention whose products are written with labels, and a bare matrix of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.weight = nn.Linear(8, 24), nn.Parameter(torch.randn(8, 6))
        self.bias, self.last = nn.Parameter(torch.randn(6)), nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, words, 2)."""
        q, k, v = self.qkv(x).view(*x.shape[:2], 3, 4, 2).unbind(2)
        weights = torch.einsum("b i h d, b j h d -> b h i j", q, k).softmax(-1)
        own = torch.einsum("bhij,bjhd->bihd", weights, v).flatten(2)
        return self.last(torch.relu(torch.einsum("bif,fg->big", own, self.weight) + self.bias))


def test_labelled_products_are_followed() -> None:
    """Heads are units, and so are the columns of the matrix, whose constants a bias takes up."""
    model: Any = settle(Labelled())
    x = torch.randn(4, 5, 8, dtype=torch.float64)
    units = coupled_units(model, x)
    assert [unit.is_head for unit in units].count(True) == 4
    assert len(units) == 10
    with torch.no_grad():
        model.weight[:, 1:3] = 0.0
    result: Any = compact(model, x, tolerance=1e-10, timed=False)
    assert result.module.last.in_features == 4
    assert result.notes == ()
    zero(model, [unit for unit in units if unit.is_head][:2])
    parameters = compact(model, x, tolerance=1e-10, timed=False).proof.after.parameters
    assert parameters == 9 * 12 + 4 * 4 + 4 + 2 * 5


class Neighbours(nn.Module):
    """Nodes of one graph, whose matrix of neighbours is a buffer."""

    neighbours: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(5, 8), nn.Linear(8, 6), nn.Linear(6, 2)
        self.register_buffer("neighbours", torch.rand(7, 7) * (torch.rand(7, 7) > 0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (nodes, 2)."""
        x = torch.relu(self.neighbours @ self.first(x))
        return self.last(torch.relu(torch.mm(self.neighbours, self.second(x))))


def test_features_of_a_fixed_graph_go_one_by_one() -> None:
    """Its matrix mixes nodes, and leaves features apart."""
    model: Any = settle(Neighbours())
    x = torch.randn(7, 5, dtype=torch.float64)
    units = coupled_units(model, x)
    assert len(units) == 14
    zero(model, [units[1], units[4], units[9]])
    result: Any = compact(model, x, tolerance=1e-10, timed=False)
    assert result.module.first.out_features + result.module.second.out_features == 11
    assert result.module.neighbours.shape == (7, 7)


class Branches(nn.Module):
    """Channels of two branches, weighed over these, and columns, each by a row of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(10, 6), nn.Linear(10, 6)
        self.tables, self.last = nn.Parameter(torch.randn(10, 3)), nn.Linear(6 + 30, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2)."""
        own = torch.stack([self.first(x), self.second(x)], 1)
        return self.last(
            torch.cat([(own.softmax(1) * own).sum(1), (self.tables * x[:, :, None]).flatten(1)], 1)
        )


def test_units_of_branches_and_rows_of_a_table_go_together() -> None:
    """A table that is spread over columns has a row for each of those that stay, no fewer."""
    model: Any = settle(Branches())
    with torch.no_grad():
        for own in (model.first, model.second):
            own.weight[1:3], own.bias[1:3], own.weight[:, 4] = 0.0, 0.0, 0.0
        model.tables[3:5], model.tables[:, 1] = 0.0, 0.0
    result: Any = compact(model, rows(), tolerance=1e-10, timed=False, drop_inputs=True)
    assert (result.module.first.out_features, result.module.tables.shape) == (4, (9, 3))
    assert result.kept_inputs.tolist() == [0, 1, 2, 3, *range(5, 10)]
