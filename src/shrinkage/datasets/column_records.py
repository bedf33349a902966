"""The records of columns that a run keeps and tells: `columns` in `summary.json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from shrinkage.datasets.column_readings import ColumnReading
from shrinkage.datasets.preparation.preprocessing import Preprocessing

MOST_RECORDS = 200
"""Of wider tables the columns are recorded about which something was decided, up to so many."""

MOST_PAIRS = 20
MOST_TEXT = 80


def column_records(
    readings: Sequence[ColumnReading], preprocessing: Preprocessing | None = None
) -> list[dict[str, Any]]:
    """Return a record of plain values for each column.

    Args:
        readings: what was decided for each.
        preprocessing: fitted on the training rows: how many inputs each makes, and why none.

    >>> from shrinkage.datasets.columns import judge_column
    >>> record = column_records([judge_column("age", ["31", "NA", "44"]).reading])[0]
    >>> record["kind"], record["missing"], record["least"], record["inputs"]
    ('numeric', 1, '31', None)
    """
    inputs = Counter[str]() if preprocessing is None else inputs_by_column(preprocessing)
    reasons = {} if preprocessing is None else dict(preprocessing.dropped)
    if len(readings) > MOST_RECORDS:
        readings = [r for r in readings if r.is_told or r.name in reasons][:MOST_RECORDS]
    records = []
    for reading in readings:
        record = _short(reading.to_dict())
        record["inputs"] = None if preprocessing is None else inputs[reading.name]
        reason = reasons.get(reading.name)
        record["dropped"] = reason if reason is not None else record["dropped"]
        records.append(record)
    return records


def inputs_by_column(preprocessing: Preprocessing) -> Counter[str]:
    """Return how many inputs each column makes.

    >>> from shrinkage.datasets.preparation.pixels import PixelInputs
    >>> dict(inputs_by_column(Preprocessing(("p",), (PixelInputs(("p",)),))))
    {'p': 1}
    """
    return Counter(name for encoder in preprocessing.encoders for name in encoder.sources)


def _short(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without long lists and long texts."""
    rule = {key: value for key, value in record["rule"].items() if key != "levels"}
    cut = {
        key: [_cut(item) for item in value[:MOST_PAIRS]] if isinstance(value, list) else value
        for key, value in record.items()
    }
    return {**cut, "rule": rule}


def _cut(item: Any) -> Any:
    if isinstance(item, list):
        return [_cut(part) for part in item]
    long = isinstance(item, str) and len(item) > MOST_TEXT
    return f"{item[: MOST_TEXT - 1]}…" if long else item
