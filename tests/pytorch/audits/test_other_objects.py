"""Whatever else a step trains, averages or counts is as it was after an audit, bit for bit."""

from __future__ import annotations

import copy
import itertools
import operator
import random
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import SGD, Adam
from torch.optim.swa_utils import AveragedModel

from shrinkage import L1, L2, everything, named
from shrinkage.errors import InputError
from shrinkage.pytorch import audit
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.audited_networks import INPUTS, data, network, plain_step, step_with
from tests.pytorch.audits.pictures import changes, frozen_copy, picture

STRENGTH = 0.05
TERM = STRENGTH * L2()
GOOD = step_with(half_squares, STRENGTH)
COUNTS = {"steps": 0}
LATEST: torch.Tensor | None = None


def sgd(model: nn.Module) -> Any:
    return SGD(model.parameters(), lr=0.1)


def gan(generator: nn.Module, other: Any) -> Callable[..., None]:
    """Return a step of a discriminator that trains its generator too."""

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        made = generator(torch.randn(len(batch[0]), 4))
        GOOD(model, optimizer, (torch.cat([batch[0], made.detach()]), batch[1].repeat(2)), scale)
        other.zero_grad()
        functional.cross_entropy(model(made), batch[1]).backward()
        other.step()

    return step


@pytest.mark.parametrize("begun", [False, True])
def test_the_other_network_of_a_gan(begun: bool) -> None:
    model, generator = network(), nn.Sequential(nn.Linear(4, INPUTS), nn.BatchNorm1d(INPUTS))
    optimizer, other = sgd(model), Adam(generator.parameters(), lr=0.01)
    step = gan(generator, other)
    if begun:
        step(model, optimizer, data(), 1.0)
    before = picture(generator, other)
    report = audit(model, optimizer, step, data(), TERM)
    assert report.ok, str(report)
    assert changes(before, picture(generator, other)) == []


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_generator_that_is_compiled() -> None:
    model, plain = network(), nn.Sequential(nn.Linear(4, INPUTS), nn.BatchNorm1d(INPUTS))
    generator: Any = torch.jit.script(plain)
    other = Adam(generator.parameters(), lr=0.01)
    before = frozen_copy(generator.state_dict())
    assert audit(model, sgd(model), gan(generator, other), data(), TERM).ok
    assert frozen_copy(generator.state_dict()) == before
    assert not other.state


def test_a_module_that_the_step_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    helpers: Any = types.ModuleType("helpers_of_a_loop")
    helpers.__file__ = "/home/someone/helpers_of_a_loop.py"
    helpers.average, helpers.steps = torch.zeros(3, INPUTS), 0
    monkeypatch.setitem(sys.modules, "helpers_of_a_loop", helpers)
    model = nn.Linear(INPUTS, 3)

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        import helpers_of_a_loop as own  # type: ignore[import-not-found]

        own.steps += 1
        own.average.lerp_(model.get_parameter("weight").detach(), 0.5)
        GOOD(model, optimizer, batch, scale)

    assert audit(model, sgd(model), step, data(), TERM).ok
    assert helpers.steps == 0
    assert not helpers.average.any()


@pytest.mark.parametrize("through", ["optimizer", "list", "dict", "attribute", "default"])
def test_however_the_step_gets_at_it(through: str) -> None:
    model, generator = network(), nn.Linear(4, INPUTS)
    other = SGD(generator.parameters(), lr=0.1, momentum=0.9)
    holder: Any = {
        "optimizer": other,
        "list": [[other]],
        "dict": {"other": other},
        "attribute": SimpleNamespace(inner=SimpleNamespace(other=other)),
        "default": None,
    }[through]

    def step(
        model: Any, optimizer: Any, batch: Any, scale: float, *, by_default: Any = other
    ) -> None:
        for parameter in by_default.param_groups[0]["params"] if holder is None else trained:
            parameter.grad = torch.ones_like(parameter)
        (by_default if holder is None else stepped(holder)).step()
        GOOD(model, optimizer, batch, scale)

    def stepped(holder: Any) -> Any:
        while not isinstance(holder, SGD):
            holder = (
                holder[0]
                if isinstance(holder, list)
                else holder["other"]
                if isinstance(holder, dict)
                else vars(holder).get("inner") or holder.other
            )
        return holder

    trained = list(generator.parameters())
    before = picture(generator, other)
    assert audit(model, sgd(model), step, data(), TERM).ok
    assert changes(before, picture(generator, other)) == []


