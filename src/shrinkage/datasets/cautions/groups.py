"""Columns whose values look like persons, patients, machines: rows of one belong on one side.

Of two rows of one value, how often are the target, and other columns, the same? Where they nearly
always are, and seldom are in two rows of the table, the value stands for something that was looked
at several times. A column that is called after a being, or is an id, needs its repeats alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from shrinkage.cautions import Caution, CautionKind, Fact
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns

FEWEST_LEVELS = 20
FEWEST_NAMED = 5
"""So many levels are enough where the column is called after a being."""

ROWS_A_LEVEL = 2.0
SAME = 0.95
"""Two rows of one level agree in this share of the pairs."""

USUAL = 0.75
"""Two rows of the table agree in no larger share; else it says nothing that they do in a level."""

FEWEST_ALIKE = 2
MOST_COLUMNS = 100

_BEINGS = re.compile(
    r"(^|[\W_])(subject|patient|person|participant|respondent|pupil|student|user|customer|client|"
    r"member|employee|household|family|mouse|animal|donor|speaker|player|driver|rater|author|"
    r"machine|device|engine|vehicle)s?([\W_]?(id|nr|no|number|code|key|name))?$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def groups(
    columns: InputColumns, targets: Sequence[np.ndarray], classes: bool, rows: np.ndarray
) -> tuple[Caution, ...]:
    """Say which column looks like what rows belong to: the one with the most levels.

    Args:
        columns: the columns.
        targets: (n,) each, where they are known.
        classes: whether they are labels.
        rows: the rows to look at.
    """
    if isinstance(columns.values, np.ndarray) or len(columns.names) > MOST_COLUMNS:
        return ()
    codes = {name: _codes(columns, name, rows) for name in columns.names}
    caught = []
    for name in _candidates(columns, codes, len(rows)):
        own, levels = codes[name], int(codes[name].max()) + 1
        same = bool(targets) and all(_is_same(own, y[rows], classes) for y in targets)
        alike: list[Fact] = [
            other for other in codes if other != name and _tells(own, codes[other])
        ]
        many = levels >= FEWEST_LEVELS
        if called_after_a_being(name) or (many and (same or len(alike) >= FEWEST_ALIKE)):
            facts = {"column": name, "levels": levels, "rows": len(rows), "target": same}
            caught.append(Caution(CautionKind.GROUPS, {**facts, "alike": alike}))
    return tuple(sorted(caught, key=lambda own: -int(str(own.facts["levels"])))[:1])


def called_after_a_being(name: str) -> bool:
    """Return whether a column is called after what may be looked at several times.

    >>> [called_after_a_being(own) for own in ("patient_id", "SubjectNr", "user", "user_score")]
    [True, True, True, False]
    """
    return _BEINGS.search(_CAMEL.sub("_", name)) is not None


def pairs_alike(levels: np.ndarray, values: np.ndarray) -> float:
    """Return the share of the pairs of rows of one level that have one value.

    Args:
        levels: (rows,) whole numbers from 0 on.
        values: (rows,) the same.

    >>> pairs_alike(np.array([0, 0, 1, 1]), np.array([3, 3, 3, 4]))
    0.5
    """
    both = np.unique(levels * (int(values.max()) + 1) + values, return_counts=True)[1]
    alone = np.bincount(levels)
    pairs = float((alone * (alone - 1)).sum())
    return float((both * (both - 1)).sum()) / pairs if pairs else 0.0


def _candidates(columns: InputColumns, codes: dict[str, np.ndarray], rows: int) -> Iterator[str]:
    """Yield columns whose values repeat; of numbers those that are called after a being."""
    for name, own in codes.items():
        numbers = columns.kind(name) is ColumnKind.NUMERIC
        if columns.kind(name) is ColumnKind.DATE or (numbers and not called_after_a_being(name)):
            continue
        levels = int(own.max()) + 1 if len(own) else 0
        if levels >= FEWEST_NAMED and rows >= ROWS_A_LEVEL * levels:
            yield name


def _codes(columns: InputColumns, name: str, rows: np.ndarray) -> np.ndarray:
    kind = columns.kind(name)
    if kind is ColumnKind.DATE:
        cells = columns.dates(rows, name)
    elif kind in (ColumnKind.CATEGORY, ColumnKind.ORDINAL):
        cells = columns.cells(rows, [name])[:, 0]
    else:
        cells = columns.numbers(rows, [name])[:, 0]
    return pd.factorize(cells, use_na_sentinel=False)[0]


def _tells(levels: np.ndarray, values: np.ndarray) -> bool:
    """Return whether a level tells a value, which does not tell the level in turn."""
    nothing = np.zeros_like(levels)
    if pairs_alike(nothing, values) > USUAL or pairs_alike(levels, values) < SAME:
        return False
    return pairs_alike(values, levels) < SAME


def _is_same(levels: np.ndarray, y: np.ndarray, classes: bool) -> bool:
    """Return whether the target is the same, or nearly, inside of a level."""
    if classes:
        values = np.unique(y, return_inverse=True)[1]
        usual = pairs_alike(np.zeros_like(levels), values)
        return usual <= USUAL and pairs_alike(levels, values) >= SAME
    counts = np.bincount(levels)
    means = np.bincount(levels, weights=y) / counts
    free = len(y) - len(counts)
    inside = float(((y - means[levels]) ** 2).sum()) / free if free else np.inf
    return inside < (1 - SAME) * float(y.var(ddof=1))
