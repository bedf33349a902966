"""Which columns a path uses, strength by strength: how they rank, and in how many folds they stay.

Who uses this: `FittedPath.columns`, and the run directory, which keeps it as `columns.csv`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shrinkage.paths.results.goal import GOAL
from shrinkage.paths.results.records import PathResult

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_FOLDS = 0.5


def column_names(result: PathResult) -> tuple[str, ...]:
    """Return the columns of the table that make inputs, in their order."""
    return tuple(dict.fromkeys(result.input_columns or result.input_names))


def columns_frame(result: PathResult) -> DataFrame:
    """Return a row for each column, those that stay the longest first.

    `last_strength` is the largest strength at which at least half of the folds use the column, NaN
    where there is none; `best` and `one_standard_error` are the shares of the folds that use it at
    these strengths.

    Raises:
        ValueError: the first layer of this result does not read the columns.
    """
    import pandas as pd

    if result.frequency is None:
        raise ValueError("this result does not say which columns are in use")
    used = result.frequency >= MOST_FOLDS
    last = np.where(used, result.strengths[:, None], -np.inf).max(axis=0)
    rows: dict[str, object] = {
        "column": column_names(result),
        "last_strength": np.where(np.isfinite(last), last, np.nan),
    }
    for model in (result.best, result.one_standard_error):
        assert model.index is not None
        rows[model.role] = result.frequency[model.index]
    if result.goal is not None and result.goal.columns:
        rows[GOAL] = np.isin(column_names(result), result.goal.columns)
    mean = result.frequency.mean(axis=0)
    order = np.lexsort((-mean, -last))
    return pd.DataFrame(rows).iloc[order].reset_index(drop=True)
