"""Pictures of written digits to try something on: MNIST, a part of it, or scikit-learn's digits.

Who uses this: the experiments. It promises a test set, a sentence that says what the pictures are,
and that the same part is drawn each time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shrinkage.datasets.load import load_dataset
from shrinkage.errors import InputError

SHARED_DATA = "SHRINKAGE_SHARED_DATA"
BESIDE_SOURCE_TREE = Path(__file__).resolve().parents[4] / "shared" / "data"
DIGITS_FOR_TRAINING = 1400


def shared_folder(name: str) -> Path | None:
    """Return a folder of data that several projects share, or None where it is not there.

    It is looked for in the folder that the environment variable `SHRINKAGE_SHARED_DATA` names, or,
    where that is not set, in `shared/data` beside the source tree of this library.

    Args:
        name: the folder's name: `mnist`, say.

    Returns:
        The folder, or None.

    >>> shared_folder("no such data") is None
    True
    """
    folder = Path(os.environ.get(SHARED_DATA, BESIDE_SOURCE_TREE)) / name
    return folder if folder.is_dir() else None


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures with labels, to train on and to test.

    Args:
        kind: `mnist`, `part` (of it) or `digits`.
        sentence: what they are, for a report.
        X: (n, height, width) pixels: 0 to 255, of `digits` 0 to 16.
        y: (n,) int64 labels, 0 to 9.
        test: other pictures (m, height, width) and their labels.

    >>> load_pictures("digits").scaled()[0].max()
    np.float32(1.0)
    """

    kind: str
    sentence: str
    X: np.ndarray
    y: np.ndarray
    test: tuple[np.ndarray, np.ndarray]

    def scaled(
        self, dtype: type[np.floating] = np.float32
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return rows of pixels between 0 and 1, and labels: to train on, and to test.

        Args:
            dtype: of the pixels, which are the same numbers, those of float32, in each.

        Returns:
            `(x, y, x_test, y_test)`: (n, pixels), (n,), (m, pixels), (m,).

        >>> x, y, x_test, y_test = load_pictures("digits").scaled(np.float64)
        >>> x.shape, x.dtype, y.shape
        ((1400, 64), dtype('float64'), (1400,))
        """
        top = np.float32(16 if self.kind == "digits" else 255)
        x, x_test = (
            (pictures.reshape(len(pictures), -1).astype(np.float32) / top).astype(dtype)
            for pictures in (self.X, self.test[0])
        )
        return x, self.y, x_test, self.test[1]


def load_pictures(
    source: str | os.PathLike[str] | None = None, *, rows: int | None = None
) -> Pictures:
    """Load MNIST, random rows of it, or scikit-learn's digits where there is no MNIST.

    Args:
        source: a folder with the four files of MNIST, or one that holds it as `mnist`; `digits`;
            `mnist` for OpenML's. None: `shared_folder("mnist")`, or OpenML's, or, where there is
            neither, `digits`; the sentence says so.
        rows: how many training pictures of MNIST, chosen at random, the same each time; None: all.

    Returns:
        The pictures, in random order.

    Raises:
        InputError: the source has no pictures, or no test set.

    >>> pictures = load_pictures("digits")
    >>> pictures.X.shape, pictures.test[0].shape
    ((1400, 8, 8), (397, 8, 8))
    """
    place, why = source or shared_folder("mnist") or "mnist", "as asked for"
    if source and Path(source, "mnist").is_dir():
        place = Path(source, "mnist").resolve()  # the name alone would mean OpenML's
    try:
        data = load_dataset(place)
    except InputError:
        if source is not None:
            raise
        data, why = load_dataset("digits"), "since MNIST is neither here nor to be fetched"
    order = np.random.default_rng(0).permutation(data.n_samples)
    if data.name == "digits":
        train, test = order[:DIGITS_FOR_TRAINING], order[DIGITS_FOR_TRAINING:]
        kind, X_test, y_test = "digits", np.asarray(data.X)[test], data.y[test]
        counts = f"{len(train):,} training and {len(test)} test pictures of 8×8"
        sentence = f"scikit-learn's digits, {why}: {counts}"
    elif data.test is not None and data.image_shape is not None:
        train, kind = order[:rows], "mnist" if rows is None else "part"
        X_test, y_test = np.asarray(data.test[0]), data.test[1]
        share = "all" if rows is None else f"a random {len(train):,} of the {len(order):,}"
        sentence = f"MNIST, {share} training pictures, and its {len(y_test):,} test pictures"
    else:
        raise InputError(
            f"expected pictures with a test set in {source!r}, got none: name a folder with the "
            "four files of MNIST, or digits"
        )
    shape = (-1, *(data.image_shape or ()))
    X, X_test = np.asarray(data.X)[train].reshape(shape), X_test.reshape(shape)
    test_set = X_test, y_test.astype(np.int64)
    return Pictures(kind, sentence, X, data.y[train].astype(np.int64), test_set)
