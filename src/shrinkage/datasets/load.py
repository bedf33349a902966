"""The front door: which loader reads a source, and rows without targets for predictions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from shrinkage.datasets.dataset import Dataset, RawRows
from shrinkage.datasets.formats.arrays import (
    dataset_from_arrays,
    input_array,
    load_arrays,
    load_npz,
)
from shrinkage.datasets.formats.builtin import (
    BUILTINS,
    OPENML,
    builtin_names,
    load_openml,
    refuse_roles,
)
from shrinkage.datasets.formats.csv_text import read_csv_text
from shrinkage.datasets.formats.idx import find_part, read_idx, read_part
from shrinkage.datasets.table import FrameTable, Roles, dataset_from_table
from shrinkage.datasets.wording import listed, one_line
from shrinkage.errors import InputError, near_names

Reader = Callable[..., Any]


def load_dataset(
    source: str | os.PathLike[str],
    *,
    target: str | None = None,
    drop: Iterable[str] = (),
    split_by: str | None = None,
    sample_weight: str | None = None,
    task: str | None = None,
) -> Dataset:
    """Load a data set: a built-in name, `openml:NAME`, a file, or a folder of IDX files.

    Missing cells of text files are empty, `NA`, `NaN`, `nan`, `null`, `NULL`, `None` or `?`.

    Args:
        source: see `builtin_names()`; or `.csv`, `.tsv` (also `.gz`), `.parquet`, `.npz`; a folder
            or file that is called like a built-in is written `./digits`.
        target: the target column; of NPZ files the array (`y` unless told).
        drop: columns to leave out.
        split_by: a column whose equal values are kept together in test set and folds.
        sample_weight: a column of weights ≥ 0.
        task: `classification` or `regression` instead of the guess.

    Returns:
        The data set, raw.

    Raises:
        InputError: the source, a column, a cell or the target is not what it must be.

    >>> load_dataset("wine").X.shape
    (178, 13)
    """
    columns = (drop,) if isinstance(drop, str) else tuple(drop)
    roles = Roles(target, columns, split_by, sample_weight, task)
    text = os.fspath(source)
    if text in BUILTINS:
        return BUILTINS[text](roles)
    if text.startswith(OPENML):
        return load_openml(text, roles)
    path = existing(text)
    return (_load_idx_folder if path.is_dir() else _reader(path, LOADERS))(path, roles)


def existing(source: str) -> Path:
    """Return the path of a file or folder that is there.

    Args:
        source: a path, or a misspelled built-in name.

    Raises:
        InputError: nothing is there; near names of files and built-ins are offered.

    >>> existing(".").is_dir()
    True
    """
    if not source.strip():
        raise InputError("expected a file, folder or built-in data set, got no name: give one")
    path = Path(source).expanduser()
    try:
        if path.exists():
            return path
        folder = _visible(path.parent) if path.parent.is_dir() else []
    except OSError as error:
        raise InputError(
            f"expected a file or a data set, got {one_line(source, 80)!r} "
            f"({error.strerror}): check the path"
        ) from error
    except ValueError as error:
        raise InputError(f"expected a path, got {source!r} ({error}): check the path") from error
    near = near_names(path.name, [*builtin_names(), *folder])
    names = f"built-in are {', '.join(builtin_names())}"
    raise InputError(
        f"expected a file, folder or built-in data set, got {source!r}, which does not exist: "
        f"{one_line(near) + ' ' if near else ''}{names}"
    )


def _visible(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))


def _reader(path: Path, readers: Mapping[str, Reader]) -> Reader:
    name = path.name.lower()
    found = next((reader for ending, reader in readers.items() if name.endswith(ending)), None)
    if found is None:
        raise InputError(
            f"expected a file ending in {', '.join(readers)}, got {path.name!r}: "
            "convert or rename it"
        )
    return found


def _load_csv(path: Path, roles: Roles) -> Dataset:
    return dataset_from_table(path.name, read_csv_text(path), roles)


def _load_parquet(path: Path, roles: Roles) -> Dataset:
    return dataset_from_table(path.name, FrameTable(read_parquet(path)), roles)


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet file; its own column types are kept.

    Args:
        path: the file.

    Raises:
        InputError: unreadable, no rows, or equal column names.
    """
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(
            f"expected a Parquet file in {path.name!r}, got something unreadable "
            f"({one_line(error, 100)}): write it again"
        ) from error
    if len(frame) == 0:
        raise InputError(f"expected rows in {path.name!r}, got none: add data")
    return frame


