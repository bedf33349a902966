"""Tables of classes out of a folder, whose last column (or that called `class`) is the target.

Who uses this: `what_it_buys.py --folder`. CSV files without a header and ARFF files are read as the
library reads them; MATLAB's files as those of gene expression come, `X` and `Y`. Words become
columns of 0 and 1, of the twenty most frequent ones; what is missing becomes the median.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import scipy.io

from shrinkage.datasets import load_dataset
from shrinkage.datasets.load import open_table
from shrinkage.datasets.read_options import ReadOptions

KINDS = (".csv", ".arff", ".mat")
MOST_LEVELS, FEWEST_ROWS = 20, 8


def tables_of(folder: Path) -> dict[str, Path]:
    """Return the tables of a folder by name, in the order of their names.

    Raises:
        SystemExit: there are none.
    """
    tables = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in KINDS}
    if not tables:
        raise SystemExit(f"expected files {', '.join(KINDS)} in {folder}, found none")
    return tables


def read_table(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (n, d) as numbers and classes (n,) from 0; rare classes are left out."""
    if path.suffix == ".mat":
        content = scipy.io.loadmat(path)
        inputs, labels = pd.DataFrame(content["X"].astype(float)), content["Y"].ravel()
    else:
        inputs, labels = _text_table(path)
    numbers = np.unique(labels, return_inverse=True)[1]
    frequent = np.bincount(numbers)[numbers] >= FEWEST_ROWS
    classes = np.unique(numbers[frequent], return_inverse=True)[1]
    return _as_numbers(inputs)[frequent], classes


def _text_table(path: Path) -> tuple[pd.DataFrame, np.ndarray]:
    options = ReadOptions(header=False) if path.suffix == ".csv" else ReadOptions()
    names = open_table(path, read_options=options).table.names
    target = next((name for name in names if name.lower() == "class"), names[-1])
    data = load_dataset(path, target=target, task="classification", read_options=options)
    return pd.DataFrame(data.X), data.y


def _as_numbers(inputs: pd.DataFrame) -> np.ndarray:
    columns = []
    for name in inputs:
        values = pd.to_numeric(inputs[name], errors="coerce")
        if inputs[name].notna().sum() == 0:
            continue
        if values.notna().sum() >= inputs[name].notna().sum():
            columns.append(values.fillna(values.median()).to_numpy(float)[:, None])
            continue
        levels = inputs[name].value_counts().index[:MOST_LEVELS]
        columns.append((inputs[name].to_numpy()[:, None] == levels.to_numpy()).astype(float))
    return np.hstack(columns)
