"""A network as an ONNX file: it answers alike in onnxruntime, for any number of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage.compaction import compact
from shrinkage.errors import InputError
from shrinkage.extras import missing
from shrinkage.pytorch.onnx import export_onnx

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(missing("onnx") is not None, reason=str(missing("onnx"))),
]


def test_a_compacted_network_answers_alike_in_onnxruntime(tmp_path: Path) -> None:
    import onnxruntime  # type: ignore[import-not-found]

    torch.manual_seed(0)
    model: Any = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    with torch.no_grad():
        model[0].weight[3:] = 0.0
    rows = torch.randn(9, 6)
    smaller = compact(model, rows, timed=False).module
    file = export_onnx(smaller, rows, tmp_path / "small.onnx")
    assert file.difference < 1e-5
    assert file.bytes == len(file.path.read_bytes())
    session = onnxruntime.InferenceSession(file.path)
    for count in (1, 9):
        (found,) = session.run(None, {"input": rows[:count].numpy()})
        wanted = model.eval()(rows[:count]).detach().numpy()
        np.testing.assert_allclose(np.asarray(found), wanted, atol=1e-5)


def test_a_network_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    class Asks(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(InputError, match="the Asks cannot be written as ONNX"):
        export_onnx(Asks(), torch.randn(3, 2), tmp_path / "asks.onnx")
    assert not (tmp_path / "asks.onnx").exists()


class Answers(nn.Module):
    """As language models return them: what there is, by name, and nothing for what there is not."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.head = nn.Linear(4, 6), nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        hidden = torch.tanh(self.hidden(x))
        return {"logits": self.head(hidden), "loss": None, "states": (hidden,)}


def test_answers_by_name_are_compared(tmp_path: Path) -> None:
    file = export_onnx(Answers(), torch.randn(5, 4), tmp_path / "answers.onnx")
    assert file.difference < 1e-5


class Sampling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = nn.Linear(4, 3), nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        code = self.encode(x)
        return self.decode(torch.relu(code) + torch.randn_like(code))


def test_a_network_that_draws_random_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="draws random numbers in evaluation"):
        export_onnx(Sampling(), torch.randn(5, 4), tmp_path / "sampling.onnx")


def test_what_began_a_failure_is_said(tmp_path: Path) -> None:
    class Fixed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.sum() > 0:
                raise RuntimeError("sizes of a graph")
            return x

    with pytest.raises(InputError, match=r"Fixed cannot be written as ONNX: (?!TorchExportError)"):
        export_onnx(Fixed(), -torch.ones(3, 3), tmp_path / "fixed.onnx")


def test_a_parameter_may_be_an_answer(tmp_path: Path) -> None:
    class Answering(nn.Linear):
        def forward(self, x: torch.Tensor) -> Any:
            return x, super().forward(x), self.bias

    file = export_onnx(Answering(4, 2), torch.randn(3, 4), tmp_path / "answers.onnx")
    assert file.difference < 1e-5


class Named(nn.Module):
    """Called with a mapping."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.head = nn.BatchNorm1d(4), nn.Linear(4, 2)

    def forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.head(self.norm(inputs["x"]))


def test_a_mapping_is_an_input_and_every_part_keeps_its_mode(tmp_path: Path) -> None:
    model = Named().train()
    model.norm.eval()
    file = export_onnx(model, ({"x": torch.randn(5, 4)},), tmp_path / "named.onnx")
    assert file.difference < 1e-5
    assert [own.training for own in model.modules()] == [True, False, True]


def test_numbers_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    half, x = nn.Linear(4, 2).bfloat16(), torch.randn(3, 4).bfloat16()
    with pytest.raises(InputError, match=r"got bfloat16: export module\.float\(\)"):
        export_onnx(half, x, tmp_path / "half.onnx")
    assert export_onnx(half.half(), x.half(), tmp_path / "half.onnx", tolerance=1e-2).bytes > 0


@pytest.mark.parametrize("beside", [3, 2.5, True, "exact"])
def test_answers_beside_tensors_are_refused_by_their_kind(beside: object, tmp_path: Path) -> None:
    class Telling(nn.Linear):
        def forward(self, x: torch.Tensor) -> Any:
            return {"y": super().forward(x), "beside": beside, "nothing": None}

    kind = type(beside).__name__
    with pytest.raises(
        InputError, match=f"expected tensors as the answers of .* got of type {kind}"
    ):
        export_onnx(Telling(4, 2), torch.randn(3, 4), tmp_path / "telling.onnx")


@pytest.mark.parametrize("stored_as", ["float16", "bfloat16"])
def test_weights_in_half_precision_take_half_the_file_and_no_answer_changes(
    stored_as: str, tmp_path: Path
) -> None:
    import onnxruntime  # type: ignore[import-not-found]

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(40, 200), nn.ReLU(), nn.Linear(200, 3))
    rows = torch.randn(50, 40)
    full, half = (
        compact(model, rows, timed=False, stored_as=own).module for own in (None, stored_as)
    )
    files = [
        export_onnx(own, rows, tmp_path / f"{place}.onnx") for place, own in enumerate((full, half))
    ]
    assert files[1].bytes < files[0].bytes - 2 * 8_000
    session = onnxruntime.InferenceSession(files[1].path)
    (found,) = session.run(None, {"input": rows.numpy()})
    exact = half.double()(rows.double()).detach().numpy()
    np.testing.assert_allclose(np.asarray(found), exact, atol=1e-5)
