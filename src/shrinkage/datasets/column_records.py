"""The records of columns that a run keeps and tells: `columns` in `summary.json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from shrinkage.datasets.column_readings import ColumnReading
from shrinkage.datasets.preparation.categories import CategoryInputs
from shrinkage.datasets.preparation.hashed import HashedInputs
from shrinkage.datasets.preparation.missing import MissingInputs
from shrinkage.datasets.preparation.preprocessing import Preprocessing
from shrinkage.datasets.preparation.target_levels import TargetInputs

MOST_RECORDS = 200
"""Of wider tables the columns are recorded about which something was decided, up to so many."""

MOST_PAIRS = 20
MOST_TEXT = 80


def column_records(
    readings: Sequence[ColumnReading],
    preprocessing: Preprocessing | None = None,
    most: int = MOST_RECORDS,
) -> list[dict[str, Any]]:
    """Return a record of plain values for each column.

    Args:
        readings: what was decided for each.
        preprocessing: fitted on the training rows: how many inputs each makes, and why none.
        most: of more columns than this, those alone about which something was decided.

    >>> from shrinkage.datasets.columns import judge_column
    >>> record = column_records([judge_column("age", ["31", "NA", "44"]).reading])[0]
    >>> record["kind"], record["missing"], record["least"], record["inputs"]
    ('numeric', 1, '31', None)
    """
    inputs = Counter[str]() if preprocessing is None else inputs_by_column(preprocessing)
    encoded = {} if preprocessing is None else encodings_by_column(preprocessing)
    reasons = {} if preprocessing is None else dict(preprocessing.dropped)
    if len(readings) > most:
        readings = [r for r in readings if r.is_told or r.name in reasons][:most]
    records = []
    for reading in readings:
        record = _short(reading.to_dict())
        record["inputs"] = None if preprocessing is None else inputs[reading.name]
        record |= encoded.get(reading.name, {})
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


def encodings_by_column(preprocessing: Preprocessing) -> dict[str, dict[str, Any]]:
    """Return what is not ordinary about the inputs of columns, as plain values.

    Returns:
        For each column some of `encode` (`target` or `hash`), `rare` (how many levels share one
        input) and `indicator` (True: an input says where a cell is missing).

    >>> import pandas as pd
    >>> table = pd.DataFrame({"age": [1.0, None, 3.0]})
    >>> encodings_by_column(Preprocessing.fit(table))
    {'age': {'indicator': True}}
    """
    encodings: dict[str, dict[str, Any]] = {}
    for encoder in preprocessing.encoders:
        for name in dict.fromkeys(encoder.sources):
            own = encodings.setdefault(name, {})
            if isinstance(encoder, MissingInputs):
                own["indicator"] = True
            elif isinstance(encoder, CategoryInputs) and encoder.has_rare:
                own["rare"] = len(encoder.rare)
            elif isinstance(encoder, (TargetInputs, HashedInputs)):
                own["encode"] = encoder.kind
    return {name: own for name, own in encodings.items() if own}


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
