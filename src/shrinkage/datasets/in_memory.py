"""Whatever rows people have in memory, as a table or an array of numbers.

Who uses this: `fit_path` and `predict` alike, so that what one takes the other takes. Anything
that speaks Arrow (polars, pyarrow, DuckDB) becomes a table of pandas through it, tensors become
arrays, lists become arrays where they hold numbers alone and else tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from shrinkage.errors import InputError

MOST_DENSE = 200_000_000
"""A sparse matrix of more cells than this is refused: dense, it takes 1.6 GB."""


def rows_in_memory(X: object, names: Sequence[str] = ()) -> pd.DataFrame | np.ndarray:
    """Return rows as a DataFrame or an array of numbers.

    Args:
        X: an array, a list of lists, a table of pandas, polars or pyarrow, a tensor, a sparse
            matrix, an array or a list of records, or a mapping of columns.
        names: what the columns were called in training, for rows that name none.

    Returns:
        A DataFrame, or an array of numbers of whatever shape.

    Raises:
        InputError: a sparse matrix too large to be dense; rows of different lengths.

    >>> rows_in_memory([[1, 2], [3, 4]]).shape, rows_in_memory([[1, "a"]]).columns.tolist()
    ((2, 2), ['x0', 'x1'])
    """
    if isinstance(X, pd.DataFrame):
        return _named(X, names)
    if isinstance(X, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(X), np.nan, np.ma.getdata(X).astype(np.float64))
    if hasattr(X, "toarray"):
        return _dense(X)
    if hasattr(X, "detach"):
        return _of_tensor(X)
    if isinstance(X, np.ndarray) and X.dtype.names:
        return pd.DataFrame.from_records(X)
    if hasattr(X, "collect_schema") and hasattr(X, "collect"):
        return rows_in_memory(cast(Any, X).collect(), names)  # polars' LazyFrame
    if isinstance(X, pd.Series):
        raise InputError(
            "expected rows of columns, got one series: make a table of it with X.to_frame()"
        )
    if hasattr(X, "__arrow_c_stream__") or hasattr(X, "to_pandas"):
        return _named(_of_arrow(X), names)
    if isinstance(X, Mapping):
        return pd.DataFrame(dict(X))
    if isinstance(X, (list, tuple)) and X and isinstance(X[0], Mapping):
        return pd.DataFrame(list(X))
    return _of_lists(X, names)


def targets_in_memory(y: object) -> object:
    """Return targets of polars or pyarrow as those of pandas, with their types; others as they are.

    >>> import pyarrow as pa
    >>> targets_in_memory(pa.array(["a", None, "a"]).dictionary_encode()).cat.categories.tolist()
    ['a']
    """
    if isinstance(y, (pd.Series, pd.DataFrame)):
        return y
    if hasattr(y, "__arrow_c_stream__") and not hasattr(y, "columns"):
        import pyarrow as pa

        return pa.chunked_array(cast(Any, y)).to_pandas()
    if hasattr(y, "__arrow_c_stream__"):
        return _of_arrow(y)
    return cast(Any, y).to_pandas() if hasattr(y, "to_pandas") else y


def _of_lists(X: object, names: Sequence[str]) -> pd.DataFrame | np.ndarray:
    """Return an array of numbers as it is; rows with text or None become a table."""
    try:
        array = np.asarray(X)
    except ValueError as error:
        raise InputError(
            f"expected rows of equal lengths, got others ({error}): fill or remove some"
        ) from error
    if array.dtype.kind in "buifc" or array.ndim != 2:
        return array
    cells = array if array.dtype == object else np.asarray(X, dtype=object)
    called = (
        list(names) if len(names) == cells.shape[1] else [f"x{i}" for i in range(cells.shape[1])]
    )
    return pd.DataFrame({name: cells[:, place] for place, name in enumerate(called)})


def _named(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return a table that numbers its columns with the names of training, where it has as many."""
    unnamed = isinstance(frame.columns, pd.RangeIndex) and len(names) == frame.shape[1]
    if not unnamed or {str(name) for name in frame.columns} & set(names):
        return frame
    return frame.set_axis(list(names), axis=1)


def _dense(X: Any) -> np.ndarray:
    rows, columns = X.shape if len(X.shape) == 2 else (1, X.shape[0])
    if rows * columns > MOST_DENSE:
        raise InputError(
            f"expected at most {MOST_DENSE:,} cells in a sparse matrix, got {rows:,} rows of "
            f"{columns:,}: keep fewer columns, for example by scikit-learn's SelectKBest"
        )
    return np.asarray(X.toarray())


def _of_tensor(X: Any) -> np.ndarray:
    tensor = X.detach().cpu()
    if "bfloat16" in str(tensor.dtype):
        tensor = tensor.float()
    return tensor.numpy()


def _of_arrow(X: Any) -> pd.DataFrame:
    if hasattr(X, "__arrow_c_stream__"):
        import pyarrow as pa

        return pa.table(X).to_pandas()
    return cast(pd.DataFrame, X.to_pandas())


def flat_rows(X: np.ndarray) -> np.ndarray:
    """Return pictures (n, height, width[, channels]) as rows (n, pixels); rows as they are.

    >>> flat_rows(np.zeros((5, 2, 3, 1))).shape
    (5, 6)
    """
    return X.reshape(len(X), -1) if X.ndim > 2 else X
