"""How raw columns become network inputs: numbers, categories, pixels.

Who uses this: `Preprocessing` holds one or more of these and concatenates what they fill in.
An encoder is frozen, knows its columns by name, and is described by plain values for JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol, cast

import numpy as np
import pandas as pd

from shrinkage.datasets.columns import level_text, numbers, plain_row, require_finite, text_cells
from shrinkage.datasets.dataset import RawRows
from shrinkage.datasets.pixels import BRIGHTEST, are_bytes
from shrinkage.errors import InputError

CHUNK = 8192
"""RawRows of an array that are worked on at once: bounds the memory, not the result."""


class Encoder(Protocol):
    """Turns some raw columns into some inputs."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return the names of the inputs it makes."""
        ...

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the raw column that each input comes from."""
        ...

    def fill(self, X: RawRows, columns: tuple[str, ...], out: np.ndarray) -> None:
        """Write the inputs into `out` (n, inputs); `columns` names the columns of an array."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        ...


@dataclass(frozen=True)
class NumericInputs:
    """Numbers: missing → median of the fit rows, then `(x − mean) / scale`.

    A scale of 0 marks an input that is always 0: its column was constant on the fit rows.

    >>> NumericInputs(("age",), (31.0,), (30.0,), (2.0,)).input_names
    ('age',)
    """

    names: tuple[str, ...]
    medians: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return the column names."""
        return self.names

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the column names."""
        return self.names

    def fill(self, X: RawRows, columns: tuple[str, ...], out: np.ndarray) -> None:
        """Write the standardized columns into `out` (n, inputs)."""
        median, mean = np.array(self.medians), np.array(self.means)
        scale = np.array(self.scales)
        if isinstance(X, pd.DataFrame):
            for place, name in enumerate(self.names):
                values = numeric_values(name, one_column(X, name))
                out[:, place] = _standardize(values, median[place], mean[place], scale[place])
            return
        position = {name: place for place, name in enumerate(columns)}
        chosen = np.array([position[name] for name in self.names], dtype=np.intp)
        for start in range(0, len(X), CHUNK):
            block = X[start : start + CHUNK, chosen].astype(np.float64)
            _require_finite_block(block, self.names, start)
            out[start : start + CHUNK] = _standardize(block, median, mean, scale)

    def aligned_to(self, other: NumericInputs) -> NumericInputs:
        """Return the same numbers in the order of `other`; its further inputs are always 0."""
        own = {
            name: numbers
            for name, *numbers in zip(
                self.names, self.medians, self.means, self.scales, strict=True
            )
        }
        rows = [own.get(name, [0.0, 0.0, 0.0]) for name in other.names]
        medians, means, scales = (tuple(row[part] for row in rows) for part in range(3))
        return NumericInputs(other.names, medians, means, scales)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"kind": "numeric", **_plain(asdict(self))}


@dataclass(frozen=True)
class CategoryInputs:
    """Categories: one input per level, 1 where the cell is that level and else 0.

    `None` is the level of missing cells, there only if the fit rows had some. Levels that are not
    `seen` (aligned from other rows), and levels never met, give zeros.

    >>> CategoryInputs("city", ("Bern", None), (True, True)).input_names
    ('city=Bern', 'city is missing')
    """

    name: str
    levels: tuple[str | None, ...]
    seen: tuple[bool, ...]

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return `column=level`, or `column is missing`."""
        return tuple(
            f"{self.name} is missing" if level is None else f"{self.name}={level}"
            for level in self.levels
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the column's name once for every level."""
        return (self.name,) * len(self.levels)

    def fill(self, X: RawRows, columns: tuple[str, ...], out: np.ndarray) -> None:
        """Write zeros and ones into `out` (n, levels)."""
        if isinstance(X, np.ndarray):
            X = pd.DataFrame({self.name: X[:, columns.index(self.name)]})
        codes, found = level_codes(one_column(X, self.name))
        place = {level: i for i, level in enumerate(self.levels) if self.seen[i]}
        target = np.array([place.get(level, -1) for level in found], dtype=np.intp)[codes]
        rows = np.flatnonzero(target >= 0)
        out[:] = 0
        out[rows, target[rows]] = 1

    def aligned_to(self, other: CategoryInputs) -> CategoryInputs:
        """Return the levels of `other`, those that these fit rows lacked as never seen."""
        seen = tuple(level in self.levels for level in other.levels)
        return replace(other, seen=seen)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"kind": "category", **_plain(asdict(self))}


