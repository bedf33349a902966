"""Columns of numbers that only name the rows: a running number, a key.

Texts that nearly all differ are refused as inputs already; numbers are not, for amounts differ as
well. A whole number that is different in every row names it when it runs without gaps, or nearly,
or when the column is called an id.
"""

from __future__ import annotations

import re

import numpy as np

from shrinkage.cautions import Caution, CautionKind
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.target_rules import YEARS

FEWEST_ROWS = 30

_CALLED_ID = re.compile(r"(^|[\W_]|[a-z](?=I))(id|ID|Id|key|KEY|Key)$|^(index|Index|Unnamed: 0)$")


def identifiers(columns: InputColumns, rows: np.ndarray) -> tuple[Caution, ...]:
    """Say which columns of numbers only name the rows.

    Args:
        columns: the columns.
        rows: the rows to look at.
    """
    if len(rows) < FEWEST_ROWS or isinstance(columns.values, np.ndarray):
        return ()
    said = []
    for name in columns.of_kind(ColumnKind.NUMERIC):
        if names_the_rows(name, columns.numbers(rows, [name])[:, 0]):
            facts = {"column": name, "distinct": len(rows), "rows": len(rows)}
            said.append(Caution(CautionKind.IDENTIFIER, facts))
    return tuple(said)


def names_the_rows(name: str, values: np.ndarray) -> bool:
    """Return whether a column of numbers is an identifier.

    >>> names_the_rows("n", np.arange(50.0)), names_the_rows("n", np.arange(50.0) * 17)
    (True, False)
    >>> names_the_rows("customer_id", np.arange(50.0) * 17)
    True
    """
    if np.isnan(values).any() or (values != np.round(values)).any():
        return False
    if len(np.unique(values)) < len(values):
        return False
    low, high = values.min(), values.max()
    if low >= YEARS[0] and high <= YEARS[1]:
        return False
    return bool(high - low < 1.1 * len(values)) or _CALLED_ID.search(name) is not None
