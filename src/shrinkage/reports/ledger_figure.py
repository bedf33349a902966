"""The ledger as a picture: losses, shares of the gradient, zeros and timescales by step.

Who uses this: `Attachment.plot`. It reads records by their attributes and trains nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

SHOWN = 10  # layers with a colour and a name of their own, the largest


@dataclass(frozen=True)
class Line:
    """One line of a panel; a name of "" has no entry in the legend."""

    name: str
    steps: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Panel:
    """One panel: its title, unit and lines."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    log: bool = False


def ledger_panels(records: Sequence[Any]) -> tuple[Panel, ...]:
    """Return the four panels as data.

    Args:
        records: as `Ledger.records` gives them.

    Returns:
        Losses, gradient shares, zeros in % and timescales; a panel without numbers has no lines.
    """
    terms = dict.fromkeys(term for record in records for term in record.terms)
    losses = [_line("data loss", records, lambda r: r.data_loss)]
    losses += [_line(term, records, lambda r, t=term: r.terms.get(t)) for term in terms]
    sizes: dict[str, int] = {}
    for record in records:
        sizes.update({name: layer.size for name, layer in record.layers.items()})
    shown = sorted(sizes, key=lambda name: -sizes[name])[:SHOWN]
    in_epochs = any(layer.timescale_epochs for r in records for layer in r.layers.values())
    timescale = "timescale_epochs" if in_epochs else "timescale_steps"

    def by_layer(read: Callable[[Any], float | None]) -> tuple[Line, ...]:
        lines = [
            _line(
                name if name in shown else "",
                records,
                lambda r, n=name: read(r.layers[n]) if n in r.layers else None,
            )
            for name in sorted(sizes, key=lambda n: n in shown)
        ]
        return tuple(line for line in lines if line.values)

    return (
        Panel("Data loss and terms", "value", tuple(x for x in losses if x.values), log=True),
        Panel(
            "Share of the penalties in the gradient",
            "share",
            by_layer(lambda layer: layer.gradient_share),
        ),
        Panel(
            "Weights that are exactly zero",
            "% of the layer",
            by_layer(lambda layer: 100 * layer.zeros / max(1, layer.size)),
        ),
        Panel(
            "Timescale of the decay, 1 / (learning rate · strength)",
            "epochs" if in_epochs else "steps",
            by_layer(lambda layer: getattr(layer, timescale)),
            log=True,
        ),
    )


def ledger_figure(records: Sequence[Any]) -> Any:
    """Return the four panels as a matplotlib figure.

    Args:
        records: as `Ledger.records` gives them.

    Returns:
        A `matplotlib.figure.Figure`.

    >>> ledger_figure([]).get_axes()[0].get_title("left")
    'Data loss and terms'
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7.5), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    for axis, panel in zip(axes, ledger_panels(records), strict=True):
        _draw(axis, panel)
    _legend(figure, axes)
    return figure


def _line(name: str, records: Sequence[Any], read: Callable[[Any], float | None]) -> Line:
    pairs = [(record.step, read(record)) for record in records]
    known = [(float(step), float(value)) for step, value in pairs if value is not None]
    return Line(name, tuple(s for s, _ in known), tuple(v for _, v in known))


def _draw(axis: Any, panel: Panel) -> None:
    axis.set_title(panel.title, loc="left", fontsize=11)
    axis.set_xlabel("step")
    axis.set_ylabel(panel.unit)
    axis.grid(alpha=0.25)
    if not panel.lines:
        axis.text(0.5, 0.5, "nothing recorded", ha="center", va="center", color="grey")
        return
    colour = 0
    for line in panel.lines:
        marker = "o" if len(line.steps) < 30 else None
        if line.name:
            look = {"color": f"C{colour}", "label": line.name, "zorder": 3}
            colour += 1
        else:
            look = {"color": "0.8", "linewidth": 0.8}
        axis.plot(line.steps, line.values, marker=marker, markersize=3, **look)
    if panel.log and all(value > 0 for line in panel.lines for value in line.values):
        axis.set_yscale("log")
    if panel.unit.startswith("%"):
        axis.set_ylim(-2, 102)


def _legend(figure: Any, axes: Sequence[Any]) -> None:
    """One legend for the terms inside their panel, one for the layers beside all panels."""
    if axes[0].get_legend_handles_labels()[1]:
        axes[0].legend(fontsize=8)
    handles, labels = max(
        (axis.get_legend_handles_labels() for axis in axes[1:]), key=lambda found: len(found[1])
    )
    if labels:
        figure.legend(handles, labels, loc="outside right upper", fontsize=8, title="layer")