def test_averages_of_the_weights() -> None:
    model = network()
    average, swa = copy.deepcopy(model), AveragedModel(model)
    names = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        GOOD(model, optimizer, batch, scale)
        swa.update_parameters(model)
        with torch.no_grad():
            for mean, parameter in zip(average.parameters(), model.parameters(), strict=True):
                mean.lerp_(parameter, 0.1)
        for name, tensor in model.state_dict().items():
            names[name] = 0.9 * names[name] + 0.1 * tensor

    before = frozen_copy([average.state_dict(), swa.state_dict(), names])
    assert audit(model, sgd(model), step, data(), TERM).ok
    assert frozen_copy([average.state_dict(), swa.state_dict(), names]) == before


class Slotted:
    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Loop:
    """A loop with everything that may change in it."""

    steps = 0

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.slotted = Slotted()
        self.latest: deque[float] = deque(maxlen=2)
        self.seen: set[int] = {1}
        self.array = np.zeros(3)
        self.torch = torch.Generator().manual_seed(1)
        self.numpy = np.random.default_rng(1)
        self.older: Any = np.random.RandomState(1)
        self.python = random.Random(1)
        self.rows = iter([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])

    def step(self, model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        global LATEST
        type(self).steps += 1
        self.slotted.count += 1
        COUNTS["steps"] += 1
        LATEST = torch.ones(1)
        self.seen.add(len(self.losses) + 7)
        self.array += self.numpy.normal()
        self.losses.append(float(self.array[0]))
        self.latest.append(self.losses[-1])
        self.last = self.losses[-1]
        noise = self.python.random() + self.older.normal() + next(self.rows)
        noise = noise + torch.randn(batch[0].shape, generator=self.torch)
        batch[0].add_(0.01 * noise)
        GOOD(model, optimizer, batch, scale)

    def picture(self) -> Any:
        rest = {
            key: value for key, value in vars(self).items() if key in ("losses", "seen", "last")
        }
        return frozen_copy([
            rest, list(self.latest), self.array, self.torch.get_state(), self.older.get_state()[1],
            dict(self.numpy.bit_generator.state), self.python.getstate(), COUNTS, Loop.steps,
            self.slotted.count, operator.length_hint(self.rows), LATEST,
        ])  # fmt: skip


def test_what_a_loop_holds_counts_and_draws_from() -> None:
    """Noise from generators of one's own repeats, since these are set back before every run."""
    loop, model, batch = Loop(), network(), data()
    before = loop.picture(), frozen_copy(batch)
    report = audit(model, sgd(model), loop.step, batch, TERM)
    assert report.ok, str(report)
    assert (loop.picture(), frozen_copy(batch)) == before


def test_closures_that_count() -> None:
    count, model = 0, network()

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        nonlocal count
        count += 1
        GOOD(model, optimizer, batch, (1 + 0.5 * (count - 1)) * scale)

    assert audit(model, sgd(model), step, data(), TERM).ok
    assert count == 0


def test_an_error_in_the_step_gives_everything_back_too() -> None:
    model, other = network(), network()

    def step(*_: Any) -> None:
        with torch.no_grad():
            other.get_parameter("0.weight").zero_()
        raise KeyError("late")

    before = frozen_copy(other.state_dict())
    with pytest.raises(KeyError, match="late"):
        audit(model, sgd(model), step, data(), TERM)
    assert frozen_copy(other.state_dict()) == before


def loader() -> Any:
    return torch.utils.data.DataLoader(list(range(99)), batch_size=3)  # type: ignore[arg-type]


def endless() -> Iterator[Any]:
    number = 0
    while True:
        yield number
        number += 1


@pytest.mark.parametrize(
    "make",
    [
        endless,
        lambda: iter(loader()),
        lambda: itertools.cycle(loader()),
        lambda: iter([1]),
    ],
    ids=["generator", "loader", "cycled loader", "exhausted list"],
)
def test_an_iterator_without_a_way_back_is_refused_by_name(make: Any) -> None:
    model, batches = network(), make()

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        next(batches, None)
        next(batches, None)
        GOOD(model, optimizer, batch, scale)

    with pytest.raises(
        InputError, match=r"^expected .* got one that changes batches.*, an it.*as batch"
    ) as e:
        audit(model, sgd(model), step, data(), TERM)
    assert "\n" not in str(e.value)


def test_memory_that_is_given_back_and_taken_again() -> None:
    """As shards do between two steps."""
    model, shard = network(), torch.arange(3.0)

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        shard.untyped_storage().resize_(0)
        GOOD(model, optimizer, batch, scale)

    assert audit(model, sgd(model), step, data(), TERM).ok
    assert torch.equal(shard, torch.arange(3.0))


def test_what_cannot_be_set_back_is_refused_by_name() -> None:
    class Growing(deque[int]):
        def clear(self) -> None:
            raise TypeError("this one only grows")

    model, holder = network(), SimpleNamespace(log=Growing())

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        holder.log.append(1)
        GOOD(model, optimizer, batch, scale)

    with pytest.raises(InputError, match=r"holder.log, which cannot be set back \(TypeError"):
        audit(model, sgd(model), step, data(), TERM)


class TestAssignedData:
    """`p.data = …`: the parameter has other memory afterwards."""

    @staticmethod
    def soft(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        plain_step(model, optimizer, batch)
        for w in (w for w in model.parameters() if w.ndim > 1):
            w.data = torch.sign(w.data) * (w.data.abs() - 0.1 * STRENGTH * scale).clamp(min=0)

    @staticmethod
    def decay(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(batch[0]), batch[1]).backward()
        for w in (w for w in model.parameters() if w.ndim > 1):
            w.data = w.data * (1 - 0.1 * STRENGTH * scale)
        optimizer.step()

    @staticmethod
    def nothing(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:  # noqa: ARG004
        plain_step(model, optimizer, batch)
        for w in model.parameters():
            w.data = w.data.clamp(-10, 10)

    @pytest.mark.parametrize(
        ("step", "term", "rules"),
        [
            (soft, STRENGTH * L1(), ()),
            (decay, STRENGTH * L2(), ()),
            (nothing, STRENGTH * L2(), ("no-effect",)),
        ],
    )
    def test_every_run_begins_at_the_start(self, step, term, rules):
        model = network()
        before = picture(model, optimizer := sgd(model))
        assert audit(model, optimizer, step, data(), term).rules == rules
        assert changes(before, picture(model, optimizer)) == []

    def test_a_buffer_and_an_attribute_that_are_replaced(self):
        class Counting(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = network()
                self.register_buffer("mean", torch.zeros(INPUTS))
                self.calls = 0

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                self.calls += 1
                self.mean = 0.5 * self.mean + x.mean(0)
                return self.inner(x - self.mean) * (1 + self.calls)

        model = Counting()
        report = audit(model, sgd(model), GOOD, data(), TERM)
        assert report.ok, str(report)
        assert model.calls == 0
        assert not model.mean.any()


@pytest.mark.parametrize("where", ["model", "optimizer alone"])
def test_tags_on_parameters_are_on_the_copy(where: str) -> None:
    """As Mamba, RWKV and timm tag what is exempt."""
    model: Any = network()
    model[0].weight.exempt = True
    extra: Any = nn.Parameter(torch.ones(2, 2))
    extra.exempt = where == "model"
    optimizer = SGD([*model.parameters(), extra], lr=0.1)

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        held = optimizer.param_groups[0]["params"]
        exempt = {id(w) for w in held if getattr(w, "exempt", False)}
        squares = sum(w.square().sum() / 2 for w in model.parameters() if id(w) not in exempt)
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(batch[0]), batch[1])
        (loss + scale * STRENGTH * squares).backward()
        optimizer.step()

    term = TERM.on(everything() & ~named("0.weight"))
    assert audit(model, optimizer, step, data(), term).ok
