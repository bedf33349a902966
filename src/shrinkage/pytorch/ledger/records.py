"""What comes out of the ledger: frozen records of plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from shrinkage.pytorch.ledger.quantities import LayerRecord


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
