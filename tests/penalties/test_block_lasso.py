"""Blocks: the same as a group lasso on the tiles cut out, in every metric and in training."""

from __future__ import annotations

import numpy as np
import pytest

from shrinkage import L1, L2
from shrinkage.errors import InputError
from shrinkage.penalties import BlockLasso, GroupLasso
from shrinkage.terms import Part, closed_form
from tests.penalties.test_group_lasso import bisected

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
W = RNG.standard_normal((4, 6, 3))


@pytest.mark.parametrize("block", ["2x3", "2x0", "0x1", "4x6"])
def test_each_tile_is_a_group_by_itself(block: str) -> None:
    penalty, step = BlockLasso(block), 10 ** RNG.uniform(-2, 0, W.shape)
    rows, columns = (int(n) or length for n, length in zip(block.split("x"), W.shape, strict=False))
    got, value, largest = penalty.prox(W, step), 0.0, 0.0
    for i in range(0, 4, rows):
        for j in range(0, 6, columns):
            tile = np.s_[i : i + rows, j : j + columns]
            root = np.sqrt(W[tile].size)
            expected = bisected(W[tile].ravel(), root * step[tile].ravel())
            np.testing.assert_allclose(got[tile].ravel(), expected, rtol=1e-11)
            value += root * np.linalg.norm(W[tile])
            largest = max(largest, np.linalg.norm(W[tile]) / root)
    assert float(penalty.value(W)) == pytest.approx(value, rel=1e-13)
    assert float(penalty.critical_strength(W)) == pytest.approx(largest, rel=1e-13)


@pytest.mark.parametrize("block", ["2x2", "1x4"])
def test_training_in_place_is_the_prox_of_tiles(block: str) -> None:
    """The fast route is for groups along axes; a block that merely looks like one is not taken."""
    from shrinkage.pytorch import attach

    start = torch.tensor(W[:, :4, 0])
    for make in (torch.optim.SGD, torch.optim.Adam):
        weight = torch.nn.Parameter(start.clone())
        optimizer = make([weight], lr=0.1)
        attach(
            optimizer, {weight: [Part(0.4, BlockLasso(block)), Part(0.1, L1()), Part(0.2, L2())]}
        )
        bare = torch.nn.Parameter(start.clone())
        alone = make([bare], lr=0.1)
        weight.grad, bare.grad = torch.ones_like(start), torch.ones_like(start)
        optimizer.step(), alone.step()
        parts = [Part(0.4, BlockLasso(block)), Part(0.1, L1()), Part(0.2, L2())]
        step = 0.1 if make is torch.optim.SGD else torch.full_like(start, 0.1 / (1 + 1e-8))
        reach = None if make is torch.optim.SGD else 0.1
        expected = closed_form(parts).prox(bare.detach(), step, 0, reach)
        torch.testing.assert_close(weight.detach(), expected, rtol=1e-9, atol=1e-12)
        assert not torch.equal(weight, bare)


def test_a_linear_path_takes_blocks_in_its_own_solver() -> None:
    from sklearn.datasets import load_diabetes

    from shrinkage import fit_path

    X, y = map(np.asarray, load_diabetes(return_X_y=True))
    common = {"strengths": (0.5, 2.0), "folds": 2, "progress": False}
    ours = fit_path("linear", X[:, :8], y, penalty=BlockLasso("0x2"), **common)
    pairs = GroupLasso(per="input", groups=(0, 0, 1, 1, 2, 2, 3, 3))
    theirs = fit_path("linear", X[:, :8], y, penalty=pairs, **common)
    np.testing.assert_allclose(ours.fold_scores, theirs.fold_scores, atol=1e-6)
    np.testing.assert_array_equal(ours.nonzero, theirs.nonzero)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BlockLasso("4"), "expected a block as 'NxM'"),
        (lambda: BlockLasso("3x3").value(W), r"blocks of 3x3 divide .*\(4, 6, 3\)"),
        (lambda: BlockLasso("2x2").with_axes(None, 0), "input and output units"),
    ],
)
def test_bad_blocks_are_one_line(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make()  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_a_block_that_does_not_divide_is_refused_before_training() -> None:
    from shrinkage.pytorch import regularize

    model = torch.nn.Linear(6, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(InputError, match=r"weight \(4, 6\): expected an array that blocks of 4x4"):
        regularize(optimizer, model, 0.1 * BlockLasso())
