"""NPZ files: arrays on disk, read by NumPy; pickled objects are refused.

Inputs and targets are `X` and `y`, or, as Keras and many others write them, `x_train` and `y_train`
with `x_test` and `y_test` for the test.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from shrinkage.datasets.dataset import Dataset, RawRows
from shrinkage.datasets.formats.arrays import dataset_from_arrays, input_array
from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.tables import Format, RowsRead
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.roles import Roles, refuse_drop
from shrinkage.datasets.target_like import read_target_like
from shrinkage.datasets.wording import SHOWN, listed, one_line, require_column
from shrinkage.errors import InputError


def load_arrays(content: FileContent) -> Mapping[str, np.ndarray]:
    """Return the arrays of an NPZ file by name; pickled objects are refused."""
    if not content.head(4).startswith(b"PK"):
        raise InputError("expected an NPZ file, got something else: write it with numpy.savez")
    try:
        with np.load(content.stream(), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except ValueError as error:
        raise InputError(
            f"expected plain arrays, got damaged ones, or pickled objects, which "
            f"could run code ({one_line(error)}): save numbers or text of fixed width"
        ) from error
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"expected readable arrays, got a damaged file ({one_line(error)}): save it again"
        ) from error


def load_npz(content: FileContent, roles: Roles, _options: ReadOptions) -> Dataset:
    """Load an NPZ file with arrays `X` and `y`, and `groups` and `sample_weight` if there.

    Instead of `X` and `y` also `x_train` and `y_train`, perhaps with `x_test` and `y_test`.

    Args:
        content: the file.
        roles: other names for y (target), groups (split_by), weights, and of times and groups of
            scores; `drop` is refused.
        _options: none of them means anything here.

    Returns:
        The data set.

    Raises:
        InputError: arrays are missing, differ in length, or are not what they must be.
    """
    arrays = load_arrays(content)
    letter = _letter_of_parts(arrays)
    if letter is None or roles.target not in (None, "y"):
        return dataset_of_named(arrays, roles.target or "y", content, roles)
    parts = (f"{letter}_train", "y_train", f"{letter}_test", "y_test")
    there = [name for name in parts if name in arrays]
    others = {name: array for name, array in arrays.items() if name not in parts}
    named = {**others, "X": arrays[there[0]], "y": arrays[there[1]]}
    data = dataset_of_named(named, "y", content, roles)
    tested = len(there) == len(parts)
    told = f"{there[0]} and y_train train" + (f", {there[2]} and y_test test" if tested else "")
    data = replace(data, notes=(*data.notes, told))
    if tested:
        data = replace(data, test=_test_rows(arrays[parts[2]], arrays["y_test"], data))
    return data


def _letter_of_parts(arrays: Mapping[str, np.ndarray]) -> str | None:
    """Return the letter of the inputs where training rows have arrays of their own."""
    if "X" in arrays or "y_train" not in arrays:
        return None
    return next((letter for letter in "Xx" if f"{letter}_train" in arrays), None)


def _test_rows(X: np.ndarray, y: np.ndarray, data: Dataset) -> tuple[RawRows, np.ndarray]:
    """Return test rows, read as those of training.

    Raises:
        InputError: other columns or pictures, other labels, another number of targets.
    """
    rows, shape = input_array(X, "test rows")
    if shape != data.image_shape or rows.shape[1] != data.n_features:
        raise InputError(
            f"expected test rows of shape {(len(rows), *(data.image_shape or (data.n_features,)))} "
            f"like those of training, got {X.shape}: use arrays that belong together"
        )
    if len(y) != len(rows) or y.size != len(y):
        raise InputError(
            f"expected y_test of shape ({len(rows)},) to go with its rows, got {y.shape}: give one "
            "value per row"
        )
    assert data.target is not None
    return rows, read_target_like(y.ravel(), replace(data.target, name="y_test")).y


def dataset_of_named(
    arrays: Mapping[str, np.ndarray], target: str, content: FileContent, roles: Roles
) -> Dataset:
    """Return the data set of arrays by name: X, the target, groups and weights.

    Args:
        arrays: all of a file.
        target: the name of the target.
        content: the file, for its name.
        roles: as for `load_npz`.

    Raises:
        InputError: as `load_npz`.
    """
    refuse_drop(roles)
    names = list(arrays)
    require_array(arrays, "X", "inputs")
    require_array(arrays, target, "target")
    if roles.event is not None:
        raise InputError(
            f"expected no event for arrays, got {roles.event!r}: put times and events in a table"
        )
    named = {
        role: getattr(roles, role) for role in ("split_by", "sample_weight", "time", "score_by")
    }
    for role, array_name in named.items():
        if array_name is not None:
            require_column(array_name, names, role)
    group_name = named["split_by"] or "groups"
    weight_name = named["sample_weight"] or "sample_weight"
    used = {"X", target, group_name, weight_name, roles.time, roles.score_by}
    columns = _names_of_columns(arrays, used)
    data = dataset_from_arrays(
        arrays["X"],
        arrays[target],
        name=content.name,
        input_names=None if columns is None else arrays[columns].astype(str).tolist(),
        task=roles.task,
        missing_target=roles.missing_target,
        like=roles.like,
        groups=arrays.get(group_name),
        sample_weight=arrays.get(weight_name),
        time=arrays.get(roles.time or ""),
        score_by=arrays.get(roles.score_by or ""),
        target_name=target,
        group_name=group_name,
    )
    told = () if columns is None else (f"the columns of X are called as {columns} says",)
    return replace(data, notes=(*data.notes, *told, *_told(arrays, {*used, columns})))


def _names_of_columns(arrays: Mapping[str, np.ndarray], used: set[str | None]) -> str | None:
    """Return the array that names the columns of X: different texts, as many as there are columns.

    As many as there are rows, too, they may be something of the rows, unless they are called names.

    >>> arrays = {"X": np.zeros((2, 2)), "y": np.zeros(2), "feature_names": np.array(["a", "b"])}
    >>> _names_of_columns(arrays, {"X", "y"})
    'feature_names'
    """
    X = arrays["X"]
    if X.ndim != 2:
        return None
    fitting = [
        name
        for name, own in arrays.items()
        if name not in used
        and own.dtype.kind == "U"
        and own.shape == (X.shape[1],)
        and len(np.unique(own)) == len(own)
        and (len(X) != len(own) or "name" in name.lower())
    ]
    return fitting[0] if len(fitting) == 1 else None


def _told(arrays: Mapping[str, np.ndarray], used: set[str | None]) -> list[str]:
    """Return which arrays were read, where a file has others."""
    others = [name for name in arrays if name not in used]
    if not others:
        return []
    read = [name for name in arrays if name in used]
    kinds = {name: f"{name} {arrays[name].shape}" for name in arrays}
    shown = ", ".join(kinds[name] for name in others[:SHOWN]) + (", …" if others[SHOWN:] else "")
    return [f"arrays read: {', '.join(map(kinds.__getitem__, read))}; not read: {shown}"]


def _rows(content: FileContent, _options: ReadOptions) -> RowsRead:
    arrays = load_arrays(content)
    letter = _letter_of_parts(arrays)
    if letter is None:
        require_array(arrays, "X", "inputs")
        return RowsRead(input_array(arrays["X"])[0])
    return RowsRead(input_array(arrays.get(f"{letter}_test", arrays[f"{letter}_train"]))[0])


def require_array(arrays: Mapping[str, np.ndarray], name: str, role: str) -> None:
    """Raise unless there is an array of that name."""
    if name not in arrays:
        if {"format", "shape", "data"} <= set(arrays):
            raise InputError(
                f"expected an array {name!r} ({role}), got a sparse matrix of SciPy: save it with "
                "the targets by numpy.savez(file, X=matrix.toarray(), y=y)"
            )
        raise InputError(
            f"expected an array {name!r} ({role}), got "
            f"{listed(arrays) or 'none'}: save it under that name"
        )


NPZ = Format(load_npz, _rows)


def _refuse_one_array(_content: FileContent, _roles: Roles, _options: ReadOptions) -> Dataset:
    raise InputError(
        "expected inputs and targets, got one array: save both with numpy.savez(file, X=X, y=y)"
    )


def _rows_of_one_array(content: FileContent, _options: ReadOptions) -> RowsRead:
    try:
        return RowsRead(input_array(np.load(content.stream(), allow_pickle=False))[0])
    except (ValueError, OSError, EOFError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"expected a plain array, got something else ({one_line(error, 100)}): save numbers"
        ) from error


NPY = Format(_refuse_one_array, _rows_of_one_array)
"""One array, which can only be predicted."""
