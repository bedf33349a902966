"""What a source is read by: one file a format, one line in the table here.

Who uses this: `load_dataset` and `read_rows`. It promises raw values and complaints in one line.
pyarrow, pandas, NumPy and scikit-learn do the reading; what is written here finds the line of a
bad cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from shrinkage.datasets.dataset import RawRows
from shrinkage.datasets.formats.csv_text import CSV
from shrinkage.datasets.formats.idx_folder import IDX_FOLDER, read_images
from shrinkage.datasets.formats.npz import NPZ
from shrinkage.datasets.formats.parquet import PARQUET
from shrinkage.datasets.formats.tables import Format

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        **dict.fromkeys((".csv", ".csv.gz", ".tsv", ".tsv.gz"), CSV),
        ".parquet": PARQUET,
        ".npz": NPZ,
    }
)
"""The format of a file, by how its name ends."""

ROW_READERS: Mapping[str, Callable[[Path], RawRows]] = MappingProxyType(
    {
        **{ending: known.rows for ending, known in FORMATS.items()},
        **dict.fromkeys(("-ubyte", "-ubyte.gz"), read_images),
    }
)
"""What reads rows to predict: all formats, and pictures without labels."""

FOLDER = IDX_FOLDER
"""The format of a folder."""
