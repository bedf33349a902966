"""Zeros a layer, and the weights shrinking, along the path."""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.figures import Axis, LineFigure, Series
from shrinkage.drawing.palette import layer_colours
from shrinkage.drawing.text import plain, share_text
from shrinkage.paths.results import LayerTrace, PathResult
from shrinkage.reports.figures.strength_axis import choice_marks, positions, strength_axis
from shrinkage.reports.reading import fold_mean, zero_shares

MOST_LAYERS = 6


def zeros_figure(result: PathResult) -> LineFigure | None:
    """Return the share of exactly zero weights in each layer over the strengths."""
    if not result.layers:
        return None
    x = positions(result.strengths)
    layers = _largest(result)
    series = tuple(
        Series(_label(layer), x, layer_zeros(layer), colour)
        for layer, colour in zip(layers, layer_colours(len(layers)), strict=True)
    )
    reading = _zeros_reading(result)
    return LineFigure(
        key="zeros",
        title="Exact zeros in each layer",
        reading=reading,
        alt=f"One curve for each layer: the share of exactly zero weights over the strengths. "
        f"{reading}",
        x=strength_axis(result),
        y=Axis("weights that are exactly zero", percent=True, limits=(-0.03, 1.03)),
        series=series,
        verticals=choice_marks(result),
    )


def norms_figure(result: PathResult) -> LineFigure | None:
    """Return the norm of each layer over the strengths, relative to the weakest strength."""
    if not result.layers:
        return None
    x = positions(result.strengths)
    layers = _largest(result)
    series = tuple(
        Series(_label(layer), x, relative_norm(layer), colour)
        for layer, colour in zip(layers, layer_colours(len(layers)), strict=True)
    )
    top = max((float(np.nanmax(s.y)) for s in series if np.isfinite(s.y).any()), default=1.0)
    reading = _norms_reading(result, layers)
    return LineFigure(
        key="norms",
        title="The weights shrinking",
        reading=reading,
        alt=f"One curve for each layer: the norm of its weights over the strengths. {reading}",
        x=strength_axis(result),
        y=Axis(
            "norm, relative to the weakest strength",
            percent=True,
            limits=(-0.03 * top, 1.04 * max(top, 1.0)),
        ),
        series=series,
        verticals=choice_marks(result),
    )


def layer_zeros(layer: LayerTrace) -> np.ndarray:
    """Return the share of exactly zero weights for each strength, mean over the folds.

    >>> layer_zeros(LayerTrace("w", (2, 2), np.array([[4, 4], [2, 0]]), np.ones((2, 2)))).tolist()
    [0.0, 0.75]
    """
    return 1.0 - fold_mean(layer.nonzero) / max(layer.size, 1)


def relative_norm(layer: LayerTrace) -> np.ndarray:
    """Return the mean norm divided by that of the weakest strength whose norm is finite.

    >>> trace = LayerTrace("w", (2, 2), np.ones((3, 1)), np.array([[np.nan], [4.0], [1.0]]))
    >>> relative_norm(trace).tolist()
    [nan, 1.0, 0.25]
    """
    norm = fold_mean(layer.norm)
    usable = norm[np.isfinite(norm)]
    return norm / usable[0] if len(usable) and usable[0] > 0 else norm


def _largest(result: PathResult) -> list[LayerTrace]:
    """Return the layers in their order; of very many, the largest."""
    order = sorted(range(len(result.layers)), key=lambda i: -result.layers[i].size)
    return [result.layers[i] for i in sorted(order[:MOST_LAYERS])]


def _label(layer: LayerTrace) -> str:
    shape = " × ".join(str(n) for n in layer.shape)
    return f"{plain(layer.name, 24)} ({shape})"


def _zeros_reading(result: PathResult) -> str:
    index, shares = result.best.index, zero_shares(result)
    finite = shares[np.isfinite(shares)]
    if len(finite) == 0 or finite.max() == 0:
        return "No weight is exactly zero at any strength that was tried."
    where = "Over all layers the" if len(result.layers) > 1 else "The"
    text = f"{where} share of zeros goes from {share_text(float(finite[0]))}"
    text += f" to {share_text(float(finite[-1]))}"
    if index is not None:
        text += f"; it is {share_text(float(shares[index]))} at the best strength"
    hidden = len(result.layers) - MOST_LAYERS
    return text + (f". The {MOST_LAYERS} largest layers are drawn." if hidden > 0 else ".")


def _norms_reading(result: PathResult, layers: list[LayerTrace]) -> str:
    index = result.best.index
    if index is None:
        return "The norm is the root of the sum of squares of a layer's weights."
    left = [(float(relative_norm(layer)[index]), layer) for layer in layers]
    left = [pair for pair in left if np.isfinite(pair[0])]
    if not left:
        return "The norm at the best strength is not finite."
    low = min(left, key=lambda pair: pair[0])
    if len(left) == 1:
        return (
            f"At the best strength {share_of(low[0])} of the norm (root of the sum of squares) "
            "at the weakest strength is left."
        )
    high = max(left, key=lambda pair: pair[0])
    return (
        f"At the best strength the norm of {plain(low[1].name, 24)} is {share_of(low[0])} of that "
        f"at the weakest strength, the smallest share of all, and that of "
        f"{plain(high[1].name, 24)} {share_of(high[0])}, the largest."
    )


def share_of(ratio: float) -> str:
    """Return a ratio that may exceed one as a percentage.

    >>> share_of(0.5), share_of(1.234)
    ('50 %', '123 %')
    """
    return share_text(ratio) if ratio <= 1 else f"{100 * ratio:.0f} %"
