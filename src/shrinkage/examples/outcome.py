"""What an experiment found: tables, texts, figures as data, and stated numbers, met or not.

Who uses this: every experiment returns an `Outcome`; the runner prints and writes it, tests read
it. Everything is frozen and plain, so that page, terminal and JSON cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shrinkage.drawing.figures import Figure
    from shrinkage.paths.results.fitted import FittedPath
    from shrinkage.reports.slides import Slides

Cell = str | int | float


@dataclass(frozen=True)
class Check:
    """A stated number: what was measured, the bar, and whether it was met."""

    name: str
    value: float
    bar: str
    met: bool


def at_least(name: str, value: float, bar: float) -> Check:
    """Return the check that a value is at least the bar; NaN never is.

    >>> at_least("accuracy", 0.98, 0.975).met
    True
    """
    return Check(name, float(value), f"≥ {bar:g}", bool(value >= bar))


def at_most(name: str, value: float, bar: float) -> Check:
    """Return the check that a value is at most the bar; NaN never is.

    >>> at_most("difference", 1e-3, 1e-6).met
    False
    """
    return Check(name, float(value), f"≤ {bar:g}", bool(value <= bar))


def is_true(name: str, fact: bool) -> Check:
    """Return the check of a yes or no, as 1 or 0.

    >>> is_true("the audit names the collapse", True).bar
    'yes'
    """
    return Check(name, float(fact), "yes", bool(fact))


@dataclass(frozen=True)
class Table:
    """Rows under a title, as they are printed and written."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __str__(self) -> str:
        cells = [self.columns, *(tuple(map(cell_text, row)) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)
        return "\n".join((self.title, *(f"  {line}" for line in lines)))


def cell_text(value: Cell) -> str:
    """Return a cell as text: numbers with four digits that count.

    >>> cell_text(0.97531), cell_text(12), cell_text("L1")
    ('0.9753', '12', 'L1')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Text:
    """What something printed, under a title: an audit, a ledger, an error."""

    title: str
    body: str

    def __str__(self) -> str:
        return "\n".join((self.title, *(f"  {line}" for line in self.body.splitlines())))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an experiment found.

    `data` says in a sentence what it ran on; `parts` are in the order in which they are read;
    `pages` are finished paths that are written as reports, `walks` are pages with a slider.
    """

    name: str
    data: str
    parts: tuple[Table | Text, ...]
    checks: tuple[Check, ...]
    figures: tuple[Figure, ...] = ()
    pages: Mapping[str, FittedPath] = field(default_factory=dict)
    walks: Mapping[str, Slides] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether every stated number was met."""
        return all(check.met for check in self.checks)

    def check(self, name: str) -> Check:
        """Return a check by name.

        Raises:
            KeyError: there is none of that name.
        """
        return {check.name: check for check in self.checks}[name]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values, for JSON."""
        return {
            "experiment": self.name,
            "data": self.data,
            "met": self.met,
            "checks": [vars(check) for check in self.checks],
            "tables": [
                {"title": part.title, "columns": part.columns, "rows": part.rows}
                for part in self.parts
                if isinstance(part, Table)
            ],
            "texts": {part.title: part.body for part in self.parts if isinstance(part, Text)},
        }
