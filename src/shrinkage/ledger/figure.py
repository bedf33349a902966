"""The ledger as a figure: losses, shares of the gradient, zeros and timescales by step.

Who uses this: `plot` of every ledger. Records become data here; `shrinkage.drawing` draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from shrinkage.drawing import Axis, Kind, LineFigure, PanelFigure, Series
from shrinkage.drawing.palette import layer_colours
from shrinkage.ledger.records import LayerRecord, Record

NAMED = 10  # layers with a colour and a name of their own, the largest
_READING = "A share of 1 means that the penalties alone move a layer, one of 0 that the data do."


def ledger_figure(records: Sequence[Record]) -> PanelFigure:
    """Return the four panels as data.

    Args:
        records: as `Ledger.records` gives them.

    Returns:
        Losses, gradient shares, zeros and timescales; a panel without numbers has no series.

    >>> [panel.y.label for panel in ledger_figure([]).panels]
    ['value', 'share of the gradient', 'weights that are exactly zero', 'steps']
    """
    epochs = any(layer.timescale_epochs for r in records for layer in r.layers.values())
    unit = "epochs" if epochs else "steps"
    panels = (
        _panel("Data loss and terms", Axis("value", log=True), _losses(records)),
        _panel(
            "Share of the penalties in the gradient",
            Axis("share of the gradient", percent=True),
            _layers(records, lambda layer: layer.gradient_share),
        ),
        _panel(
            "Exact zeros in each layer",
            Axis("weights that are exactly zero", percent=True, limits=(-0.02, 1.02)),
            _layers(records, lambda layer: layer.zeros / max(1, layer.size)),
        ),
        _panel(
            "Timescale of the decay, 1 / (learning rate · strength)",
            Axis(unit, log=True),
            _layers(
                records,
                lambda layer: layer.timescale_epochs if epochs else layer.timescale_steps,
            ),
        ),
    )
    alt = f"Four panels over the steps: {', '.join(panel.title for panel in panels)}. {_READING}"
    return PanelFigure("ledger", "What the terms did, step by step", _READING, alt, panels)


def _panel(title: str, y: Axis, series: Sequence[Series]) -> LineFigure:
    shown = tuple(line for line in series if len(line.y))
    positive = all((line.y > 0).all() for line in shown)
    y = replace(y, log=y.log and positive and bool(shown))
    return LineFigure("", title, "", "", Axis("step", counts=True), y, shown)


def _losses(records: Sequence[Record]) -> list[Series]:
    terms = dict.fromkeys(term for record in records for term in record.terms)
    return [
        _series("data loss", records, lambda record: record.data_loss, "training"),
        *(
            _series(term, records, lambda r, term=term: r.terms.get(term), f"penalty{1 + at % 3}")
            for at, term in enumerate(terms)
        ),
    ]


def _layers(records: Sequence[Record], read: Callable[[LayerRecord], float | None]) -> list[Series]:
    """Return a series a layer: the largest in their order, the others faint and unnamed."""
    sizes = {name: layer.size for record in records for name, layer in record.layers.items()}
    largest = set(sorted(sizes, key=lambda name: -sizes[name])[:NAMED])
    named = [name for name in sizes if name in largest]
    colours = dict(zip(named, layer_colours(len(named)), strict=True))

    def of(name: str) -> Callable[[Record], float | None]:
        return lambda record: read(record.layers[name]) if name in record.layers else None

    faint = [_series("", records, of(n), "muted", Kind.FAINT) for n in sizes if n not in colours]
    return [*faint, *(_series(name, records, of(name), colours[name]) for name in named)]


def _series(
    label: str,
    records: Sequence[Record],
    read: Callable[[Record], float | None],
    colour: str,
    kind: Kind = Kind.LINE,
) -> Series:
    pairs = [(record.step, value) for record in records if (value := read(record)) is not None]
    x, y = np.array(pairs, dtype=float).reshape(-1, 2).T
    return Series(label, x, y, colour, kind)
