"""The cells of a target as text, booleans or numbers, and which of them are missing.

Who uses this: `read_target`. Files of text have no types: there a cell is text until all cells are
numbers. Labels keep their spelling, so that predictions are written as the file was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from numbers import Real

import numpy as np
import pandas as pd

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.cells import plain_numbers, text_cells
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.judging.missing_words import said_words
from shrinkage.datasets.judging.number_text import read_numbers
from shrinkage.datasets.wording import listed
from shrinkage.errors import InputError

SURELY_MISSING = frozenset({"", "nan", "<na>", "#n/a", "nat"})
"""Cells that programs write for `missing`, in small letters."""

PERHAPS_MISSING = frozenset({"na", "none", "null", "n/a", "?"})
"""Words that mean `missing`, or are the name of a class, in small letters."""

PLAIN_NUMBERS = CellRule(ColumnKind.NUMERIC)
"""Numbers as programs write them."""

DAYS = "such as the days since a first one"
"""What a date may be as a number."""

_PADDED = re.compile(r"[-+]?0\d")
"""The start of a number with zeros in front, such as 007."""


@dataclass(frozen=True, eq=False)
class TargetCells:
    """The cells of a target.

    Args:
        values: (n,) text (dtype object), booleans or float64; what stands at missing cells is
            without meaning.
        missing: (n,) where there is no value.
        perhaps: (n,) where a word may mean that there is none; only in text of a file.
        categories: the values came as categories.
        written: the cells are text of a file.
        truths: spellings of false and true that were taken for the commonest of each.
        order: the order that categories of words came with; empty where they have none.
    """

    values: np.ndarray
    missing: np.ndarray
    perhaps: np.ndarray
    categories: bool = False
    written: bool = False
    truths: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Return whether the values are text."""
        return self.values.dtype == object


def target_cells(
    values: object, name: str, *, written: bool = False, missing_words: Sequence[str] | None = None
) -> TargetCells:
    """Return the cells of a target by kind.

    Args:
        values: (n,) an array, a list or a series.
        name: the target's name, for errors.
        written: whether the cells are text of a file, where words may mean `missing`.
        missing_words: exactly these words mean it, beside empty cells; None: the usual ones.

    Raises:
        InputError: labels of several kinds.

    >>> target_cells([True, False], "y").values
    array([ True, False])
    >>> target_cells(["no", " yes", "NA"], "y", written=True).perhaps.tolist()
    [False, False, True]
    """
    series = values if isinstance(values, pd.Series) else pd.Series(values)
    categories = isinstance(series.dtype, pd.CategoricalDtype)
    if categories and not all(isinstance(level, (str, Real)) for level in series.cat.categories):
        series = series.cat.rename_categories(str)  # intervals of `pandas.cut`, dates
    levels = series.cat.categories.tolist() if categories and series.cat.ordered else []
    order = tuple(levels) if all(isinstance(level, str) for level in levels) else ()
    array = series.astype(object).array if categories else series.array
    missing = np.asarray(pd.isna(array), dtype=bool)
    plain = _plain_array(array, missing, name)
    none = np.zeros(len(plain), dtype=bool)
    if plain.dtype != object or not written:
        if plain.dtype == object:
            missing |= np.array([not cell.strip() for cell in plain], dtype=bool)
        return TargetCells(plain, missing, none, categories, order=order)
    text = np.array([str(cell).strip() for cell in plain], dtype=object)
    small = pd.Series(text, dtype=object).str.lower()
    said = missing_words is not None
    missing |= small.isin(said_words(tuple(missing_words)) if said else SURELY_MISSING).to_numpy()
    perhaps = none if said else small.isin(PERHAPS_MISSING).to_numpy() & ~missing
    return TargetCells(text, missing, perhaps, written=True)


def read_texts(text: np.ndarray, rule: CellRule = PLAIN_NUMBERS) -> np.ndarray:
    """Return text as numbers by a rule, NaN where a cell is none.

    >>> read_texts(np.array(["01", "x", "1e3"], dtype=object))
    array([   1.,   nan, 1000.])
    """
    plain = plain_numbers(text_cells(text)) if rule == PLAIN_NUMBERS else None
    if plain is not None:
        return plain
    codes, texts = pd.factorize(text)
    return read_numbers([str(cell) for cell in texts], rule)[codes]


def are_padded(text: np.ndarray) -> bool:
    """Return whether a cell is a number with zeros in front, such as 007.

    >>> are_padded(np.array(["01", "2"], dtype=object)), are_padded(np.array(["0.1", "0"]))
    (True, False)
    """
    return any(_PADDED.match(cell) for cell in pd.unique(text))


def _plain_array(array: object, missing: np.ndarray, name: str) -> np.ndarray:
    """Return text as objects, numbers as float64, booleans as they are; what is missing is free."""
    dtype = array.dtype  # pyright: ignore[reportAttributeAccessIssue]
    if pd.api.types.is_bool_dtype(dtype):
        return pd.array(array).fillna(False).to_numpy(bool)  # pyright: ignore[reportArgumentType]
    if pd.api.types.is_complex_dtype(dtype):
        raise InputError(f"target {name!r}: expected real numbers, got complex ones: use a part")
    if pd.api.types.is_numeric_dtype(dtype):
        return pd.array(array).to_numpy(np.float64, na_value=np.nan)  # pyright: ignore
    cells = np.asarray(array, dtype=object)
    kinds = {type(cell) for cell in cells[~missing]}
    if all(issubclass(kind, str) for kind in kinds):
        return np.where(missing, "", cells)
    if kinds <= {bool, np.bool_}:
        return np.where(missing, False, cells).astype(bool)
    if all(issubclass(kind, (Real, Decimal)) and kind is not bool for kind in kinds):
        return np.where(missing, np.nan, cells).astype(np.float64)
    hint = "write them alike" if len(kinds) > 1 else "turn them into text or numbers"
    if all(issubclass(kind, date) for kind in kinds):
        hint = f"of dates make a number, {DAYS}"
    raise InputError(
        f"target {name!r}: expected labels of one kind (text, numbers or booleans), got "
        f"{listed(sorted(kind.__name__ for kind in kinds))}: {hint}"
    )
