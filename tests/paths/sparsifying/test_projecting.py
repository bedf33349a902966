"""One cardinality over several arrays in the optimizer's metric, against a plain sort."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shrinkage.paths.engines.lone import scores
from shrinkage.paths.sparsifying.projecting import Held, project_weights


@pytest.fixture
def stepped():
    """Return two parameters and the Adam that has moved them by gradients of other sizes."""
    generator = torch.Generator().manual_seed(3)
    shapes = (4, 6), (3, 4)
    arrays = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    optimizer = torch.optim.Adam(arrays, lr=0.1)
    for _ in range(3):
        for own in arrays:
            own.grad = (
                torch.randn(own.shape, generator=generator)
                * torch.rand(own.shape, generator=generator)
                * 5
            )
        optimizer.step()
    return arrays, optimizer


def in_metric(arrays, optimizer) -> list[np.ndarray]:
    """Return w²·(√v + ε)/lr, v as Adam's state has it: the arithmetic of the paper, anew."""
    sizes = []
    for own in arrays:
        v = optimizer.state[own]["exp_avg_sq"].numpy() / (1 - 0.999**3)
        rate = 0.1
        sizes.append(own.detach().numpy() ** 2 * (np.sqrt(v) + 1e-8) / rate)
    return sizes


def detached(arrays) -> list[torch.Tensor]:
    """Return the values of parameters."""
    return [own.detach() for own in arrays]


def test_scores_are_weights_in_the_metric(stepped):
    arrays, optimizer = stepped
    for own, expected in zip(arrays, in_metric(arrays, optimizer), strict=True):
        found = scores(optimizer, own).numpy()
        np.testing.assert_allclose(found / expected, (found / expected).mean(), rtol=1e-4)


def test_the_largest_of_all_arrays_stay_and_not_those_of_each(stepped):
    arrays, optimizer = stepped
    before = [own.detach().numpy().copy() for own in arrays]
    flat = np.concatenate([own.ravel() for own in in_metric(arrays, optimizer)])
    stays = np.zeros(len(flat), bool)
    stays[np.argsort(-flat)[:9]] = True
    project_weights(detached(arrays), [scores(optimizer, own) for own in arrays], 9)
    after = np.concatenate([own.detach().numpy().ravel() for own in arrays])
    expected = np.where(stays, np.concatenate([own.ravel() for own in before]), 0.0)
    np.testing.assert_array_equal(after, expected)
    by_size = np.argsort(-np.abs(np.concatenate([own.ravel() for own in before])))[:9]
    assert set(by_size) != set(np.flatnonzero(stays))  # the metric matters here


def test_fewer_that_are_not_zero_are_all_kept(stepped):
    arrays, optimizer = stepped
    with torch.no_grad():
        arrays[0].zero_()
    project_weights(detached(arrays), [scores(optimizer, own) for own in arrays], 20)
    assert int((arrays[1] != 0).sum()) == 12
    assert not arrays[0].any()


def test_held_zeros_come_back_and_only_learned_ones():
    w = torch.tensor([0.0, 1.0, 2.0])
    held = Held((w,))
    held.learn()
    w += 1.0
    w[2] = 0.0
    held.hold()
    assert w.tolist() == [0.0, 2.0, 0.0]
    w += 1.0
    held.hold()
    assert w.tolist() == [0.0, 3.0, 1.0]
