"""Single zeros: small files that give back every bit, and sparse products only where faster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from shrinkage.compaction import load_sparse, save_sparse, sparse_where_faster
from shrinkage.compaction import sparse_layers as sparse_module
from shrinkage.errors import InputError


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95, 0.9999, 1.0])
def test_every_bit_comes_back(share: float, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    tensors = {
        f"{dtype}": torch.randn(40, 60, generator=generator).to(dtype)
        for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int64)
    }
    for own in tensors.values():
        own[torch.rand(40, 60, generator=generator) < share] = 0
    tensors["odd"] = torch.tensor([0.0, -0.0, float("nan"), float("inf")])
    tensors["scalar"], tensors["none"] = torch.tensor(3), torch.zeros(0, 4)
    file = save_sparse(tensors, tmp_path / "w.safetensors")
    found = load_sparse(file.path)
    assert list(found) == list(tensors)
    for name, own in tensors.items():
        assert found[name].dtype == own.dtype
        assert found[name].shape == own.shape
        same = found[name].contiguous().view(-1).view(torch.uint8) if own.ndim else found[name]
        wanted = own.contiguous().view(-1).view(torch.uint8) if own.ndim else own
        assert torch.equal(same, wanted)
    if share == 0.95:
        assert file.bytes < 0.2 * file.dense_bytes


def test_another_file_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"w": torch.ones(2)}, tmp_path / "dense.safetensors")
    (tmp_path / "text").write_text("text")
    for name in ("dense.safetensors", "text", "nothing"):
        with pytest.raises(InputError, match="expected a file of save_sparse"):
            load_sparse(tmp_path / name)


def test_sparse_products_are_used_where_they_are_faster_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    model: Any = nn.Sequential(nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 4))
    with torch.no_grad():
        model[0].weight[torch.rand(20, 30) < 0.9] = 0.0
    rows = torch.randn(6, 30)
    for dense, word in ((1.0, "not faster"), (4.0, "0 (2.0 ×)")):
        monkeypatch.setattr(sparse_module, "medians", lambda *_, dense=dense: [dense, 2.0])
        found = sparse_where_faster(model, rows)
        assert word in found.told
        assert found.layers[0].used is (dense == 4.0)
        torch.testing.assert_close(found.module(rows), model(rows))