def _load_idx_folder(folder: Path, roles: Roles) -> Dataset:
    folder = folder.resolve()
    train = read_part(folder, "train")
    if train is None:
        raise InputError(
            f"expected train-images-idx3-ubyte and train-labels-idx1-ubyte (or .gz) in "
            f"{folder.name!r}, got {listed(_visible(folder)) or 'nothing'}"
            ": name a folder of IDX files, or a file"
        )
    refuse_roles(folder.name, roles)
    data = dataset_from_arrays(
        *train,
        name=folder.name,
        task=roles.task or "classification",
        target_name="label",
    )
    return replace(data, test=_idx_test(folder, data))


def _idx_test(folder: Path, data: Dataset) -> tuple[RawRows, np.ndarray] | None:
    test = read_part(folder, "t10k")
    if test is None:
        return None
    X, shape = input_array(test[0], "test images")
    if shape != data.image_shape:
        raise InputError(
            f"expected test images of {data.image_shape} pixels like the training images in "
            f"{folder.name!r}, got {shape}: use files that belong together"
        )
    labels = test[1].astype(data.y.dtype)
    unknown = np.setdiff1d(labels, data.y)
    if len(unknown):
        raise InputError(
            f"expected test labels that occur in training, got {listed(unknown.tolist())} in "
            f"{folder.name!r}: use files that belong together"
        )
    return X, labels


def read_rows(path: str | os.PathLike[str]) -> RawRows:
    """Read rows to predict: like `load_dataset`, but without a target.

    Cells of CSV files stay text, for `Preprocessing.transform` knows which columns are numbers.

    Args:
        path: a CSV, TSV or Parquet file; an NPZ file with `X`; an IDX file of images or a folder
            with one (the `t10k` images when it has both); or a built-in name.

    Returns:
        A DataFrame, or an array (n, d).

    Raises:
        InputError: the file is not what it must be.

    >>> read_rows("digits").shape
    (1797, 64)
    """
    text = os.fspath(path)
    if text in BUILTINS:
        return load_dataset(text).X
    file = existing(text)
    if file.is_dir():
        return _idx_rows(file)
    return _reader(file, ROW_READERS)(file)


def _csv_rows(path: Path) -> pd.DataFrame:
    table = read_csv_text(path, least_columns=1)
    return pd.DataFrame(
        {name: pd.Series(table.text(name).to_numpy(), dtype=object) for name in table.names}
    )


def _npz_rows(path: Path) -> np.ndarray:
    arrays = load_arrays(path)
    if "X" not in arrays:
        raise InputError(
            f"expected an array 'X' in {path.name!r}, got {listed(arrays) or 'none'}: "
            "save it under that name"
        )
    return input_array(arrays["X"])[0]


def _idx_rows(folder: Path) -> np.ndarray:
    folder = folder.resolve()
    parts = (find_part(folder, part, "images", 3) for part in ("t10k", "train"))
    file = next((part for part in parts if part is not None), None)
    if file is None:
        raise InputError(
            f"expected t10k-images-idx3-ubyte or train-images-idx3-ubyte in {folder.name!r}, got "
            "neither: name the file of images"
        )
    return _idx_images(file)


def _idx_images(path: Path) -> np.ndarray:
    images = read_idx(path, 3)
    return images.reshape(len(images), -1)


_ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
LOADERS: Mapping[str, Reader] = MappingProxyType(
    {
        **dict.fromkeys(_ENDINGS, _load_csv),
        ".parquet": _load_parquet,
        ".npz": load_npz,
    }
)
"""What reads a file, by how its name ends."""

ROW_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        **dict.fromkeys(_ENDINGS, _csv_rows),
        ".parquet": read_parquet,
        ".npz": _npz_rows,
        "-ubyte": _idx_images,
        "-ubyte.gz": _idx_images,
    }
)
"""What reads rows without a target, by how the file's name ends."""
