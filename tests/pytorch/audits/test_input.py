"""What the PyTorch audit refuses, in one clear line, and what it lets through."""

from __future__ import annotations

import functools
import os
import threading
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from shrinkage import L1, L2
from shrinkage.errors import InputError
from shrinkage.pytorch import audit, regularize
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.audited_networks import data, network, plain_step, step_with

STRENGTH = 0.05
TERM = STRENGTH * L2()
GOOD = step_with(half_squares, STRENGTH)


def refused(
    step: Any, *words: str, model: Any = None, optimizer: Any = None, terms: Any = TERM
) -> None:
    """Expect a refusal of one line that holds every word."""
    model = network() if model is None else model
    optimizer = SGD(model.parameters(), lr=0.1) if optimizer is None else optimizer
    with pytest.raises(InputError) as caught:
        audit(model, optimizer, step, data(), terms)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("expected ")
    assert all(word in message for word in words), message


def test_the_good_step_is_good() -> None:
    model = network()
    report = audit(model, SGD(model.parameters(), lr=0.1), GOOD, data(), TERM)
    assert report.ok, str(report)


def test_arguments_that_are_no_model_and_no_optimizer() -> None:
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    refused(GOOD, "torch.nn.Module", "SGD", "model first", model=optimizer, optimizer=optimizer)
    refused(GOOD, "torch.nn.Module", "function", model=lambda x: x, optimizer=optimizer)
    refused(GOOD, "torch.optim.Optimizer", "Sequential", "second", optimizer=model)
    refused(GOOD, "torch.optim.Optimizer", "list", optimizer=[optimizer])
    refused("step", "a function", "got str", "third")


def test_a_step_that_takes_no_step() -> None:
    def forgets(model: nn.Module, _optimizer: Any, batch: Any, _scale: float) -> None:
        model(batch[0]).sum().backward()

    refused(forgets, "call optimizer.step() once", "0 calls", "ends in one")


def test_weights_that_move_without_a_step() -> None:
    """As SAM's first_step and second_step do, or an update that is written out."""

    def by_hand(model: nn.Module, _optimizer: Any, batch: Any, _scale: float) -> None:
        model(batch[0]).sum().backward()
        with torch.no_grad():
            for w in model.parameters():
                w.sub_(w.grad, alpha=0.1)  # type: ignore[arg-type]

    refused(by_hand, "0 calls", "moved all the same", "step(closure)", "shrinkage.audit")


