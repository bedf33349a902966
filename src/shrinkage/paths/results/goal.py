"""What was asked of a small network, and the sizes of every point: a record of numbers.

Who uses this: the result of a sparsity path holds one, the run directory keeps it, terminal, page
and picture tell it. The chosen model is that of the role `goal`, with its scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

GOAL = "goal"
"""The role of the model that a goal chose."""
ASKED = "goal_sizes"
"""Where a summary has the record."""


@dataclass(frozen=True)
class GoalRecord:
    """A goal, and the size of each point's model on all training rows, strengths ascending.

    Args:
        text: as it was typed.
        counts: what was made few: `weights`, `features` or `units`.
        budget: which of the sizes may be how large, None where none is asked for.
        least_score: the score that is asked for, None where none is.
        weights: weights that are not zero.
        features: columns that are read; None where the first layer does not read them.
        bytes: of the file without zeros.
        total_weights: of the dense network.
        total_features: of the data.
        dense_bytes: of the file of the dense network.
        compact_bytes: of the chosen model as a smaller dense one, None where none could be made.
        units: hidden units that are not zero, where they were made few.
        total_units: of the dense network.
        plain_bytes: of a dense file without units that are zero, where they were made few.
        columns: that the chosen model reads, where columns were made few.

    >>> sizes = (50, 10), None, (300, 90)
    >>> record = GoalRecord("smallest", "weights", None, None, *sizes, 99, 4, 500)
    >>> GoalRecord.from_dict(record.to_dict()) == record
    True
    """

    text: str
    counts: str
    budget: tuple[str, float] | None
    least_score: float | None
    weights: tuple[int, ...]
    features: tuple[int, ...] | None
    bytes: tuple[int, ...]
    total_weights: int
    total_features: int
    dense_bytes: int
    compact_bytes: int | None = None
    units: tuple[int, ...] | None = None
    total_units: int = 0
    plain_bytes: tuple[int, ...] | None = None
    columns: tuple[str, ...] = ()

    def sizes(self) -> dict[str, tuple[int, ...]]:
        """Return the sizes of the points by what is counted."""
        sizes = {"weights": self.weights, "bytes": self.bytes}
        more = {"features": self.features, "units": self.units, "dense bytes": self.plain_bytes}
        return sizes | {name: own for name, own in more.items() if own is not None}

    def kept_bytes(self, index: int) -> int:
        """Return the bytes of the chosen model in the smaller of its two forms.

        Args:
            index: the place of the chosen model.
        """
        sparse = self.bytes[index]
        return sparse if self.compact_bytes is None else min(sparse, self.compact_bytes)

    def to_dict(self) -> dict[str, object]:
        """Return plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> GoalRecord:
        """Return what `to_dict` described."""
        lists = {name: tuple(own) for name, own in stored.items() if isinstance(own, (list, tuple))}
        return cls(**{**stored, **lists})
