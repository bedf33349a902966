"""Files of statistics packages: ARFF by SciPy, Stata and SAS by pandas.

Source: https://docs.scipy.org/doc/scipy/reference/generated/scipy.io.arff.loadarff.html,
https://pandas.pydata.org/docs/reference/api/pandas.read_stata.html
"""

from __future__ import annotations

import io
from collections.abc import Callable

import pandas as pd

from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.encodings import decoded
from shrinkage.datasets.formats.tables import FrameTable, nested_columns, table_format
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError

Reader = Callable[[FileContent, ReadOptions], pd.DataFrame]


def _arff(content: FileContent, options: ReadOptions) -> pd.DataFrame:
    from scipy.io import arff

    text = decoded(content.data, options.encoding).buffer.to_pybytes().decode()
    values, attributes = arff.loadarff(io.StringIO(text))
    frame = pd.DataFrame(values)
    for name, kind in zip(attributes.names(), attributes.types(), strict=True):
        if kind == "nominal":
            cells = frame[name].str.decode("utf-8")
            frame[name] = pd.Categorical(cells.where(cells != "?"))
    return frame


def _stata(content: FileContent, _options: ReadOptions) -> pd.DataFrame:
    return pd.read_stata(content.file())


def _sas(content: FileContent, options: ReadOptions) -> pd.DataFrame:
    kind = "xport" if content.ending == ".xpt" else "sas7bdat"
    encoding = options.encoding or ("utf-8" if kind == "sas7bdat" else "latin-1")
    return pd.read_sas(content.file(), format=kind, encoding=encoding)


def _reader(read: Reader, what: str) -> Callable[[FileContent, ReadOptions], FrameTable]:
    def read_table(content: FileContent, options: ReadOptions) -> FrameTable:
        try:
            frame = read(content, options)
        except NotImplementedError as error:
            raise InputError(
                f"expected {what} of numbers and nominal values, got what SciPy does not read "
                f"({one_line(error, 80)}): save it as CSV"
            ) from error
        except (ValueError, KeyError, IndexError, StopIteration, OSError) as error:
            raise InputError(
                f"expected {what}, got something unreadable ({one_line(error, 100)}): write it "
                "again"
            ) from error
        if frame.empty:
            raise InputError("expected rows, got none: add data")
        return FrameTable(frame, content.notes, unreadable=nested_columns(frame))

    return read_table


ARFF = table_format(_reader(_arff, "an ARFF file"), takes=("encoding",))
STATA = table_format(_reader(_stata, "a Stata file"))
SAS = table_format(_reader(_sas, "a SAS file"), takes=("encoding",))
