"""The front door: which loader reads a source, and rows without targets for predictions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_specs import ColumnSpec
from shrinkage.datasets.dataset import Dataset, RawRows
from shrinkage.datasets.formats import format_of
from shrinkage.datasets.formats.builtin import BUILTINS, OPENML, load_openml
from shrinkage.datasets.formats.idx_folder import has_idx_files, load_idx_folder, read_idx_rows
from shrinkage.datasets.formats.parts import read_parts
from shrinkage.datasets.formats.tables import (
    FrameTable,
    NamedColumns,
    RowsRead,
    dataset_from_table,
    rows_of,
)
from shrinkage.datasets.read_options import LOOK, ReadOptions
from shrinkage.datasets.roles import Roles
from shrinkage.datasets.sources import source_of
from shrinkage.datasets.wording import naming
from shrinkage.errors import InputError
from shrinkage.target_reading import TargetReading


def load_dataset(
    source: str | os.PathLike[str],
    *,
    target: str | Sequence[str] | None = None,
    drop: Iterable[str] = (),
    split_by: str | None = None,
    sample_weight: str | None = None,
    time: str | None = None,
    event: str | None = None,
    score_by: str | None = None,
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
        target: the target column, or several; `CommaList`s are cut at their commas; of NPZ files
            the array (`y` unless told).
        drop: columns to leave out, by their names; a `CommaList` is cut at its commas.
        split_by: a column whose equal values are kept together in test set and folds.
        sample_weight: a column of weights ≥ 0.
        event: a column that says whether the event came at the time that is the target (1) or the
            row was only seen until then (0): such times get a minus, as `loss="cox"` takes them.
        score_by: a column of groups whose scores are told apart; its role stays what it is.
        time: a column of numbers or dates: the past trains, the future validates and tests.
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
    first, further = (target, ()) if target is None or isinstance(target, str) else _several(target)
    said = (specs or {}, rules or {}, missing_target, like, further, time, event, score_by)
    roles = Roles(first, columns, split_by, sample_weight, task, *said)
    text = os.fspath(source)
    if text in BUILTINS:
        return BUILTINS[text](roles)
    if text.startswith(OPENML):
        return load_openml(text, roles)
    origin = source_of(text)
    with naming(origin.name):
        if origin.folder is not None:
            return _load_folder(origin.folder, roles, read_options)
        content = origin.content()
        reader = format_of(content, read_options, origin.kind)
        return reader.load(content, roles, read_options)


def _several(targets: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    if not targets:
        raise InputError("expected the name of a target column, got an empty list: name one")
    return targets[0], tuple(targets[1:])


class OpenTable(NamedTuple):
    """A data set's name, its columns as they were read, and the targets that it says itself."""

    name: str
    table: NamedColumns
    targets: tuple[str, ...] = ()


def open_table(
    source: str | os.PathLike[str],
    *,
    target: Sequence[str] | None = None,
    read_options: ReadOptions = LOOK,
) -> OpenTable:
    """Return the name and the columns of a data set, as they were read and not judged.

    Args:
        source: as in `load_dataset`, a table.
        target: as in `load_dataset`: files of arrays may hold several.
        read_options: how to read it.

    Raises:
        InputError: the file is not what it must be, or holds no table.

    >>> opened = open_table("wine")
    >>> opened.table.names[:2], opened.targets
    (('alcohol', 'malic_acid'), ('target',))
    """
    text = os.fspath(source)
    if text in BUILTINS or text.startswith(OPENML):
        return _columns_of(load_dataset(text))
    origin = source_of(text)
    with naming(origin.name):
        if origin.folder is not None:
            if has_idx_files(origin.folder):
                raise InputError("expected a table, got a folder of pictures: name a file")
            return OpenTable(origin.folder.name, read_parts(origin.folder, read_options))
        content = origin.content()
        reader = format_of(content, read_options, origin.kind)
        if reader.table is None:
            roles = Roles(next(iter(target or ()), None))
            return _columns_of(reader.load(content, roles, read_options))
        return OpenTable(content.name, reader.table(content, read_options))


def _columns_of(data: Dataset) -> OpenTable:
    """Return a data set that was read as a table, its targets behind the inputs."""
    frame = pd.DataFrame(data.X) if isinstance(data.X, np.ndarray) else data.X
    frame = frame.set_axis(list(data.input_names), axis=1)
    targets = data.target_names or (data.target_name,)
    columns = np.reshape(data.y, (len(data.y), -1)).T
    frame = frame.assign(**dict(zip(targets, columns, strict=True)))
    return OpenTable(data.name, FrameTable(frame, notes=data.notes), targets)


def _load_folder(folder: Path, roles: Roles, read_options: ReadOptions) -> Dataset:
    if has_idx_files(folder):
        return load_idx_folder(folder, roles)
    return dataset_from_table(folder.name, read_parts(folder, read_options), roles)


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
    return rows_and_notes(source, read_options).values


def rows_and_notes(source: str | os.PathLike[str], read_options: ReadOptions = LOOK) -> RowsRead:
    """Read rows to predict, and say what was decided while reading; see `read_rows`.

    >>> rows_and_notes("digits").notes
    ()
    """
    text = os.fspath(source)
    if text in BUILTINS:
        return RowsRead(load_dataset(text).X)
    origin = source_of(text)
    with naming(origin.name):
        folder = origin.folder
        if folder is None:
            content = origin.content()
            return format_of(content, read_options, origin.kind).rows(content, read_options)
        if has_idx_files(folder):
            return RowsRead(read_idx_rows(folder))
        return rows_of(read_parts(folder, read_options))
