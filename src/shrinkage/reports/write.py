"""Write the report: `figures/*.png` and `report.html`, each file whole or not at all.

Who uses this: the run directory and `shrinkage report`. A file is written beside its place and
moved there in one step, so a reader never meets half a page.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shrinkage.atomic import write_bytes
from shrinkage.extras import needs
from shrinkage.paths.results import PathResult
from shrinkage.paths.selecting.records import BestColumns, StableSelection
from shrinkage.reports.figures import FIGURE_KEYS, all_figures
from shrinkage.reports.figures.best_columns import best_columns_figure, sizes_figure
from shrinkage.reports.figures.score import score_figure
from shrinkage.reports.figures.selection import selection_figure
from shrinkage.reports.figures.surface import surface_figure


def write_report(result: PathResult, directory: str | os.PathLike[str]) -> Path:
    """Write `report.html` and `figures/*.png` into a directory and return the page's path.

    Args:
        result: a finished path; it is only read.
        directory: made when it does not exist; pictures of an earlier report that this result
            does not have are removed.

    Returns:
        The path of `report.html`.

    Raises:
        MissingExtra: matplotlib or jinja2 is not installed.
        RunDirectoryError: the directory cannot be written.

    >>> import tempfile
    >>> from shrinkage.reports.example import example_result
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(example_result(), folder).name
    'report.html'
    """
    with needs("reports"):
        from shrinkage.drawing.draw import draw_both
        from shrinkage.reports.page import render_page
    target = Path(directory)
    figures, drawings = all_figures(result), {}

    def write(name: str, png: Callable[[], bytes]) -> None:
        write_bytes(target / "figures" / name, png())

    with ThreadPoolExecutor(1) as beside:  # it compresses one picture while the next is drawn
        files = []
        for figure in figures:
            drawings[figure.key], png = draw_both(figure)
            files.append(beside.submit(write, f"{figure.key}.png", png))
        for file in files:
            file.result()
    for key in FIGURE_KEYS - {figure.key for figure in figures}:
        (target / "figures" / f"{key}.png").unlink(missing_ok=True)
    write_bytes(target / "report.html", render_page(result, figures, drawings).encode("utf-8"))
    return target / "report.html"


def write_page(result: PathResult, path: str | os.PathLike[str]) -> Path:
    """Write the page alone to a file and return its path.

    Args:
        result: a finished path.
        path: the HTML file.

    Raises:
        MissingExtra: matplotlib or jinja2 is not installed.
        RunDirectoryError: the file cannot be written.
    """
    _, render_page, _ = _drawing()
    target = Path(path)
    write_bytes(target, render_page(result, all_figures(result)).encode("utf-8"))
    return target


def write_selection(
    stable: StableSelection, image_shape: tuple[int, int] | None, directory: Path
) -> Path:
    """Draw a selection of columns into `figures/selection.png` and return its path.

    Args:
        stable: the selection.
        image_shape: (height, width) where a row is a picture.
        directory: of the selection.
    """
    draw_png, *_ = _drawing()
    target = directory / "figures" / "selection.png"
    write_bytes(target, draw_png(selection_figure(stable, image_shape)))
    return target


def write_best_columns(
    best: BestColumns, score_name: str, image_shape: tuple[int, int] | None, directory: Path
) -> None:
    """Draw the best columns into `figures/selection.png` and `figures/sizes.png`.

    Args:
        best: the selection.
        score_name: of the scores in it.
        image_shape: (height, width) where a row is a picture.
        directory: of the selection.
    """
    draw_png, *_ = _drawing()
    for figure in (best_columns_figure(best, image_shape), sizes_figure(best, score_name)):
        write_bytes(directory / "figures" / f"{figure.key}.png", draw_png(figure))


def score_plot(result: PathResult) -> object:
    """Return the score along the path, or over the surface, as a `matplotlib.figure.Figure`.

    Args:
        result: a finished path.

    Raises:
        MissingExtra: matplotlib or jinja2 is not installed.
    """
    *_, draw_figure = _drawing()
    return draw_figure(surface_figure(result) or score_figure(result))


def _drawing():
    """Return the drawing functions; they need libraries that the core does not."""
    with needs("reports"):
        from shrinkage.drawing.draw import draw_figure, draw_png
        from shrinkage.reports.page import render_page
    return draw_png, render_page, draw_figure
