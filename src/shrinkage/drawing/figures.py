"""Figures as data: what is drawn, not how.

Who uses this: the reports (one file a figure) and the ledger compute these records; `draw.py` turns
them into PNG and SVG, and the tests read the numbers. Nothing here knows about a drawing library.
Colours are names of `palette.PALETTE`; `reading` is the sentence that says what to see, `alt`
describes the picture to someone who cannot see it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np


class Kind(Enum):
    """How a series is drawn; `draw.py` has one style for each."""

    LINE = "line with points"
    FAINT = "thin, faint line"
    DASHED = "dashed line"
    SPOT = "large filled point"
    POINTS = "small points"
    COLLAPSED = "hollow square"
    DIVERGED = "cross"
    NOT_CONVERGED = "hollow diamond"
    BELOW = "triangle at the lower edge"


@dataclass(frozen=True, eq=False)
class Series:
    """Points of one colour; `error`, one standard error, is a band along lines, a bar at points.

    An empty label keeps the series out of the legend.
    """

    label: str
    x: np.ndarray
    y: np.ndarray
    colour: str
    kind: Kind = Kind.LINE
    error: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Band:
    """The area between two curves; an empty label keeps it out of the legend."""

    label: str
    x: np.ndarray
    low: np.ndarray
    high: np.ndarray
    colour: str


@dataclass(frozen=True)
class Mark:
    """A straight line across the picture, at one x (vertical) or one y (horizontal)."""

    at: float
    label: str
    colour: str


@dataclass(frozen=True)
class Ticks:
    """Chosen places on an axis and their text."""

    at: tuple[float, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Axis:
    """One axis: label with unit, scale, and optionally ticks and limits; `counts` are integers."""

    label: str
    log: bool = False
    counts: bool = False
    percent: bool = False
    ticks: Ticks | None = None
    limits: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class LineFigure:
    """Curves over one horizontal axis."""

    key: str
    title: str
    reading: str
    alt: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    bands: tuple[Band, ...] = ()
    verticals: tuple[Mark, ...] = ()
    horizontals: tuple[Mark, ...] = ()
    wide: bool = False


@dataclass(frozen=True, eq=False)
class PanelFigure:
    """Several panels of curves, two in a row; a label that panels share is explained once."""

    key: str
    title: str
    reading: str
    alt: str
    panels: tuple[LineFigure, ...]
    wide: bool = True


@dataclass(frozen=True, eq=False)
class Bars:
    """One value for each name, of one model."""

    label: str
    values: np.ndarray
    colour: str


@dataclass(frozen=True, eq=False)
class BarFigure:
    """Names down the side, values across; the first group as bars, the others as points."""

    key: str
    title: str
    reading: str
    alt: str
    value_label: str
    names: tuple[str, ...]
    groups: tuple[Bars, ...]
    verticals: tuple[Mark, ...] = ()
    wide: bool = False


@dataclass(frozen=True, eq=False)
class Mosaic:
    """Pictures of one model: shape (pictures, height, width), one scale from −limit to limit."""

    title: str
    images: np.ndarray
    limit: float


@dataclass(frozen=True, eq=False)
class PictureFigure:
    """Mosaics of small pictures side by side; `signed` centres the colours at zero."""

    key: str
    title: str
    reading: str
    alt: str
    mosaics: tuple[Mosaic, ...]
    signed: bool

    @property
    def wide(self) -> bool:
        """Return whether the mosaics need the whole width of the page."""
        return len(self.mosaics) > 2


@dataclass(frozen=True)
class Names:
    """One side of a heat map: what it is, and the name of each row or column."""

    label: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class CellMark:
    """A point on one cell of a heat map; `kind` is `SPOT` or `NOT_CONVERGED`, a hollow diamond."""

    column: int
    row: int
    label: str
    colour: str
    kind: Kind = Kind.SPOT


@dataclass(frozen=True, eq=False)
class HeatFigure:
    """A value a cell, by colour and as text; the first row is the lowest.

    Args:
        values: (rows, columns), NaN where there is none.
        texts: what stands in each cell, (rows, columns).
        limits: values at the ends of the colours; what is below is drawn as the lowest.
        outlined: cells inside a line, (rows, columns), with what the line is called.
        ridge: columns and rows of cells that have a small ring, with what they are called.
    """

    key: str
    title: str
    reading: str
    alt: str
    x: Names
    y: Names
    value_label: str
    values: np.ndarray
    texts: tuple[tuple[str, ...], ...]
    limits: tuple[float, float]
    outlined: tuple[str, np.ndarray] | None = None
    ridge: tuple[str, tuple[tuple[int, int], ...]] | None = None
    marks: tuple[CellMark, ...] = ()
    percent: bool = False
    wide: bool = True


Figure = LineFigure | PanelFigure | BarFigure | PictureFigure | HeatFigure
