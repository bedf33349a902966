"""Weights in half precision: rounded once, told, and never silently lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from shrinkage.compaction import compact, load_sparse, save_sparse
from shrinkage.compaction.rounding import HALF, in_half
from shrinkage.errors import InputError


def network(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    """Return a network with dead units, single zeros, a batch norm and two tied layers."""
    torch.manual_seed(0)
    made: Any = nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8), nn.Linear(8, 3)
    ).to(dtype)
    made.add_module("again", nn.Linear(3, 3, dtype=dtype))
    with torch.no_grad():
        made[0].weight[5:] = 0
        made[3].weight[torch.rand(8, 8) < 0.5] = 0
        made[1].running_var.uniform_(0.5, 2.0)
    return made


@pytest.mark.parametrize("stored_as", HALF)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_a_file_in_half_precision_costs_is_what_its_reader_gets(
    stored_as: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    rows = torch.randn(200, 6, dtype=dtype)
    exact, half = (compact(network(dtype), rows, stored_as=own) for own in (None, stored_as))
    assert exact.rounding is None
    assert half.rounding is not None
    assert half.proof.difference_real < 1e-6
    save_file(in_half(half.module.state_dict(), stored_as), tmp_path / "half.safetensors")
    assert half.rounding.file_bytes == (tmp_path / "half.safetensors").stat().st_size
    reader = compact(network(dtype), rows).module.eval()
    reader.load_state_dict(load_file(tmp_path / "half.safetensors"))
    with torch.no_grad():
        first, second, given = (own.eval()(rows) for own in (exact.module, reader, half.module))
    assert torch.equal(second, given)
    difference = ((first - second).abs().max() / first.abs().max()).item()
    assert half.rounding.difference_real == pytest.approx(difference)
    assert 0 < difference < 4 * torch.finfo(HALF[stored_as]).eps
    changed = (first.argmax(1) != second.argmax(1)).double().mean().item()
    assert half.rounding.changed == changed


def test_zeros_and_whole_numbers_stay_and_so_does_the_mode() -> None:
    model = network()
    half = compact(model, torch.randn(20, 6), stored_as="float16").module
    assert half.training
    before, after = compact(model, torch.randn(20, 6)).module.state_dict(), half.state_dict()
    for name, own in before.items():
        assert after[name].dtype == own.dtype
        assert torch.equal(after[name] == 0, own == 0)
        wanted = own.half().to(own.dtype) if own.is_floating_point() else own
        assert torch.equal(after[name], wanted)


def test_numbers_are_not_classes() -> None:
    model = nn.Sequential(nn.Linear(4, 1))
    rounding = compact(model, torch.randn(20, 4), stored_as="bfloat16").rounding
    assert rounding is not None
    assert rounding.changed is None


def test_a_weight_that_is_too_large_and_another_type_are_refused(tmp_path: Path) -> None:
    model = network()
    with torch.no_grad():
        model[3].bias[2] = 70_000.0  # type: ignore[index]
    rows = torch.randn(20, 6)
    with pytest.raises(InputError, match=r"up to 65504, got 70000 in 3\.bias: .* bfloat16"):
        compact(model, rows, stored_as="float16")
    with pytest.raises(InputError, match="70000"):
        save_sparse(model, tmp_path / "w.safetensors", stored_as="float16")
    assert not list(tmp_path.iterdir())
    assert compact(model, rows, stored_as="bfloat16").rounding is not None
    with pytest.raises(InputError, match="float16, bfloat16"):
        compact(model, rows, stored_as="float8")
    infinite = {"weight": torch.tensor([float("inf"), float("nan"), 65_519.0])}
    assert in_half(infinite, "float16")["weight"][2] == 65_504


@pytest.mark.parametrize("stored_as", HALF)
def test_a_file_without_zeros_in_half_precision(stored_as: str, tmp_path: Path) -> None:
    weight = torch.randn(100, 80)
    weight[torch.rand(100, 80) < 0.9] = 0
    tensors = {"weight": weight, "count": torch.tensor(3)}
    full = save_sparse(tensors, tmp_path / "full.safetensors")
    half = save_sparse(tensors, tmp_path / "half.safetensors", stored_as=stored_as)
    assert half.bytes < 0.7 * full.bytes
    found = load_sparse(half.path)
    assert torch.equal(found["weight"], weight.to(HALF[stored_as]))
    assert found["count"].dtype == torch.int64
    assert found["count"] == 3
