"""Columns that have a type already: numbers, booleans, categories, dates, and mixed objects.

Who uses this: `columns`, for tables in memory and for files with types of their own. A type is
taken at its word; text inside is judged like that of a file.
"""

from __future__ import annotations

import datetime
import decimal
from dataclasses import replace

import numpy as np
import pandas as pd

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.cells import DistinctCells, Locate, level_text, require_finite, text_cells
from shrinkage.datasets.column_readings import ColumnDoubt, ColumnReading
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
from shrinkage.datasets.judging.base import EXAMPLES, FileHints, JudgedColumn, TextColumn, ends
from shrinkage.datasets.judging.date_forms import plain_dates
from shrinkage.datasets.judging.levels import judge_levels
from shrinkage.datasets.judging.missing_words import ALWAYS_MISSING, plain_word
from shrinkage.datasets.judging.text import judge_text
from shrinkage.errors import InputError

_DATES = (datetime.date, np.datetime64)
_NUMBERS = (int, float, np.number, np.bool_, decimal.Decimal)
_SECOND = np.timedelta64(1, "s")


def is_real(series: pd.Series) -> bool:
    """Return whether a column holds numbers (booleans too), none of them complex.

    >>> is_real(pd.Series([1, 2])), is_real(pd.Series(["1"]))
    (True, False)
    """
    types = pd.api.types
    return types.is_numeric_dtype(series.dtype) and not types.is_complex_dtype(series.dtype)


def plain_series(name: str, series: pd.Series) -> pd.Series:
    """Return a column as numbers, booleans, categories, datetime64, timedelta64 or text objects.

    Raises:
        InputError: complex numbers, bytes, or nested values.

    >>> plain_series("d", pd.Series([datetime.date(2024, 3, 1), None])).dtype.kind
    'M'
    """
    if isinstance(series.dtype, pd.PeriodDtype):
        return series.dt.to_timestamp()
    if isinstance(series.dtype, pd.SparseDtype):
        return series.sparse.to_dense()
    if isinstance(series.dtype, (pd.CategoricalDtype, pd.IntervalDtype)) or is_real(series):
        return series
    if series.dtype.kind in "mM":
        return series
    present = series[series.notna()].astype(object)
    kinds = {type(cell) for cell in present}
    if kinds and all(issubclass(kind, _DATES) for kind in kinds):
        return pd.Series(pd.to_datetime(series.astype(object), utc=True), index=series.index)
    if kinds and all(issubclass(kind, datetime.timedelta) for kind in kinds):
        return pd.to_timedelta(series.astype(object))
    if kinds and all(issubclass(kind, (bool, np.bool_)) for kind in kinds):
        return series.astype("boolean")
    if kinds and all(issubclass(kind, _NUMBERS) for kind in kinds):
        return series.astype(object).map(float, na_action="ignore").astype(np.float64)
    if kinds == {datetime.time}:
        return series.astype(object).map(str, na_action="ignore")
    if all(issubclass(kind, (str, bool, *_NUMBERS, *_DATES)) for kind in kinds):
        return series.astype(object)
    strange = next(kind for kind in kinds if not issubclass(kind, (str, *_NUMBERS)))
    raise InputError(
        f"column {name!r}: expected numbers, text, booleans, dates or categories, got "
        f"{strange.__name__}: turn it into one of them or drop it"
    )


def judge_typed(
    name: str, series: pd.Series, spec: ColumnSpec, hints: FileHints, locate: Locate
) -> JudgedColumn:
    """Return a column of a table in memory as numbers, dates or levels.

    Args:
        name: the column's name.
        series: the column.
        spec: what a person said about it.
        hints: what the rest of the table proves.
        locate: words for a row.

    Raises:
        InputError: complex, nested or binary values; bad cells.
    """
    plain = plain_series(name, series)
    kind = spec.said_kind
    if isinstance(plain.dtype, pd.CategoricalDtype):
        return _categories(name, plain, spec, hints, locate)
    if pd.api.types.is_bool_dtype(plain.dtype) and kind in (None, ColumnKind.CATEGORY):
        return _booleans(name, plain, spec, locate)
    if plain.dtype.kind == "m" and kind in (None, ColumnKind.NUMERIC):
        return _numbers(name, plain / _SECOND, spec, locate, units=("s",))
    if is_real(plain) and kind in (None, ColumnKind.NUMERIC):
        return _numbers(name, plain, spec, locate)
    if plain.dtype.kind == "M" and kind in (None, ColumnKind.DATE):
        return _dates(name, plain, spec, moved=_are_of_another_zone(series))
    cells = plain if plain.dtype == object else plain.astype(object)
    text = cells.map(level_text, na_action="ignore")
    return judge_text(name, text_cells(text.to_numpy(object)), spec, hints, locate)


