"""Many models stacked in one tensor are each trained as if alone, with their own strengths."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, RMSprop

from shrinkage import L1, L2, ElasticNet, GroupLasso
from shrinkage.errors import InputError
from shrinkage.pytorch import attach
from shrinkage.pytorch.optimizers import Motion
from shrinkage.pytorch.prox.shrink import Shrink
from shrinkage.pytorch.prox.soft import Workspace, fits
from shrinkage.terms import Part, closed_form

OPTIMIZERS = [
    (SGD, {"lr": 0.05}),
    (SGD, {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    (Adam, {"lr": 0.02}),
    (Adam, {"lr": 0.02, "fused": True, "amsgrad": True}),
    (RMSprop, {"lr": 0.01, "centered": True, "momentum": 0.3}),
    (Adagrad, {"lr": 0.05, "lr_decay": 0.01}),
]
STRENGTHS = torch.tensor([0.0, 0.3, 0.0, 0.02, 5.0], dtype=torch.float64)
PENALTIES = [L1(), L2(), ElasticNet(0.4), GroupLasso(per="input"), GroupLasso(per="output")]


def gradients(shape: tuple[int, ...], steps: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    pull = torch.randn(shape, generator=generator, dtype=torch.float64)
    noise = torch.randn((steps, *shape), generator=generator, dtype=torch.float64)
    return [0.3 * pull + 0.3 * n for n in noise]


def start(shape: tuple[int, ...] = (5, 8, 8)) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("update", ["gradient", "decoupled", "proximal", "loss"])
@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
@pytest.mark.parametrize(("kind", "options"), OPTIMIZERS, ids=str)
def test_stacked_is_one_at_a_time(kind, options, penalty, update):
    w = nn.Parameter(start())
    optimizer = kind([w], **options)
    together = attach(optimizer, {w: [Part(STRENGTHS, penalty, update=update)]}, stacked=1)
    alone = [nn.Parameter(model.clone()) for model in start()]
    peers = [kind([model], **options) for model in alone]
    apart = [
        attach(peer, {model: [Part(float(s), penalty, update=update)]})
        for peer, model, s in zip(peers, alone, STRENGTHS, strict=True)
    ]
    for step in gradients((5, 8, 8), 12):
        optimizer.zero_grad()
        ((step * w).sum() + together.loss()).backward()
        optimizer.step()
        for peer, model, own, one in zip(peers, alone, step, apart, strict=True):
            peer.zero_grad()
            ((own * model).sum() + one.loss()).backward()
            peer.step()
    expected = torch.stack([model.detach() for model in alone])
    assert torch.isfinite(expected).all()
    torch.testing.assert_close(w.detach(), expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(w.detach() == 0, expected == 0)
    free = kind([nn.Parameter(start()[0])], **options)
    (unregularized,) = free.param_groups[0]["params"]
    for step in gradients((5, 8, 8), 12):
        unregularized.grad = step[0].clone()
        free.step()
    assert torch.equal(w.detach()[0], unregularized.detach())
    assert not torch.equal(w.detach()[1], unregularized.detach())


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
@pytest.mark.parametrize("update", ["gradient", "decoupled", "proximal"])
@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_a_diverged_model_touches_no_other(penalty, update, poison):
    def run(spoiled: bool) -> torch.Tensor:
        w = nn.Parameter(start().float())
        optimizer = Adam([w], lr=0.02)
        attach(optimizer, {w: [Part(STRENGTHS, penalty, update=update)]}, stacked=1)
        for index, step in enumerate(gradients((5, 8, 8), 20)):
            w.grad = step.float()
            if spoiled and index == 5:
                w.grad[3] = poison
            optimizer.step()
        return w.detach()

    clean, dirty = run(False), run(True)
    assert not torch.isfinite(dirty[3]).all()
    others = [0, 1, 2, 4]
    assert torch.equal(clean[others], dirty[others])


@pytest.mark.parametrize("penalty", [L1(), L2(), ElasticNet(0.4)], ids=repr)
@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 300, 400), (40, 64, 80)], ids=str)
@pytest.mark.parametrize("form", ["scalar", "diagonal", "centered"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_fast_route_is_the_closed_form(penalty, shape, form, dtype):
    """In pieces of any size, the in-place route takes the penalty's own proximal step."""
    generator = torch.Generator().manual_seed(0)
    w = torch.randn(shape, generator=generator).to(dtype)
    strengths = torch.logspace(-3, 1, shape[0], dtype=torch.float64)
    square = torch.rand(shape, generator=generator).to(dtype) if form != "scalar" else None
    mean = 0.1 * square if form == "centered" and square is not None else None
    motion = Motion(0.05, square, mean, 1e-3)
    assert fits(w, motion, shape[0])
    parts = Part(strengths, penalty).elementary()
    moved = w.clone()
    Shrink(closed_form(parts), shape[0], Workspace())(moved, motion)
    denominator = motion.denominator()
    step = motion.rate if denominator is None else motion.rate / denominator
    expected = closed_form(parts).prox(w, step, 1)
    assert torch.equal(moved == 0, expected == 0)
    assert not torch.signbit(moved[moved == 0]).any()
    ulp = torch.finfo(dtype).eps
    torch.testing.assert_close(moved, expected, rtol=8 * ulp, atol=8 * ulp)


