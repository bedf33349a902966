"""The front door: which loader reads a source, and rows without targets for predictions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_specs import ColumnSpec
from shrinkage.datasets.dataset import Dataset, RawRows
from shrinkage.datasets.formats import format_of
from shrinkage.datasets.formats.builtin import BUILTINS, OPENML, builtin_names, load_openml
from shrinkage.datasets.formats.content import (
    STANDARD_INPUT,
    FileContent,
    content_of,
    content_of_standard_input,
)
from shrinkage.datasets.formats.idx_folder import has_idx_files, load_idx_folder, read_idx_rows
from shrinkage.datasets.formats.parts import read_parts
from shrinkage.datasets.formats.tables import dataset_from_table
from shrinkage.datasets.read_options import LOOK, ReadOptions
from shrinkage.datasets.roles import Roles
from shrinkage.datasets.wording import naming, one_line, visible_files
from shrinkage.errors import InputError, near_names
from shrinkage.target_reading import TargetReading

DATABASES = ("sqlite:", "duckdb:")
NETWORK = ("http://", "https://", "ftp://", "s3://", "gs://", "hdfs://", "abfs://")


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
    read_options: ReadOptions = LOOK,
    missing_target: str = "refuse",
    like: TargetReading | None = None,
) -> Dataset:
    """Load a data set: a built-in name, `openml:NAME`, a file, or a folder of IDX files.

    Missing cells of text files are empty or words such as `NA`, `n/a`, `NULL` and `?`; among
    numbers and dates also `-`, `unknown` and the like (`judging.missing_words`).

    Args:
        source: see `builtin_names()`; or a file: text, `.parquet`, `.npz`, also compressed; `-` is
            standard input; `data.zip:table.csv` is one file of an archive. A folder or file that
            is called like a built-in is written `./digits`.
        target: the target column; of NPZ files the array (`y` unless told).
        drop: columns to leave out, by their names; a `CommaList` is cut at its commas.
        split_by: a column whose equal values are kept together in test set and folds.
        sample_weight: a column of weights ≥ 0.
        task: `classification` or `regression` instead of the guess.
        specs: what a person says about columns, by name, as `read_specs` reads it.
        rules: those by which the training table was read, for rows that go with it.
        read_options: separator, encoding, header, names; what is left out is found by looking, and
            the notes of the data set say what.
        missing_target: what to do about rows without a target: `refuse`, `drop` them, or take
            words such as `None` and `NA` as a `class`.
        like: the `target` of the training data, for rows that go with them.

    Returns:
        The data set, raw.

    Raises:
        InputError: the source, a column, a cell or the target is not what it must be.

    >>> load_dataset("wine").X.shape
    (178, 13)
    """
    columns = (drop,) if isinstance(drop, str) else tuple(drop)
    said = (specs or {}, rules or {}, missing_target, like)
    roles = Roles(target, columns, split_by, sample_weight, task, *said)
    text = os.fspath(source)
    if text in BUILTINS:
        return BUILTINS[text](roles)
    if text.startswith(OPENML):
        return load_openml(text, roles)
    folder = _folder(text)
    if folder is not None:
        return _load_folder(folder, roles, read_options)
    with naming(_name_of(text)):
        content = _content(text)
        return format_of(content, read_options).load(content, roles, read_options)


def _folder(source: str) -> Path | None:
    if source == STANDARD_INPUT:
        return None
    path, _ = _path_and_part(source)
    return path.resolve() if path.is_dir() else None


def _load_folder(folder: Path, roles: Roles, read_options: ReadOptions) -> Dataset:
    with naming(folder.name):
        if has_idx_files(folder):
            return load_idx_folder(folder, roles)
        return dataset_from_table(folder.name, read_parts(folder, read_options), roles)


def _name_of(source: str) -> str:
    return "stdin" if source == STANDARD_INPUT else _path_and_part(source)[0].name


def _content(source: str) -> FileContent:
    if source == STANDARD_INPUT:
        return content_of_standard_input()
    return content_of(*_path_and_part(source))


def _path_and_part(source: str) -> tuple[Path, str | None]:
    """Return the file, and the part of it that is named behind a colon.

    Raises:
        InputError: there is no such file, or it is in the network.
    """
    if source.lower().startswith(NETWORK):
        raise InputError(
            f"expected a file of this machine, got an address ({one_line(source, 80)}): download "
            "it first, or pipe it in: curl -s ADDRESS | shrinkage path - --target …"
        )
    prefix = next((word for word in DATABASES if source.startswith(word)), "")
    if prefix and not _exists(source):
        source = source.removeprefix(prefix)
    file, colon, part = source.rpartition(":")
    if colon and part and not _exists(source) and _exists(file):
        return Path(file).expanduser(), part
    return existing(source), None


def _exists(source: str) -> bool:
    try:
        return bool(source.strip()) and Path(source).expanduser().exists()
    except (OSError, ValueError):
        return False


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


def read_rows(source: str | os.PathLike[str], *, read_options: ReadOptions = LOOK) -> RawRows:
    """Read rows to predict: like `load_dataset`, but without a target.

    Cells of files of text stay text, for `Preprocessing.transform` knows which columns are numbers.

    Args:
        source: as in `load_dataset`; an NPZ file needs only `X`; an IDX file of images or a folder
            with one (the `t10k` images when it has both).
        read_options: how to read it: that of the training file, inherited.

    Returns:
        A DataFrame, or an array (n, d).

    Raises:
        InputError: the file is not what it must be.

    >>> read_rows("digits").shape
    (1797, 64)
    """
    text = os.fspath(source)
    if text in BUILTINS:
        return load_dataset(text).X
    folder = _folder(text)
    if folder is not None:
        with naming(folder.name):
            is_idx = has_idx_files(folder)
            return read_idx_rows(folder) if is_idx else read_parts(folder, read_options).raw()
    with naming(_name_of(text)):
        content = _content(text)
        return format_of(content, read_options).rows(content, read_options)