def test_a_step_that_takes_two() -> None:
    def two(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        GOOD(model, optimizer, batch, scale)
        GOOD(model, optimizer, batch, scale)

    refused(two, "call optimizer.step() once", "2 calls", "the step of one batch")


def test_a_step_on_the_callers_own_optimizer() -> None:
    """A step that closes over what it was given would train the caller's model."""
    model = network()
    own = SGD(model.parameters(), lr=0.1)
    before = {name: w.clone() for name, w in model.state_dict().items()}

    def step(_model: nn.Module, _optimizer: Any, batch: Any, scale: float) -> None:
        GOOD(model, own, batch, scale)

    refused(step, "call optimizer.step() once", model=model, optimizer=own)
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_strengths_of_zero_only() -> None:
    refused(GOOD, "a strength above 0", "nothing to look for", terms=0.0 * L2() + 0.0 * L1())
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    regularize(optimizer, model, 0.0 * L1())
    refused(plain_step, "a strength above 0", model=model, optimizer=optimizer, terms=None)


@pytest.mark.parametrize("make", [SGD, Adam])
def test_nothing_that_says_what_is_wanted(make: Any) -> None:
    model = network()
    words = ("terms", "weight_decay", "regularize", "give terms=")
    refused(GOOD, *words, model=model, optimizer=make(model.parameters(), lr=0.1), terms=None)


def test_an_unknown_update_and_a_number_for_terms() -> None:
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    with pytest.raises(InputError, match="proximal"):
        audit(model, optimizer, GOOD, data(), TERM, update="proximl")
    with pytest.raises(InputError, match="term"):
        audit(model, optimizer, GOOD, data(), 0.1)  # type: ignore[arg-type]


def test_complex_numbers_are_refused_where_a_term_is_on_them() -> None:
    model = nn.Sequential(*network())
    model.phase = nn.Parameter(torch.ones(2, 2, dtype=torch.complex64))  # type: ignore[assignment]
    optimizer = SGD(model.parameters(), lr=0.1)
    refused(GOOD, "complex64", "phase", model=model, optimizer=optimizer)

    def step(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        step_with(lambda model: half_squares(model[:3]), STRENGTH)(model, optimizer, batch, scale)

    report = audit(model, optimizer, step, data(), TERM.on("0.*", "2.*"))
    assert report.ok, str(report)
    assert [said.parameter for said in report.findings] == ["phase"]


def test_parameters_without_shapes() -> None:
    model = nn.Sequential(nn.LazyLinear(3))
    refused(GOOD, "0.weight", "run one batch", model=model)


@pytest.mark.skipif(torch.cuda.is_available(), reason="the device that must be absent is here")
@pytest.mark.parametrize("how", ["batch", "model", "tensor"])
def test_a_step_that_wants_a_device_that_is_not_there(how: str) -> None:
    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        if how == "batch":
            batch = tuple(part.to("cuda") for part in batch)
        elif how == "model":
            model.cuda()
        else:
            torch.zeros(3, device="cuda:0")
        GOOD(model, optimizer, batch, scale)

    refused(step, "a device that is here", "on that machine", "the device from the model")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        RuntimeError("two timestamps are the same"),
        AssertionError("the relationship is lost"),
        KeyError("x"),
        ValueError("cuda is no word of this library"),
    ],
    ids=["shapes", "timestamps", "relationship", "key", "value"],
)
def test_other_errors_of_the_step_are_the_callers(error: Exception) -> None:
    def step(*_: Any) -> None:
        raise error

    model = network()
    with pytest.raises(type(error)) as caught:
        audit(model, SGD(model.parameters(), lr=0.1), step, data(), TERM)
    assert caught.value is error


def test_a_learning_rate_of_zero_is_where_a_warm_up_begins() -> None:
    """Nothing can arrive beside the gradient there, which is no fault of the loop."""
    model = network()
    decayed = AdamW([{"params": [model[0].weight, model[2].weight]}], lr=0.0, weight_decay=0.1)
    report = audit(model, decayed, plain_step, data())
    assert report.ok, str(report)


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_a_wrong_factor_at_any_learning_rate(rate: float) -> None:
    model = network()
    step = step_with(half_squares, 2 * STRENGTH)
    report = audit(model, SGD(model.parameters(), lr=rate), step, data(), TERM)
    assert "wrong-factor" in report.rules, str(report)
    assert "2 ±" in str(report)


class Wrapper(SGD):
    """As Accelerate's: an optimizer that has everything from another, and no groups of its own."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    @property
    def param_groups(self) -> Any:  # type: ignore[override]
        return self.inner.param_groups

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.inner.zero_grad(set_to_none)

    def step(self, closure: Any = None) -> None:
        self.inner.step(closure)


class Holder:
    """As Apex's: no optimizer, and has one."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer


@pytest.mark.parametrize("wrap", [Wrapper, Holder, lambda o: Holder(Wrapper(o))])
def test_a_wrapper_without_groups_is_looked_through(wrap: Any) -> None:
    model = network()
    optimizer = wrap(SGD(model.parameters(), lr=0.1))
    assert audit(model, optimizer, GOOD, data(), TERM).ok


def test_a_wrapper_decides_when_a_step_is_taken() -> None:
    """As Accelerate's does, between the micro-batches of an accumulation."""

    class EverySecond(Wrapper):
        calls = 0

        def step(self, closure: Any = None) -> None:
            self.calls += 1
            if self.calls % 2 == 0:
                self.inner.step(closure)

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        GOOD(model, optimizer, batch, scale)
        optimizer.step()

    model = network()
    optimizer = EverySecond(SGD(model.parameters(), lr=0.1))
    assert audit(model, optimizer, step, data(), TERM).ok
    assert optimizer.calls == 0


