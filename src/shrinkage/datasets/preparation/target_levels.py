"""Levels as the mean target of their rows, shrunk towards that of all rows, standardized.

scikit-learn's TargetEncoder learns it on the fit rows alone; the fit rows themselves get numbers
that were learned on the others of them (cross fitting), or a network would read its own target.
Rows that belong together are learned from together.
Source: https://scikit-learn.org/stable/modules/preprocessing.html#target-encoder
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.preparation.base import (
    CONSTANT,
    MISSING_EVERYWHERE,
    ColumnEncoder,
    DroppedColumn,
    FitTarget,
)
from shrinkage.datasets.preparation.categories import count_levels
from shrinkage.datasets.preparation.cell_counts import CellCounts, MissingBecomes
from shrinkage.datasets.preparation.row_cells import RowCells
from shrinkage.datasets.preparation.standard import Standard, learn
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError

MOST_PARTS = 5
"""Parts of the fit rows for cross fitting."""


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """Numbers (m, outputs) of the fit rows, whose places in the table are `rows`, ascending."""

    rows: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class TargetInputs(ColumnEncoder):
    """One input of a column, or one a class where there are three or more.

    `encodings[output][level]` and `defaults[output]`, for levels never met, are in the target's
    unit; `means` and `scales` standardize them. `None` is the level of missing cells.

    >>> TargetInputs("city", ("",), ("Bern",), ((0.5,),), (0.4,), (0.4,), (0.1,)).input_names
    ('city (target)',)
    """

    kind: ClassVar[str] = "target"

    name: str
    outputs: tuple[str, ...]
    levels: tuple[str | None, ...]
    encodings: tuple[tuple[float, ...], ...]
    defaults: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    cross: CrossFitted | None = field(default=None, compare=False, repr=False)

    @classmethod
    def fit(
        cls, columns: InputColumns, rows: np.ndarray, target: FitTarget | None
    ) -> tuple[tuple[Self, ...], tuple[DroppedColumn, ...]]:
        """Learn the mean targets of each column; see `Encoder.fit`."""
        encoders, dropped = [], []
        for name in columns.encoded_as("target"):
            if target is None:
                raise InputError(
                    f"column {name!r}: expected targets to encode levels by, got none: use "
                    "fit_path, or another encoding"
                )
            cells = columns.cells(rows, [name])
            different = {*cells[:, 0].tolist()}
            if len(different) == 1:
                dropped.append((name, MISSING_EVERYWHERE if different == {None} else CONSTANT))
                continue
            encoder = cls._learned(name, cells, rows, target)
            if encoder is None:
                dropped.append((name, CONSTANT))
            else:
                encoders.append(encoder)
        return tuple(encoders), tuple(dropped)

    @classmethod
    def _learned(
        cls, name: str, cells: np.ndarray, rows: np.ndarray, target: FitTarget
    ) -> Self | None:
        """Return the encoder, None where every fit row would get the same number."""
        groups = None if target.groups is None else target.groups[rows]
        own = FitTarget(target.y[rows], target.task, groups)
        encoder, values = _fit_transform(name, cells, own)
        means = encoder.target_mean_
        defaults = tuple(float(mean) for mean in np.atleast_1d(means))
        classes = np.asarray(encoder.classes_) if len(defaults) > 1 else [""]
        learned = learn(values, [name] * len(defaults))
        if all(reason for reason, _ in learned):
            return None
        standards = [Standard() if reason else own for reason, own in learned]
        order = np.argsort(rows)
        return cls(
            name,
            tuple(str(label) for label in classes),
            tuple(None if level is None else str(level) for level in encoder.categories_[0]),
            tuple(tuple(own.tolist()) for own in encoder.encodings_),
            defaults,
            tuple(own.mean for own in standards),
            tuple(own.scale for own in standards),
            CrossFitted(rows[order], values[order]),
        )

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return `column (target)`, or `column (target=class)` for each class."""
        return tuple(
            f"{self.name} (target={output})" if output else f"{self.name} (target)"
            for output in self.outputs
        )

    @property
    def known_levels(self) -> tuple[str, ...]:
        """Return the levels with a mean of their own."""
        return tuple(level for level in self.levels if level is not None)

    def fill(self, cells: RowCells, out: np.ndarray) -> None:
        """Write the standardized mean targets into `out` (n, outputs)."""
        codes, levels = cells.levels(self.name)
        place = {level: number for number, level in enumerate(self.levels)}
        places = np.array([place.get(level, len(self.levels)) for level in levels])
        for number, encoding in enumerate(self.encodings):
            values = np.array([*encoding, self.defaults[number]])[places][codes]
            values = self._with_cross_fitted(values, cells, number)
            out[:, number] = Standard(0.0, self.means[number], self.scales[number]).apply(values)

    def _with_cross_fitted(self, values: np.ndarray, cells: RowCells, number: int) -> np.ndarray:
        """Return the values, those of rows that were learned from as cross fitting gave them."""
        if self.cross is None or cells.positions is None:
            return values
        own = np.searchsorted(self.cross.rows, cells.positions)
        own = np.minimum(own, len(self.cross.rows) - 1)
        learned_from = self.cross.rows[own] == cells.positions
        return np.where(learned_from, self.cross.values[own, number], values)

    def learned_by(self, narrower: Self | None) -> Self:
        """Return these inputs with other numbers; a class that is not there has zeros."""
        if narrower is None:
            nothing = (0.0,) * len(self.outputs)
            return replace(self, means=nothing, scales=nothing, cross=None)
        place = {output: number for number, output in enumerate(narrower.outputs)}
        if not set(self.outputs) <= set(place):
            return self.learned_by(None)
        order = [place[output] for output in self.outputs]
        cross = narrower.cross
        return type(self)(
            self.name,
            self.outputs,
            narrower.levels,
            tuple(narrower.encodings[number] for number in order),
            tuple(narrower.defaults[number] for number in order),
            tuple(narrower.means[number] for number in order),
            tuple(narrower.scales[number] for number in order),
            None if cross is None else CrossFitted(cross.rows, cross.values[:, order]),
        )

    def examine(self, cells: RowCells) -> tuple[CellCounts, ...]:
        """Return the missing cells, and those of levels that the fit rows had not."""
        becomes = MissingBecomes.LEVEL if None in self.levels else MissingBecomes.MEAN
        return (count_levels(self.name, cells, set(self.known_levels), becomes),)