def test_channels_last_and_contiguous_weights_shrink_alike():
    shapes = [torch.contiguous_format, torch.channels_last]
    results = []
    for layout in shapes:
        torch.manual_seed(0)
        conv = nn.Conv2d(8, 16, 3).to(memory_format=layout)
        optimizer = Adam(conv.parameters(), lr=0.01)
        attach(optimizer, {conv.weight: [Part(0.3, L1())]})
        for step in gradients((16, 8, 3, 3), 20):
            conv.weight.grad = step.float().contiguous(memory_format=layout)
            optimizer.step()
        results.append(conv.weight.detach())
    assert results[1].is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(results[0], results[1])
    assert int((results[0] == 0).sum()) > 0


@pytest.mark.parametrize("update", ["gradient", "decoupled", "proximal"])
@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
@pytest.mark.parametrize("kind", [SGD, Adam])
def test_models_of_strength_zero_keep_every_bit(kind, penalty, update):
    """Even −0.0, infinity and NaN, which a shrink by 0 or 0 times them would change."""
    odd = torch.tensor([-0.0, 0.0, float("inf"), -float("inf"), float("nan"), 1e-45, 3.0, -3.0])
    w = nn.Parameter(odd.repeat(3, 8, 1))
    strengths = torch.tensor([0.0, 0.5, 0.0], dtype=torch.float64)
    optimizer = kind([w], lr=0.1)
    attach(optimizer, {w: [Part(strengths, penalty, update=update)]}, stacked=1)
    for _ in range(2):
        w.grad = torch.full_like(w, -0.0)
        optimizer.step()
    plain = nn.Parameter(odd.repeat(3, 8, 1))
    other = kind([plain], lr=0.1)
    for _ in range(2):
        plain.grad = torch.full_like(plain, -0.0)
        other.step()
    free = [0, 2]
    assert torch.equal(w.detach()[free].view(torch.int32), plain.detach()[free].view(torch.int32))
    assert not torch.equal(w.detach()[1, :, 6], plain.detach()[1, :, 6])


def test_moved_storage_is_followed():
    """The views kept between steps are not taken for the weights after `.data` was replaced."""
    w = nn.Parameter(torch.ones(4))
    optimizer = SGD([w], lr=0.1)
    attach(optimizer, {w: [Part(1.0, L1())]})
    for _ in range(3):
        w.grad = torch.zeros(4)
        w.data = w.data.clone()
        optimizer.step()
    np.testing.assert_allclose(w.detach().numpy(), 0.7, rtol=1e-6)


def test_two_leading_axes():
    w = nn.Parameter(start((2, 3, 8, 8)))
    strengths = torch.tensor([[0.0, 0.1, 1.0], [0.5, 0.0, 2.0]], dtype=torch.float64)
    optimizer = SGD([w], lr=0.1)
    attach(optimizer, {w: [Part(strengths, GroupLasso(per="output"))]}, stacked=2)
    w.grad = torch.zeros_like(w)
    optimizer.step()
    expected = GroupLasso(per="output").prox(start((2, 3, 8, 8)), 0.1 * strengths, 2)
    torch.testing.assert_close(w.detach(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("update", ["gradient", "decoupled", "proximal", "loss"])
@pytest.mark.parametrize("shared", [True, False])
def test_references_of_one_model_or_of_each(shared, update):
    """One model's array is shared by all, even where it is as long as there are models."""
    whole = start((5, 5, 8))
    reference = torch.randn(whole.shape[1:] if shared else whole.shape, dtype=torch.float64)
    w = nn.Parameter(whole.clone())
    optimizer = SGD([w], lr=0.1)
    parts = [Part(STRENGTHS / 10, ElasticNet(0.5), reference, update)]
    attachment = attach(optimizer, {w: parts}, stacked=1)
    (0 * w.sum() + attachment.loss()).backward()
    optimizer.step()
    for index, strength in enumerate((STRENGTHS / 10).tolist()):
        alone = nn.Parameter(whole[index].clone())
        own = SGD([alone], lr=0.1)
        about = reference if shared else reference[index]
        one = attach(own, {alone: [Part(strength, ElasticNet(0.5), about, update)]})
        (0 * alone.sum() + one.loss()).backward()
        own.step()
        torch.testing.assert_close(w[index], alone, rtol=1e-13, atol=1e-13)


def test_values_and_strengths_are_per_model():
    w = nn.Parameter(start())
    attachment = attach(SGD([w], lr=0.1), {w: [Part(STRENGTHS, L1())]}, stacked=1)
    torch.testing.assert_close(
        attachment.value()["L1()"], STRENGTHS * start().abs().sum((1, 2)), rtol=1e-12, atol=0
    )
    assert torch.equal(attachment.strengths["L1()"], STRENGTHS)


@pytest.mark.parametrize(
    ("strength", "words"),
    [
        (torch.ones(4), "one strength per model"),
        (torch.tensor([1.0, -1.0, 0, 0, 0]), "at least 0"),
        (torch.tensor([1.0, float("nan"), 0, 0, 0]), "at least 0"),
    ],
)
def test_bad_strengths_are_refused(strength, words):
    w = nn.Parameter(start())
    with pytest.raises(InputError, match=words):
        attach(SGD([w], lr=0.1), {w: [Part(strength, L1())]}, stacked=1)


def test_a_tensor_outside_the_optimizer_is_refused():
    w, other = nn.Parameter(start()), nn.Parameter(start())
    with pytest.raises(InputError, match="does not hold"):
        attach(SGD([w], lr=0.1), {other: [Part(0.1, L1())]})
