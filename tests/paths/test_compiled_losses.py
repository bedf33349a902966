"""The compiled cross entropy against torch's, differentiated by autograd in float64."""

from __future__ import annotations

import pytest
import torch

from shrinkage.paths.engines import kernels
from shrinkage.paths.engines.losses import StackedCrossEntropy

pytestmark = pytest.mark.skipif(
    not kernels.takes(torch.zeros(1, 2, 1), torch.zeros(1, dtype=torch.int64), None),
    reason="the compiled kernels were not built",
)


def batch(models: int, classes: int, rows: int, size: float) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(models + classes + rows)
    outputs = size * torch.randn(models, classes, rows, generator=random)
    return outputs, torch.randint(0, classes, (rows,), generator=random)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(3, 2, 5), (2, 10, 128), (2, 7, 300)], ids=str)
@pytest.mark.parametrize("size", [1e-3, 3.0, 60.0])
def test_it_is_that_of_torch(shape, size, weighted):
    outputs, target = batch(*shape, size)
    weight = torch.linspace(0.0, 2.0, shape[-1]) if weighted else None
    losses, gradient = StackedCrossEntropy().with_gradient(outputs, target, weight)
    wide = outputs.double().requires_grad_()
    rows = torch.nn.functional.cross_entropy(
        wide.movedim(0, -1).transpose(0, 1), target[:, None].expand(-1, shape[0]), reduction="none"
    )
    expected = (rows if weight is None else rows * weight[:, None]).mean(0)
    (slope,) = torch.autograd.grad(expected.sum(), wide)
    torch.testing.assert_close(losses.double(), expected.detach(), rtol=1e-6, atol=1e-7)
    # softmax less one has the rounding of numbers up to the largest weight over the rows, 2/rows
    eps = torch.finfo(torch.float32).eps
    torch.testing.assert_close(gradient.double(), slope, rtol=1e-6, atol=2 * eps * 2 / shape[-1])


def test_what_is_not_a_number_stays_in_its_model_and_row():
    outputs, target = batch(3, 4, 40, 1.0)
    calm = StackedCrossEntropy().with_gradient(outputs, target, None)
    outputs[1, 2, 7], outputs[2, 0, 8] = torch.nan, torch.inf
    losses, gradient = StackedCrossEntropy().with_gradient(outputs, target, None)
    assert torch.isnan(losses).tolist() == [False, True, True]
    none = torch.zeros(3, 4, 40, dtype=torch.bool)
    none[1, :, 7] = none[2, :, 8] = True
    assert torch.equal(torch.isnan(gradient), none)
    assert torch.equal(gradient[~none], calm[1][~none])


@pytest.mark.parametrize("wrong", [-1, 4])
def test_a_label_that_is_no_output_is_told_before_anything_is_written(wrong):
    outputs, target = batch(2, 4, 40, 1.0)
    target[17] = wrong
    with pytest.raises(IndexError, match=f"below 4, the outputs of the network, got {wrong}"):
        kernels.cross_entropy(outputs, target, None)


def test_other_arrays_are_left_to_torch():
    outputs, target = batch(2, 3, 6, 1.0)
    assert not kernels.takes(outputs.double(), target, None)
    assert not kernels.takes(outputs.transpose(1, 2).contiguous().transpose(1, 2), target, None)
    assert not kernels.takes(outputs, target, torch.ones(6).double())