def real_numbers(series: pd.Series) -> np.ndarray:
    """Return a column of numbers or durations as float64, NaN where missing.

    >>> real_numbers(pd.Series([1, None], dtype="Int8")).tolist()
    [1.0, nan]
    """
    if series.dtype.kind == "m":
        series = series / _SECOND
    return series.to_numpy(np.float64, na_value=np.nan)


def _numbers(
    name: str, series: pd.Series, spec: ColumnSpec, locate: Locate, units: tuple[str, ...] = ()
) -> JudgedColumn:
    values = real_numbers(series)
    rule = CellRule(ColumnKind.NUMERIC, missing=spec.missing, units=units)
    values, words = without_missing_numbers(values, rule)
    require_finite(values, name, locate)
    present = values[~np.isnan(values)]
    distinct, (least, most) = pd.unique(present), ends(present)
    reading = ColumnReading(
        name,
        ColumnKind.NUMERIC,
        rule,
        rows=len(values),
        missing=len(values) - len(present),
        missing_words=words,
        levels=len(distinct),
        examples=tuple(level_text(value) for value in distinct[:EXAMPLES].tolist()),
        said=spec.said_kind is not None,
        least=least,
        most=most,
    )
    return JudgedColumn(pd.Series(values, name=name), reading)


def without_missing_numbers(
    values: np.ndarray, rule: CellRule
) -> tuple[np.ndarray, tuple[tuple[str, int], ...]]:
    """Return numbers with those as missing that a person named, and how often each was there.

    >>> rule = CellRule(ColumnKind.NUMERIC, missing=("-999",))
    >>> without_missing_numbers(np.array([-999.0, 1.0]), rule)
    (array([nan,  1.]), (('-999', 1),))
    """
    words = []
    for word in rule.missing or ():
        try:
            lost = values == float(word)
        except ValueError:
            continue
        if lost.any():
            words.append((word, int(lost.sum())))
            values = np.where(lost, np.nan, values)
    return values, tuple(words)


def _are_of_another_zone(series: pd.Series) -> bool:
    """Return whether some times differ from what they are in universal time."""
    present = series.dropna()
    if present.dtype == object:
        times = (cell for cell in present if isinstance(cell, datetime.datetime))
        return any(bool(time.utcoffset()) for time in times)
    if present.dtype.kind != "M" or present.dt.tz is None:
        return False
    return bool((present.dt.tz_localize(None) != present.dt.tz_convert(None)).any())


def _dates(name: str, series: pd.Series, spec: ColumnSpec, *, moved: bool) -> JudgedColumn:
    values = plain_dates(series)
    present = values[~np.isnat(values)]
    rule = CellRule(ColumnKind.DATE, spec.missing, date_format=spec.date_format or "ISO8601")
    reading = ColumnReading(
        name,
        ColumnKind.DATE,
        rule,
        rows=len(values),
        missing=len(values) - len(present),
        levels=len(np.unique(present)),
        examples=tuple(map(str, present[:EXAMPLES])),
        least=str(present.min()) if len(present) else "",
        most=str(present.max()) if len(present) else "",
        doubts=(ColumnDoubt.UNIVERSAL_TIME,) if moved else (),
        said=spec.said_kind is not None,
    )
    return JudgedColumn(pd.Series(values, name=name), reading)


def _booleans(name: str, series: pd.Series, spec: ColumnSpec, locate: Locate) -> JudgedColumn:
    cells = text_cells(series.astype(object).map(str, na_action="ignore").to_numpy(object))
    judged = judge_levels(TextColumn(name, cells, DistinctCells.of(cells), spec, locate))
    rule = replace(judged.reading.rule, truth=("False", "True"))
    return replace(judged, reading=replace(judged.reading, rule=rule))


def _categories(
    name: str, series: pd.Series, spec: ColumnSpec, hints: FileHints, locate: Locate
) -> JudgedColumn:
    """Return categories, ordered ones as an ordinal; a level that spells `missing` stays one."""
    categories = series.cat.categories
    levels = [level_text(level) for level in categories]
    if spec.said_kind in (ColumnKind.NUMERIC, ColumnKind.DATE):
        return judge_typed(name, series.astype(object), spec, hints, locate)
    if series.cat.ordered and not spec.order and spec.kind is None and len(set(levels)) > 1:
        spec = replace(spec, kind=ColumnKind.ORDINAL, order=tuple(levels), keep_case=True)
    if spec.missing is None and any(plain_word(level) in ALWAYS_MISSING for level in levels):
        spec = replace(spec, missing=())
    cells = text_cells(np.array([*levels, None], dtype=object)[series.cat.codes])
    return judge_levels(TextColumn(name, cells, DistinctCells.of(cells), spec, locate))
