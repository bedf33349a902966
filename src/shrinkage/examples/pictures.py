"""The pictures that an experiment runs on: MNIST where it can be had, else digits, and says so.

Who uses this: the experiments on handwritten digits. MNIST is looked for in the folder that was
named, in `SHRINKAGE_SHARED_DATA`, in `shared/data` beside a source tree, and at OpenML.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shrinkage.datasets import load_dataset
from shrinkage.errors import InputError

PART = 10_000


@dataclass(frozen=True, eq=False)
class Pictures:
    """Training and test rows; `kind` is `mnist`, `part` (of it) or `digits`.

    `X` and `X_test` have shape (rows, pixels), with the values that the data set has; `scaled`
    gives them between 0 and 1. `sentence` says what they are.
    """

    kind: str
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    sentence: str

    @property
    def scaled(self) -> tuple[np.ndarray, np.ndarray]:
        """Training and test rows as float32 between 0 and 1."""
        top = np.float32(255 if self.kind != "digits" else 16)
        return self.X.astype(np.float32) / top, self.X_test.astype(np.float32) / top

    @property
    def images(self) -> np.ndarray:
        """The training rows as `fit_path` takes them: pixels of bytes in two axes."""
        return _in_two_axes(self.X)

    @property
    def test(self) -> tuple[np.ndarray, np.ndarray]:
        """The test rows and labels, as `fit_path` takes them."""
        return _in_two_axes(self.X_test), self.y_test


def _in_two_axes(rows: np.ndarray) -> np.ndarray:
    side = math.isqrt(rows.shape[1])
    return rows.reshape(-1, side, side)


def pictures(*, full: bool = False, data: str | None = None, part: int = PART) -> Pictures:
    """Return MNIST, a part of it, or digits where there is no MNIST.

    Args:
        full: all 60,000 training rows.
        data: `digits`, `mnist` (OpenML), or a folder of IDX files or with one called `mnist`.
        part: training rows when not full.

    Raises:
        InputError: the folder or name that was given holds no pictures.

    >>> pictures(data="digits").X.shape
    (1400, 64)
    """
    if data == "digits":
        return _digits("scikit-learn's digits, as asked for")
    source = _source(data)
    try:
        found = load_dataset(source)
    except InputError:
        if data is not None:
            raise
        return _digits("scikit-learn's digits, since MNIST is neither here nor to be fetched")
    if found.test is None or found.image_shape is None:
        raise InputError(
            f"expected pictures with a test set in {data!r}, got none: name a folder with the "
            "four files of MNIST, or digits"
        )
    return _mnist(np.asarray(found.X), found.y, found.test, None if full else part)


def _mnist(X: np.ndarray, y: np.ndarray, test: tuple, part: int | None) -> Pictures:
    rows = np.random.default_rng(0).permutation(len(y))[:part]
    kind = "mnist" if part is None else "part"
    what = "all" if part is None else f"a random {len(rows):,} of the {len(y):,}"
    X_test = np.asarray(test[0])
    sentence = f"MNIST, {what} training pictures, and its {len(X_test):,} test pictures"
    labels, test_labels = (values.astype(np.int64) for values in (y[rows], test[1]))
    return Pictures(kind, X[rows], labels, X_test, test_labels, sentence)


def _digits(why: str) -> Pictures:
    found = load_dataset("digits")
    order = np.random.default_rng(0).permutation(found.n_samples)
    train, test = order[:1400], order[1400:]
    X = np.asarray(found.X)
    sentence = f"{why}: 1,400 training and {len(test)} test pictures of 8×8"
    return Pictures("digits", X[train], found.y[train], X[test], found.y[test], sentence)


def _source(data: str | None) -> str:
    if data is not None:
        inside = Path(data) / "mnist"
        return str(inside) if inside.is_dir() else data
    folder = shared_folder("mnist")
    return "mnist" if folder is None else str(folder)


def shared_folder(name: str) -> Path | None:
    """Return the folder of shared data of that name, or None where there is none.

    >>> shared_folder("of no data set") is None
    True
    """
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    found = Path(os.environ.get("SHRINKAGE_SHARED_DATA", beside)) / name
    return found if found.is_dir() else None
