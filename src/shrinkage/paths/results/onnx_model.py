"""A module behind the preparation of its rows, as one graph of numbers.

Who uses this: `onnx_file`, which exports it. Texts are codes here (`onnx_cells`), dates seconds
since the start of 1970; what the inputs of a level are is asked of the encoder itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

from shrinkage.datasets import Preprocessing, TargetEncoding
from shrinkage.datasets.pixels import BRIGHTEST
from shrinkage.datasets.preparation.base import Encoder
from shrinkage.datasets.preparation.categories import CategoryInputs
from shrinkage.datasets.preparation.dates import DateInputs
from shrinkage.datasets.preparation.missing import MissingInputs
from shrinkage.datasets.preparation.numbers import NumericInputs
from shrinkage.datasets.preparation.pixels import PixelInputs
from shrinkage.datasets.preparation.row_cells import RowCells
from shrinkage.paths.results.onnx_cells import MISSING_CODE, OnnxCells, TextColumn
from shrinkage.paths.results.onnx_dates import NO_TIMES, date_part

Part = Callable[[torch.Tensor], torch.Tensor]
"""The inputs of one encoder, (rows, inputs), of the cells (rows, columns)."""


class RawModel(nn.Module):
    """A module behind the preparation of its rows: cells as numbers in, predictions out.

    Args:
        module: the trained module, in evaluation mode.
        preprocessing: what prepares raw rows.
        encoding: of the target.
        cells: the columns of the cells: numbers and dates, then codes of texts.
        kept: places of the inputs that the module reads; None: all.
    """

    def __init__(
        self,
        module: nn.Module,
        preprocessing: Preprocessing,
        encoding: TargetEncoding,
        cells: OnnxCells,
        kept: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.module, self.encoding = module, encoding
        parts = _Parts(preprocessing, cells)
        self.absent = parts.absent_numbers()
        self.parts = [parts.of(encoder) for encoder in preprocessing.encoders]
        self.scale, self.mean = (_doubles(own) for own in (encoding.scale, encoding.mean))
        self.dtype = next(module.parameters()).dtype
        self.kept = None if kept is None else torch.tensor(kept)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return probabilities (rows, classes), or numbers (rows, targets), of raw rows."""
        for absent in self.absent:
            x = torch.where(x == absent, torch.nan, x)
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


class _Parts:
    """What makes the part of each encoder."""

    def __init__(self, preprocessing: Preprocessing, cells: OnnxCells) -> None:
        self.preprocessing, self.cells = preprocessing, cells
        self.texts = {text.name: text for text in cells.texts}
        self.place = {name: n for n, name in enumerate((*cells.numbers, *self.texts))}

    def of(self, encoder: Encoder) -> Part:
        """Return the inputs of an encoder; zeros where the model reads none of them."""
        if not self.place.keys() & set(encoder.sources):
            width = len(encoder.input_names)
            return lambda x: torch.zeros_like(x[:, :1]).expand(-1, width)
        if isinstance(encoder, PixelInputs):
            pixels, there = self._places(encoder.names)
            return lambda x: x[:, pixels] * (there / BRIGHTEST)
        if isinstance(encoder, NumericInputs):
            return self._numbers(encoder)
        if isinstance(encoder, DateInputs):
            return date_part(encoder, self.place[encoder.name])
        if isinstance(encoder, MissingInputs):
            return self._missing(encoder)
        return self._levels(encoder, self.texts[encoder.sources[0]])

    def absent_numbers(self) -> list[torch.Tensor]:
        """Return numbers (columns,) that mean missing, NaN where a column has none."""
        rules = dict(self.preprocessing.rules)
        said = {name: list(NO_TIMES) for name in self.cells.dates}
        for name in self.cells.numbers:
            rule = rules.get(name)
            if name not in said and rule is not None:
                said[name] = [own for own in map(_number, rule.missing or ()) if own == own]
        most = max(map(len, said.values()), default=0)
        table = np.full((most, len(self.place)), np.nan)
        for name, numbers in said.items():
            table[: len(numbers), self.place[name]] = numbers
        return [torch.tensor(row) for row in table]

    def _places(self, names: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return where columns are among the cells, and 1 for those that are there, else 0."""
        places = torch.tensor([self.place.get(name, 0) for name in names])
        return places, _doubles([name in self.place for name in names])

    def _numbers(self, encoder: NumericInputs) -> Part:
        columns, there = self._places(encoder.names)
        median, mean, scale = map(_doubles, (encoder.medians, encoder.means, encoder.scales))
        factor = torch.where(scale > 0, there / torch.where(scale > 0, scale, 1.0), 0.0)

        def numbers(x: torch.Tensor) -> torch.Tensor:
            values = x[:, columns]
            return (torch.where(torch.isnan(values), median, values) - mean) * factor

        return numbers

    def _missing(self, encoder: MissingInputs) -> Part:
        columns, there = self._places(encoder.names)
        active = _doubles(encoder.active) * there
        coded = torch.tensor([name in self.texts for name in encoder.names])

        def missing(x: torch.Tensor) -> torch.Tensor:
            values = x[:, columns]
            return (torch.isnan(values) | (coded & (values == MISSING_CODE))).double() * active

        return missing

    def _levels(self, encoder: Encoder, text: TextColumn) -> Part:
        """Return the inputs of codes, as the encoder fills them in for each level."""
        place = self.place[text.name]
        table = torch.tensor(self._table(encoder, text))
        if not isinstance(encoder, CategoryInputs):
            return lambda x: table[x[:, place].long()]
        width = torch.arange(table.shape[1])
        hot = torch.where(table.any(dim=1), table.argmax(dim=1), -1)  # a table of zeros is large
        return lambda x: (hot[x[:, place].long()][:, None] == width).double()

    def _table(self, encoder: Encoder, text: TextColumn) -> np.ndarray:
        """Return inputs (codes, inputs): of a missing cell, an unseen text and each level."""
        rows = pd.DataFrame({text.name: [None, text.unseen, *text.levels]}, dtype=object)
        out = np.empty((len(rows), len(encoder.input_names)))
        rules = dict(self.preprocessing.rules)
        encoder.fill(RowCells(rows, self.preprocessing.columns, rules), out)
        return out


def _doubles(values: object) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _number(word: str) -> float:
    """Return the number that a word is, NaN where it is none."""
    try:
        return float(word)
    except ValueError:
        return float("nan")
