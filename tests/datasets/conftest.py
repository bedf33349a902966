"""What the tests of datasets share."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest

from shrinkage.errors import InputError

Refused = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def refused() -> Refused:
    """Return a context that demands an InputError of one line holding all the given pieces."""

    @contextmanager
    def context(*pieces: str) -> Iterator[None]:
        with pytest.raises(InputError) as caught:
            yield
        message = str(caught.value)
        assert "\n" not in message
        assert "expected" in message
        assert "got" in message or "has" in message
        for piece in pieces:
            assert piece in message, message

    return context


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes text to a file of the test's own folder."""

    def write(text: str, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return write


def idx_bytes(array: np.ndarray) -> bytes:
    """Return an array of bytes in IDX format, written independently of the parser."""
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture
def idx_folder(tmp_path: Path) -> Path:
    """Return a folder with six training and four test pictures of 2 × 3 pixels."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    draw = np.random.default_rng(0)
    for part, count in (("train", 6), ("t10k", 4)):
        images = draw.integers(0, 256, (count, 2, 3))
        labels = np.arange(count) % 2
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return folder
