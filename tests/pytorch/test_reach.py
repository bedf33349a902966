"""No proximal step brings a weight farther than twice what its optimizer moves one by.

Where no gradient has come, an adaptive optimizer's metric is lr/ε: one step would erase what was
trained before.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import (
    ASGD,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    RAdam,
    RMSprop,
)

from shrinkage import L1, L2, ElasticNet, GroupLasso, Terms, embeddings
from shrinkage.pytorch import attach, audit, regularize
from shrinkage.pytorch.optimizers import METRICS, Motion
from shrinkage.pytorch.prox.shrink import Shrink
from shrinkage.pytorch.prox.soft import Workspace
from shrinkage.terms import FARTHEST, Part, closed_form
from tests.builders.convex import logistic, two_classes
from tests.peers.convex_training import OPTIMIZERS, fit, logistic_loss

RATE = 1e-3
ADAPTIVE = [
    (Adam, {}),
    (Adam, {"amsgrad": True}),
    (AdamW, {"weight_decay": 0.0}),
    (NAdam, {}),
    (RAdam, {"betas": (0.9, 0.5)}),
    (Adamax, {}),
    (Adafactor, {}),
    (RMSprop, {}),
    (RMSprop, {"centered": True}),
    (RMSprop, {"momentum": 0.9}),
    (Adagrad, {}),
    (Adadelta, {}),
]
TERMS: dict[str, Any] = {
    "l1": 1e-2 * L1(),
    "l2": 1e-2 * L2(),
    "elastic net": 1e-2 * ElasticNet(0.5),
    "group lasso": 1e-2 * GroupLasso(per="input"),
    "sparse group lasso": 1e-2 * GroupLasso(per="output") + 1e-2 * L1() + 1e-2 * L2(),
}


def test_no_optimizer_with_a_metric_of_its_own_is_left_out() -> None:
    assert {kind for kind, _ in ADAPTIVE} | {SGD, ASGD} == METRICS.keys()


def pretrained(dtype: torch.dtype = torch.float32) -> Any:
    """Return a body with weights from 0.1 to 0.5 under a head that starts at zero."""
    torch.manual_seed(0)
    model: Any = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 3)).to(dtype)
    with torch.no_grad():
        body = model[0].weight
        body.uniform_(0.1, 0.5).mul_(torch.randn_like(body).sign())
        model[2].weight.zero_()
    return model


def step(model: nn.Module, optimizer: torch.optim.Optimizer, batch: Any = None) -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(64, 10, generator=generator) if batch is None else batch
    optimizer.zero_grad()
    outputs = model(x.to(next(model.parameters()).dtype)) if batch is None else model(batch)
    nn.functional.cross_entropy(outputs, torch.arange(len(outputs)) % 3).backward()
    optimizer.step()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize(("kind", "options"), ADAPTIVE, ids=str)
def test_a_head_that_starts_at_zero_leaves_the_body_as_it_was(kind, options, name, dtype):
    model = pretrained(dtype)
    before = model[0].weight.detach().clone()
    optimizer = kind(model.parameters(), **{"lr": RATE, **options})
    regularize(optimizer, model, TERMS[name])
    for most in (0.05, 0.1, 0.2):  # RMSprop's first steps with a gradient are ten times as long
        step(model, optimizer)
        after = model[0].weight.detach()
        assert (after - before).double().norm() <= most * before.double().norm()
        assert after.all()


@pytest.mark.parametrize(("kind", "options"), ADAPTIVE, ids=str)
def test_the_bound_is_twice_the_reach(kind, options):
    """A weight without any gradient is shrunk, and by no more than that, until it is zero."""
    w = nn.Parameter(torch.tensor([0.5, -0.5], dtype=torch.float64))
    optimizer = kind([w], **{"lr": RATE, **options})
    attach(optimizer, {w: [Part(0.1, L1())]})
    # NAdam's look ahead makes a little more of a steady gradient at first
    most = FARTHEST * RATE * (10 if options.get("momentum") else 1.1 if kind is NAdam else 1)
    for _ in range(20):
        before = w.detach().clone()
        w.grad = torch.zeros_like(w)
        optimizer.step()
        moved = (before - w.detach()) * before.sign()
        assert (moved > 0).all()
        assert (moved <= most * (1 + 1e-9)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", ["l1", "elastic net", "group lasso"])
@pytest.mark.parametrize(("kind", "options"), ADAPTIVE, ids=str)
def test_a_rare_gradient_moves_no_weight_out_of_zero(kind, options, name, dtype):
    """It is below the strength; the optimizer moves by it ten times as far as by a steady one."""
    w = nn.Parameter(torch.zeros(2, 3, dtype=dtype))
    optimizer = kind([w], **{"lr": RATE, **options})
    attach(optimizer, {w: Part(1.0, TERMS[name].penalty).elementary()})
    for count in range(150):
        w.grad = torch.full_like(w, 0.4 if count >= 140 else 0.0)
        optimizer.step()
        assert (w == 0).all()


def test_l1_makes_no_zeros_where_no_gradient_has_come():
    model = pretrained()
    optimizer = Adam(model.parameters(), lr=RATE)
    regularize(optimizer, model, 1e-6 * L1())
    step(model, optimizer)
    assert model[0].weight.all()


class LowRank(nn.Module):
    """x ↦ B·A·x beside a frozen matrix, B being zero at first as in LoRA."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.base = nn.Linear(10, 3, bias=False).requires_grad_(False)
        self.a, self.b = nn.Linear(10, 4, bias=False), nn.Linear(4, 3, bias=False)
        nn.init.zeros_(self.b.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + self.b(self.a(x))


def test_an_adapter_whose_second_factor_is_zero_keeps_the_first():
    model = LowRank()
    before = model.a.weight.norm().item()
    optimizer = AdamW([*model.a.parameters(), *model.b.parameters()], lr=RATE, weight_decay=0.0)
    regularize(optimizer, model, (1e-2 * L2()).on("a.weight"))
    step(model, optimizer)
    assert 0.95 * before <= model.a.weight.norm().item() < before


@pytest.mark.parametrize("name", TERMS)
def test_rows_of_an_embedding_outside_the_batch_stay(name):
    torch.manual_seed(0)
    model: Any = nn.Sequential(nn.Embedding(20, 8), nn.Flatten(), nn.Linear(16, 3))
    before = model[0].weight.detach().clone()
    optimizer = Adam(model.parameters(), lr=RATE)
    terms = TERMS[name] if isinstance(TERMS[name], Terms) else Terms((TERMS[name],))
    regularize(optimizer, model, [term.on(embeddings()) for term in terms])
    step(model, optimizer, torch.tensor([[1, 2], [3, 4], [5, 6]]))
    change = (model[0].weight.detach() - before)[7:]
    assert 0 < change.norm() <= 0.05 * before[7:].norm()


@pytest.mark.parametrize("name", TERMS)
def test_an_audit_of_such_a_step_finds_nothing_wrong(name):
    model = pretrained(torch.float64)
    optimizer = Adam(model.parameters(), lr=RATE)
    regularize(optimizer, model, TERMS[name])
    x = torch.randn(64, 10, generator=torch.Generator().manual_seed(1)).double()

    def training_step(model, optimizer, batch):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
        optimizer.step()

    report = audit(model, optimizer, training_step, (x, torch.arange(64) % 3))
    assert report.ok, report


class TestRoutes:
    """The kernels, the blocks in place and the penalties' own proxes hold the same bound."""

    REACH = 0.01

    def motion(self, shape: tuple[int, ...], dtype: torch.dtype) -> Any:
        generator = torch.Generator().manual_seed(3)
        square = torch.rand(shape, generator=generator, dtype=torch.float64) ** 12
        square.view(-1)[::3] = 0.0
        push = torch.randn(shape, generator=generator, dtype=torch.float64) * square.sqrt()
        push.view(-1)[:9] *= 20
        motion = Motion(self.REACH, square.to(dtype), None, 1e-8, reach=self.REACH)
        return motion._replace(push=push.to(dtype), push_scale=1.5)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    @pytest.mark.parametrize("models", [None, 4])
    @pytest.mark.parametrize("name", TERMS)
    def test_in_place_is_the_closed_form(self, name, models, dtype):
        shape = (30, 20) if models is None else (models, 30, 20)
        generator = torch.Generator().manual_seed(0)
        w = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
        strength = 0.1 if models is None else torch.linspace(0.01, 0.3, models).double()
        terms = TERMS[name] if isinstance(TERMS[name], Terms) else [TERMS[name]]
        parts = [p for t in terms for p in Part(strength, t.penalty).elementary()]
        motion, moved = self.motion(shape, dtype), w.clone()
        Shrink(closed_form(parts), models, Workspace())(moved, motion)
        sizes = motion.rate / motion.denominator().double()
        stacked = 0 if models is None else 1
        reach = motion.each(torch.Tensor.double).reaches()
        assert (reach > self.REACH).any()
        expected = closed_form(parts).prox(w.double(), sizes, stacked, reach)
        far = closed_form(parts).prox(w.double(), sizes, stacked)
        assert not torch.equal(far, expected)
        tolerance = 1e-12 if dtype is torch.float64 else 1e-6
        torch.testing.assert_close(moved.double(), expected, rtol=0, atol=tolerance)
        assert torch.equal(moved == 0, expected == 0)
        assert ((expected - w.double()).abs() <= FARTHEST * reach * (1 + 1e-9)).all()

    def test_where_it_does_not_bind_no_bit_is_another(self):
        w = torch.randn(500, generator=torch.Generator().manual_seed(0))
        square = torch.rand(500, generator=torch.Generator().manual_seed(1)) + 0.1
        for parts in ([Part(0.1, L1())], [Part(0.1, L1()), Part(0.1, L2())]):
            ends = []
            for reach in (None, 0.1):
                moved = w.clone()
                route = Shrink(closed_form(parts), None, Workspace())
                route(moved, Motion(0.1, square, None, 1e-8, reach=reach))
                ends.append(moved)
            assert torch.equal(*ends)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    @pytest.mark.parametrize("moves", [True, False])
    def test_what_has_just_moved_farther_may_be_brought_back(self, moves, dtype):
        w = torch.full((3,), 1.0, dtype=dtype)
        push = torch.tensor([0.0, -0.2, 10.0], dtype=dtype)
        square = torch.zeros(3, dtype=dtype)
        motion = Motion(0.1, square, None, 0.1, reach=0.1, push=push, push_moves=moves)
        Shrink(closed_form([Part(100.0, L1())]), None, Workspace())(w, motion)
        torch.testing.assert_close(w, torch.tensor([0.8, 0.6, 0.0], dtype=dtype))


STRENGTH = 0.05


@pytest.fixture(scope="module")
def optimum() -> np.ndarray:
    x, y = two_classes()
    peer = logistic(STRENGTH, len(y)).set_params(fit_intercept=False)
    return peer.fit(x, y).coef_.ravel()


def set_bound(bound: float, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("pytorch.optimizers.motion", "pytorch.prox.soft", "terms.reach"):
        monkeypatch.setattr(f"shrinkage.{place}.FARTHEST", bound)


def trained(bound: float, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    set_bound(bound, monkeypatch)
    x, y = two_classes()
    model = nn.Linear(12, 1, bias=False).double()
    return fit(model, logistic_loss(x, y), OPTIMIZERS["adam"], STRENGTH * L1())


@pytest.mark.parametrize("bound", [1.1, 2.0, 10.0])
def test_every_bound_above_one_ends_at_the_optimum(bound, optimum, monkeypatch):
    ours = trained(bound, monkeypatch)
    np.testing.assert_allclose(ours, optimum, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(ours == 0, optimum == 0)


def test_a_bound_of_one_loses_zeros(optimum, monkeypatch):
    """The seeded fault: what the other tests of an optimum would see."""
    assert (trained(1.0, monkeypatch) == 0).sum() < (optimum == 0).sum()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", TERMS)
def test_without_a_bound_the_body_is_erased(name, dtype, monkeypatch):
    """The other seeded fault."""
    set_bound(math.inf, monkeypatch)
    model = pretrained(dtype)
    before = model[0].weight.detach().norm()
    optimizer = Adam(model.parameters(), lr=RATE)
    regularize(optimizer, model, TERMS[name])
    step(model, optimizer)
    assert model[0].weight.detach().norm() < 0.2 * before
