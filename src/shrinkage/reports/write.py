"""Write the report: `figures/*.png` and `report.html`, each file whole or not at all.

Who uses this: the run directory and `shrinkage report`. A file is written beside its place and
moved there in one step, so a reader never meets half a page.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from shrinkage.errors import ShrinkageError
from shrinkage.paths.results import PathResult
from shrinkage.reports.figures import FIGURE_KEYS, all_figures


def write_report(result: PathResult, directory: str | os.PathLike[str]) -> Path:
    """Write `report.html` and `figures/*.png` into a directory and return the page's path.

    Args:
        result: a finished path; it is only read.
        directory: made when it does not exist; pictures of an earlier report that this result
            does not have are removed.

    Returns:
        The path of `report.html`.

    Raises:
        ShrinkageError: matplotlib or jinja2 is not installed, or the directory cannot be written.

    >>> import tempfile
    >>> from shrinkage.reports.example import example_result
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(example_result(), folder).name
    'report.html'
    """
    draw_png, render_page = _drawing()
    target = Path(directory)
    figures = all_figures(result)
    try:
        (target / "figures").mkdir(parents=True, exist_ok=True)
        for figure in figures:
            write_atomically(target / "figures" / f"{figure.key}.png", draw_png(figure))
        for key in FIGURE_KEYS - {figure.key for figure in figures}:
            (target / "figures" / f"{key}.png").unlink(missing_ok=True)
        page = render_page(result, figures).encode("utf-8")
        write_atomically(target / "report.html", page)
    except OSError as error:
        raise ShrinkageError(
            f"expected a directory that can be written for the report, got {error.strerror} "
            f"at {error.filename}; free it or give another one"
        ) from error
    return target / "report.html"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole: into a neighbour first, then moved in one step.

    Args:
        path: the file's place; its folder exists.
        content: all bytes of the file.

    Raises:
        OSError: the folder cannot be written or the disk is full; nothing is left behind.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "a.txt", b"whole")
    ...     [p.name for p in Path(folder).iterdir()]
    ['a.txt']
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _drawing():
    """Return the two drawing functions; they need libraries that the core does not."""
    try:
        from shrinkage.reports.draw import draw_png
        from shrinkage.reports.page import render_page
    except ModuleNotFoundError as error:
        raise ShrinkageError(
            f"expected matplotlib and jinja2 to draw a report, {error.name} is not installed; "
            "run: pip install 'shrinkage[reports]'"
        ) from error
    return draw_png, render_page
