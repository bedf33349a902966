"""Files of statistics packages, read by pandas: Stata and SAS.

Source: https://pandas.pydata.org/docs/reference/api/pandas.read_stata.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pandas as pd

from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.tables import FrameTable, nested_columns, table_format
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError

Reader = Callable[[FileContent, ReadOptions], pd.DataFrame]


def _stata(content: FileContent, _options: ReadOptions) -> pd.DataFrame:
    return cast(pd.DataFrame, pd.read_stata(content.file()))


def _sas(content: FileContent, options: ReadOptions) -> pd.DataFrame:
    kind = "xport" if content.ending == ".xpt" else "sas7bdat"
    encoding = options.encoding or ("utf-8" if kind == "sas7bdat" else "latin-1")
    with pd.read_sas(content.file(), format=kind, encoding=encoding, iterator=True) as reader:
        return reader.read()


def _reader(read: Reader, what: str) -> Callable[[FileContent, ReadOptions], FrameTable]:
    def read_table(content: FileContent, options: ReadOptions) -> FrameTable:
        try:
            frame = read(content, options)
        except (ValueError, KeyError, IndexError, StopIteration, OSError) as error:
            raise InputError(
                f"expected {what}, got something unreadable ({one_line(error, 100)}): write it "
                "again"
            ) from error
        if frame.empty:
            raise InputError("expected rows, got none: add data")
        return FrameTable(frame, content.notes, unreadable=nested_columns(frame))

    return read_table


STATA = table_format(_reader(_stata, "a Stata file"))
SAS = table_format(_reader(_sas, "a SAS file"), takes=("encoding",))
