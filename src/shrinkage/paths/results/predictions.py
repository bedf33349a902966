"""Predictions as named columns, for files and streams.

Who uses this: `shrinkage predict`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from shrinkage.atomic import write_bytes
from shrinkage.datasets import TargetEncoding
from shrinkage.datasets.dataset import RawRows
from shrinkage.paths.results.fitted import FittedPath


def prediction_columns(
    result: FittedPath, X: RawRows, which: str, *, probabilities: bool
) -> dict[str, Sequence[object]]:
    """Return the column `prediction`, and `probability=CLASS` columns when asked.

    Several targets have a column `prediction=TARGET` each.

    Args:
        result: a finished path.
        X: raw rows.
        which: the model's role.
        probabilities: whether to add the class probabilities.

    Raises:
        InputError: the rows lack a column, or the model is unknown.
    """
    assert result.model_file is not None
    encoding = TargetEncoding.from_dict(result.model_file.target)
    predicted = result.predict(X, which)
    columns: dict[str, Sequence[object]] = {}
    for place, name in enumerate(encoding.names):
        columns[f"prediction={name}"] = predicted[:, place].tolist()
    if not encoding.names:
        columns["prediction"] = predicted.tolist()
    if probabilities:
        values = result.predict_proba(X, which)
        for place, label in enumerate(encoding.classes or encoding.names):
            columns[f"probability={label}"] = values[:, place].tolist()
    return columns


def write_predictions(columns: Mapping[str, Sequence[object]], path: Path) -> None:
    """Write the columns as a CSV file, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    write_bytes(path, text.getvalue().encode())
