"""What rows and columns tell before anything is trained: classes with few rows, leaks, and kin.

Who uses this: the plan of a path, once the rows are divided, and the look at a table before that.
Each file looks at one thing and returns the cautions for it; `data_cautions` asks them all,
`column_cautions` those that need no division of the rows. What looks at values looks at no more
than `MOST_ROWS` of them, so that this costs little beside the training.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shrinkage.cautions import Caution
from shrinkage.datasets.cautions.duplicates import duplicates_across_folds, trained_test_rows
from shrinkage.datasets.cautions.epochs import epochs
from shrinkage.datasets.cautions.few_rows import (
    few_rows_decide,
    rare_classes,
    unequal_classes,
    unlearned_classes,
)
from shrinkage.datasets.cautions.groups import groups
from shrinkage.datasets.cautions.identifiers import identifiers
from shrinkage.datasets.cautions.leaks import MOST_LEAKS, leaks
from shrinkage.datasets.cautions.repeated_columns import repeated_columns
from shrinkage.datasets.cautions.sentinels import sentinels
from shrinkage.datasets.cautions.time_order import time_order
from shrinkage.datasets.cautions.total_rows import total_rows
from shrinkage.datasets.dataset import Dataset
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.splits import RowSplit

MOST_ROWS = 20_000

__all__ = [
    "column_cautions",
    "data_cautions",
    "duplicates_across_folds",
    "epochs",
    "few_rows_decide",
    "groups",
    "identifiers",
    "leaks",
    "rare_classes",
    "repeated_columns",
    "sentinels",
    "time_order",
    "total_rows",
    "trained_test_rows",
    "unequal_classes",
    "unlearned_classes",
]


def data_cautions(data: Dataset, folds: Sequence[RowSplit]) -> tuple[Caution, ...]:
    """Return what there is to know about the rows of a path.

    Args:
        data: the data set.
        folds: pairs `(train_rows, validation_rows)` of row numbers in it.

    >>> from shrinkage.datasets import load_dataset, make_folds
    >>> wine = load_dataset("wine")
    >>> data_cautions(wine, make_folds(wine.y, wine.task, None, 5))
    ()
    """
    said: list[Caution] = []
    if data.task == "classification":
        said += [*rare_classes(data.y, folds), *unlearned_classes(data.y, folds)]
    if data.pixels:
        return tuple(said)
    alone = data.by_target()
    targets = [one.y for one in alone]
    divided = data.groups is not None or data.time is not None
    said += column_cautions(data.columns, targets, data.task == "classification", divided=divided)
    said += [*duplicates_across_folds(data, folds), *trained_test_rows(data)]
    rows = np.arange(min(data.n_samples, MOST_ROWS))
    if not divided and len(folds) > 1:
        said += next(filter(None, (time_order(one, rows) for one in alone)), ())
    return tuple(said)


def column_cautions(
    columns: InputColumns,
    targets: Sequence[np.ndarray] = (),
    classes: bool = False,
    *,
    divided: bool = False,
) -> tuple[Caution, ...]:
    """Return what there is to know about the columns of a table.

    Args:
        columns: the columns.
        targets: (n,) each: the targets that they are to predict, where they are known.
        classes: whether the targets are labels.
        divided: whether a person said which rows belong together, or which come first.

    >>> import pandas as pd
    >>> columns = InputColumns.of(pd.DataFrame({"id": np.arange(40.0), "x": np.arange(40) % 3}))
    >>> [caution.facts["column"] for caution in column_cautions(columns)]
    ['id']
    """
    rows = np.arange(min(len(columns), MOST_ROWS))
    kin = () if divided else groups(columns, targets, classes, rows)
    repeated = {str(caution.facts["column"]) for caution in kin}
    given = [caution for y in targets for caution in leaks(columns, y, classes, rows)]
    given = [caution for caution in given if str(caution.facts["column"]) not in repeated]
    if len({str(caution.facts["column"]) for caution in given}) > MOST_LEAKS:
        given = []  # of many targets each has its own column: pixels of masks, say
    apart = (*identifiers(columns, rows), *sentinels(columns, rows), *total_rows(columns))
    apart = (*apart, *epochs(columns, rows), *repeated_columns(columns, rows))
    return (*given, *kin, *apart)
