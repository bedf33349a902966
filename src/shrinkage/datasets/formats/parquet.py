"""Parquet files, read by pandas; their own column types stay."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from shrinkage.datasets.formats.tables import FrameTable, table_format
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError


def read_parquet(path: Path) -> FrameTable:
    """Read a Parquet file.

    Args:
        path: the file.

    Raises:
        InputError: unreadable, or no rows.
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
    return FrameTable(frame)


PARQUET = table_format(read_parquet)
