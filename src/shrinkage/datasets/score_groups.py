"""Groups of rows to score apart: whose rows they are, as text.

Who uses this: the readers, for `--score-by`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from shrinkage.datasets.cells import level_text, text_cells
from shrinkage.datasets.targets import plain_label
from shrinkage.errors import InputError

MOST_GROUPS = 50
MISSING = "missing"


def score_groups(values: object, name: str) -> np.ndarray:
    """Return the group of each row as text; a missing cell is a group of its own.

    Args:
        values: (n,) the column.
        name: its name.

    Raises:
        InputError: one group, or more than 50.

    >>> score_groups(["a", "b", None], "site").tolist()
    ['a', 'b', 'missing']
    """
    cells = values
    if isinstance(values, pa.ChunkedArray):
        cells = text_cells(values).to_numpy()  # pyright: ignore[reportAttributeAccessIssue]
    series = pd.Series(cells, dtype=object)  # pyright: ignore[reportArgumentType, reportCallIssue]
    absent = series.isna() | (series.astype(str).str.strip() == "")
    texts = [
        MISSING if none else level_text(plain_label(cell))
        for cell, none in zip(series, absent, strict=True)
    ]
    distinct = len(set(texts))
    if not 2 <= distinct <= MOST_GROUPS:
        raise InputError(
            f"column {name!r} (score_by): expected 2 to {MOST_GROUPS} groups, got {distinct}: name "
            "a column of groups"
        )
    return np.array(texts, dtype=object)
