"""The first layer of a stack on rows that are mostly zero: the product that leaves zeros out."""

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage.paths.engines.kernels import rows
from shrinkage.paths.engines.network import StackedNetwork

built = pytest.mark.skipif(rows._LIBRARY is None, reason="the compiled part was not built")


def sparse(count: int, inputs: int, share: float = 0.1) -> torch.Tensor:
    random = np.random.default_rng(count + inputs)
    there = random.random((count, inputs)) < share
    return torch.from_numpy((there * random.normal(size=there.shape)).astype(np.float32))


@built
@pytest.mark.parametrize("count", [128, 129, 700])
@pytest.mark.parametrize("inputs", [1, 16, 112, 113, 784])
@pytest.mark.parametrize("outputs", [1, 63, 64, 130])
def test_it_is_the_product(count: int, inputs: int, outputs: int) -> None:
    x, weight = sparse(count, inputs), torch.randn(outputs, inputs)
    with torch.no_grad():
        assert rows.takes(weight, x)
        out = rows.product(weight, x)
    expected = weight.double() @ x.double().t()
    assert out.shape == (outputs, count)
    size = weight.double().abs() @ x.double().abs().t()  # what rounding is relative to
    assert ((out - expected).abs() <= 1e-6 * size).all()


@built
def test_an_output_is_the_same_whatever_lies_beside_it() -> None:
    x, weight = sparse(300, 50), torch.randn(200, 50)
    with torch.no_grad():
        together = rows.product(weight, x)
        alone = torch.cat([rows.product(own[None].contiguous(), x) for own in weight])
        some = rows.product(weight, x[100:].contiguous())
    assert torch.equal(together, alone)
    assert torch.equal(together[:, 100:], some)


@built
def test_threads_share_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight = sparse(1000, 50), torch.randn(200, 50)
    with torch.no_grad():
        alone = rows.product(weight, x)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
        assert torch.equal(rows.product(weight, x), alone)


@built
def test_what_is_not_a_number_stays_in_its_model_and_row() -> None:
    x, weight = sparse(200, 20), torch.randn(70, 20)
    weight[3], x[5, 2] = float("nan"), float("inf")
    with torch.no_grad():
        finite = torch.isfinite(rows.product(weight, x))
    assert not finite[3, x.any(1)].any()
    assert not finite[:, 5].any()
    others = [row for row in range(200) if row != 5]
    assert finite[[0, 1, 2, *range(4, 70)]][:, others].all()


@built
@pytest.mark.parametrize(
    ("weight", "x"),
    [
        (torch.ones(2, 9), torch.ones(256, 9)),
        (torch.ones(2, 9), sparse(100, 9)),
        (torch.ones(1, 1).expand(2**18, 17).contiguous(), sparse(256, 17)),
        (torch.ones(2, 9).double(), sparse(256, 9).double()),
        (torch.ones(9, 2).t(), sparse(256, 9)),
        (torch.ones(2, 9), sparse(9, 256).t()),
    ],
    ids=["dense", "few rows", "large", "float64", "turned weights", "turned rows"],
)
def test_other_arrays_are_left_to_torch(weight: torch.Tensor, x: torch.Tensor) -> None:
    with torch.no_grad():
        assert not rows.takes(weight, x)
    assert not rows.takes(torch.ones(2, 9), sparse(256, 9)), "gradients are wanted"


@built
def test_a_stack_judges_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    network = StackedNetwork(nn.Sequential(nn.Linear(40, 8), nn.ReLU(), nn.Linear(8, 3)), 5)
    x, used = sparse(300, 40), []
    product = rows.product
    monkeypatch.setattr(rows, "product", lambda *own: used.append(1) or product(*own))
    with torch.no_grad():
        by_lists = network.forward(x)
        monkeypatch.setattr(rows, "takes", lambda *_: False)
        by_torch = network.forward(x)
    assert used == [1]
    torch.testing.assert_close(by_lists, by_torch, rtol=1e-5, atol=1e-6)
