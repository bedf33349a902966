"""Loops and optimizers as other projects write them; the truth of each is known by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from shrinkage import L1, L2, embeddings
from shrinkage.errors import InputError
from shrinkage.pytorch import audit, regularize
from tests.builders.torch_networks import Adapted
from tests.pytorch.audits.audited_networks import data, decayed, network, plain_step, where

STRENGTH = 0.02
WEIGHTS = {"0.weight", "2.weight"}


class Lookahead(Optimizer):
    """Zhang et al. (NeurIPS 2019), as it is often written: without the base class's __init__."""

    def __init__(self, base: Optimizer, every: int = 5) -> None:
        self.base, self.every, self.count = base, every, 0
        self.param_groups, self.state = base.param_groups, base.state
        self.defaults = base.defaults
        self.slow = {p: p.detach().clone() for g in self.param_groups for p in g["params"]}

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        self.base.step(closure)
        self.count += 1
        if self.count % self.every == 0:
            for p, slow in self.slow.items():
                p.copy_(slow.lerp_(p, 0.5))

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.base.zero_grad(set_to_none)


class WaitsOnce(Optimizer):
    """Only looks at a matrix's first gradient, as SOAP does to find its basis."""

    def __init__(self, parameters: Any, lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002
        for group in self.param_groups:
            for p in group["params"]:
                if self.state[p] or p.ndim < 2:
                    p.sub_(group["lr"] * p.grad.sign())
                self.state[p]["seen"] = True


def test_a_wrapper_without_hooks_of_its_own_is_looked_through() -> None:
    model = network()
    optimizer = Lookahead(decayed(model, AdamW))
    report = audit(model, optimizer, plain_step, data())
    assert report.rules == ()
    assert report.update == "decoupled"
    plain_step(model, optimizer, data())  # its class is what it was


def test_a_first_step_that_waits_predicts_no_collapse() -> None:
    model = network()
    optimizer = WaitsOnce(model.parameters(), 0.01)
    regularize(optimizer, model, STRENGTH * L2(), update="decoupled")
    assert audit(model, optimizer, plain_step, data()).rules == ()


def cut_rows(w: nn.Parameter) -> None:
    """Brock et al. (2021): rows of a gradient are at most a share of those of the weights."""
    most = 0.01 * w.detach().norm(dim=1, keepdim=True)
    size = w.grad.norm(dim=1, keepdim=True)  # type: ignore[union-attr]
    w.grad.mul_((most / size).clamp(max=1))  # type: ignore[union-attr]


def cut_elements(w: nn.Parameter) -> None:
    nn.utils.clip_grad_value_([w], 0.01)


@pytest.mark.parametrize("cut", [cut_rows, cut_elements])
@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("factor", [1, 5])
def test_a_penalty_behind_a_clipping_of_rows_or_elements(cut: Any, kind: Any, factor: int) -> None:
    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
        for w in model.parameters():
            if w.ndim > 1:
                cut(w)
                w.grad.add_(w.detach(), alpha=factor * scale * STRENGTH)  # type: ignore[union-attr]
        optimizer.step()

    model = network()
    report = audit(model, kind(model.parameters(), lr=0.01), step, data(), STRENGTH * L2())
    assert report.ok == (factor == 1), report
    assert where(report, "wrong-factor") == (WEIGHTS if factor > 1 else set())
    factors = [seen.factor for seen in report.seen if seen.expected]
    assert factors == pytest.approx([factor, factor], rel=1e-3)


def test_optimizers_that_step_in_the_backward_pass_are_named() -> None:
    """One optimizer a parameter, each stepped by a hook as soon as its gradient is there."""

    def step(model: nn.Module, _optimizer: Any, batch: Any, _scale: float) -> None:
        own = {p: AdamW([p], lr=0.01) for p in model.parameters()}

        def stepped(p: Tensor) -> None:
            own[p].step()  # type: ignore[index]

        handles = [p.register_post_accumulate_grad_hook(stepped) for p in own]
        nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
        for handle in handles:
            handle.remove()

    model = network()
    with pytest.raises(InputError, match="AdamW of the loop's own moved the weights"):
        audit(model, SGD(model.parameters(), lr=0.1), step, data(), STRENGTH * L2())


@pytest.mark.parametrize("batches", [1, 2])
def test_a_backward_pass_of_the_penalty_alone_is_no_micro_batch(batches: int) -> None:
    """The half is forgotten: a factor of 2, as is that of two batches with a penalty in each."""

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        for x, y in zip(batch[0].chunk(batches), batch[1].chunk(batches), strict=True):
            (nn.functional.cross_entropy(model(x), y) / batches).backward()
            squares = sum((w.square().sum() for w in model.parameters() if w.ndim > 1), start=0.0)
            (scale * STRENGTH / batches * squares).backward()  # type: ignore[union-attr]
        optimizer.step()

    model = network()
    report = audit(model, SGD(model.parameters(), lr=0.1), step, data(), STRENGTH * L2())
    rule = "wrong-factor" if batches == 1 else "accumulation-multiplied"
    assert where(report, rule) == WEIGHTS, report


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("each", [False, True])
def test_a_decay_by_hand_in_the_loop_of_micro_batches(kind: Any, each: bool) -> None:
    """The gradients of later ones are those of other weights, which is no penalty in them."""

    def decay(model: nn.Module, scale: float) -> None:
        with torch.no_grad():
            for w in model.parameters():
                w.mul_(1 - 0.1 * scale * STRENGTH * (w.ndim > 1))

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        for x, y in zip(batch[0].chunk(4), batch[1].chunk(4), strict=True):
            (nn.functional.cross_entropy(model(x), y) / 4).backward()
            if each:
                decay(model, scale)
        optimizer.step()
        if not each:
            decay(model, scale)

    model = network()
    report = audit(model, kind(model.parameters(), lr=0.1), step, data(), STRENGTH * L2())
    assert report.rules == (("accumulation-multiplied",) if each else ()), report
    assert report.update == "decoupled"


@pytest.mark.parametrize("other", [0.0, STRENGTH])
@pytest.mark.parametrize("named", [False, True])
def test_another_optimizer_that_decays_the_same_weights(other: float, named: bool) -> None:
    """The second optimizer of a GAN whose networks share a layer."""
    model, critic = network(), nn.Linear(8, 1)
    second = AdamW(
        [model.get_parameter("0.weight"), *critic.parameters()], lr=0.01, weight_decay=other
    )

    def step(model: nn.Sequential, optimizer: Any, batch: Any) -> None:
        plain_step(model, optimizer, batch)
        second.zero_grad()
        critic(model[1](model[0](batch[0]))).square().mean().backward()
        second.step()

    terms = STRENGTH * L2() if named else None
    report = audit(model, decayed(model, AdamW), step, data(), terms)
    assert where(report, "penalised-twice") == ({"0.weight"} if other else set()), report
    assert report.ok is not bool(other)


@pytest.mark.parametrize("in_loss", [False, True])
@pytest.mark.parametrize("names", [WEIGHTS, {"2.weight"}])
def test_a_penalty_on_the_model_outside(in_loss: bool, names: set[str]) -> None:
    """Lists of parameters that were made before the loop: right there, and not in the audit."""
    model = network()
    outside = [model.get_parameter(name) for name in names]

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        inside = [model.get_parameter(name) for name in WEIGHTS - names]
        squares = sum((w.square().sum() / 2 for w in [*inside, *outside]), start=torch.zeros(()))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        (loss + scale * STRENGTH * squares * in_loss).backward()
        optimizer.step()
        with torch.no_grad():
            for w in [] if in_loss else [*inside, *outside]:
                w.mul_(1 - 0.1 * scale * STRENGTH)

    report = audit(model, SGD(model.parameters(), lr=0.1), step, data(), STRENGTH * L2())
    assert report.rules == ("no-effect" if names == WEIGHTS else "selected-unchanged",), report
    assert "2.weight of the model outside" in report.findings[0].remedy


class Tied(nn.Module):
    """A language model whose head is its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(9, 4), nn.Linear(4, 9, bias=False)
        self.head.weight = self.words.weight

    def forward(self, words: Tensor) -> Tensor:
        return self.head(self.words(words))


def test_the_remedy_at_a_tied_embedding_names_its_selection() -> None:
    torch.manual_seed(0)
    model, words = Tied(), torch.arange(9)
    optimizer = AdamW(model.parameters(), lr=0.01, weight_decay=STRENGTH)
    report = audit(model, optimizer, plain_step, (words, words), (0.1 * L2()).on(embeddings()))
    assert "wrong-factor" in report.rules, report

    layer = nn.Sequential(model, nn.Linear(9, 9))
    everything = AdamW(layer.parameters(), lr=0.01, weight_decay=STRENGTH)
    report = audit(layer, everything, plain_step, (words, words), STRENGTH * L2())
    said = {one.parameter: one.remedy for one in report.findings if one.severity == "error"}
    assert said["0.words.weight"].endswith(".on(embeddings()) does")
    assert said["1.bias"].endswith(".on(biases()) does")


def test_an_adapter_that_goes_to_zero_leaves_the_frozen_layer() -> None:
    torch.manual_seed(0)
    model = Adapted()
    both = Adam([*model.down.parameters(), *model.up.parameters()], lr=0.01)
    regularize(both, model, (5.0 * L2()).on("down.*") + (5.0 * L2()).on("up.*"))
    report = audit(model, both, plain_step, data())
    messages = [one.message for one in report.findings if one.rule == "collapse"]
    assert len(messages) == 1, report
    assert "the frozen weights alone are left" in messages[0]
    assert "zero output" not in messages[0]


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize("kinds", [(AdamW, SGD), (SGD, Adam)])
def test_two_optimizers_on_parts_of_one_model(kinds: Any, forgotten: bool) -> None:
    """One is audited; the other steps with the penalty in its gradient and a rate of its own."""
    model = network()
    first = kinds[0](model[0].parameters(), lr=0.01, weight_decay=0.0)

    def step(model: nn.Sequential, optimizer: Any, batch: Any, scale: float) -> None:
        second = kinds[1](model[2].parameters(), lr=0.1)
        model.zero_grad()
        squares = model[0].weight.square().sum() / 2  # type: ignore[union-attr, operator]
        if not forgotten:
            squares = squares + model[2].weight.square().sum() / 2  # type: ignore[union-attr, operator]
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        (loss + scale * STRENGTH * squares).backward()
        optimizer.step()
        second.step()

    report = audit(model, first, step, data(), STRENGTH * L2())
    assert report.ok is not forgotten, report
    assert where(report, "selected-unchanged") == ({"2.weight"} if forgotten else set())


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_forgotten_weight_beside_others_that_are_clipped_with_it(kind: Any) -> None:
    """The penalty of the others is in the norm by which all gradients are divided."""

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        squares = model.get_parameter("2.weight").square().sum() / 2
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        (loss + scale * 10 * STRENGTH * squares).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        optimizer.step()

    model = network()
    report = audit(model, kind(model.parameters(), lr=0.1), step, data(), 10 * STRENGTH * L2())
    assert where(report, "selected-unchanged") == {"0.weight"}, report
    assert report.update == "gradient"


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("factor", [1, 3])
@pytest.mark.parametrize("prox", [False, True])
def test_weights_are_clamped_behind_a_penalty(kind: Any, factor: int, prox: bool) -> None:
    """As a Wasserstein GAN's critic: those at a bound stand there at every strength."""

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        plain_step(model, optimizer, batch)
        by = factor * 0.1 * scale * STRENGTH
        with torch.no_grad():
            for w in model.parameters():
                if w.ndim > 1:
                    w.copy_(w.sign() * (w.abs() - by).clamp(min=0) if prox else (1 - by) * w)
                w.clamp_(-0.3, 0.3)

    model = network()
    term = STRENGTH * (L1() if prox else L2())
    report = audit(model, kind(model.parameters(), lr=0.1), step, data(), term)
    assert int((model.get_parameter("0.weight").abs() > 0.3).sum()) > 2
    assert where(report, "wrong-factor") == (WEIGHTS if factor > 1 else set()), report
    assert report.ok == (factor == 1), report
