"""Data: loading, column types, preprocessing fitted on training rows, targets, splits.

Who uses this: the path engine (`load_dataset` → `split_test` → `make_folds` → `Preprocessing`),
and `shrinkage predict` (`read_rows`). It promises that loaders return raw values and complain in
one line, and that whatever is fitted is fitted on training rows alone and stored as JSON.
"""

from __future__ import annotations

from shrinkage.extras import needs

with needs("paths", "pandas", "pyarrow", "sklearn"):
    from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
    from shrinkage.datasets.dataset import Dataset, take_rows
    from shrinkage.datasets.formats.arrays import dataset_from_arrays
    from shrinkage.datasets.formats.builtin import builtin_names
    from shrinkage.datasets.held_out import split_test
    from shrinkage.datasets.load import load_dataset, read_rows
    from shrinkage.datasets.pictures import Pictures, load_pictures, shared_folder
    from shrinkage.datasets.preparation.preprocessing import Preprocessing
    from shrinkage.datasets.read_options import ReadOptions
    from shrinkage.datasets.splits import describe_split, make_folds
    from shrinkage.datasets.targets import TargetEncoding

__all__ = [
    "ColumnKind",
    "ColumnSpec",
    "Dataset",
    "Pictures",
    "Preprocessing",
    "ReadOptions",
    "TargetEncoding",
    "builtin_names",
    "dataset_from_arrays",
    "describe_split",
    "load_dataset",
    "load_pictures",
    "make_folds",
    "read_rows",
    "shared_folder",
    "split_test",
    "take_rows",
]
