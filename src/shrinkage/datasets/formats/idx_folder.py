"""Folders of IDX files, as MNIST, Fashion-MNIST and KMNIST come: pictures, labels, a test set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from shrinkage.datasets.dataset import Dataset, RawRows
from shrinkage.datasets.formats.arrays import dataset_from_arrays, input_array
from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.idx import read_idx
from shrinkage.datasets.formats.tables import Format, RowsRead
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.roles import Roles, refuse_roles
from shrinkage.datasets.wording import listed, visible_files
from shrinkage.errors import InputError


def idx_file(folder: Path, part: str, kind: str, dimensions: int) -> Path | None:
    """Return `train-images-idx3-ubyte` or `train-images.idx3-ubyte`, or with `.gz`, if it is there.

    >>> idx_file(Path("nowhere"), "train", "images", 3) is None
    True
    """
    stems = (f"{part}-{kind}{mark}idx{dimensions}-ubyte" for mark in "-.")
    names = (stem + ending for stem in stems for ending in ("", ".gz"))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def read_part(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Read images and labels of one part of a folder.

    Args:
        folder: the folder with the IDX files.
        part: `train` or `t10k`.

    Returns:
        `(images, labels)`: uint8 (n, height, width) and int64 (n,); None when neither is there.

    Raises:
        InputError: one of the two is missing, the counts differ, or a file is bad.
    """
    images, labels = idx_file(folder, part, "images", 3), idx_file(folder, part, "labels", 1)
    if images is None and labels is None:
        return None
    if images is None or labels is None:
        here, gone = ("labels", "images-idx3") if images is None else ("images", "labels-idx1")
        raise InputError(
            f"expected {part}-{gone}-ubyte beside the {part} {here} in {folder.name!r}, got none: "
            "put both files there"
        )
    X, y = read_idx(images, 3), read_idx(labels, 1)
    if len(X) != len(y):
        raise InputError(
            f"expected as many labels as images, got {len(X)} images in {images.name!r} and "
            f"{len(y)} labels in {labels.name!r}: use the pair that belongs together"
        )
    return X, y.astype(np.int64)


def has_idx_files(folder: Path) -> bool:
    """Return whether a folder holds files that are named like those of MNIST.

    >>> has_idx_files(Path("nowhere"))
    False
    """
    return any(folder.glob("*-ubyte*"))


def load_idx_folder(folder: Path, roles: Roles) -> Dataset:
    """Load a folder of IDX files: pictures, their labels, perhaps a test set.

    Raises:
        InputError: files are missing, bad, or do not belong together.
    """
    folder = folder.resolve()
    train = read_part(folder, "train")
    if train is None:
        raise InputError(
            f"expected train-images-idx3-ubyte and train-labels-idx1-ubyte (or .gz) in "
            f"{folder.name!r}, got {listed(visible_files(folder)) or 'nothing'}"
            ": name a folder of IDX files, or a file"
        )
    refuse_roles(folder.name, roles)
    task = roles.task or "classification"
    data = dataset_from_arrays(*train, name=folder.name, task=task, target_name="label")
    return replace(data, test=_test_set(folder, data))


def _test_set(folder: Path, data: Dataset) -> tuple[RawRows, np.ndarray] | None:
    test = read_part(folder, "t10k")
    if test is None:
        return None
    X, shape = input_array(test[0], "test images")
    if shape != data.image_shape:
        raise InputError(
            f"expected test images of {data.image_shape} pixels like the training images in "
            f"{folder.name!r}, got {shape}: use files that belong together"
        )
    labels = test[1].astype(data.y.dtype)
    unknown = np.setdiff1d(labels, data.y)
    if len(unknown):
        raise InputError(
            f"expected test labels that occur in training, got {listed(unknown.tolist())} in "
            f"{folder.name!r}: use files that belong together"
        )
    return X, labels


def read_idx_rows(folder: Path) -> np.ndarray:
    """Return the pictures of a folder, (n, pixels): those for testing where there are both.

    Raises:
        InputError: there are none.
    """
    folder = folder.resolve()
    parts = (idx_file(folder, part, "images", 3) for part in ("t10k", "train"))
    file = next((part for part in parts if part is not None), None)
    if file is None:
        raise InputError(
            f"expected t10k-images-idx3-ubyte or train-images-idx3-ubyte in {folder.name!r}, got "
            "neither: name the file of images"
        )
    return read_images(file)


def read_images(path: Path) -> np.ndarray:
    """Return the pictures of one IDX file, (n, pixels)."""
    images = read_idx(path, 3)
    return images.reshape(len(images), -1)


def _images_of(content: FileContent, _options: ReadOptions) -> RowsRead:
    assert content.path is not None
    return RowsRead(read_images(content.path))


def _refuse_file(_content: FileContent, _roles: Roles, _options: ReadOptions) -> Dataset:
    raise InputError(
        "expected pictures with their labels, got one file of pictures: name the folder that holds "
        "train-images-idx3-ubyte and train-labels-idx1-ubyte"
    )


IDX_FILE = Format(_refuse_file, _images_of)
"""One file of pictures, which can only be predicted."""