def _fit_transform(name: str, cells: np.ndarray, target: FitTarget) -> tuple[Any, np.ndarray]:
    """Return the fitted TargetEncoder, and the cross-fitted numbers (rows, outputs)."""
    from sklearn.preprocessing import TargetEncoder

    if target.task == "classification":
        y = np.asarray(target.y).astype(str)
        kind = "binary" if len(np.unique(y)) == 2 else "multiclass"
    else:
        y, kind = np.asarray(target.y, dtype=np.float64), "continuous"
    make: Any = TargetEncoder
    if make().get_params()["shuffle"] == "deprecated":
        encoder = make(target_type=kind, cv=_splits(y, target))
    else:  # scikit-learn before 1.9 knows a number of parts alone
        encoder = make(target_type=kind, cv=_parts(y, target), shuffle=True, random_state=0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a class of fewer rows than parts
            values = encoder.fit_transform(cells, y)
    except ValueError as error:
        raise InputError(
            f"column {name!r}: expected targets to encode levels by, got some that cannot be "
            f"divided for it ({one_line(error, 100)}): use encode = 'hash'"
        ) from error
    return encoder, np.asarray(values, dtype=np.float64)


def _parts(y: np.ndarray, target: FitTarget) -> int:
    """Return into how many parts the rows are divided: no more than the largest class has."""
    if target.task == "classification":
        return max(2, min(MOST_PARTS, int(np.unique(y, return_counts=True)[1].max())))
    return min(MOST_PARTS, len(y))


def _splits(y: np.ndarray, target: FitTarget) -> Any:
    """Return how the rows are divided: whole groups, else at random, by class where there are."""
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

    groups = target.groups
    distinct = 0 if groups is None else len(np.unique(groups))
    if groups is not None and distinct > 1:
        splitter = GroupKFold(min(MOST_PARTS, distinct))
        return list(splitter.split(np.zeros(len(y)), y, groups))
    by_class = target.task == "classification"
    return (StratifiedKFold if by_class else KFold)(_parts(y, target), shuffle=True, random_state=0)
