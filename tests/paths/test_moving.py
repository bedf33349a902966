"""One pass over the flat buffers moves a stack as torch's Adam with the parts attached does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shrinkage.paths.engines import moving
from shrinkage.paths.engines.flat import FlatStack
from shrinkage.penalties import L1, L2, ElasticNet, GroupLasso, SparseGroupLasso
from shrinkage.pytorch.prox.kernels import adam, adam_groups
from shrinkage.terms import Part

MODELS, SHAPE = 4, (70, 300)
STRENGTHS = torch.tensor([0.0, 1e-4, 1e-2, 3.0], dtype=torch.float64)
PARTS = {
    "L1": [Part(STRENGTHS, L1())],
    "L2": [Part(STRENGTHS, L2())],
    "elastic net": [Part(STRENGTHS, ElasticNet(0.3))],
    "L1 and a fixed L2": [Part(STRENGTHS, L1()), Part(torch.full((4,), 0.1).double(), L2())],
}
OF_GROUPS = torch.tensor([0.0, 1e-4, 5e-3, 3.0], dtype=torch.float64)  # the third at its edge
GROUPS = {
    "groups": [Part(OF_GROUPS, GroupLasso("input"))],
    "sparse groups": [Part(OF_GROUPS, SparseGroupLasso(0.3, per="input"))],
    "groups and a fixed L2": [
        Part(OF_GROUPS, GroupLasso("input")),
        Part(torch.full((4,), 0.1).double(), L2()),
    ],
}

pytestmark = pytest.mark.skipif(
    not (adam.is_built() and adam_groups.is_built()), reason="the compiled kernels were not built"
)


def stack(dtype: torch.dtype) -> FlatStack:
    """Return weights, gradients and moments as they are found in training, with extreme ones."""
    random = torch.Generator().manual_seed(0)
    flat = FlatStack.of({"w": torch.zeros(MODELS, *SHAPE), "b": torch.zeros(MODELS, 7)})
    for buffer, scale in ((flat.values, 1e-2), (flat.gradients, 1e-3), (flat.first, 1e-3)):
        buffer.normal_(0, scale, generator=random)
    flat.second.copy_(flat.first.square() * torch.rand(flat.first.shape, generator=random))
    for column in range(4):  # inputs that are never on; weights at zero; a rare gradient
        flat.parameters["w"].detach()[..., column] *= column > 1
        flat.moments("w")[0][..., column] = 0
        flat.moments("w")[1][..., column] = 1e-30 * (column > 0)
        assert flat.parameters["w"].grad is not None
        flat.parameters["w"].grad[..., column] *= column > 2
    values, gradients, first, second = (buffer.to(dtype) for buffer in buffers(flat))
    return FlatStack(flat.stretches, values, gradients, first, second, steps=10)


def buffers(flat: FlatStack) -> tuple[torch.Tensor, ...]:
    return flat.values.detach(), flat.gradients, flat.first, flat.second


@pytest.mark.parametrize("name", [*PARTS, *GROUPS])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_the_pass_is_adam_and_the_shrink_after_it(name, dtype, monkeypatch):
    ours, theirs = stack(dtype), stack(dtype)
    parts = {"w": {**PARTS, **GROUPS}[name]}
    optimizer = moving.Optimizer(ours, parts)
    assert not optimizer.is_hooked
    monkeypatch.setattr(moving, "is_built", lambda: False)
    other = moving.Optimizer(theirs, parts)
    for rate in (1e-2, 4e-3):
        optimizer.step(rate)
        other.step(rate)
    relative = {torch.float64: 1e-9, torch.float32: 1e-6}[dtype]
    # what is left of a group that is nearly zero has the rounding of what was taken off
    absolute = relative * (1e-1 if name in GROUPS else 1e-2)
    for own, expected in zip(buffers(ours), buffers(theirs), strict=True):
        torch.testing.assert_close(own, expected, rtol=relative, atol=absolute)
    assert torch.equal(ours.parameters["w"] == 0, theirs.parameters["w"] == 0)
    zeros = (ours.parameters["w"] == 0).flatten(1).sum(1).numpy()
    assert np.array_equal(optimizer.zeros["w"], zeros)
    shrunk = ours.parameters["w"][1:]
    assert not torch.signbit(shrunk[shrunk == 0]).any()


@pytest.mark.parametrize("name", ["elastic net", "groups"])
def test_threads_change_no_bit(name):
    alone, shared = stack(torch.float32), stack(torch.float32)
    threads = torch.get_num_threads()
    for flat, count in ((alone, 1), (shared, 2)):
        torch.set_num_threads(count)
        optimizer = moving.Optimizer(flat, {"w": {**PARTS, **GROUPS}[name]})
        optimizer.step(1e-2)
    torch.set_num_threads(threads)
    assert all(torch.equal(*pair) for pair in zip(buffers(alone), buffers(shared), strict=True))


@pytest.mark.parametrize("built", [True, False])
def test_not_a_number_stays_in_its_model(built, monkeypatch):
    monkeypatch.setattr(moving, "is_built", lambda: built)
    calm, mixed = stack(torch.float32), stack(torch.float32)
    gradient = mixed.parameters["w"].grad
    assert gradient is not None
    gradient[1, 5], gradient[2, 6] = torch.nan, torch.inf
    for flat in (calm, mixed):
        moving.Optimizer(flat, {"w": PARTS["elastic net"]}).step(1e-2)
    assert torch.isnan(mixed.parameters["w"][1, 5]).all()
    for model, row in ((0, slice(None)), (3, slice(None)), (1, slice(0, 5)), (2, slice(7, None))):
        own, other = mixed.parameters["w"][model, row], calm.parameters["w"][model, row]
        assert torch.equal(own, other)


@pytest.mark.parametrize("name", ["groups", "sparse groups"])
def test_a_group_that_diverges_stays_alone(name):
    calm, mixed = stack(torch.float32), stack(torch.float32)
    gradient = mixed.parameters["w"].grad
    assert gradient is not None
    gradient[1, 5, 9], gradient[2, 6, 299] = torch.nan, torch.inf
    for flat in (calm, mixed):
        moving.Optimizer(flat, {"w": GROUPS[name]}).step(1e-2)
    diverged = torch.zeros(MODELS, *SHAPE, dtype=torch.bool)
    diverged[1, :, 9] = diverged[2, :, 299] = True
    assert torch.equal(torch.isnan(mixed.parameters["w"]), diverged)
    others = (flat.parameters["w"][~diverged] for flat in (mixed, calm))
    assert torch.equal(*others)


@pytest.mark.parametrize(
    "penalty", [GroupLasso("output"), GroupLasso("input", groups=(0, 0, *range(1, 299)))]
)
def test_groups_of_another_form_are_left_to_torch(penalty):
    flat = stack(torch.float32)
    optimizer = moving.Optimizer(flat, {"w": [Part(STRENGTHS, penalty)]})
    assert optimizer.is_hooked
    optimizer.step(1e-2)


@pytest.mark.parametrize("name", ["elastic net", "L2"])
def test_what_is_left_of_a_stack_goes_on_as_before(name):
    whole = stack(torch.float64)
    moving.Optimizer(whole, {"w": PARTS[name]}).step(1e-2)

    def cut(parameter: str, array: torch.Tensor) -> torch.Tensor:
        models = array[[1, 3]]
        return models[..., 2::3] if parameter == "w" else models

    left = whole.reduced(cut)
    left.gradients.copy_(torch.ones_like(left.gradients))
    whole.gradients.fill_(1.0)
    moving.Optimizer(whole, {"w": PARTS[name]}).step(1e-2)
    some = [Part(part.strength[[1, 3]], part.penalty) for part in PARTS[name]]
    moving.Optimizer(left, {"w": some}).step(1e-2)
    for parameter in ("w", "b"):
        assert torch.equal(left.parameters[parameter], cut(parameter, whole.parameters[parameter]))


@pytest.mark.parametrize("name", ["elastic net", "groups"])
def test_copies_for_products_are_rounded_as_torch_rounds_them(name):
    narrow, wide = stack(torch.float32), stack(torch.float32)
    narrow.values[:3] = torch.tensor([torch.nan, torch.inf, 3.3895e38])
    wide.values[:3] = narrow.values[:3]
    narrow.narrow_down({"w"})
    gradients, copies = narrow.narrow_views("w") or (None, None)
    assert gradients is not None
    assert copies is not None
    own = wide.parameters["w"].grad
    assert own is not None
    gradients.copy_(own)
    own.copy_(gradients)
    narrow.gradients[: narrow.stretches["w"].length] = torch.nan  # nobody reads them
    for flat in (narrow, wide):
        moving.Optimizer(flat, {"w": {**PARTS, **GROUPS}[name]}).step(1e-2)
    same = {"rtol": 0, "atol": 0, "equal_nan": True}
    torch.testing.assert_close(narrow.values.detach(), wide.values.detach(), **same)
    torch.testing.assert_close(copies, wide.parameters["w"].detach().bfloat16(), **same)


@pytest.mark.parametrize("name", PARTS)
def test_on_a_device_the_same_is_computed_by_torch(name, monkeypatch):
    ours, theirs = stack(torch.float64), stack(torch.float64)
    optimizer = moving.Optimizer(ours, {"w": PARTS[name]})
    monkeypatch.setattr(moving, "is_resident", lambda _: True)
    other = moving.Optimizer(theirs, {"w": PARTS[name]})
    assert other.device_pass is not None
    for rate in (1e-2, 4e-3):
        optimizer.step(rate)
        other.step(rate)
    for own, expected in zip(buffers(ours), buffers(theirs), strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-9, atol=1e-12)
    assert torch.equal(ours.parameters["w"] == 0, theirs.parameters["w"] == 0)
    assert np.array_equal(optimizer.zeros["w"], other.zeros["w"])
