"""What a cell looks like at a glance, before anybody judges its column.

Who uses this: the search for a separator and for a header, which need no more than whether a cell
is written with digits. What a column means is judged later, by all of its cells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from shrinkage.datasets.cells import MISSING

_NUMBER = re.compile(
    r"""[-+−(]?\s*[$€£¥]?\s*[.,]?\d[\d\s.,:/'’_T−+-]*(e[-+]?\d+)?\s*[%€$£¥Z)]?""", re.IGNORECASE
)
_WORDS = frozenset({*MISSING, "inf", "-inf", "n/a", "N/A", "#N/A", "<NA>", "na", "-", ".", "--"})


def looks_missing(cell: str) -> bool:
    """Return whether a cell says that there is nothing.

    >>> looks_missing(" ? "), looks_missing("no")
    (True, False)
    """
    return cell.strip() in _WORDS


def looks_numeric(cell: str) -> bool:
    """Return whether a cell is written in digits: a number, an amount, a share, a date or a time.

    >>> [looks_numeric(cell) for cell in ("-1,5", "$1,234", "12 %", "2020-01-31", "34 y", "")]
    [True, True, True, True, False, False]
    """
    return _NUMBER.fullmatch(cell.strip()) is not None


def looks_like_index(cells: Sequence[str]) -> bool:
    """Return whether cells number or name the rows: whole numbers or words, all different.

    >>> looks_like_index(["1", "2"]), looks_like_index(["a", "a"]), looks_like_index(["0.5", "1.5"])
    (True, False, False)
    """
    plain = all(cell.strip().isdigit() or not looks_numeric(cell) for cell in cells)
    return plain and len(set(cells)) == len(cells)
