"""Every figure of the report, one file each; a new one is a function here in the list.

A figure is a function `PathResult -> Figure | None`; None says that the result has nothing to
show in it (no pictures without images, no learning curves when none were kept).
"""

from __future__ import annotations

from collections.abc import Callable

from shrinkage.drawing.figures import Figure
from shrinkage.paths.results import PathResult
from shrinkage.reports.figures.columns import columns_figure
from shrinkage.reports.figures.curves import curves_figure
from shrinkage.reports.figures.inputs import inputs_kept_figure
from shrinkage.reports.figures.layers import norms_figure, zeros_figure
from shrinkage.reports.figures.loss import loss_figure
from shrinkage.reports.figures.pictures import first_layer_figure, input_map_figure
from shrinkage.reports.figures.score import score_figure
from shrinkage.reports.figures.search import search_figure
from shrinkage.reports.figures.size import size_figure
from shrinkage.reports.figures.surface import (
    surface_figure,
    surface_loss_figure,
    surface_zeros_figure,
)

FIGURES: tuple[Callable[[PathResult], Figure | None], ...] = (
    size_figure,
    score_figure,
    loss_figure,
    curves_figure,
    zeros_figure,
    norms_figure,
    inputs_kept_figure,
    columns_figure,
    first_layer_figure,
    input_map_figure,
)
SURFACE_FIGURES: tuple[Callable[[PathResult], Figure | None], ...] = (
    search_figure,
    surface_figure,
    surface_loss_figure,
    surface_zeros_figure,
    curves_figure,
    columns_figure,
    first_layer_figure,
    input_map_figure,
)
"""Those of a result over more than one axis."""

FIGURE_KEYS = frozenset(
    {
        "score",
        "search",
        "size",
        "surface",
        "surface-loss",
        "surface-zeros",
        "loss",
        "learning-curves",
        "zeros",
        "norms",
        "inputs-kept",
        "inputs-chosen",
        "coefficients",
        "first-layer",
        "input-map",
    }
)


def all_figures(result: PathResult) -> tuple[Figure, ...]:
    """Return every figure that the result has something to show in, in the page's order.

    >>> from shrinkage.reports.example import example_result
    >>> [figure.key for figure in all_figures(example_result())]
    ['score', 'loss', 'zeros', 'norms']
    """
    makers = FIGURES if result.surface is None else SURFACE_FIGURES
    figures = (make(result) for make in makers)
    return tuple(figure for figure in figures if figure is not None)
