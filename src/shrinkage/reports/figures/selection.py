"""How often halves of the rows draw each column: as bars, or as a picture where a row is one."""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.figures import BarFigure, Bars, Figure, Mark, PictureFigure
from shrinkage.drawing.text import count_text, plain, share_text
from shrinkage.paths.selecting.records import StableSelection
from shrinkage.reports.figures.pixel_maps import pixel_maps

MOST_COLUMNS, FEWEST_COLUMNS = 25, 5
KEY, TITLE = "selection", "How often halves of the rows draw a column"


def selection_figure(stable: StableSelection, image_shape: tuple[int, int] | None) -> Figure:
    """Return the most frequent columns, or the map of all pixels.

    Args:
        stable: the selection.
        image_shape: (height, width) where a row is a picture.
    """
    reading = _reading(stable)
    maps = {"share of the halves": stable.frequency, "selected": stable.support.astype(float)}
    mosaics = pixel_maps(maps, stable.places, image_shape)
    if mosaics:
        return PictureFigure(
            key=KEY,
            title=TITLE,
            reading=reading,
            alt=f"Two maps of the picture: how often each pixel is drawn, and which are selected. "
            f"{reading}",
            mosaics=mosaics,
            signed=False,
        )
    drawn = max(FEWEST_COLUMNS, int((stable.frequency > 0).sum()))
    order = np.argsort(-stable.frequency, kind="stable")[: min(drawn, MOST_COLUMNS)]
    return BarFigure(
        key=KEY,
        title=TITLE,
        reading=reading,
        alt=f"Bars of {len(order)} columns, the most frequent first. {reading}",
        value_label="share of the halves that draw it",
        names=tuple(plain(stable.columns[place], 28) for place in order),
        groups=(Bars("share of the halves", stable.frequency[order], "best"),),
        verticals=(Mark(stable.threshold, f"selected from {stable.threshold:g} on", "muted"),),
    )


def _reading(stable: StableSelection) -> str:
    count = len(stable.selected)
    return (
        f"{count_text(count, 'column')} of {len(stable.columns)} drawn by at least "
        f"{share_text(stable.threshold)} of {2 * stable.pairs} halves, each of which draws at most "
        f"{stable.drawn}. Expected among them by mistake: at most {stable.bound.any_halves:.2g}."
    )
