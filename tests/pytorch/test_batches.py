"""Batches and compiled kernels do what the updates do one by one, and know where they cannot."""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW

from shrinkage import L1, L2
from shrinkage.pytorch import Attachment, regularize
from shrinkage.pytorch.optimizers import Motion
from shrinkage.pytorch.prox.batched import make_batches
from shrinkage.pytorch.prox.kernels import TensorAddresses, are_built
from shrinkage.pytorch.prox.shrink import SinglePass, StackedPass, kernel_numbers
from shrinkage.pytorch.prox.soft import SoftThreshold, Workspace

pytestmark = pytest.mark.skipif(not are_built(), reason="the compiled kernels were not built")


def network(layout=torch.contiguous_format) -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    return model.to(memory_format=layout)


def train(model, optimizer, steps=40):
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        x = torch.randn(8, 2, 6, 6, generator=generator)
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]


def one_by_one(attachment: Attachment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every slot of an attachment do its work by itself."""
    batches = attachment._batches
    monkeypatch.setattr(batches, "batches", ())
    monkeypatch.setattr(batches, "alone", attachment._slots)
    monkeypatch.setattr(batches, "_early", attachment._slots)


@pytest.mark.parametrize(("update", "strength"), [("decoupled", 0.3), ("proximal", 0.01)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_a_batch_is_one_by_one(update, strength, layout, monkeypatch):
    found = []
    for batched in (True, False):
        model = network(layout)
        optimizer = AdamW(model.parameters(), lr=0.01, weight_decay=0.0)
        attachment = regularize(optimizer, model, strength * L1() + 0.1 * L2(), update)
        assert len(attachment._batches.batches) == 1
        if not batched:
            one_by_one(attachment, monkeypatch)
        found.append(train(model, optimizer))
        assert all((p == 0).any() for p in model.parameters() if p.ndim > 1)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_a_batch_hands_over_what_is_below_the_resolution(monkeypatch):
    found, kept = [], []
    for batched in (True, False):
        model = network()
        optimizer = AdamW(model.parameters(), lr=1e-4, weight_decay=0.0)
        attachment = regularize(optimizer, model, 1e-8 * L1() + 1e-8 * L2())
        assert len(attachment._batches.batches) == 1
        if not batched:
            one_by_one(attachment, monkeypatch)
        found.append(train(model, optimizer, 20))
        kept.append(attachment.state_dict()["resolution"])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    for name, state in kept[0].items():
        assert state["shrinks"] == kept[1][name]["shrinks"] == 20
        assert "low" in state
        assert torch.equal(state["low"], kept[1][name]["low"])
        assert state["low"].any()


def test_a_batch_counts_its_shrinks():
    model = network()
    optimizer = AdamW(model.parameters(), lr=0.01, weight_decay=0.0)
    attachment = regularize(optimizer, model, 0.01 * L1())
    train(model, optimizer, 10)
    states = attachment.state_dict()["resolution"].values()
    assert [state["shrinks"] for state in states] == [10, 10]
    assert not any("low" in state for state in states)


def test_decays_come_before_a_metric_notes_the_weights():
    """Adafactor's step is in units of the weights' size, which a decay changes."""
    model = nn.Linear(3, 2)
    optimizer = torch.optim.Adafactor(model.parameters(), lr=0.1, weight_decay=0.0)
    decay, sparse = (0.1 * L2()).with_update("decoupled"), (0.1 * L1()).with_update("proximal")
    for terms in (decay + sparse, sparse + decay):
        attachment = regularize(optimizer, model, terms)
        (slot,) = attachment.slots
        assert [type(update).__name__ for update in slot.updates] == ["Decoupled", "Proximal"]
        attachment.detach()


def test_a_parameter_without_gradient_is_left_alone():
    model = network()
    optimizer = Adam(model.parameters(), lr=0.01)
    regularize(optimizer, model, 0.1 * L1())
    train(model, optimizer, 2)
    before = model[3].weight.detach().clone()
    model[0].weight.grad = torch.ones_like(model[0].weight)
    model[3].weight.grad = None
    optimizer.step()
    assert torch.equal(model[3].weight, before)


def test_who_is_in_no_batch():
    model = network()
    momentum = SGD(model.parameters(), lr=0.1, momentum=0.9)
    attachment = regularize(momentum, model, 0.1 * L1())
    assert make_batches(attachment._slots) == ((), attachment._slots)
    attachment.detach()
    reference = regularize(momentum, model, (0.1 * L1()).around(model.state_dict()), "decoupled")
    assert make_batches(reference._slots)[0] == ()


def values(count=1000):
    generator = torch.Generator().manual_seed(2)
    w = torch.randn(count, generator=generator) * 0.1
    w[:4] = torch.tensor([0.0, -0.0, float("nan"), float("inf")])
    return w


@pytest.mark.parametrize("l2", [0.0, 0.5])
def test_scalar_kernel_is_the_eager_route_bit_for_bit(l2):
    w, eager = values(), values()
    weights = TensorAddresses(1)
    assert weights.point_to([w])
    rate, l1 = 0.1, 0.3
    weights.shrink_scalar(1 + rate * l2, rate * l1 / (1 + rate * l2))
    SoftThreshold(l1, l2, Workspace())(eager, Motion(rate))
    torch.testing.assert_close(w, eager, rtol=0, atol=0, equal_nan=True)
    assert not torch.signbit(w[w == 0]).any()


@pytest.mark.parametrize("reach", [None, 1e-3, 1.0])
@pytest.mark.parametrize("l2", [0.0, 0.5])
def test_diagonal_kernel_is_the_eager_route_to_rounding(l2, reach):
    w, eager = values(), values()
    square = torch.rand(1000, generator=torch.Generator().manual_seed(3)) ** 8
    square[10:20] = 0.0
    weights, squares = TensorAddresses(1), TensorAddresses(1)
    assert weights.point_to([w])
    assert squares.point_to([square])
    push = torch.randn(1000, generator=torch.Generator().manual_seed(4)) * square
    pushes = TensorAddresses(1)
    assert pushes.point_to([push])
    motion = Motion(1e-3, square, None, 1e-4, reach=reach, push=push, push_scale=2.0)
    weights.numbers[:] = kernel_numbers(motion, 0.3, l2)
    weights.shrink_diagonal(squares, pushes)
    SoftThreshold(0.3, l2, Workspace())(eager, motion)
    ulp = 3e-8  # of the largest weights, before their threshold is subtracted
    torch.testing.assert_close(w, eager, rtol=1e-6, atol=ulp, equal_nan=True)
    assert torch.equal(w == 0, eager == 0)


@pytest.mark.parametrize("push", [None, "momentum"])
def test_every_model_of_a_stack_is_shrunk_as_it_is_alone(push):
    """Bit for bit, each at strengths of its own."""
    generator = torch.Generator().manual_seed(5)
    w, square, mean = (torch.randn(4, 7, 11, generator=generator) for _ in range(3))
    l1, l2 = torch.tensor([0.1, 0.4, 0.2, 3.0]), torch.tensor([0.5, 0.0, 0.2, 1.0])
    motion = Motion(1e-2, square**4, None, 1e-4, reach=1e-2, push=mean if push else None)
    alone = w.clone()
    stacked = StackedPass(l1, l2, 4, SoftThreshold(l1, l2, Workspace()))
    assert stacked.fitting(w, motion)
    for model, own in enumerate(alone):
        single = SoftThreshold(float(l1[model]), float(l2[model]), Workspace())
        route = SinglePass(float(l1[model]), float(l2[model]), single)
        assert route.fitting(own, motion.each(lambda t, model=model: t[model]))
    assert torch.equal(w, alone)
    assert (w == 0).any()


def _pass(kind, tensors, squares):
    weights, second = TensorAddresses(len(tensors)), TensorAddresses(len(tensors))
    assert weights.point_to(tensors)
    assert second.point_to(squares)
    if kind == "decay":
        weights.decay(0.9)
    elif kind == "scalar":
        weights.shrink_scalar(1.5, 0.01)
    else:
        weights.numbers[:] = (1e-4, 1e-3, 1e-4, 1e-2, 0.0, 1e-4)
        weights.shrink_diagonal(second, None)
    return tensors


@pytest.mark.parametrize("kind", ["decay", "scalar", "diagonal"])
def test_threads_do_every_weight_once_and_change_no_bit(kind):
    sizes = (70_001, 1, 3, 40_000)
    squares = [values(size + 4)[4:].abs() for size in sizes]
    used = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(_pass(kind, [values(size + 4)[4:] for size in sizes], squares))
    finally:
        torch.set_num_threads(used)
    alone = [
        _pass(kind, [values(size + 4)[4:]], [square])[0]
        for size, square in zip(sizes, squares, strict=True)
    ]
    for one, two, three, single in zip(*found, alone, strict=True):
        assert not torch.equal(one, values(len(one) + 4)[4:])
        assert torch.equal(one, two)
        assert torch.equal(one, three)
        assert torch.equal(one, single)


def test_decay_kernel_is_the_product_of_torch_bit_for_bit():
    w = values()
    weights = TensorAddresses(1)
    assert weights.point_to([w])
    weights.decay(1 - 1e-3 * 0.01)
    torch.testing.assert_close(w, values() * (1 - 1e-3 * 0.01), rtol=0, atol=0, equal_nan=True)


def test_tensors_that_do_not_fit_are_refused():
    assert not TensorAddresses(1).point_to([torch.ones(2, dtype=torch.float64)])
    assert not TensorAddresses(1).point_to([torch.ones(4, 4)[:, ::2]])


def test_an_address_that_another_tensor_has_taken_is_looked_at_anew():
    memory = torch.zeros(8)
    tensors = TensorAddresses(1)
    assert tensors.point_to([memory])
    assert not tensors.point_to([memory.view(torch.float64)])
    assert not tensors.point_to([memory[::2]])
    assert tensors.point_to([memory[:4]])
    assert list(tensors.sizes) == [4]


def test_without_kernels_the_same_is_done_in_torch(tmp_path):
    """In a process of its own: the variable is read when the module is loaded."""
    code = (
        "import torch\nfrom shrinkage.pytorch.prox.kernels import are_built\n"
        "assert not are_built()\nfrom shrinkage import L1\n"
        "from shrinkage.pytorch import regularize\n"
        "m = torch.nn.Linear(3, 2)\no = torch.optim.AdamW(m.parameters(), weight_decay=0.0)\n"
        "a = regularize(o, m, 10.0 * L1(), 'decoupled')\nassert a._batches.batches == ()\n"
        "for p in m.parameters(): p.grad = torch.zeros_like(p)\n"
        "for _ in range(100): o.step()\nassert (m.weight == 0).all()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"SHRINKAGE_KERNELS": "0", "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
