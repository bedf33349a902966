"""What a source is read by: one file a format, one line in the table here.

Who uses this: `load_dataset` and `read_rows`. It promises raw values and complaints in one line.
pyarrow, pandas, NumPy and scikit-learn do the reading; what is written here finds out how a file is
written, and the line of a bad cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shrinkage.datasets.formats.arff import ARFF
from shrinkage.datasets.formats.arrow import FEATHER, ORC, PARQUET
from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.csv_text import CSV
from shrinkage.datasets.formats.databases import DUCKDB, SQLITE
from shrinkage.datasets.formats.idx_folder import IDX_FILE
from shrinkage.datasets.formats.json_text import JSON
from shrinkage.datasets.formats.kinds import FileKind, kind_of
from shrinkage.datasets.formats.matlab import MATLAB
from shrinkage.datasets.formats.npz import NPY, NPZ
from shrinkage.datasets.formats.statistics import SAS, STATA
from shrinkage.datasets.formats.svmlight import SVMLIGHT
from shrinkage.datasets.formats.tables import Format
from shrinkage.datasets.formats.workbook import WORKBOOK
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.errors import InputError

FORMATS: Mapping[FileKind, Format] = MappingProxyType(
    {
        FileKind.TEXT: CSV,
        FileKind.PARQUET: PARQUET,
        FileKind.FEATHER: FEATHER,
        FileKind.ORC: ORC,
        FileKind.JSON: JSON,
        FileKind.WORKBOOK: WORKBOOK,
        FileKind.ARFF: ARFF,
        FileKind.SVMLIGHT: SVMLIGHT,
        FileKind.STATA: STATA,
        FileKind.SAS: SAS,
        FileKind.SQLITE: SQLITE,
        FileKind.DUCKDB: DUCKDB,
        FileKind.NPZ: NPZ,
        FileKind.NPY: NPY,
        FileKind.MATLAB: MATLAB,
        FileKind.IDX: IDX_FILE,
    }
)
"""What reads each kind of file."""


PARTED = (FileKind.WORKBOOK, FileKind.SQLITE, FileKind.DUCKDB)
"""Kinds of which a part can be named behind a colon."""


def format_of(
    content: FileContent, options: ReadOptions, promised: FileKind | None = None
) -> Format:
    """Return what reads a file.

    Args:
        content: the file.
        options: how to read it.
        promised: what a person says it is.

    Raises:
        InputError: a kind that is not read or not the promised one, a part of what has none, or
            an option that means nothing there.
    """
    kind = kind_of(content)
    if promised not in (None, kind):
        raise InputError(f"expected {promised.value}, got {kind.value}: name it without the word")
    if content.part is not None and kind not in PARTED:
        raise InputError(
            f"expected no part of {kind.value}, got {content.part!r} behind the colon: leave it out"
        )
    chosen = FORMATS[kind]
    unfit = [name for name in options.set_names() if name not in chosen.takes]
    if unfit and not options.inherited:
        raise InputError(f"expected no {unfit[0]} for {kind.value}, got one: leave it out")
    return chosen
