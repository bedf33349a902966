"""A model with its preparation of raw rows as one ONNX file.

Who uses this: `FittedPath.to_onnx` and the estimators. The file takes raw columns of numbers as
float64 and gives probabilities of the classes, or numbers in the target's unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from shrinkage.datasets import Preprocessing, TargetEncoding
from shrinkage.datasets.preparation.missing import MissingInputs
from shrinkage.datasets.preparation.numbers import NumericInputs
from shrinkage.datasets.preparation.pixels import PixelInputs
from shrinkage.datasets.wording import listed
from shrinkage.errors import InputError
from shrinkage.pytorch.onnx import OnnxFile, export_onnx

AGREE = 1e-5
"""onnxruntime answers within this of the model, relative to the largest answer."""
BRIGHTEST = 255.0


class RawModel(nn.Module):
    """A module behind the preparation of its rows: raw numbers in, predictions out.

    Args:
        module: the trained module, in evaluation mode.
        preprocessing: of columns of numbers.
        encoding: of the target.
        kept: places of the inputs that the module reads; None: all.

    Raises:
        InputError: a column is no number, so that it has no place in a tensor.
    """

    def __init__(
        self,
        module: nn.Module,
        preprocessing: Preprocessing,
        encoding: TargetEncoding,
        kept: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        known = (NumericInputs, MissingInputs, PixelInputs)
        others = {
            name
            for encoder in preprocessing.encoders
            if not isinstance(encoder, known)
            or (isinstance(encoder, MissingInputs) and set(encoder.kinds) != {"numeric"})
            for name in encoder.sources
        }
        if others:
            raise InputError(
                "expected columns of numbers for an ONNX file, got others "
                f"({listed(sorted(others))}): use predict, or make numbers of them before fitting"
            )
        self.module, self.encoding = module, encoding
        self.parts = [_part(encoder, preprocessing) for encoder in preprocessing.encoders]
        self.scale, self.mean = (
            torch.tensor(values, dtype=torch.float64) for values in (encoding.scale, encoding.mean)
        )
        self.dtype = next(module.parameters()).dtype
        self.kept = None if kept is None else torch.tensor(kept)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return probabilities (rows, classes), or numbers (rows, targets), of raw rows."""
        inputs = torch.cat([part(x) for part in self.parts], dim=1).to(self.dtype)
        if self.kept is not None:
            inputs = inputs[:, self.kept]
        outputs = self.module(inputs).double()
        if self.encoding.classes:
            return torch.softmax(outputs, dim=1)
        if self.encoding.task == "multi-label":
            return torch.sigmoid(outputs)
        outputs = outputs.exp() if self.encoding.link == "log" else outputs
        return outputs * self.scale + self.mean


def _part(encoder: object, preprocessing: Preprocessing):
    place = {name: number for number, name in enumerate(preprocessing.columns)}
    assert isinstance(encoder, (NumericInputs, MissingInputs, PixelInputs))
    columns = torch.tensor([place[name] for name in encoder.names])
    if isinstance(encoder, PixelInputs):
        return lambda x: x[:, columns] / BRIGHTEST
    if isinstance(encoder, MissingInputs):
        active = torch.tensor(encoder.active, dtype=torch.float64)
        return lambda x: torch.isnan(x[:, columns]).double() * active
    median, mean, scale = (
        torch.tensor(values, dtype=torch.float64)
        for values in (encoder.medians, encoder.means, encoder.scales)
    )
    factor = torch.where(scale > 0, 1 / torch.where(scale > 0, scale, 1.0), 0.0)

    def numbers(x: torch.Tensor) -> torch.Tensor:
        values = x[:, columns]
        return (torch.where(torch.isnan(values), median, values) - mean) * factor

    return numbers


def write_onnx(
    module: nn.Module,
    preprocessing: Preprocessing,
    encoding: TargetEncoding,
    path: str | Path,
    kept: Sequence[int] | None = None,
) -> OnnxFile:
    """Write a model with its preparation, run the file, and compare; arguments of `RawModel`.

    Raises:
        MissingExtra: the extra `onnx` is not installed.
        InputError: a column is no number, the module cannot be exported, or onnxruntime answers
            otherwise.
    """
    whole = RawModel(module, preprocessing, encoding, kept)
    rows = torch.randn(8, len(preprocessing.columns), dtype=torch.float64)
    centre, spread = torch.zeros(rows.shape[1]).double(), torch.ones(rows.shape[1]).double()
    place = {name: number for number, name in enumerate(preprocessing.columns)}
    for encoder in preprocessing.encoders:
        if isinstance(encoder, NumericInputs):
            columns = [place[name] for name in encoder.names]
            centre[columns] = torch.tensor(encoder.means, dtype=torch.float64)
            spread[columns] = torch.tensor(encoder.scales, dtype=torch.float64)
    with torch.random.fork_rng(devices=[]):
        return export_onnx(whole.eval(), rows * spread + centre, path, tolerance=AGREE)
