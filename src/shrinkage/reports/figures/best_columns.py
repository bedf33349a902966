"""The best so many columns: how often networks keep each, and what each number of them scores."""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.figures import (
    Axis,
    BarFigure,
    Bars,
    Figure,
    LineFigure,
    Mark,
    PictureFigure,
    Series,
)
from shrinkage.drawing.text import count_text, number_text, plain
from shrinkage.paths.selecting.records import BestColumns
from shrinkage.reports.figures.pixel_maps import pixel_maps

MOST_COLUMNS = 50


def best_columns_figure(best: BestColumns, image_shape: tuple[int, int] | None) -> Figure:
    """Return the selected columns as bars, or the map of all pixels.

    Args:
        best: the selection.
        image_shape: (height, width) where a row is a picture.
    """
    networks = best.scores.shape[1]
    reading = (
        f"The best {count_text(len(best.selected), 'column')} of {len(best.columns)}; "
        f"{int((best.frequency >= 1).sum())} are kept by each of {networks} networks, "
        "which says how alike these choose, not how sure a column is."
    )
    key, title = "selection", "How often networks keep a column to the end"
    maps = {"share of the networks": best.frequency, "selected": best.support.astype(float)}
    mosaics = pixel_maps(maps, best.places, image_shape)
    if mosaics:
        return PictureFigure(
            key=key,
            title=title,
            reading=reading,
            alt=f"Two maps of the picture: how often each pixel is kept, and which are selected. "
            f"{reading}",
            mosaics=mosaics,
            signed=False,
        )
    order = best.order[: min(len(best.selected), MOST_COLUMNS)]
    return BarFigure(
        key=key,
        title=title,
        reading=reading,
        alt=f"Bars of {len(order)} selected columns, the most frequent first. {reading}",
        value_label="share of the networks that keep it",
        names=tuple(plain(best.columns[place], 28) for place in order),
        groups=(Bars("share of the networks", best.frequency[order], "best"),),
    )


def sizes_figure(best: BestColumns, score_name: str) -> LineFigure:
    """Return the score of the networks by the number of columns that they have."""
    scores = best.scores.mean(axis=1)
    error = best.scores.std(axis=1, ddof=1) / np.sqrt(best.scores.shape[1])
    reading = (
        f"With {count_text(int(best.sizes[-1]), 'column')} the networks score "
        f"{number_text(float(scores[-1]))} on rows that they have not seen. Networks with more "
        "columns are on the way, at the full learning rate: trained to their end they score more."
        + (f" Warning: {best.caution}." if best.caution else "")
    )
    return LineFigure(
        key="sizes",
        title="Score by number of columns",
        reading=reading,
        alt=f"A line of the score from all columns down to {best.sizes[-1]}. {reading}",
        x=Axis("columns", log=True),
        y=Axis(score_name),
        series=(
            Series("mean of the networks", best.sizes.astype(float), scores, "best", error=error),
        ),
        verticals=(Mark(float(best.sizes[-1]), "asked for", "muted"),),
    )
