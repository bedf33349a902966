"""svmlight and libsvm files, read by scikit-learn; what they leave out is 0, so they become dense.

Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_svmlight_file.html
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shrinkage.datasets.dataset import Dataset
from shrinkage.datasets.formats.arrays import dataset_from_arrays
from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.tables import Format, RowsRead
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.roles import Roles
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError

MOST_CELLS = 100_000_000
"""A dense table with more cells than this is refused: 0.8 GB of numbers."""


def _read(content: FileContent, options: ReadOptions) -> tuple[np.ndarray, ...]:
    """Return inputs (n, d), targets (n,), groups (n,), and the number of the first input."""
    from sklearn.datasets import load_svmlight_file

    known = options.names if options.inherited and options.names[:1] in (("x0",), ("x1",)) else ()
    zero_based = known[0] == "x0" if known else "auto"
    try:
        sparse, y, groups = load_svmlight_file(
            content.file(),
            query_id=True,
            zero_based=zero_based,  # pyright: ignore[reportArgumentType]
            n_features=len(known) or None,
        )
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"expected lines of the form 'target 1:value 7:value' (svmlight), got something else "
            f"({one_line(error, 100)}): correct the file"
        ) from error
    rows, columns = sparse.shape
    if rows == 0 or columns == 0:
        raise InputError("expected rows of svmlight, got none: add data")
    if rows * columns > MOST_CELLS:
        raise InputError(
            f"expected at most {MOST_CELLS:,} cells, got {rows:,} rows of {columns:,} inputs: what "
            "is sparse is made dense here, so select inputs first"
        )
    # Inputs are counted from 0 when one is called so, as scikit-learn decides too.
    first = 0 if known[:1] == ("x0",) or content.data.find(b" 0:") >= 0 else 1
    return sparse.toarray(), y, groups, np.array(first)


def load_svmlight(content: FileContent, roles: Roles, options: ReadOptions) -> Dataset:
    """Load an svmlight file; `qid:` is taken for groups.

    Args:
        content: the file.
        roles: the task; columns have no names here.
        options: names of another file, for its number of inputs.

    Raises:
        InputError: unreadable, or too large when dense.
    """
    wanted = (roles.target, roles.split_by, roles.sample_weight, *roles.drop)
    named = next((name for name in wanted if name not in (None, "target", "qid")), None)
    if named is not None:
        raise InputError(
            f"expected no columns by name in an svmlight file, got {named!r}: the target is the "
            "first number of each line, qid: the groups; leave the name out"
        )
    X, y, groups, first = _read(content, options)
    names = tuple(f"x{place + int(first)}" for place in range(X.shape[1]))
    data = dataset_from_arrays(
        X,
        y,
        name=content.name,
        task=roles.task,
        input_names=names,
        target_name="target",
        groups=groups if groups.any() else None,
        group_name="qid" if groups.any() else None,
    )
    notes = (*content.notes, "inputs that a row leaves out are 0")
    if groups.any():
        notes = (*notes, f"rows of one qid stay together: {len(np.unique(groups))} groups")
    return replace(data, notes=notes, read_options=replace(options, names=names))


def _rows(content: FileContent, options: ReadOptions) -> RowsRead:
    return RowsRead(_read(content, options)[0])


SVMLIGHT = Format(load_svmlight, _rows)
