"""From a `PathResult` to what a person reads: a sentence, a table, pictures, one page.

Who uses this: the command line and `PathResult`'s own methods. It promises that nothing here
trains, that every picture is first computed as data (`figures/`) and then drawn (`drawing`), so
that page and PNG cannot disagree, and that the same result gives the same bytes. Sentence and
table need NumPy only; drawing and the page load matplotlib and jinja2 when they are called.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from shrinkage.drawing.figures import Axis, Kind, LineFigure, Mark, Series, Ticks
from shrinkage.extras import needs
from shrinkage.reports.figures import all_figures
from shrinkage.reports.figures.score import score_figure
from shrinkage.reports.sentence import summary_sentence
from shrinkage.reports.table import PathRow, path_table, text_table
from shrinkage.reports.write import (
    score_plot,
    write_best_columns,
    write_page,
    write_report,
    write_selection,
)

if TYPE_CHECKING:
    from shrinkage.drawing.draw import draw_png
    from shrinkage.reports.slides import Row, Slides, render_slides

__all__ = [
    "Axis",
    "Kind",
    "LineFigure",
    "Mark",
    "PathRow",
    "Row",
    "Series",
    "Slides",
    "Ticks",
    "all_figures",
    "draw_png",
    "path_table",
    "render_slides",
    "score_figure",
    "score_plot",
    "summary_sentence",
    "text_table",
    "write_best_columns",
    "write_page",
    "write_report",
    "write_selection",
]

# What draws is found when first asked for: it loads matplotlib, or jinja2.
_LAZY = {
    "draw_png": "shrinkage.drawing",
    "Row": "shrinkage.reports.slides",
    "Slides": "shrinkage.reports.slides",
    "render_slides": "shrinkage.reports.slides",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        with needs("reports"):
            return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
