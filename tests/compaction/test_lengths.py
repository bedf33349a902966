"""Inputs of other lengths than the example's, answers of other kinds than tensors, unused code."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from shrinkage.compaction import CollapsedNetwork, compact, coupled_units
from shrinkage.errors import InputError
from tests.compaction.networks import settle


def numbers(*shape: int) -> torch.Tensor:
    """Return normal numbers in float64."""
    return torch.randn(*shape, dtype=torch.float64)


class Pooled(nn.Module):
    """Sets of words: each by itself, then all of a set together."""

    def __init__(self, pool: Callable[[torch.Tensor], torch.Tensor], places: bool) -> None:
        super().__init__()
        self.pool, self.places = pool, places
        self.first, self.last = nn.Linear(5 + places, 8), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2) of (rows, words, 5)."""
        where = torch.arange(x.shape[1], dtype=x.dtype)[None, :, None].expand(len(x), -1, 1)
        x = torch.cat([x, where], -1) if self.places else x
        return self.last(self.pool(torch.sigmoid(self.first(x))))


def products(x: torch.Tensor) -> torch.Tensor:
    """Return sums over words by a product, as linear attention does."""
    return (x.transpose(1, 2) @ x).mean(1)


POOLS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sum": lambda x: x.sum(1),
    "mean": lambda x: x.mean(1),
    "largest": lambda x: x.amax(1),
    "last": lambda x: x[:, -1],
    "share": lambda x: x.softmax(1).amax(1),
    "products": products,
}


@pytest.mark.parametrize("places", [False, True])
@pytest.mark.parametrize("name", POOLS)
def test_what_is_taken_over_words_is_no_constant_of_longer_sets(name: str, places: bool) -> None:
    """A dead unit's sum over words grows with the set; read by place, its mean does, too."""
    model: Any = settle(Pooled(POOLS[name], places))
    with torch.no_grad():
        model.first.weight[:4, :5] = 0.0
    smaller = compact(model, numbers(4, 7, 5), timed=False).module
    for words in (7, 3, 11):
        x = numbers(4, words, 5)
        torch.testing.assert_close(smaller(x), model(x))


@pytest.mark.parametrize("name", ["mean", "largest", "last"])
def test_constants_that_no_length_changes_go(name: str) -> None:
    """A mean of the same numbers is that number for any set."""
    model: Any = settle(Pooled(POOLS[name], False))
    with torch.no_grad():
        model.first.weight[:4, :5] = 0.0
    smaller: Any = compact(model, numbers(4, 7, 5), timed=False).module
    assert smaller.first.out_features == 4


def test_fixed_lengths_fold_sums() -> None:
    """Where a layer fixes the number of words, a sum over them is a constant of a dead unit."""
    model: Any = settle(nn.Sequential(nn.Linear(5, 8), Fixed(), nn.Linear(8, 2)))
    with torch.no_grad():
        model[0].weight[:4] = 0.0
    smaller: Any = compact(model, numbers(4, 7, 5), timed=False).module
    assert smaller[0].out_features == 4


