"""The caller's objects are bit for bit as they were, and train on as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from torch import nn
from torch.nn import functional
from torch.optim import LBFGS, SGD, AdamW

from shrinkage import L1, L2
from shrinkage.pytorch import audit, regularize
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.audited_networks import data
from tests.pytorch.audits.pictures import changes, picture, reseeded, states_kept
from tests.pytorch.audits.restless import STRENGTH, bare_step, noisy_step, restless

TERM = STRENGTH * L2()


def closure_step(model: nn.Module, optimizer: Any, batch: Any, scale: float = 1.0) -> None:
    def closure() -> Any:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(batch[0]), batch[1])
        loss = loss + scale * STRENGTH * half_squares(model)
        loss.backward()
        return loss

    optimizer.step(closure)


@pytest.fixture(autouse=True)
def _random_states() -> Iterator[None]:
    with states_kept():
        yield


def sgd(model: nn.Module) -> Any:
    return SGD(model.parameters(), lr=0.05, momentum=0.9)


def adamw(model: nn.Module) -> Any:
    return AdamW(model.parameters(), lr=0.01, weight_decay=STRENGTH)


def lbfgs(model: nn.Module) -> Any:
    return LBFGS(model.parameters(), lr=0.1, max_iter=3)


def attached(update: str) -> Callable[[nn.Module], Any]:
    def make(model: nn.Module) -> Any:
        optimizer = AdamW(model.parameters(), lr=0.01, weight_decay=0.0)
        regularize(optimizer, model, 0.005 * L1() + TERM, update)
        return optimizer

    return make


KINDS: dict[str, tuple[Callable[[nn.Module], Any], Callable[..., None], Any]] = {
    "SGD with momentum": (sgd, noisy_step, TERM),
    "AdamW": (adamw, bare_step, None),
    "LBFGS": (lbfgs, closure_step, TERM),
    **{name: (attached(name), bare_step, None) for name in ("gradient", "decoupled", "proximal")},
}


def begun(name: str) -> tuple[nn.Module, Any]:
    """Return a model and an optimizer after two steps, with a history of their own."""
    reseeded()
    make, step, _ = KINDS[name]
    model = restless()
    optimizer = make(model)
    for _ in range(2):
        step(model, optimizer, data())
    model.get_submodule("2").eval()
    return model, optimizer


@pytest.mark.parametrize("name", KINDS)
def test_everything_is_as_it_was(name: str) -> None:
    model, optimizer = begun(name)
    before = picture(model, optimizer)
    report = audit(model, optimizer, KINDS[name][1], data(), KINDS[name][2])
    assert report.seen
    after = picture(model, optimizer)
    assert changes(before, after) == []


@pytest.mark.parametrize("name", KINDS)
def test_training_goes_on_as_if_nothing_had_been(name: str) -> None:
    ends = []
    for audits in (0, 2):
        model, optimizer = begun(name)
        for _ in range(audits):
            audit(model, optimizer, KINDS[name][1], data(), KINDS[name][2])
        for _ in range(3):
            KINDS[name][1](model, optimizer, data())
        ends.append(picture(model, optimizer))
    for key in ("weights and buffers", "gradients", "optimizer", "torch", "numpy", "python"):
        assert ends[0][key] == ends[1][key], key


def test_gradients_that_a_step_adds_to() -> None:
    """A loop that accumulates begins with what earlier batches have left."""
    model = restless()
    optimizer = sgd(model)
    bare_step(model, optimizer, data())
    before = picture(model, optimizer)

    def adding_step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        loss = functional.cross_entropy(model(batch[0]), batch[1])
        (loss + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()

    report = audit(model, optimizer, adding_step, data(), TERM)
    assert report.ok, str(report)
    assert changes(before, picture(model, optimizer)) == []


@pytest.mark.parametrize("kind", [sgd, adamw])
def test_a_step_that_fails_leaves_everything_too(kind: Any) -> None:
    model = restless()
    optimizer = kind(model)
    noisy_step(model, optimizer, data())
    before = picture(model, optimizer)

    def fails(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        noisy_step(model, optimizer, batch, scale)
        raise KeyError("late")

    with pytest.raises(KeyError, match="late"):
        audit(model, optimizer, fails, data(), TERM)
    after = picture(model, optimizer)
    assert changes(before, after) == []
