"""The front door: which loader reads a source, and rows without targets for predictions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_specs import ColumnSpec
from shrinkage.datasets.dataset import Dataset, RawRows
from shrinkage.datasets.formats import FOLDER, FORMATS, ROW_READERS
from shrinkage.datasets.formats.builtin import BUILTINS, OPENML, builtin_names, load_openml
from shrinkage.datasets.roles import Roles
from shrinkage.datasets.wording import one_line, visible_files
from shrinkage.errors import InputError, near_names

Reader = TypeVar("Reader")


def load_dataset(
    source: str | os.PathLike[str],
    *,
    target: str | None = None,
    drop: Iterable[str] = (),
    split_by: str | None = None,
    sample_weight: str | None = None,
    task: str | None = None,
    specs: Mapping[str, ColumnSpec] | None = None,
    rules: Mapping[str, CellRule] | None = None,
) -> Dataset:
    """Load a data set: a built-in name, `openml:NAME`, a file, or a folder of IDX files.

    Missing cells of text files are empty or words such as `NA`, `n/a`, `NULL` and `?`; among
    numbers and dates also `-`, `unknown` and the like (`judging.missing_words`).

    Args:
        source: see `builtin_names()`; or `.csv`, `.tsv` (also `.gz`), `.parquet`, `.npz`; a folder
            or file that is called like a built-in is written `./digits`.
        target: the target column; of NPZ files the array (`y` unless told).
        drop: columns to leave out.
        split_by: a column whose equal values are kept together in test set and folds.
        sample_weight: a column of weights ≥ 0.
        task: `classification` or `regression` instead of the guess.
        specs: what a person says about columns, by name, as `read_specs` reads it.
        rules: those by which the training table was read, for rows that go with it.

    Returns:
        The data set, raw.

    Raises:
        InputError: the source, a column, a cell or the target is not what it must be.

    >>> load_dataset("wine").X.shape
    (178, 13)
    """
    columns = (drop,) if isinstance(drop, str) else tuple(drop)
    roles = Roles(target, columns, split_by, sample_weight, task, specs or {}, rules or {})
    text = os.fspath(source)
    if text in BUILTINS:
        return BUILTINS[text](roles)
    if text.startswith(OPENML):
        return load_openml(text, roles)
    path = existing(text)
    file_format = FOLDER if path.is_dir() else _by_ending(path, FORMATS)
    return file_format.load(path, roles)


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
        folder = visible_files(path.parent) if path.parent.is_dir() else []
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
    return FOLDER.rows(file) if file.is_dir() else _by_ending(file, ROW_READERS)(file)


def _by_ending(path: Path, readers: Mapping[str, Reader]) -> Reader:
    name = path.name.lower()
    for ending, reader in readers.items():
        if name.endswith(ending):
            return reader
    raise InputError(
        f"expected a file ending in {', '.join(readers)}, got {path.name!r}: convert or rename it"
    )
