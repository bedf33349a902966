"""Collapse is predicted where a network goes to zero output, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrize

from shrinkage import L2
from shrinkage.pytorch import audit, regularize
from tests.pytorch.audits.audited_networks import data, where
from tests.pytorch.audits.healthy_networks import NETWORKS, dense
from tests.pytorch.audits.healthy_settings import (
    REGULARIZERS,
    SGD,
    accuracy,
    digits,
    own,
    plain_step,
    rows,
    train,
)
from tests.pytorch.audits.published_settings import BATCH, PUBLISHED, Published, network
from tests.selecting import in_pairs

HEALTHY = [(one, other) for one in NETWORKS for other in REGULARIZERS]


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def large_digits(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return digits of 28 × 28 pixels between 0 and 1: each pixel thrice, and a border."""
    x, y = digits()
    images = (x[:count] - x.min()) / (x.max() - x.min())
    larger = images.view(-1, 8, 8).repeat_interleave(3, 1).repeat_interleave(3, 2)
    return functional.pad(larger, (2, 2, 2, 2)), y[:count]


@pytest.mark.parametrize("setting", PUBLISHED, ids=lambda one: one.name)
@pytest.mark.parametrize("seed", [42, 1, 2])
def test_published_settings(setting: Published, seed: int) -> None:
    model = network(seed)
    batch = large_digits(BATCH)
    report = audit(
        model,
        setting.optimizer(model),
        setting.step(),
        batch,
        setting.terms(),
        steps_per_epoch=6000,
    )
    (found,) = [one for one in report.findings if one.rule == "collapse"]
    assert found.severity == "error"
    assert "zero output" in found.message
    assert "epochs" in found.message
    assert "at most" in found.remedy


@pytest.mark.parametrize("setting", PUBLISHED, ids=lambda one: one.name)
def test_a_small_part_of_them_is_no_alarm(setting: Published) -> None:
    model = network()
    weak = setting.with_strengths([strength / 10_000 for strength in setting.strengths])
    report = audit(model, weak.optimizer(model), weak.step(), large_digits(BATCH), weak.terms())
    assert "collapse" not in report.rules, str(report)


def test_there_are_enough_healthy_settings() -> None:
    assert len(HEALTHY) >= 30


@pytest.mark.parametrize(("name", "regularizer"), HEALTHY)
def test_the_start_of_healthy_training(name: str, regularizer: str) -> None:
    model = NETWORKS[name]()
    report = audit(model, REGULARIZERS[regularizer](model), plain_step, rows(0, 64))
    assert not where(report, "collapse"), str(report)


@pytest.mark.parametrize("count", [1, 4, 512])
@pytest.mark.parametrize("regularizer", REGULARIZERS)
def test_batches_of_any_size(regularizer: str, count: int) -> None:
    model = NETWORKS["perceptron"]()
    report = audit(model, REGULARIZERS[regularizer](model), plain_step, rows(0, count))
    assert not where(report, "collapse"), str(report)


def at_its_end(case: tuple[str, str]) -> bool:
    """Every regularizer on the small network; on the other one of each optimizer and update."""
    name, regularizer = case
    some = ("AdamW 1e-3, 0.01", "SGD 0.1, 5e-4", "L1 1e-4", "elastic net")
    return name == "perceptron" or regularizer in some


ENDS = [(name, own) for name in ("perceptron", "residual") for own in REGULARIZERS]


@pytest.mark.parametrize("case", in_pairs(ENDS, at_its_end), ids="-".join)
def test_networks_at_the_end_of_training_with_their_penalty(case: tuple[str, str]) -> None:
    name, regularizer = case
    model = NETWORKS[name]()
    optimizer = REGULARIZERS[regularizer](model)
    train(model, optimizer, 150)
    assert accuracy(model) > 0.3  # plain SGD with 0.01 is slow
    report = audit(model, optimizer, plain_step, rows(0, 64))
    assert not where(report, "collapse"), str(report)


LATE = ("SGD 0.1, 5e-4", "SGD 0.01, 1e-4", "Adam 1e-3, 1e-4", "L1 1e-4")


