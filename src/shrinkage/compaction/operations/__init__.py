"""What an operation does to flows and units: one function a kind of operation.

Who uses this: `analysis`, for every call of a graph. A function gets the analysis, the call and its
arguments, and returns the flow and the units of what comes out. An operation that is not in the
registry mixes everything it gets: its units stay, and the rest of the network is made smaller
around it.
"""

from __future__ import annotations

from shrinkage.compaction.operations.creating import CREATED
from shrinkage.compaction.operations.mixing import along, mixed
from shrinkage.compaction.operations.moves import MOVES
from shrinkage.compaction.operations.registry import (
    EACH,
    MAY_BE_WEIGHTS,
    SEVERAL,
    operation_of,
)
from shrinkage.compaction.operations.views import views

__all__ = [
    "CREATED",
    "EACH",
    "MAY_BE_WEIGHTS",
    "MOVES",
    "SEVERAL",
    "along",
    "mixed",
    "operation_of",
    "views",
]
