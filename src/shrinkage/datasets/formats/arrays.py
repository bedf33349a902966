"""Data sets from arrays or a DataFrame in memory, whoever read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.cells import require_finite
from shrinkage.datasets.column_readings import ColumnReading
from shrinkage.datasets.column_specs import ColumnSpec
from shrinkage.datasets.dataset import Dataset, RawRows, take_rows
from shrinkage.datasets.formats.tables import FrameTable, readable_columns
from shrinkage.datasets.in_memory import flat_rows, rows_in_memory, targets_in_memory
from shrinkage.datasets.input_shapes import InputShapes
from shrinkage.datasets.pixels import image_names, looks_like_bytes, square_shape
from shrinkage.datasets.roles import Roles, check_weights, group_values, refuse_drop
from shrinkage.datasets.score_groups import score_groups
from shrinkage.datasets.several_targets import read_targets
from shrinkage.datasets.table_columns import typed_table
from shrinkage.datasets.target_like import target_of
from shrinkage.datasets.time_folds import time_ranks
from shrinkage.datasets.wording import one_line, require_column
from shrinkage.errors import InputError
from shrinkage.target_reading import TargetReading


def dataset_from_arrays(
    X: object,
    y: object,
    *,
    name: str = "data",
    task: str | None = None,
    missing_target: str = "refuse",
    like: TargetReading | None = None,
    groups: object = None,
    sample_weight: object = None,
    time: object = None,
    score_by: object = None,
    input_names: Sequence[str] | None = None,
    target_name: str = "y",
    group_name: str | None = None,
    specs: Mapping[str, ColumnSpec] | None = None,
    rules: Mapping[str, CellRule] | None = None,
) -> Dataset:
    """Check arrays or a DataFrame in memory and make a data set of them.

    Args:
        X: (n, d) numbers, (n, height, width) pictures, or a DataFrame with typed columns.
        y: (n,) or (n, 1) targets, or (n, targets) where they are several: numbers, or 0 and 1.
        name: the data set's name.
        task: `classification` or `regression` instead of the guess.
        missing_target: `refuse`, or `drop` rows without a target.
        like: the reading of the training target, for rows that go with training rows.
        groups: (n,) values; rows with equal ones are kept together.
        sample_weight: (n,) weights ≥ 0.
        score_by: (n,) groups whose scores are told apart.
        time: (n,) numbers or dates: the past trains, the future validates and tests.
        input_names: names of the d columns of an array.
        target_name: the target's name.
        group_name: the name of `groups`.
        specs: what a person says about the columns of a table, by name.
        rules: those by which the training table was read, for rows that go with it.

    Returns:
        The data set.

    Raises:
        InputError: shapes that differ, values that are not finite, a bad target or weights.

    >>> dataset_from_arrays([[1.0], [2.0]], [0, 1]).task
    'classification'
    """
    said = (specs or {}, rules or {}, missing_target, like)
    roles = Roles(target_name, (), None, None, task, *said)
    y = targets_in_memory(y)
    beside = {"groups": groups, "sample_weight": sample_weight, "time": time, "score_by": score_by}
    _same_order(X, {target_name: y, **beside})
    raw = rows_in_memory(X)
    shapes = InputShapes.of(raw) if isinstance(raw, np.ndarray) and raw.ndim > 2 else None
    rows, names, shape, readings = _inputs(raw, input_names, roles)
    named = _named_targets(y, target_name)
    for own, values in named.items():
        _same_length(own, values, len(rows))
    read = read_targets(
        tuple(named), roles, lambda own, one: target_of(named[own], own, one), len(rows)
    )
    group_codes, note = None, ""
    if groups is not None:
        _same_length("groups", np.asarray(groups), len(rows))
        group_codes, note = group_values(groups, group_name or "groups")
    apart = None
    if score_by is not None:
        _same_length("score_by", np.asarray(score_by), len(rows))
        apart = score_groups(score_by, "score_by")
    ranks = None
    if time is not None:
        _same_length("time", np.asarray(time), len(rows))
        ranks = time_ranks(time, "time")
    weights = None
    if sample_weight is not None:
        weights = np.asarray(sample_weight)
        _same_length("sample_weight", weights, len(rows))
        _require_numbers("sample_weight", weights)
        weights = check_weights(weights, "sample_weight")
    if read.rows is not None:
        rows = take_rows(rows, read.rows)
        rows = rows.reset_index(drop=True) if isinstance(rows, pd.DataFrame) else rows
        group_codes = None if group_codes is None else group_codes[read.rows]
        weights = None if weights is None else weights[read.rows]
        ranks = None if ranks is None else ranks[read.rows]
        apart = None if apart is None else apart[read.rows]
    return Dataset(
        name=name,
        X=rows,
        y=read.y,
        task=read.reading.task,
        input_names=names,
        target_name=", ".join(named),
        image_shape=shape,
        groups=group_codes,
        group_name=(group_name or "groups") if groups is not None else None,
        group_note=note,
        sample_weight=weights,
        readings=readings,
        specs=roles.specs,
        left_out=roles.dropped(),
        notes=read.reading.notes(),
        target=read.reading,
        shapes=shapes,
        time=ranks,
        time_name=None if ranks is None else "time",
        score_by=apart,
        score_by_name=None if apart is None else "score_by",
    )


def _same_order(X: object, beside: Mapping[str, object]) -> None:
    """Raise where what goes with the rows of X names the same rows in another order, or others.

    Rows go together by their place. Names that are but numbers from 0, or of another kind, are no
    reason: they may mean nothing.
    """
    if not isinstance(X, pd.DataFrame) or not X.index.is_unique:
        return
    for name, values in beside.items():
        if not isinstance(values, (pd.Series, pd.DataFrame)) or len(values) != len(X):
            continue
        if not values.index.is_unique or values.index.equals(X.index):
            continue
        common = values.index.isin(X.index)
        if not common.all() and _name_rows_alike(values.index, X.index):
            raise InputError(
                f"expected {name} of the rows of X, got other ones by its index, such as "
                f"{values.index[~common][0]!r}: give {name}.loc[X.index] of all rows, or "
                f"{name}.to_numpy() if the rows go together as they stand"
            )
        if common.all():
            raise InputError(
                f"expected {name} in the order of the rows of X, got their index in another order: "
                f"give {name}.loc[X.index], or {name}.to_numpy() if the rows go together as they "
                "stand"
            )


def _name_rows_alike(first: pd.Index, second: pd.Index) -> bool:
    """Return whether two indices name rows in the same way, and not by numbers from 0."""
    alike = first.inferred_type == second.inferred_type and first.nlevels == second.nlevels
    return alike and not any(own.equals(pd.RangeIndex(len(own))) for own in (first, second))


def _named_targets(y: object, name: str) -> dict[str, np.ndarray | pd.Series]:
    """Return each target by its name: of several that of its column, or the name and a number."""
    if isinstance(y, (list, tuple)) and not (y and isinstance(y[0], (list, tuple, np.ndarray))):
        return {name: pd.Series(y)}
    try:
        values = y if isinstance(y, (pd.Series, pd.DataFrame)) else np.asarray(y)
    except ValueError as error:  # lists of several lengths
        raise InputError(
            f"expected y of shape (n,) or (n, targets), got {one_line(error, 120)}: give every row "
            "the same number of targets"
        ) from error
    if values.ndim > 2 and 0 not in values.shape:
        raise InputError(
            f"expected y of shape (n,) or (n, targets), got {values.shape}: lay a row's flat, "
            "y.reshape(len(y), -1), as the answer of a network of your own is laid; of several "
            "classes a pixel give each class a target of 0 and 1"
        )
    if values.ndim != 2 or 0 in values.shape:
        return {name: values if isinstance(values, pd.Series) else np.asarray(values)}
    if values.shape[1] == 1:
        return {name: np.asarray(values)[:, 0]}
    if isinstance(values, pd.DataFrame):
        return {str(own): values.iloc[:, place] for place, own in enumerate(values.columns)}
    return {f"{name}{place}": values[:, place] for place in range(values.shape[1])}


def _inputs(
    X: object, input_names: Sequence[str] | None, roles: Roles
) -> tuple[RawRows, tuple[str, ...], tuple[int, int] | None, tuple[ColumnReading, ...]]:
    if isinstance(X, pd.DataFrame):
        table = FrameTable(X)
        if len(set(table.names)) < len(table.names):
            raise InputError("expected different column names in X, got equal ones: rename them")
        if X.size == 0:
            raise InputError(f"expected rows and columns in X, got shape {X.shape}: add data")
        for column in roles.specs:
            require_column(column, table.names, "columns.toml")
        used = [name for name in table.names if name not in roles.dropped()]
        columns, unreadable = readable_columns(table, used)
        typed = typed_table(columns, roles, unreadable=unreadable)
        return typed.frame(), tuple(r.name for r in typed.readings), None, typed.readings
    refuse_drop(roles)
    rows, shape = input_array(X)
    if input_names is None:
        names = image_names(shape) if shape else tuple(f"x{i}" for i in range(rows.shape[1]))
    else:
        names = tuple(input_names)
    if len(names) != rows.shape[1]:
        raise InputError(
            f"expected {rows.shape[1]} input names, got {len(names)}: name every column"
        )
    return rows, names, shape, ()


def input_array(X: object, name: str = "X") -> tuple[np.ndarray, tuple[int, int] | None]:
    """Return inputs as (n, d) numbers and, for pictures, their height and width.

    Bytes stay bytes when they are pictures: three dimensions, or a square number of columns with
    values above 127. Everything else becomes floats; NaN means missing.

    Args:
        X: (n, d), (n, height, width) or (n, height, width, channels) numbers or booleans;
            channels lie side by side in the width.
        name: the array's name.

    Returns:
        `(array (n, d), (height, width) or None)`.

    Raises:
        InputError: not numbers, another number of dimensions, no rows or columns, infinite values.

    >>> input_array(np.zeros((5, 2, 3), dtype=np.uint8))[1]
    (2, 3)
    """
    array = np.asarray(X)
    _require_numbers(name, array)
    if array.ndim not in (2, 3, 4) or array.size == 0:
        raise InputError(
            f"expected {name} of shape (rows, columns) or (rows, height, width[, channels]) "
            f"without a 0, got {array.shape}: reshape it"
        )
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    shape = None if array.ndim == 2 else (array.shape[1], int(np.prod(array.shape[2:])))
    flat = flat_rows(array)
    if flat.dtype == np.uint8:
        if shape is None and looks_like_bytes(flat):
            shape = square_shape(flat.shape[1])
        return (flat, shape) if shape else (flat.astype(np.float32), None)
    floats = flat if flat.dtype in (np.float32, np.float64) else flat.astype(np.float64)
    infinite = np.isinf(floats)
    if infinite.any():
        column = int(np.argmax(infinite.any(axis=0)))
        require_finite(floats[:, column], f"{name}[:, {column}]")
    return floats, shape


def _require_numbers(name: str, array: np.ndarray) -> None:
    if array.dtype.kind not in "buif":
        raise InputError(
            f"expected numbers in {name}, got {array.dtype}: convert it, or use a table "
            "with named columns for text"
        )


def _same_length(name: str, values: np.ndarray | pd.Series, rows: int) -> None:
    if values.shape != (rows,):
        raise InputError(
            f"expected {name} of shape ({rows},) to go with {rows} rows of X, got "
            f"{values.shape}: give one value per row"
        )
