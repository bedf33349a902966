"""Terms act through the optimizer of torch inside a wrapper, whoever wrote that."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam

from shrinkage import L1, L2
from shrinkage.errors import UnsupportedOptimizer
from shrinkage.pytorch import regularize
from tests.builders.torch_networks import equal, parameters_of
from tests.pytorch.small_training import loss_of, network

TERMS = 0.02 * L1() + 0.1 * L2()


class Named:
    """Holds it under the usual name."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer

    def step(self) -> None:
        self.optimizer.step()


class Elsewhere(torch.optim.Optimizer):
    """An optimizer by its class that was never initialised as one."""

    def __init__(self, base: Any) -> None:
        self.base, self.param_groups, self.other = base, base.param_groups, 3

    def step(self, closure: Any = None) -> None:  # noqa: ARG002
        self.base.step()


class InAList:
    def __init__(self, *optimizers: Any) -> None:
        self.inside = list(optimizers)


def trained(wrap: Any, update: str) -> list[torch.Tensor]:
    model = network()
    optimizer = Adam(model.parameters(), lr=0.01)
    wrapped = wrap(optimizer)
    attachment = regularize(wrapped, model, TERMS, update)
    for _ in range(6):
        optimizer.zero_grad()
        loss_of(model).backward()
        getattr(wrapped, "step", optimizer.step)()
    assert attachment.steps == 6
    return parameters_of(model)


@pytest.mark.parametrize("update", ["proximal", "decoupled", "gradient"])
@pytest.mark.parametrize(
    "wrap",
    [Named, Elsewhere, lambda o: Named(Elsewhere(o)), InAList],
    ids=["named", "elsewhere", "two", "in a list"],
)
def test_a_wrapped_optimizer_is_the_bare_one(wrap, update):
    assert equal(trained(wrap, update), trained(lambda optimizer: optimizer, update))


@pytest.mark.parametrize("update", ["proximal", "decoupled"])
def test_what_accelerate_has_prepared(update):
    accelerate = pytest.importorskip("accelerate")
    model, plain = network(), network()
    optimizer, other = (Adam(m.parameters(), lr=0.01) for m in (model, plain))
    accelerator = accelerate.Accelerator(cpu=True)
    prepared, wrapped = accelerator.prepare(model, optimizer)
    attachment = regularize(wrapped, prepared, TERMS, update)
    regularize(other, plain, TERMS, update)
    for _ in range(4):
        wrapped.zero_grad()
        accelerator.backward(loss_of(prepared))
        wrapped.step()
        other.zero_grad()
        loss_of(plain).backward()
        other.step()
    assert attachment.steps == 4
    assert equal(parameters_of(model), parameters_of(plain))


class Holder:
    def __init__(self, value: Any) -> None:
        self.value = value


@pytest.mark.parametrize(
    "wrapper",
    [Holder(None), Holder(3), object(), "adam"],
    ids=["of none", "of a number", "an object", "a text"],
)
def test_nothing_inside_is_one_line(wrapper):
    with pytest.raises(UnsupportedOptimizer, match=r"wrapper of one, got .* with none inside"):
        regularize(wrapper, network(), TERMS)


def test_several_inside_are_told():
    model = network()
    both = [SGD(layer.parameters(), lr=0.1) for layer in (model[0], model[3])]
    with pytest.raises(UnsupportedOptimizer, match=r"InAList with 2 of them.*or a list"):
        regularize(InAList(*both), model, TERMS)


def test_a_wrapper_of_itself_is_one_line():
    holder = Named(None)
    holder.optimizer = holder
    holder.param_groups = []  # type: ignore[attr-defined]
    with pytest.raises(UnsupportedOptimizer, match="none inside"):
        regularize(holder, nn.Linear(2, 1), TERMS)