@pytest.mark.parametrize("regularizer", LATE)
def test_decay_that_begins_when_all_is_learned(regularizer: str) -> None:
    """The data hardly pushes there; it does again as soon as the weights are smaller."""
    model = dense(64, 64, 10)
    train(model, own(SGD, 0.1, 0.0, momentum=0.9)(model), 400)
    optimizer = REGULARIZERS[regularizer](model)
    report = audit(model, optimizer, plain_step, rows(0, 64))
    train(model, optimizer, 400)
    assert accuracy(model) > 0.9
    assert not where(report, "collapse"), str(report)


@pytest.mark.slow
def test_stronger_decay_that_begins_when_all_is_learned_for_long() -> None:
    """Ten times the usual decay costs a point or two of accuracy, and no network."""
    model = dense(64, 64, 10)
    train(model, SGD(model.parameters(), lr=0.1, momentum=0.9), 3000)
    optimizer = own(SGD, 0.1, 5e-3, momentum=0.9)(model)
    report = audit(model, optimizer, plain_step, rows(0, 64))
    train(model, optimizer, 900)
    assert accuracy(model) > 0.88
    assert not where(report, "collapse"), str(report)


@pytest.mark.parametrize("strength", [0.1, 1.0, 100.0])
def test_a_linear_model_with_a_strong_ridge(strength: float) -> None:
    model = nn.Linear(64, 1)
    x, y = rows(0, 200)
    step = regression_step(strength)
    report = audit(model, SGD(model.parameters(), lr=1e-3), step, (x, y), strength * L2())
    assert report.rules == (), str(report)


def regression_step(strength: float) -> Any:
    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        loss = (model(batch[0])[:, 0] - batch[1]).square().mean() / 2
        penalty = sum(w.square().sum() / 2 for w in model.parameters() if w.ndim > 1)
        (loss + scale * strength * penalty).backward()
        optimizer.step()

    return step


@pytest.mark.parametrize("strength", [0.01, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("steps", [0, 20])
def test_fine_tuning_around_a_reference(strength: float, steps: int) -> None:
    """A strong pull to the pretrained weights is none to zero."""
    model = dense(64, 64, 10)
    train(model, SGD(model.parameters(), lr=0.1, momentum=0.9), 200)
    reference = {name: w.clone() for name, w in model.state_dict().items()}
    train(model, SGD(model.parameters(), lr=0.05), steps)
    optimizer = SGD(model.parameters(), lr=0.01)
    regularize(optimizer, model, (strength * L2()).around(reference), "gradient")
    report = audit(model, optimizer, plain_step, rows(700, 64))
    assert not where(report, "collapse"), str(report)


class Unit(nn.Module):
    """A weight is used in rows of length one."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return functional.normalize(weight, dim=-1)


def unit_rows(inputs: int, outputs: int) -> nn.Module:
    layer = nn.Linear(inputs, outputs, bias=False)
    return parametrize.register_parametrization(layer, "weight", Unit())


class NormalizedHeads(nn.Module):
    """As in nViT: all matrices and what they make have length one, scales of heads have not."""

    def __init__(self, width: int = 12, classes: int = 3) -> None:
        super().__init__()
        self.first, self.second = unit_rows(6, width), unit_rows(width, width)
        self.last = unit_rows(width, classes)
        self.heads = nn.Parameter(torch.ones(2, 1, width // 2))
        self.table = nn.Parameter(torch.ones(1, 4, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (x[:, None] + self.table).mean(1)
        x = functional.normalize(functional.silu(self.first(x)), dim=-1)
        x = self.second(x).unflatten(-1, (2, -1)).transpose(0, 1) * self.heads
        x = functional.normalize(x.transpose(0, 1).flatten(1), dim=-1)
        return 4 * self.last(x)


def test_normalised_weights_cannot_collapse() -> None:
    """Their size is not seen; a loop that attaches its terms in every step is no hindrance."""

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        attachment = regularize(optimizer, model, scale * 1.0 * L2())
        plain_step(model, optimizer, batch)
        attachment.detach()

    model = NormalizedHeads()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    report = audit(model, optimizer, step, data(), 1.0 * L2())
    assert report.ok, str(report)
    layers = ("first", "last", "second")
    assert where(report, "scale-invariant") == {
        f"{name}.parametrizations.weight.original" for name in layers
    }
