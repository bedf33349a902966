"""A surface as numbers: its axes, where each model is on them, and which are near the best.

Who uses this: a `PathResult` over more than one axis holds one. Its arrays have one row a cell, as
those of a path have one row a strength; table, sentence and pictures read here what a row is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Value = float | str
"""Where a model is on an axis: a strength, another number, or a word such as `batch`."""


@dataclass(frozen=True)
class SurfaceAxis:
    """One axis: its name, the values on it, and whether they are strengths (drawn on a log scale).

    Where each value of another axis, `by`, has strengths of its own (each penalty a grid), the
    values here are their shares of its largest, and the cells hold the strengths themselves.

    >>> SurfaceAxis("l1", (0.1, 1.0), is_strength=True).column
    'strength_l1'
    >>> SurfaceAxis("strength", (0.1, 1.0), is_strength=True, by="penalty").label
    'strength as a share of the largest of its penalty'
    """

    name: str
    values: tuple[Value, ...]
    is_strength: bool
    by: str = ""

    @property
    def column(self) -> str:
        """Return the head of its column in `path.csv`."""
        return f"strength_{self.name}" if self._is_of_one_penalty else self.name

    @property
    def label(self) -> str:
        """Return what a person reads beside it."""
        name = self.name.replace("_", " ")
        if self.by:
            return f"{name} as a share of the largest of its {self.by}"
        return f"strength of {name}" if self._is_of_one_penalty else name

    @property
    def _is_of_one_penalty(self) -> bool:
        return self.is_strength and self.name != "strength"


@dataclass(frozen=True, eq=False)
class Surface:
    """Where the models of a result are.

    Args:
        axes: two or more.
        cells: for each model its value on each axis.
        sizes: for each model how many weights are counted, (cells,).
        within: where the mean is within one standard error of the best and the models learned
            something, (cells,).
        simplest: what is counted to say which model is the simplest: `weights` or `inputs`.

    >>> axes = (SurfaceAxis("l1", (0.1, 1.0), True), SurfaceAxis("dropout", (0.0, 0.5), False))
    >>> cells = ((0.1, 0.0), (1.0, 0.0), (0.1, 0.5), (1.0, 0.5))
    >>> surface = Surface(axes, cells, np.full(4, 9), np.ones(4, bool), "weights")
    >>> surface.grid(np.arange(4.0)).tolist(), surface.setting(1)
    ([[0.0, 2.0], [1.0, 3.0]], {'l1': 1.0, 'dropout': 0.0})
    """

    axes: tuple[SurfaceAxis, ...]
    cells: tuple[tuple[Value, ...], ...]
    sizes: np.ndarray
    within: np.ndarray
    simplest: str

    @property
    def positions(self) -> np.ndarray:
        """Return the place of each cell on each axis, (cells, axes)."""
        values = zip(*self.cells, strict=True)
        columns = zip(self.axes, values, strict=True)
        return np.array([self._places(axis, own) for axis, own in columns]).T

    def _places(self, axis: SurfaceAxis, values: Sequence[Value]) -> list[int]:
        """Return where values are on an axis, or among those of the same value of another."""
        if not axis.by:
            return [axis.values.index(value) for value in values]
        other = next(place for place, own in enumerate(self.axes) if own.name == axis.by)
        words = [cell[other] for cell in self.cells]
        grids = {
            word: sorted({value for value, own in zip(values, words, strict=True) if own == word})
            for word in set(words)
        }
        return [grids[word].index(value) for value, word in zip(values, words, strict=True)]

    @property
    def is_grid(self) -> bool:
        """Return whether every combination of the values has one cell; of trials they have not."""
        size = int(np.prod([len(axis.values) for axis in self.axes]))
        return len(self.cells) == len(set(map(tuple, self.positions))) == size

    def setting(self, index: int) -> dict[str, Value]:
        """Return the value of a cell on each axis, by the axis's name."""
        names = (axis.name for axis in self.axes)
        return dict(zip(names, self.cells[index], strict=True))

    def grid(self, values: np.ndarray) -> np.ndarray:
        """Return values of the cells on a grid with one dimension an axis, NaN where no cell is."""
        grid = np.full([len(axis.values) for axis in self.axes], np.nan)
        grid[tuple(self.positions.T)] = values
        return grid

    def edges(self, index: int) -> dict[str, str]:
        """Return the strengths that are at an end of their axis for a cell: name, which end.

        An axis of one value has no end, and a strength of 0 nothing below it.

        >>> axes = (SurfaceAxis("l1", (0.1, 1.0), True), SurfaceAxis("l2", (0.0, 1.0), True))
        >>> surface = Surface(axes, ((0.1, 0.0),), np.ones(1), np.ones(1, bool), "weights")
        >>> surface.edges(0)
        {'l1': 'smallest'}
        """
        edges = {}
        for axis, place in zip(self.axes, self.positions[index].tolist(), strict=True):
            if axis.is_strength and len(axis.values) > 1:
                if place == 0 and axis.values[0] != 0:
                    edges[axis.name] = "smallest"
                elif place == len(axis.values) - 1:
                    edges[axis.name] = "largest"
        return edges

    def to_dict(self) -> dict[str, object]:
        """Return plain values that JSON can hold."""
        return {
            "axes": [
                {
                    "name": axis.name,
                    "values": list(axis.values),
                    "is_strength": axis.is_strength,
                    **({"by": axis.by} if axis.by else {}),
                }
                for axis in self.axes
            ],
            "cells": [list(cell) for cell in self.cells],
            "sizes": self.sizes.tolist(),
            "within": self.within.tolist(),
            "simplest": self.simplest,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Surface:
        """Return what `to_dict` described."""
        axes = (
            SurfaceAxis(
                axis["name"], tuple(axis["values"]), axis["is_strength"], axis.get("by", "")
            )
            for axis in stored["axes"]
        )
        return cls(
            tuple(axes),
            tuple(tuple(cell) for cell in stored["cells"]),
            np.array(stored["sizes"]),
            np.array(stored["within"], dtype=bool),
            stored["simplest"],
        )
