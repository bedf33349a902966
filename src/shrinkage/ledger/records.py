"""What comes out of a ledger: frozen records of plain numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class LayerRecord:
    """One parameter at one step.

    Args:
        gradient_share: ‖Σ strength·∂Ω‖ / (‖Σ strength·∂Ω‖ + ‖data gradient‖), of the weights
            before the step; None without a gradient.
        zeros: how many weights are exactly zero after the step.
        size: how many weights there are.
        timescale_steps: 1 / (learning rate · strength of L2), None without L2.
        timescale_epochs: the same in epochs, None where their length is not known.
        below_resolution: whether shrinks since the last record were too small for the weights'
            dtype, and had to be accumulated; None where nobody looks.
    """

    gradient_share: float | None
    zeros: int
    size: int
    timescale_steps: float | None
    timescale_epochs: float | None
    below_resolution: bool | None


# A field of `LayerRecord` → the number for TensorBoard and MLflow, None where there is none now.
SHOWN: dict[str, Callable[[LayerRecord], float | None]] = {
    "gradient_share": lambda layer: layer.gradient_share,
    "zeros": lambda layer: layer.zeros / max(1, layer.size),
    "timescale_steps": lambda layer: layer.timescale_steps,
    "below_resolution": lambda layer: (
        None if layer.below_resolution is None else float(layer.below_resolution)
    ),
}


@dataclass(frozen=True)
class Record:
    """One step: the data loss, the value of each term, and each layer; plain numbers.

    `terms` maps a term's id to strength·penalty after the step; `layers` a parameter's name to
    its `LayerRecord`.
    """

    step: int
    epoch: float | None
    data_loss: float | None
    terms: Mapping[str, float]
    layers: Mapping[str, LayerRecord]

    def as_dict(self) -> dict[str, Any]:
        """Return the record as nested dicts of numbers, strings and None."""
        return asdict(self)


def record_from_dict(state: Mapping[str, Any]) -> Record:
    """Return the record that `Record.as_dict` has written.

    >>> record = Record(1, None, 0.5, {"0.1 * L1()": 2.0}, {})
    >>> record_from_dict(record.as_dict()) == record
    True
    """
    layers = {name: LayerRecord(**layer) for name, layer in state["layers"].items()}
    return Record(**{**state, "terms": dict(state["terms"]), "layers": layers})
