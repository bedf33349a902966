"""What own validation and test rows hold that the training rows do not, before anything is trained.

Who uses this: the plan. Its cautions are kept and told with the result; a column that is wholly new
is a warning at once.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from shrinkage.cautions import Caution, CautionKind
from shrinkage.datasets import take_rows
from shrinkage.datasets.preparation.cell_counts import CellCounts, warn_of_unseen
from shrinkage.paths.running.preparation import Preparation


def new_cell_cautions(
    preparation: Preparation, validation: np.ndarray | None
) -> tuple[Caution, ...]:
    """Return a caution for each column of own rows with levels that training does not have.

    Args:
        preparation: the rows.
        validation: the positions of a validation set of the user's own, or None.

    Warns:
        UnseenCellsWarning: of a column, no cell says what some cell says in training.
    """
    data, cautions = preparation.data, []
    if data.pixels:
        return ()
    if data.test is not None:
        counts = preparation.preprocessing.examine(preparation.test_cells)
        warn_of_unseen(counts, "test rows: ")
        cautions += _cautions(counts, "test")
    if validation is not None:
        fitted = preparation.fitted_on(preparation.split.folds[0][0])
        counts = fitted.examine(take_rows(data.X, validation))
        warn_of_unseen(counts, "validation rows: ")
        cautions += _cautions(counts, "validation")
    return tuple(cautions)


def _cautions(counts: Iterable[CellCounts], rows: str) -> list[Caution]:
    return [
        Caution(
            CautionKind.NEW_CELLS,
            {
                "rows": rows,
                "column": own.name,
                "cells": own.rows,
                "missing": own.missing,
                "unseen": own.unseen,
                "examples": list(own.examples),
            },
        )
        for own in counts
        if own.unseen or own.wholly_unseen
    ]
