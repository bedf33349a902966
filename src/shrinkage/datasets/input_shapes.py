"""The arrays that a network of one's own is called with, and how rows of them are one flat row.

Who uses this: a `Dataset` keeps its rows as (n, d) numbers whatever their shape, so that splits,
folds and files know one kind; what has shapes says here how to make pictures, sequences, masks and
several inputs of them again. Bytes of pictures are divided by 255; everything else stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shrinkage.errors import InputError

BRIGHTEST = 255  # of a byte
MOST_WHOLE = 2**24
"""Whole numbers up to it are exact in float32."""


@dataclass(frozen=True)
class InputArray:
    """One input: its name (nothing: by position), the shape of a row, and the kind of its numbers.

    `kind` is `float`, `int` or `bool`: what the network is given. `row` holds the whole numbers or
    truths of a row of the data: words, lengths and masks that a network surely takes.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    row: tuple[int, ...] = field(default=(), compare=False, repr=False)

    @property
    def size(self) -> int:
        """Return how many numbers a row has."""
        return int(np.prod(self.shape))

    def flat(self, values: object) -> np.ndarray:
        """Return rows of this input as floats, (rows, size).

        Raises:
            InputError: they have another shape, or are no finite numbers.
        """
        array = as_array(values)
        if array.shape[1:] != self.shape:
            raise InputError(
                f"expected rows of shape {self.shape} in {self.name or 'X'}, got "
                f"{array.shape[1:]}: give all rows that shape"
            )
        flat = array.reshape(len(array), -1)
        if flat.dtype.kind == "f" and not np.isfinite(flat).all():
            raise InputError(
                f"expected finite numbers in {self.name or 'X'}, which goes to the network as it "
                "is, got NaN or infinity: fill them first"
            )
        if flat.dtype.kind in "iu" and len(flat) and np.abs(flat).max() > MOST_WHOLE:
            raise InputError(
                f"expected whole numbers up to {MOST_WHOLE:,} in {self.name or 'X'}, got larger "
                "ones: number what occurs from 0"
            )
        scaled = array.dtype == np.uint8 and self.kind == "float"
        floats = flat.astype(np.float64 if flat.dtype == np.float64 else np.float32)
        return floats / np.float32(BRIGHTEST) if scaled else floats


@dataclass(frozen=True)
class InputShapes:
    """The inputs of a network, in the order in which they lie in a flat row.

    >>> x, mask = np.zeros((5, 2, 3)), np.ones((5, 2), dtype=bool)
    >>> shapes = InputShapes.of({"x": x, "mask": mask})
    >>> shapes.size, shapes.flat({"x": x, "mask": mask}).shape, str(shapes)
    (8, (5, 8), 'x (2, 3), mask (2,)')
    """

    arrays: tuple[InputArray, ...]

    @classmethod
    def of(cls, X: object) -> InputShapes:
        """Return the shapes of an array, of a tuple of arrays, or of arrays by name."""
        return cls(
            tuple(
                InputArray(name, array.shape[1:], _kind(array), _row(array))
                for name, array in ((n, as_array(v)) for n, v in _named(X))
            )
        )

    @property
    def size(self) -> int:
        """Return how many numbers a flat row has."""
        return sum(array.size for array in self.arrays)

    @property
    def by_name(self) -> bool:
        """Return whether the network is called with names."""
        return bool(self.arrays[0].name)

    @property
    def names(self) -> tuple[str, ...]:
        """Return a name for each number of a flat row."""
        several = len(self.arrays) > 1
        return tuple(
            "_".join((name, *map(str, index)))
            for place, array in enumerate(self.arrays)
            for name in [array.name or (f"x{place}" if several else "x")]
            for index in np.ndindex(*array.shape)
        )

    def made(self, rows: int, random: np.random.Generator) -> np.ndarray:
        """Return made rows, (rows, size): normal numbers, words and classes 0, masks of ones.

        >>> words = {"x": np.zeros((5, 2)), "word": np.zeros((5, 1), dtype=int)}
        >>> InputShapes.of(words).made(2, np.random.default_rng(0)).round(1).tolist()
        [[0.1, -0.1, 0.0], [0.6, 0.1, 0.0]]
        """
        kinds = {"float": random.standard_normal, "int": np.zeros, "bool": np.ones}
        return np.hstack([kinds[own.kind]((rows, own.size)) for own in self.arrays])

    def trial(self, rows: int) -> np.ndarray:
        """Return rows to try a network on, (rows, size): fractions 0, the rest as in the data.

        >>> InputShapes.of({"x": np.ones((5, 2)), "length": np.full((5, 1), 3)}).trial(2).tolist()
        [[0.0, 0.0, 3.0], [0.0, 0.0, 3.0]]
        """
        row = np.hstack([own.row or np.zeros(own.size) for own in self.arrays])
        return np.tile(row, (rows, 1))

    def flat(self, X: object) -> np.ndarray:
        """Return rows as (n, size) floats; those that are flat already as they are.

        Raises:
            InputError: the inputs are not those of training.
        """
        if isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] == self.size:
            one = len(self.arrays) == 1
            return self.arrays[0].flat(X.reshape(-1, *self.arrays[0].shape)) if one else X
        named = _named(X)
        wanted = [array.name for array in self.arrays]
        if [name for name, _ in named] != wanted and {n for n, _ in named} != set(wanted):
            raise InputError(
                f"expected the inputs of training, {self}, got {len(named)} others: give these"
            )
        ordered = dict(named) if self.by_name else None
        values = [v for _, v in named] if ordered is None else [ordered[n] for n in wanted]
        if len(values) != len(wanted):
            raise InputError(f"expected {len(wanted)} inputs, {self}, got {len(values)}: give all")
        parts = [array.flat(value) for array, value in zip(self.arrays, values, strict=True)]
        if len({len(part) for part in parts}) > 1:
            raise InputError(
                f"expected inputs with equally many rows, got {[len(part) for part in parts]}: "
                "give each row all inputs"
            )
        return np.concatenate(parts, axis=1)

    def __str__(self) -> str:
        """Return each input with its shape."""
        return ", ".join(f"{own.name} {own.shape}".strip() for own in self.arrays)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        arrays = [
            {"name": a.name, "shape": list(a.shape), "kind": a.kind, "row": list(a.row)}
            for a in self.arrays
        ]
        return {"arrays": arrays}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> InputShapes:
        """Return what `to_dict` described."""
        return cls(
            tuple(
                InputArray(own["name"], tuple(own["shape"]), own["kind"], tuple(own.get("row", ())))
                for own in stored["arrays"]
            )
        )


