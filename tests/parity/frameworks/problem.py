"""The one network, the data, their order and the terms that every framework trains with.

Who uses this: every framework's run. A run has one copy of the network for each sum of penalties;
the losses are added, so that each copy is trained by its own. Weights are (out, in) here; what
lies otherwise is transposed on the way in and out, references included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from shrinkage import Terms, named
from tests.parity.frameworks.registry import STEPS, SUMS

ROWS, BATCH, SIZES = 32, 8, (6, 5, 3)
LAYERS = ("first", "second")
_RANDOM = np.random.default_rng(0)

X = _RANDOM.normal(size=(ROWS, SIZES[0]))
LABELS = (X[:, :3] + 0.5 * _RANDOM.normal(size=(ROWS, 3))).argmax(axis=1)
ORDER = np.concatenate(
    [_RANDOM.permutation(ROWS).reshape(-1, BATCH) for _ in range(STEPS * BATCH // ROWS)]
)
START: dict[str, np.ndarray] = {
    "first": 0.5 * _RANDOM.normal(size=(SIZES[1], SIZES[0])),
    "second": 0.5 * _RANDOM.normal(size=(SIZES[2], SIZES[1])),
}
REFERENCE = {place: w + 0.3 * _RANDOM.normal(size=w.shape) for place, w in START.items()}

Weights = dict[str, np.ndarray]
Networks = dict[str, Weights]


def terms_of(
    sum_name: str, name_of: Callable[[str, str], str], *, transposed: bool = False
) -> Terms:
    """Return a sum on its own copy of the network.

    Args:
        sum_name: which sum.
        name_of: (sum, layer) → the framework's name of that weight.
        transposed: whether the framework's weights are (in, out).
    """
    names = {place: name_of(sum_name, place) for place in LAYERS}
    terms = SUMS[sum_name].on(named(names["first"]) | named(names["second"]))
    if sum_name != "around":
        return terms
    return terms.around(
        {
            names[place]: np.ascontiguousarray(w.T) if transposed else w
            for place, w in REFERENCE.items()
        }
    )


def all_terms(
    sums: Iterable[str], name_of: Callable[[str, str], str], *, transposed: bool = False
) -> Terms:
    """Return every sum, each on its own copy."""
    total = Terms(())
    for name in sums:
        total = total + terms_of(name, name_of, transposed=transposed)
    return total
