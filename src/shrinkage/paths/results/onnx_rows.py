"""Raw rows that a file is compared on, and what its inputs take of raw rows.

Who uses this: `onnx_file`. A run directory keeps no data, so rows are made from what was learned:
numbers about their means, dates about theirs, every level; and in all of them missing cells, and
texts that training never saw.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from shrinkage.datasets import Preprocessing
from shrinkage.datasets.dataset import RawRows
from shrinkage.datasets.preparation.dates import SECONDS_A_DAY, DateInputs
from shrinkage.datasets.preparation.numbers import NumericInputs
from shrinkage.datasets.preparation.pixels import PixelInputs
from shrinkage.paths.results.onnx_cells import OnnxCells, TextColumn
from shrinkage.paths.results.onnx_dates import MICROSECONDS, seconds_of

ROWS, MOST_ROWS = 64, 2048
MISSING_EVERY = 8


def made_rows(preprocessing: Preprocessing, cells: OnnxCells) -> RawRows:
    """Return rows of a preparation: an array where all are numbers, else a table.

    Args:
        preprocessing: what was learned.
        cells: the columns that a file takes.

    Returns:
        (rows, columns), of 64 rows or as many as there are levels, up to 2048.
    """
    draw = np.random.default_rng(0)
    count = min(MOST_ROWS, max([ROWS, *(len(text.levels) + 2 for text in cells.texts)]))
    table: dict[str, object] = dict.fromkeys(preprocessing.columns, 0.0)
    table |= {name: _holey(draw, 0.0, 1.0, count) for name in cells.numbers}
    start = np.datetime64(0, "us")
    table |= {name: _dates(start, _holey(draw, 0.0, 1.0, count)) for name in cells.dates}
    for encoder in preprocessing.encoders:
        if isinstance(encoder, PixelInputs):
            table |= {name: draw.integers(0, 256, count).astype(float) for name in encoder.names}
        elif isinstance(encoder, NumericInputs):
            numbers = zip(encoder.names, encoder.means, encoder.scales, strict=True)
            table |= {name: _holey(draw, mean, scale, count) for name, mean, scale in numbers}
        elif isinstance(encoder, DateInputs):
            days = _holey(draw, encoder.mean, 2 * encoder.scale, count)
            table[encoder.name] = _dates(np.datetime64(encoder.first, "us"), days)
    table |= {text.name: _texts(draw, text, count) for text in cells.texts}
    frame = pd.DataFrame(table, index=range(count))
    return frame if cells.texts or cells.dates or preprocessing.rules else frame.to_numpy(float)


def cells_of(
    rows: RawRows, preprocessing: Preprocessing, cells: OnnxCells
) -> dict[str, np.ndarray]:
    """Return what the inputs of a file take of raw rows, by input."""
    if isinstance(rows, np.ndarray):
        places = [preprocessing.columns.index(name) for name in cells.numbers]
        return {cells.matrix: rows[:, places].astype(np.float64)}
    read = preprocessing.read(rows)
    used = {preprocessing.columns[place] for place in preprocessing.used_columns}
    numbers = [
        np.zeros(len(rows))
        if name not in used
        else seconds_of(read.dates(name))
        if name in cells.dates
        else read.numbers(name)
        for name in cells.numbers
    ]
    matrix = {cells.matrix: np.column_stack(numbers)} if numbers else {}
    texts = (text.name for text in cells.texts)
    return matrix | {name: rows[[name]].astype(object).fillna("").to_numpy() for name in texts}


def _dates(first: np.datetime64, days: np.ndarray) -> np.ndarray:
    """Return the dates so many days after the first, NaT where they are NaN."""
    later = np.nan_to_num(days * SECONDS_A_DAY * MICROSECONDS).astype("timedelta64[us]")
    return np.where(np.isnan(days), np.datetime64("NaT"), first + later)


def _holey(draw: np.random.Generator, mean: float, scale: float, count: int) -> np.ndarray:
    """Return numbers about a mean, of which some are missing."""
    numbers = mean + (scale or 1.0) * draw.normal(size=count)
    numbers[draw.permutation(count) % MISSING_EVERY == 0] = np.nan
    return numbers


def _texts(draw: np.random.Generator, text: TextColumn, count: int) -> np.ndarray:
    """Return levels, missing cells, unseen texts and other spellings."""
    cells = [None, text.unseen, *text.levels]
    cells += list(text.codes)[: max(0, count - len(cells))]
    order = draw.permutation(count) % len(cells)
    return np.array(cells, dtype=object)[order]