class NamedInputs(dict[str, Any]):
    """Inputs by name whatever their axes: a row of (n,) numbers is one number, and no column."""


def has_shapes(X: object) -> bool:
    """Return whether X is several inputs: a tuple of arrays, or arrays by name, one not flat.

    A mapping of columns, (n,) each, is a table; so are records and rows of numbers.

    >>> has_shapes({"a": np.zeros(3)}), has_shapes((np.zeros((3, 2)), np.zeros(3)))
    (False, True)
    """
    if not isinstance(X, (Mapping, tuple)) or hasattr(X, "columns"):
        return False
    if isinstance(X, NamedInputs):
        return True
    values = list(X.values()) if isinstance(X, Mapping) else list(X)
    arrays = [value for value in values if hasattr(value, "shape") and len(value.shape) >= 1]
    if not arrays or len(arrays) < len(values):
        return False
    return any(len(value.shape) > 1 for value in arrays)


def as_array(values: object) -> np.ndarray:
    """Return an array, of a tensor too.

    Raises:
        InputError: it holds no numbers.
    """
    if getattr(values, "is_nested", False):
        raise InputError(
            "expected rows of one length, got a nested tensor: pad them "
            "(torch.nested.to_padded_tensor), and give the lengths or a mask beside them"
        )
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()  # type: ignore[attr-defined]
    array = np.asarray(values)
    if array.dtype.kind not in "buif" or array.ndim == 0:
        raise InputError(
            f"expected arrays of numbers as inputs, got {array.dtype} of shape {array.shape}: "
            "number words and levels from 0"
        )
    return array


def _named(X: object) -> list[tuple[str, object]]:
    if isinstance(X, Mapping):
        return [(str(name), value) for name, value in X.items()]
    return [("", value) for value in X] if isinstance(X, tuple) else [("", X)]


def _kind(array: np.ndarray) -> str:
    if array.dtype.kind == "b":
        return "bool"
    picture = array.dtype == np.uint8 and array.ndim > 2
    return "int" if array.dtype.kind in "iu" and not picture else "float"


def _row(array: np.ndarray) -> tuple[int, ...]:
    """Return the whole numbers or truths of the first row; of fractions and pixels nothing."""
    whole = _kind(array) != "float" and len(array)
    return tuple(map(int, array[0].ravel())) if whole else ()
