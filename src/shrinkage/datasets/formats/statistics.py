"""Files of statistics packages, read by pandas: Stata and SAS.

Sources: https://pandas.pydata.org/docs/reference/api/pandas.read_stata.html;
SAS Institute, The record layout of a data set in SAS transport (XPORT) format, TS-140.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import pandas as pd
from pandas.io.sas import sas_constants

from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.tables import FrameTable, nested_columns, table_format
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import listed, one_line
from shrinkage.errors import InputError

Reader = Callable[[FileContent, ReadOptions], tuple[pd.DataFrame, tuple[str, ...]]]
"""Returns a table, and what was decided while reading it."""

TRANSPORT = b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!"
"""What a SAS transport file begins with."""

MEMBER = b"HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!"
"""What each data set of a SAS transport file begins with."""

CARD = 80
"""Bytes that a SAS transport file is filled up to with blanks."""


def _stata(content: FileContent, _options: ReadOptions) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return labels where every value has its own, which have no order; else the numbers."""
    frame = _stata_rows(content, convert_categoricals=False)
    try:
        read = _stata_rows(content, order_categoricals=False)
    except ValueError:  # two values of a column have one label
        names = [name for name in frame if _has_own_labels(content, name)]
        read = _stata_rows(content, order_categoricals=False, columns=names)
    labelled = read.select_dtypes("category")
    whole = [name for name in labelled if labelled[name].cat.categories.map(type).isin([str]).all()]
    frame[whole] = labelled[whole]
    partly = (set(labelled) | set(frame) - set(read)) - set(whole)
    if not partly:
        return frame, ()
    names = listed(name for name in frame if name in partly)
    return frame, (f"not every value of {names} has a label of its own: the numbers were read",)


def _stata_rows(content: FileContent, **how: Any) -> pd.DataFrame:
    return cast(pd.DataFrame, pd.read_stata(content.file(), **how))


def _has_own_labels(content: FileContent, name: object) -> bool:
    try:
        _stata_rows(content, columns=[name])
    except ValueError:
        return False
    return True


def _sas(content: FileContent, options: ReadOptions) -> tuple[pd.DataFrame, tuple[str, ...]]:
    if content.head(len(TRANSPORT)) == TRANSPORT:
        return _transport(content, options.encoding or "latin-1"), ()
    encoding = options.encoding or "utf-8"
    with pd.read_sas(content.file(), format="sas7bdat", encoding=encoding, iterator=True) as reader:
        return reader.read(), ()


def _transport(content: FileContent, encoding: str) -> pd.DataFrame:
    """Return all rows of a transport file, with dates where a column has a format of dates.

    pandas leaves dates numbers of days, and takes empty words of the last rows for the blanks
    behind them: rows are lost.
    """
    if content.data.find(MEMBER) != content.data.rfind(MEMBER):
        raise ValueError("several data sets in one file: write each into its own")
    with pd.read_sas(content.file(), format="xport", encoding=encoding, iterator=True) as opened:
        reader = cast(Any, opened)
        rows = bytes(content.data[reader.record_start :])
        blanks = min(len(rows) - len(rows.rstrip(b" ")), CARD - 1)
        reader.nobs = math.ceil((len(rows) - blanks) / reader.record_length)
        frame = reader.read()
        formats = {field["name"].decode(): field["nform"].decode() for field in reader.fields}
    for name, form in formats.items():
        if form in sas_constants.sas_date_formats:
            frame[name] = pd.to_datetime(frame[name], unit="D", origin="1960-01-01")
        elif form in sas_constants.sas_datetime_formats:
            frame[name] = pd.to_datetime(frame[name], unit="s", origin="1960-01-01")
    return frame


def _reader(read: Reader, what: str) -> Callable[[FileContent, ReadOptions], FrameTable]:
    def read_table(content: FileContent, options: ReadOptions) -> FrameTable:
        try:
            frame, notes = read(content, options)
        except (ValueError, KeyError, IndexError, StopIteration, OSError) as error:
            raise InputError(
                f"expected {what}, got something unreadable ({one_line(error, 100)}): write it "
                "again"
            ) from error
        if frame.empty:
            raise InputError("expected rows, got none: add data")
        return FrameTable(frame, (*content.notes, *notes), unreadable=nested_columns(frame))

    return read_table


STATA = table_format(_reader(_stata, "a Stata file"))
SAS = table_format(_reader(_sas, "a SAS file"), takes=("encoding",))
