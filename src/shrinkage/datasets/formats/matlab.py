"""MATLAB files up to version 7 with matrices X and y or Y, read by SciPy.

Benchmarks of feature selection and of outliers come so. Files of version 7.3 are HDF5 inside, which
SciPy does not read.
Source: https://docs.scipy.org/doc/scipy/reference/generated/scipy.io.loadmat.html
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shrinkage.datasets.dataset import Dataset
from shrinkage.datasets.formats.arrays import input_array
from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.npz import dataset_of_named, require_array
from shrinkage.datasets.formats.tables import Format, RowsRead
from shrinkage.datasets.in_memory import rows_in_memory
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.roles import Roles
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError

HDF5 = b"MATLAB 7.3"


def _arrays(content: FileContent) -> Mapping[str, np.ndarray]:
    """Return the matrices of a file by name; what is nested (structs, cells of cells) is left."""
    from scipy.io import loadmat

    if content.head(len(HDF5)) == HDF5:
        raise InputError(
            "expected a MATLAB file up to version 7, got version 7.3: write it with "
            "save(file, 'X', 'y', '-v7')"
        )
    try:
        loaded = loadmat(content.file())
    except Exception as error:  # of a damaged file SciPy raises what its parts raise
        raise InputError(
            f"expected a readable MATLAB file, got a damaged one ({one_line(error, 100)}): "
            "save it again"
        ) from error
    plain = {name: _plain(value) for name, value in loaded.items() if not name.startswith("__")}
    return {name: value for name, value in plain.items() if value is not None}


def _plain(value: object) -> np.ndarray | None:
    """Return a matrix, sparse ones dense, or a cell array of words; None of what is neither."""
    array = np.asarray(rows_in_memory(value)) if hasattr(value, "toarray") else np.asarray(value)
    if array.dtype != object:
        return None if array.dtype.names else array
    cells = [np.asarray(cell) for cell in array.ravel()]
    if all(cell.size == 1 and cell.dtype.kind == "U" for cell in cells):
        return np.array([str(cell.item()) for cell in cells], dtype=str).reshape(array.shape)
    return None


def load_matlab(content: FileContent, roles: Roles, _options: ReadOptions) -> Dataset:
    """Load a MATLAB file with matrices `X` and `y`, or `Y`.

    Args:
        content: the file.
        roles: as for NPZ files.
        _options: none of them means anything here.

    Raises:
        InputError: version 7.3, a damaged file, no such matrices.
    """
    arrays = _arrays(content)
    target = roles.target or ("Y" if "Y" in arrays and "y" not in arrays else "y")
    return dataset_of_named(arrays, target, content, roles)


def _rows(content: FileContent, _options: ReadOptions) -> RowsRead:
    arrays = _arrays(content)
    require_array(arrays, "X", "inputs")
    return RowsRead(input_array(arrays["X"])[0])


MATLAB = Format(load_matlab, _rows)
