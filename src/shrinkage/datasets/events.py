"""Times with a column beside them that says whether the event came, as one target.

Who uses this: the reader of tables, for `--event`. A time at which a row was only seen for the last
time is censored and gets a minus.
"""

from __future__ import annotations

import numpy as np

from shrinkage.datasets.cells import Locate, level_text, plain_row
from shrinkage.datasets.roles import Roles
from shrinkage.datasets.target_like import target_of
from shrinkage.datasets.targets import plain_label
from shrinkage.errors import InputError

CAME = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def signed_times(
    times: np.ndarray,
    rows: np.ndarray | None,
    events: object,
    name: str,
    locate: Locate = plain_row,
) -> np.ndarray:
    """Return times, negative where no event came.

    Args:
        times: (n,) numbers.
        rows: which rows of the table they are of; None: all.
        events: the column, a cell for each row of the table: 1 and 0, true and false, yes and no.
        name: of the column.
        locate: words for a row.

    Raises:
        InputError: other cells, a negative time, or times that are no numbers.

    >>> signed_times(np.array([2.0, 5.0]), None, [1, 0], "died").tolist()
    [2.0, -5.0]
    """
    read = target_of(events, name, Roles(target=name, task="classification"), locate)
    texts = [level_text(plain_label(label)).lower() for label in read.y]
    strange = next((row for row, text in enumerate(texts) if text not in CAME), None)
    if strange is not None:
        raise InputError(
            f"column {name!r} (event), {locate(strange)}: expected 1 or 0, true or false, yes or "
            f"no, got {plain_label(read.y[strange])!r}: correct it"
        )
    came = np.array([CAME[text] for text in texts])
    came = came if rows is None else came[rows]
    if times.dtype.kind not in "iuf" or times.ndim > 1:
        raise InputError(
            f"expected one target of times beside --event {name}, got others: name a column of "
            "numbers"
        )
    if (times < 0).any():
        raise InputError(
            f"expected times above 0 beside --event {name}, got {times.min():g}: correct them"
        )
    return np.where(came, times, -times).astype(np.float64)
