"""The path as a table: one row a strength or a cell, and as `path.csv`.

Who uses this: the run directory, and `PathResult.table`.
"""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from shrinkage.paths.results.records import PathResult

if TYPE_CHECKING:
    from pandas import DataFrame


def path_frame(result: PathResult) -> DataFrame:
    """Return the path as a table, one row a strength or a cell; the content of `path.csv`."""
    import pandas as pd

    nonzero = result.nonzero.mean(axis=1)
    columns: dict[str, object] = {
        **_where(result),
        "cv_score_mean": result.score_mean,
        "cv_score_se": result.score_error,
        "train_loss": result.train_loss.mean(axis=1),
        "validation_loss": result.validation_loss.mean(axis=1),
        "nonzero": nonzero,
        "zero_fraction": 1.0 - nonzero / np.maximum(1, _total(result)),
        "status": [str(status) for status in result.status],
    }
    if result.log_loss is not None:
        columns["log_loss"] = result.log_loss.mean(axis=1)
    if result.inputs_kept is not None:
        columns["inputs_kept"] = result.inputs_kept.mean(axis=1)
    if result.residual is not None:
        columns["residual"] = result.residual.max(axis=1)
    if result.network_inputs_kept is not None:
        columns["network_inputs_kept"] = result.network_inputs_kept.mean(axis=1)
    return pd.DataFrame(columns).rename_axis("index")


def _where(result: PathResult) -> dict[str, object]:
    """Return what varies along a path, or a column for each axis of a surface."""
    if result.surface is None:
        return {"strength": result.strengths}
    values = zip(*result.surface.cells, strict=True)
    columns = zip(result.surface.axes, values, strict=True)
    return {axis.column: list(own) for axis, own in columns}


def _total(result: PathResult) -> np.ndarray | int:
    """Return how many weights are counted, of each cell where cells differ."""
    if result.surface is not None:
        return result.surface.sizes
    return sum(layer.size for layer in result.layers)


def path_csv(result: PathResult) -> str:
    """Return the content of `path.csv`, with rows for the strengths that were left out."""
    frame = path_frame(result).reset_index()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(frame.columns)
    table: list[list[Any]] = [list(map(_cell, row)) for row in frame.itertuples(index=False)]
    table += _left_out(result, list(frame.columns))
    if result.surface is None:
        strength = list(frame.columns).index("strength")
        table.sort(key=lambda row: float(row[strength]))
    writer.writerows(table)
    return out.getvalue()


def _left_out(result: PathResult, columns: list[str]) -> list[list[Any]]:
    """Return rows of the strengths that `--fast` did not train in full: their end, no figures."""
    fast: Any = result.summary.get("fast")
    rows: list[list[Any]] = []
    if not fast:
        return rows
    for strength in (own["strength"] for own in fast["left_out"]):
        ended = f"left_out_after_{fast['epochs']}_of_{fast['of_epochs']}_epochs"
        known = {"strength": _cell(float(strength)), "status": ended}
        rows.append([known.get(column, "") for column in columns])
    return rows


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(float(value))
    return value