def test_a_wrapper_of_two_or_none() -> None:
    model = network()
    two = Holder(SGD(model.parameters(), lr=0.1))
    two.other = SGD(model.parameters(), lr=0.1)  # type: ignore[attr-defined]
    refused(GOOD, "torch.optim.Optimizer", "Holder", "parameter groups", optimizer=two)
    refused(GOOD, "torch.optim.Optimizer", "Holder", optimizer=Holder(None))


class Uncopied(nn.Module):
    """A model with something in it that may have no copy."""

    def __init__(self, extra: Any) -> None:
        super().__init__()
        self.inner = network()
        self.inner.add_module("tail", nn.Identity())
        tail: Any = self.inner[-1]
        tail.extra = {"lock": [extra]}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


@pytest.mark.parametrize("make", [threading.Lock, lambda: (n for n in range(3))])
def test_a_model_that_cannot_be_copied(make: Any) -> None:
    model = Uncopied(make())
    words = ("a model that can be copied", "extra", "lock", "shrinkage.audit", "TypeError")
    refused(GOOD, *words, model=model)


def test_objects_that_refer_to_each_other_and_have_no_copy() -> None:
    """As a sharded module and its state do."""

    class State:
        def __init__(self, module: Any) -> None:
            self.module = module

        def __deepcopy__(self, memo: Any) -> Any:
            raise NotImplementedError("sharded")

    model: Any = network()
    model.state = State(model)
    refused(GOOD, "model.state", "NotImplementedError", "shrinkage.audit", model=model)


def test_a_tensor_that_was_left_by_the_last_pass() -> None:
    model = network()
    model.latest = {"out": model(data()[0])}  # type: ignore[assignment]
    assert audit(model, SGD(model.parameters(), lr=0.1), GOOD, data(), TERM).ok


def test_noise_that_cannot_be_seeded() -> None:
    """`os.urandom` knows no seed: nothing can be compared."""

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        noise = int.from_bytes(os.urandom(2), "big") / 2**16
        GOOD(model, optimizer, (batch[0] + noise, batch[1]), scale)

    model = network()
    report = audit(model, SGD(model.parameters(), lr=0.1), step, data(), TERM)
    assert report.rules == ("not-repeatable",), str(report)


class Lookahead(Optimizer):
    """As timm's: the groups are those of the optimizer within, which takes the steps."""

    def __init__(self, base: Optimizer) -> None:
        super().__init__(base.param_groups, base.defaults)
        self.base = base
        self.param_groups = base.param_groups

    def step(self, closure: Any = None) -> None:
        self.base.step(closure)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_an_optimizer_within_an_optimizer(kind: Any) -> None:
    model = network()
    optimizer = Lookahead(kind(model.parameters(), lr=0.05))
    for _ in range(2):
        plain_step(model, optimizer, data())
        report = audit(model, optimizer, GOOD, data(), TERM)
        assert report.ok, str(report)


def test_a_wrapper_that_hides_its_arguments() -> None:
    refused(lambda *args: plain_step(*args), "wrapper", "functools.wraps")

    @functools.wraps(plain_step)
    def named(*args: Any) -> None:
        plain_step(*args)

    model = network()
    matrices = [w for w in model.parameters() if w.ndim > 1]
    optimizer = AdamW(matrices, lr=0.1, weight_decay=STRENGTH)
    assert audit(model, optimizer, named, data()).ok


@pytest.mark.parametrize("step", [lambda _: None, lambda _1, _2, _3, _4, _5: None])
def test_a_step_with_other_arguments(step: Any) -> None:
    refused(step, "training_step(model, optimizer, batch, scale)", "got (")


def test_other_type_errors_of_the_step_are_the_callers() -> None:
    model = network()
    with pytest.raises(TypeError, match="len"):
        audit(model, SGD(model.parameters(), lr=0.1), lambda *_: len(3), data(), TERM)  # type: ignore[arg-type]
