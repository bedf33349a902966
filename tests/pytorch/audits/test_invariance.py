"""`scale-invariant`: found in front of a normalization, whatever the layers are called."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW

from shrinkage import L2
from shrinkage.pytorch import audit
from tests.builders.torch_networks import half_squares, settled
from tests.pytorch.audits.audited_networks import data, plain_step, step_with, where
from tests.pytorch.audits.invariant_networks import CASES, ROWS

STRENGTH = 0.001


def audited(model: nn.Module, shape: tuple[int, ...], kind: Any = SGD) -> Any:
    step = step_with(half_squares, STRENGTH)
    return audit(model, kind(model.parameters(), lr=0.01), step, data(24, shape), STRENGTH * L2())


@pytest.mark.parametrize("name", CASES)
def test_which_weights_have_no_size(name: str) -> None:
    make, shape, expected = CASES[name]
    for seed in range(3):
        report = audited(settled(make(), seed=seed), shape)
        assert where(report, "scale-invariant") == expected, f"seed {seed}\n{report}"
        assert report.ok, str(report)


@pytest.mark.parametrize("name", CASES)
def test_at_the_start_of_training(name: str) -> None:
    """With the weights that torch draws, under AdamW; norms begin at one."""
    make, shape, expected = CASES[name]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = make()
    assert where(audited(model, shape, AdamW), "scale-invariant") == expected


@pytest.mark.parametrize(
    "name", ["batch norm", "a plain network", "two convolutions with batch norm"]
)
def test_after_training(name: str) -> None:
    """Small gradients are no vanishing products."""
    make, shape, expected = CASES[name]
    model = settled(make())
    optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(150):
        plain_step(model, optimizer, data(24, shape))
    assert where(audited(model, shape), "scale-invariant") == expected


def test_a_norm_in_evaluation_mode_has_a_size() -> None:
    """A batch norm that is frozen, as in fine-tuning, divides by what it has stored."""
    model = settled(CASES["batch norm"][0]())
    with torch.no_grad():
        model(data()[0])
    model.get_submodule("foo1").eval()
    assert not where(audited(model, ROWS), "scale-invariant")


def test_weights_without_a_penalty_are_nobodys_matter() -> None:
    model = settled(CASES["batch norm"][0]())
    optimizer = SGD([{"params": [model.get_submodule("foo3").weight], "weight_decay": 0.1}], lr=0.1)
    assert not where(audit(model, optimizer, plain_step, data()), "scale-invariant")


@pytest.mark.parametrize(("seed", "width"), [(17, 64), (2, 512)])
def test_a_product_that_vanishes_by_chance_is_tried_again(seed: int, width: int) -> None:
    """⟨w, ∂w⟩ is under 1e-3 of its terms in a layer of these networks, which have no norm."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers: list[nn.Module] = [nn.Linear(12, width), nn.Tanh()]
        for _ in range(3):
            layers += [nn.Linear(width, width), nn.Tanh()]
        model = nn.Sequential(*layers, nn.Linear(width, 5))
        batch = torch.randn(32, 12), torch.randint(0, 5, (32,))
    optimizer = SGD(model.parameters(), lr=0.1, weight_decay=0.01)
    assert not where(audit(model, optimizer, plain_step, batch), "scale-invariant")


def test_chance_beside_a_norm_hides_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all weights are tried, those in front of the norm alone pass, in halves."""
    monkeypatch.setattr("shrinkage.pytorch.audits.invariant._may_be", lambda *_: True)
    make, shape, expected = CASES["two convolutions with batch norm"]
    assert where(audited(settled(make()), shape), "scale-invariant") == expected


def test_a_loop_that_refuses_other_weights_has_no_word_of_it() -> None:
    make, shape, _ = CASES["batch norm"]
    model = settled(make())
    most = 1.5 * float(model.get_parameter("foo0.weight").detach().abs().max())

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        if float(model.get_parameter("foo0.weight").detach().abs().max()) > most:
            raise ValueError("the weights explode")
        step_with(half_squares, STRENGTH)(model, optimizer, batch, scale)

    report = audit(model, SGD(model.parameters(), lr=0.01), step, data(24, shape), STRENGTH * L2())
    assert report.rules == (), str(report)


def said_of(bias: float, norm: nn.Module) -> tuple[str, float]:
    """Return what is said of a layer in front of a norm, and what its double makes of the loss."""
    model = settled(nn.Sequential(nn.Linear(6, 16), norm, nn.Linear(16, 3)))
    with torch.no_grad():
        model.get_parameter("0.bias").copy_(bias * torch.linspace(-1, 1, 16))
    report = audited(model, (6,))
    (said,) = (said for said in report.findings if said.rule == "scale-invariant")
    x, classes = data(24, (6,))
    with torch.no_grad():
        before = nn.functional.cross_entropy(model(x), classes)
        model.get_parameter("0.weight").mul_(2)
        after = nn.functional.cross_entropy(model(x), classes)
    return said.message, float((after - before).abs() / before)


@pytest.mark.parametrize("bias", [0.1, 2.0])
def test_a_weight_that_is_seen_against_its_bias_is_said_to_be(bias: float) -> None:
    words, share = said_of(bias, nn.LayerNorm(16))
    assert "does not depend" not in words
    assert "against its bias only" in words
    stated = float(words.split("changes the loss by ")[1].split(" %")[0]) / 100
    assert stated == pytest.approx(share, rel=0.06)


def test_a_weight_without_a_bias_is_said_to_have_no_size() -> None:
    assert "does not depend" in said_of(0.0, nn.LayerNorm(16, eps=0.0))[0]


@pytest.mark.parametrize("bias", [0.0, 2.0])
def test_what_the_constant_of_a_norm_lets_through_is_not_the_bias(bias: float) -> None:
    words, _ = said_of(bias, nn.BatchNorm1d(16, eps=1e-4))
    assert "hardly depends" in words


@pytest.mark.parametrize("layers", [2, 6])
def test_several_weights_are_told_in_few_runs(layers: int) -> None:
    parts: list[nn.Module] = []
    for _ in range(layers):
        parts += [nn.Linear(6, 6), nn.LayerNorm(6)]
    report = audited(settled(nn.Sequential(*parts, nn.Linear(6, 3))), (6,))
    messages = {s.message for s in report.findings if s.rule == "scale-invariant"}
    assert messages
    assert all(("all 6 such weights" in words) is (layers == 6) for words in messages)
