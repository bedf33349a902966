"""The table of strengths: what each model of a path is trained with, one column a term.

Who uses this: the plan cuts a `Settings` into units, engines train its rows, the cross validation,
the refit and the results are tables over the same rows. Only the grid, the rules and the figures
know that a path has one column that varies; a surface has two. What else may differ from model to
model (dropout, …) becomes a further column here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shrinkage.penalties import Penalty
from shrinkage.selections import Selection
from shrinkage.terms import Term, Terms

StrengthRow = tuple[float, ...]


@dataclass(frozen=True)
class Settings:
    """Strengths of some models.

    Args:
        columns: the id of each term.
        rows: for each model the strength of each term.

    >>> settings = Settings(("l1", "l2"), ((0.0, 0.0), (0.1, 1e-3), (0.2, 1e-3)))
    >>> settings.column("l1"), settings.take([2]).rows
    ((0.0, 0.1, 0.2), ((0.2, 0.001),))
    """

    columns: tuple[str, ...]
    rows: tuple[StrengthRow, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __add__(self, other: Settings) -> Settings:
        return replace(self, rows=self.rows + other.rows)

    def column(self, name: str) -> StrengthRow:
        """Return the strengths of a term, one a model."""
        place = self.columns.index(name)
        return tuple(row[place] for row in self.rows)

    def strengths(self, position: int) -> dict[str, float]:
        """Return the strength of each term of one model, by the term's id."""
        return dict(zip(self.columns, self.rows[position], strict=True))

    def take(self, positions: Iterable[int]) -> Settings:
        """Return the models at these positions."""
        return replace(self, rows=tuple(self.rows[position] for position in positions))

    def cut(self, parts: int) -> list[Settings]:
        """Return the table in `parts` tables of neighbouring rows."""
        return [self.take(some) for some in np.array_split(np.arange(len(self)), parts)]

    def distinct(self) -> Settings:
        """Return each row once, in ascending order."""
        return replace(self, rows=tuple(sorted(set(self.rows))))


@dataclass(frozen=True)
class PathTerms:
    """The terms of a path: penalties whose strengths vary from model to model, and fixed terms.

    Args:
        terms: the varying ones first, with a strength of 1; then the fixed ones.
        axes: how many vary: one for a path, two for a surface.

    >>> from shrinkage.penalties import L1, L2
    >>> terms = PathTerms(Terms((1.0 * L1(), 1e-3 * L2())))
    >>> (terms.unregularized + terms.settings([(0.1,), (0.2,)])).rows
    ((0.0, 0.0), (0.1, 0.001), (0.2, 0.001))
    """

    terms: Terms
    axes: int = 1

    @classmethod
    def of(
        cls,
        penalty: Penalty,
        selection: Selection,
        fixed: Iterable[Term],
        beside: Sequence[Penalty] = (),
    ) -> PathTerms:
        """Return the terms of a path over the strengths of a penalty, beside fixed terms.

        Args:
            penalty: its strength varies.
            selection: what it is on, and those beside it.
            fixed: terms with strengths of their own.
            beside: further penalties whose strengths vary, those of a surface.
        """
        penalties = (penalty, *beside)
        varying = (Term(1.0, own, selection) for own in penalties)
        return cls(Terms((*varying, *fixed)), len(penalties))

    @property
    def varying(self) -> tuple[Term, ...]:
        """Return the terms whose strengths vary."""
        return self.terms.terms[: self.axes]

    @property
    def fixed(self) -> tuple[Term, ...]:
        """Return the terms that keep their own strength."""
        return self.terms.terms[self.axes :]

    def alone(self, place: int) -> PathTerms:
        """Return one of the terms that vary beside the fixed ones: a path of its strengths.

        >>> from shrinkage.penalties import L1, L2
        >>> PathTerms(Terms((1.0 * L1(), 1.0 * L2())), axes=2).alone(1).terms
        1 * L2() on weights()
        """
        return PathTerms(Terms((self.varying[place], *self.fixed)))

    def settings(self, strengths: Iterable[Sequence[float]]) -> Settings:
        """Return a row for each tuple of strengths of the varying terms."""
        own = tuple(term.strength for term in self.fixed)
        rows = tuple((*map(float, varying), *own) for varying in strengths)
        return Settings(self.terms.ids, rows)

    @property
    def unregularized(self) -> Settings:
        """Return the one row in which every strength is 0, those of the fixed terms too."""
        return Settings(self.terms.ids, ((0.0,) * len(self.terms),))

    def at(self, row: StrengthRow) -> Terms:
        """Return the terms with the strengths of a row."""
        pairs = zip(self.terms, row, strict=True)
        return Terms(tuple(replace(term, strength=strength) for term, strength in pairs))