@dataclass(frozen=True)
class PixelInputs:
    """Pixels: bytes divided by 255; nothing is fitted and no column is dropped.

    >>> PixelInputs(("pixel_0_0",)).sources
    ('pixel_0_0',)
    """

    names: tuple[str, ...]

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return the pixel names."""
        return self.names

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the pixel names."""
        return self.names

    def fill(self, X: RawRows, columns: tuple[str, ...], out: np.ndarray) -> None:
        """Write the pixels, from 0 to 1, into `out` (n, pixels)."""
        del columns  # pixels keep the order of the array
        if isinstance(X, pd.DataFrame):
            X = np.column_stack([numeric_values(name, one_column(X, name)) for name in self.names])
        if not are_bytes(X):
            raise InputError(
                "expected pixels that are whole numbers from 0 to 255 as in training, got other "
                "numbers: give the raw pictures, unscaled"
            )
        np.divide(X, BRIGHTEST, out=out, casting="unsafe", dtype=out.dtype)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"kind": "pixels", **_plain(asdict(self))}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in values.items()
    }


def _tuples(kind: Callable[..., Encoder]) -> Callable[[Mapping[str, Any]], Encoder]:
    def build(stored: Mapping[str, Any]) -> Encoder:
        return kind(
            **{
                key: tuple(value) if isinstance(value, list) else value
                for key, value in stored.items()
                if key != "kind"
            }
        )

    return build


ENCODERS: Mapping[str, Callable[[Mapping[str, Any]], Encoder]] = MappingProxyType(
    {
        "numeric": _tuples(NumericInputs),
        "category": _tuples(CategoryInputs),
        "pixels": _tuples(PixelInputs),
    }
)
"""What rebuilds an encoder from its plain values, by `kind`."""


def _standardize(
    values: np.ndarray, median: np.ndarray, mean: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    missing = np.isnan(values)
    result = np.where(missing, median, values) if missing.any() else values.copy()
    result -= mean
    result /= np.where(scale > 0, scale, 1.0)
    result[..., scale == 0] = 0.0
    return result


def _require_finite_block(block: np.ndarray, names: tuple[str, ...], start: int) -> None:
    infinite = np.isinf(block)
    if infinite.any():
        column = int(np.argmax(infinite.any(axis=0)))
        require_finite(block[:, column], names[column], lambda row: plain_row(start + row))


def one_column(X: pd.DataFrame, name: str) -> pd.Series:
    """Return the column of that name.

    >>> one_column(pd.DataFrame({"a": [1]}), "a").tolist()
    [1]
    """
    return cast(pd.Series, X[name])


def numeric_values(name: str, series: pd.Series) -> np.ndarray:
    """Return a numeric column as float64, NaN where missing, whatever type it came with.

    Args:
        name: the column's name.
        series: numbers, or text that spells numbers.

    Raises:
        InputError: a cell is no number, or infinite; names row and column.

    >>> numeric_values("age", pd.Series(["31", "?"])).tolist()
    [31.0, nan]
    """
    if pd.api.types.is_numeric_dtype(series.dtype) and series.dtype.kind != "c":
        values = series.to_numpy(np.float64, na_value=np.nan)
        require_finite(values, name)
        return values
    cells = text_cells(series.to_numpy(object))
    values, bad = numbers(cells)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"column {name!r}, {plain_row(row)}: expected a number as in training, got "
            f"{cells[row].as_py()!r}: correct it or leave it empty"
        )
    require_finite(values, name, cell=lambda row: cells[row].as_py())
    return values


def level_codes(series: pd.Series) -> tuple[np.ndarray, list[str | None]]:
    """Return a column of categories as codes into a list of levels; None is the missing one.

    >>> level_codes(pd.Series(["b", None, "b"]))
    (array([0, 1, 0]), ['b', None])
    """
    cells = series.astype(object)
    typed = isinstance(series.dtype, pd.CategoricalDtype)
    if not typed and not pd.api.types.is_numeric_dtype(series.dtype):
        cells = pd.Series(text_cells(cells.to_numpy()).to_numpy())
    codes, levels = pd.factorize(cells, use_na_sentinel=True)
    found: list[str | None] = [level_text(level) for level in levels]
    return np.where(codes < 0, len(found), codes), [*found, None]
