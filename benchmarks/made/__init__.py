"""Tables as people have them, a record each: how it is written, what is typed, what is right.

Who uses this: `tables.py` and `strangers.py`. Every table is made by a few lines from a seed; the
target follows from the odd column, so that a column that is misread costs the score.
"""

from __future__ import annotations

from made.base import RUNS, SAYS, Made, Table
from made.cells import CELLS
from made.files import FILES
from made.layouts import LAYOUTS
from made.odd_cells import ODD_CELLS
from made.targets import TARGETS

KINDS: tuple[Made, ...] = (*LAYOUTS, *FILES, *CELLS, *ODD_CELLS, *TARGETS)

__all__ = ["KINDS", "RUNS", "SAYS", "Made", "Table"]
