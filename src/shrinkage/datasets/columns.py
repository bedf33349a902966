"""One column: judged once in training, and read by the same rule ever after.

Who uses this: tables and `InputColumns` judge (`judge_column`); prepared rows of a finished model
read (`values_as_…`). The judgement itself is in `judging`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.cells import (
    DistinctCells,
    Locate,
    level_text,
    plain_row,
    require_finite,
    text_cells,
)
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
from shrinkage.datasets.judging.base import NO_HINTS, FileHints, JudgedColumn
from shrinkage.datasets.judging.date_forms import dates_of, plain_dates
from shrinkage.datasets.judging.level_forms import known_levels, spell_level
from shrinkage.datasets.judging.missing_words import are_missing, missing_words, plain_word
from shrinkage.datasets.judging.number_text import PER_CENT, read_numbers
from shrinkage.datasets.judging.plain import plain_or_missing
from shrinkage.datasets.judging.plain_many import judge_many
from shrinkage.datasets.judging.text import judge_text
from shrinkage.datasets.judging.typed import (
    is_real,
    judge_typed,
    plain_series,
    real_numbers,
    without_missing_numbers,
)
from shrinkage.errors import InputError

PLAIN = ColumnSpec()
_PLAIN_NUMBERS = CellRule(ColumnKind.NUMERIC)


def judge_column(
    name: str,
    values: object,
    spec: ColumnSpec = PLAIN,
    hints: FileHints = NO_HINTS,
    locate: Locate = plain_row,
) -> JudgedColumn:
    """Return a column as numbers, dates or levels, with what was decided.

    Args:
        name: the column's name, for messages.
        values: text cells of a file (an Arrow column, null where there is no cell), or a series.
        spec: what a person said about the column.
        hints: what the rest of the file proves.
        locate: words for a row.

    Returns:
        Cells of dtype float64 (NaN where missing), category (ordered for an ordinal) or datetime64,
        and the reading.

    Raises:
        InputError: numbers or dates with few other cells; an infinite one; nested values.

    >>> judge_column("age", ["31", "?", "44"]).values.tolist()
    [31.0, nan, 44.0]
    >>> judge_column("city", ["Bern", "Basel", "7"]).values.cat.categories.tolist()
    ['7', 'Basel', 'Bern']
    """
    if isinstance(values, pa.ChunkedArray):
        return judge_text(name, values, spec, hints, locate)
    series = values if isinstance(values, pd.Series) else pd.Series(values, dtype=object)
    return judge_typed(name, series, spec, hints, locate)


def judge_columns(
    columns: Sequence[tuple[str, object]],
    specs: Mapping[str, ColumnSpec] | None = None,
    locate: Locate = plain_row,
    hints: FileHints = NO_HINTS,
    refused: dict[str, str] | None = None,
) -> list[JudgedColumn]:
    """Judge columns of one file together: what one proves helps where another reads both ways.

    Args:
        columns: `(name, cells)` of each.
        specs: what a person said about columns, by name.
        locate: words for a row.
        hints: what is known of the file beforehand, where no column proves otherwise.
        refused: filled with the error of each column that is refused, instead of raising it.

    Returns:
        The columns, in order, without those refused.

    >>> cells = [("a", ["1,234", "5,678"]), ("b", ["2,5", "3,14"])]
    >>> [column.values.tolist() for column in judge_columns(cells)]
    [[1.234, 5.678], [2.5, 3.14]]
    """
    said = specs or {}

    def judge(pair: tuple[str, object], known: FileHints) -> JudgedColumn | None:
        name, cells = pair
        try:
            return judge_column(name, cells, said.get(name, PLAIN), known, locate)
        except InputError as error:
            if refused is None:
                raise
            refused[name] = str(error)
            return None

    certain = judge_many([pair for pair in columns if pair[0] not in said])
    judged = [certain.get(pair[0]) or judge(pair, NO_HINTS) for pair in columns]
    hints = _joined([column.hints for column in judged if column is not None], hints)
    if hints != NO_HINTS:
        judged = [
            judge(pair, hints) if known is not None and known.is_open else known
            for pair, known in zip(columns, judged, strict=True)
        ]
    return [column for column in judged if column is not None]


def _joined(proofs: Sequence[FileHints], before: FileHints) -> FileHints:
    """Return what the columns prove, where they agree; what was known before, where none does."""
    marks = {proof.decimal for proof in proofs} - {""}
    proven = before.proven or bool(marks)
    orders = {proof.day_first for proof in proofs} - {None}
    return FileHints(
        decimal=before.decimal if not marks else marks.pop() if len(marks) == 1 else "",
        proven=proven,
        day_first=before.day_first if not orders else orders.pop() if len(orders) == 1 else None,
    )


def values_as_numbers(
    name: str, series: pd.Series, rule: CellRule = _PLAIN_NUMBERS, locate: Locate = plain_row
) -> np.ndarray:
    """Return a column that was numeric in training as float64, whatever type it has now.

    Args:
        name: the column's name.
        series: numbers, or text that spells numbers.
        rule: how its cells were read in training.
        locate: words for a row.

    Returns:
        float64 (n,), NaN where missing.

    Raises:
        InputError: a cell is no number, or infinite; names row and column.

    >>> values_as_numbers("age", pd.Series(["31", "?"])).tolist()
    [31.0, nan]
    >>> values_as_numbers("price", pd.Series(["1.234,5"]), CellRule.from_dict(
    ...     {"kind": "numeric", "decimal": ",", "thousands": "."})).tolist()
    [1234.5]
    """
    series = _without_categories(plain_series(name, series))
    if is_real(series) or series.dtype.kind == "m":
        values, _ = without_missing_numbers(real_numbers(series), rule)
        require_finite(values, name, locate)
        return values
    cells = text_cells(series.to_numpy(object))
    values = plain_or_missing(cells) if rule == _PLAIN_NUMBERS else None
    if values is None:
        distinct, missing = _distinct(cells, rule)
        numbers = np.where(missing, np.nan, read_numbers(distinct.texts, rule))
        _require(name, cells, distinct, np.isnan(numbers) & ~missing, _example(rule), locate)
        values = distinct.spread(numbers, np.nan)
    require_finite(values, name, locate, cell=lambda row: cells[row].as_py())
    return values


def _without_categories(series: pd.Series) -> pd.Series:
    if not isinstance(series.dtype, pd.CategoricalDtype):
        return series
    return plain_series(str(series.name), series.astype(object))


def _distinct(cells: pa.ChunkedArray, rule: CellRule) -> tuple[DistinctCells, np.ndarray]:
    """Return the different cells, and which of them mean missing under the rule."""
    distinct, words = DistinctCells.of(cells), missing_words(rule)
    return distinct, are_missing(distinct.texts, words)


def _require(
    name: str,
    cells: pa.ChunkedArray,
    distinct: DistinctCells,
    bad: np.ndarray,
    what: str,
    locate: Locate,
) -> None:
    """Raise where a distinct cell is not what the column held in training."""
    if bad.any():
        row = distinct.first_row(bad)
        raise InputError(
            f"column {name!r}, {locate(row)}: expected {what} as in training, got "
            f"{cells[row].as_py()!r}: correct it or leave it empty"
        )


def _example(rule: CellRule) -> str:
    """Return how the numbers of a column are written."""
    if rule.units and PER_CENT.keys() & set(rule.units):
        return f"a number with {rule.units[0]}"
    mark = "" if rule.decimal == "." else f" with the decimal mark {rule.decimal!r}"
    return f"a number{mark}"


def values_as_dates(
    name: str, series: pd.Series, rule: CellRule, locate: Locate = plain_row
) -> np.ndarray:
    """Return a column that was dates in training as datetime64, whatever type it has now.

    Args:
        name: the column's name.
        series: dates, or text that spells dates.
        rule: how its cells were read in training; ISO dates are read by every rule.
        locate: words for a row.

    Returns:
        datetime64 (n,) in microseconds of universal time, NaT where missing.

    Raises:
        InputError: a cell is no date; names row and column.

    >>> rule = CellRule.from_dict({"kind": "date", "date_format": "%d.%m.%Y"})
    >>> values_as_dates("day", pd.Series(["1.3.2024"]), rule).astype("datetime64[D]").tolist()
    [datetime.date(2024, 3, 1)]
    """
    series = _without_categories(plain_series(name, series))
    if series.dtype.kind == "M":
        return plain_dates(series)
    text = series.astype(object).map(level_text, na_action="ignore")
    cells = text_cells(text.to_numpy(object))
    distinct, missing = _distinct(cells, rule)
    dates = dates_of(distinct.texts, rule.date_format)
    dates[missing] = np.datetime64("NaT")
    _require(name, cells, distinct, np.isnat(dates) & ~missing, "a date", locate)
    return distinct.spread(dates, np.datetime64("NaT"))


def values_as_levels(
    series: pd.Series, rule: CellRule | None = None
) -> tuple[np.ndarray, list[str | None]]:
    """Return a column that was categories in training as codes into a list of levels.

    Args:
        series: text, numbers, booleans or categories.
        rule: how its cells were read in training; None: plainly, categories as they are.

    Returns:
        `(codes, levels)`: (n,) positions in `levels`, whose last one is None, the missing cell; a
        level may stand in it more than once.

    >>> values_as_levels(pd.Series(["b", None, "b"]))
    (array([0, 1, 0]), ['b', None])
    """
    codes, values = pd.factorize(series)
    if rule is None and isinstance(series.dtype, pd.CategoricalDtype):
        return np.where(codes < 0, len(values), codes), [*map(level_text, values), None]
    rule = CellRule(ColumnKind.CATEGORY) if rule is None else rule
    texts = [level_text(value).strip() for value in values]
    known, words = known_levels(rule), missing_words(rule)
    lost = np.array([plain_word(text) in words and text not in known for text in texts], dtype=bool)
    levels = [*(spell_level(text, rule, known) for text in texts), None]
    gone = (codes < 0) | np.append(lost, True)[codes]
    return np.where(gone, len(texts), codes), levels