def test_stacked_and_halved_features_go() -> None:
    """Features side by side are joined and divided in more ways than one."""

    class Sides(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = torch.hstack([self[0](x), self[1](x)])
            x = torch.column_stack(torch.tensor_split(x, [4], 1)).movedim(1, -1).moveaxis(0, 0)
            return self[2](torch.relu(x))

    model: Any = settle(Sides(nn.Linear(5, 4), nn.Linear(5, 4), nn.Linear(8, 2)))
    with torch.no_grad():
        model[1].weight[:3] = 0.0
    smaller: Any = compact(model, numbers(4, 5), timed=False).module
    assert smaller[1].out_features == 1


class Fixed(nn.Module):
    """Numbers added to each of seven words, then their sum."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(7, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, features)."""
        return (x + self.places).sum(1)


class Borders(nn.Module):
    """Two convolutions with zeros around the maps, and the mean of the maps."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.last = nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2)."""
        return self.last(functional.relu(self.second(self.first(x))).mean((2, 3)))


def test_the_mean_of_borders_is_another_for_larger_pictures() -> None:
    """A channel that reads a constant alone is larger inside than at the borders."""
    model: Any = settle(Borders())
    with torch.no_grad():
        model.first.weight[:3] = 0.0
        model.first.bias[:3] = 1.0
        model.second.weight[:2, 3:] = 0.0
    smaller = compact(model, numbers(4, 1, 6, 6), timed=False).module
    for size in (6, 12):
        x = numbers(4, 1, size, size)
        torch.testing.assert_close(smaller(x), model(x))


@pytest.mark.parametrize("model", [Borders(), Pooled(POOLS["mean"], True)])
def test_what_depends_on_places_alone_is_collapsed(model: Any) -> None:
    """A network that reads the size of its input, and nothing else of it, has collapsed."""
    settle(model)
    x = numbers(4, 1, 6, 6) if isinstance(model, Borders) else numbers(4, 7, 5)
    with torch.no_grad():
        model.first.weight[:, : x.shape[-1] if x.ndim == 3 else 1] = 0.0
    with pytest.raises(CollapsedNetwork):
        compact(model, x, timed=False)


class Unread(nn.Module):
    """The last block carries on what nobody reads any more, as in WaveNet."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(5, 8), nn.Linear(8, 2)
        self.carry = nn.ModuleList([nn.Linear(8, 8) for _ in range(2)])
        self.tell = nn.ModuleList([nn.Linear(8, 8) for _ in range(2)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2)."""
        x, told = self.first(x), torch.zeros(())
        for carry, tell in zip(self.carry, self.tell, strict=True):
            z = torch.tanh(x)
            x, told = x + carry(z), told + tell(z)
        return self.last(functional.relu(told))


def test_code_whose_answer_nobody_reads_fits() -> None:
    """Such a part is called all the same, so that it must be made smaller with the rest."""
    model: Any = settle(Unread())
    with torch.no_grad():
        for own in (model.first, *model.carry):
            own.weight[:3], own.bias[:3] = 0.0, 0.0
    found = compact(model, numbers(4, 5), timed=False)
    assert type(found.module) is Unread
    assert found.module.first.out_features == 5


class Longer(nn.Module):
    """A layer that rows of many words alone go through."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.more, self.last = nn.Linear(5, 8), nn.Linear(8, 8), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, words, 2)."""
        x = functional.relu(self.first(x))
        return self.last(self.more(x) if x.shape[1] > 8 else x)


def test_parts_that_the_example_does_not_reach_are_told() -> None:
    """What is not called cannot be made smaller with the rest; nothing is said for nothing."""
    model: Any = settle(Longer())
    assert not compact(model, numbers(4, 5, 5), timed=False).notes
    with torch.no_grad():
        model.first.weight[:3] = 0.0
    (note,) = compact(model, numbers(4, 5, 5), timed=False).notes
    assert "'more' is not called" in note


@dataclass
class Answer:
    """What a network says, and what it says it of."""

    logits: torch.Tensor
    hidden: list[torch.Tensor]


class Record:
    """An answer in an object of another kind."""

    def __init__(self, logits: torch.Tensor) -> None:
        self.logits = logits


class Answering(nn.Module):
    """A network that answers with an object."""

    def __init__(self, answer: Callable[[torch.Tensor, torch.Tensor], Any]) -> None:
        super().__init__()
        self.answer = answer
        self.first, self.second, self.last = nn.Linear(5, 8), nn.Linear(8, 6), nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> Any:
        """Return the object."""
        x = functional.relu(self.second(functional.relu(self.first(x))))
        return self.answer(self.last(x), x)


@pytest.mark.parametrize(
    "answer", [lambda y, x: Answer(y, [x]), lambda y, _: {"all": Record(y)}, lambda y, _: Record(y)]
)
def test_answers_in_objects_are_followed_and_compared(answer: Any) -> None:
    """Tensors are found in dataclasses and other objects; dead units go as from plain answers."""
    model: Any = settle(Answering(answer))
    with torch.no_grad():
        model.first.weight[:3] = 0.0
    found: Any = compact(model, numbers(4, 5), timed=False)
    assert found.module.first.out_features == 5
    assert not found.notes
    assert type(found.module(numbers(2, 5))) is type(model(numbers(2, 5)))
    assert max(found.proof.difference_real, found.proof.difference_random) > 0.0  # rounding


def test_answers_without_tensors_are_refused() -> None:
    """Where nothing can be compared, nothing is proven."""
    model = settle(Answering(lambda y, _: y.sum().item()))
    with pytest.raises(InputError, match="expected an answer with tensors, got float"):
        compact(model, numbers(4, 5), timed=False)


class Volumes(nn.Module):
    """Maps in three dimensions that get smaller and larger."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.norm = nn.Conv3d(1, 6, 2, 2), nn.InstanceNorm3d(6)
        self.up, self.last = nn.ConvTranspose3d(6, 5, 2, 2), nn.Conv3d(5, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return volumes of their size."""
        x = functional.relu(self.norm(self.down(x)))
        x = functional.relu(self.up(x))
        x = functional.interpolate(x, scale_factor=2.0, mode="trilinear")
        return self.last(functional.max_pool3d(x, 2))


def test_volumes() -> None:
    """Channels go through transposed convolutions and borders in three dimensions, too."""
    model: Any = settle(Volumes())
    with torch.no_grad():
        model.up.weight[:, :2] = 0.0
        model.down.weight[:3], model.down.bias[:3] = 0.0, 0.0
    x = numbers(4, 1, 4, 4, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of an instance norm that is told other channels
        smaller: Any = compact(model, x, timed=False).module
        torch.testing.assert_close(smaller(x), model(x))
    assert smaller.up.out_channels == 3
    assert len(coupled_units(model, x)) == 11


SIZED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "size": lambda x: x.mean(1) * x.size(1),
    "root": lambda x: x.mean(1) * x.shape[1] ** 0.5,
    "length": lambda x: x.mean(1) * len(x[0]),
    "logarithm": lambda x: x.mean(1) * math.log(x.shape[1]),
    "tensor": lambda x: x.mean(1) * torch.tensor(float(x.shape[1])),
    "whole tensor": lambda x: x.mean(1) * torch.tensor(x.shape[1]),
    "full": lambda x: x.mean(1) * torch.full((1,), float(x.shape[1]), dtype=x.dtype),
    "new tensor": lambda x: x.mean(1) * x.new_tensor(x.shape[1]),
    "added": lambda x: x.mean(1) + x.shape[1],
    "far branch": lambda x: x.mean(1) if x.shape[1] < 20 else x.sum(1),
    "branch": lambda x: x.mean(1) if x.shape[1] > 5 else x.sum(1),
}


class Sized(nn.Module):
    """Words that are taken together by numbers which come from how many there are."""

    def __init__(self, pool: Callable[[torch.Tensor], torch.Tensor], written: bool) -> None:
        super().__init__()
        self.pool, self.written = pool, written
        self.first, self.last = nn.Linear(5, 8), nn.Linear(8, 2)
        self.inner = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2) of (rows, words, 5)."""
        x = functional.relu(self.first(x))
        x = x.view(-1, x.shape[1], 8) if self.written else x
        return self.inner(self.last(self.pool(x)))


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("constant", [1.0, -1.0])
@pytest.mark.parametrize("name", SIZED)
def test_numbers_of_sizes_are_followed(name: str, constant: float, written: bool) -> None:
    """What the code computes from the length of its input is neither folded nor frozen."""
    model: Any = settle(Sized(SIZED[name], written))
    with torch.no_grad():
        model.first.weight[4:], model.first.bias[4:] = 0.0, constant
        model.inner[0].weight[4:], model.inner[0].bias[4:] = 0.0, 1.0
    found: Any = compact(model, numbers(4, 7, 5), timed=False)
    for words in (7, 3, 14, 28):
        x = numbers(4, words, 5)
        torch.testing.assert_close(found.module(x), model(x))
    assert found.proof.difference_lengths <= found.proof.tolerance
    assert ((14, 5),) in [tuple(shape[1:] for shape in own) for own in found.proof.lengths]
    if constant > 0 or name == "added":
        assert any("depends on the length" in note for note in found.notes)
    assert found.proof.after.parameters < found.proof.before.parameters  # the inner units go


def test_no_length_is_proven_where_it_is_fixed() -> None:
    """Columns of a table are as many as they are."""
    model: Any = settle(nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 2)))
    proof = compact(model, numbers(4, 5), timed=False).proof
    assert proof.lengths == ()
    assert proof.difference_lengths == 0.0


def test_probing_other_lengths_leaves_what_a_network_remembers() -> None:
    """A table that grows with the longest input is as long afterwards as before."""

    class Remembers(nn.Module):
        longest: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(5, 8), nn.Linear(8, 2)
            self.register_buffer("longest", torch.zeros(7, dtype=torch.float64))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.shape[1] > len(self.longest):
                self.longest = torch.zeros(x.shape[1], dtype=x.dtype)
            x = functional.relu(self.first(x)) + self.longest[: x.shape[1], None]
            return self.last(x)

    model: Any = settle(Remembers())
    with torch.no_grad():
        model.first.weight[4:], model.first.bias[4:] = 0.0, 0.0
    found: Any = compact(model, numbers(4, 7, 5), timed=False)
    assert len(found.module.longest) == len(model.longest) == 7
    torch.testing.assert_close(found.module(x := numbers(4, 9, 5)), model(x))


def test_pictures_are_tried_in_other_proportions() -> None:
    """What squares do not tell: the root of the area by the height is 1 in all of them."""

    class Area(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Conv2d(1, 8, 3), nn.Linear(8, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = functional.relu(self.first(x))
            return self.last(x.mean((2, 3)) * math.sqrt(x.shape[2] * x.shape[3]) / x.shape[2])

    model: Any = settle(Area())
    with torch.no_grad():
        model.first.weight[4:], model.first.bias[4:] = 0.0, 1.0
    smaller = compact(model, numbers(4, 1, 9, 9), timed=False).module
    for high, wide in ((9, 9), (12, 7), (18, 18), (5, 30)):
        x = numbers(4, 1, high, wide)
        torch.testing.assert_close(smaller(x), model(x))
