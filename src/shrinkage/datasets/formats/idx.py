"""IDX files, the format of MNIST, Fashion-MNIST and KMNIST.

A file starts with a big-endian magic number (two zero bytes, the type code, the number of
dimensions), then one 32-bit size per dimension, then the values. Only bytes (type code 8) occur in
these data sets. Source: http://yann.lecun.com/exdb/mnist/ ("The IDX file format").
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from shrinkage.errors import InputError

UNSIGNED_BYTES = 0x08


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Read one IDX file of unsigned bytes, plain or gzip-compressed.

    Args:
        path: the file; compressed when it ends in `.gz`.
        dimensions: 3 for images, 1 for labels.

    Returns:
        A uint8 array of that many dimensions.

    Raises:
        InputError: unreadable, wrong magic number, truncated, or longer than its header says.
    """
    content = _content(path)
    header = 4 + 4 * dimensions
    expected = (UNSIGNED_BYTES << 8) | dimensions
    if len(content) < 4:
        raise InputError(
            f"expected an IDX file in {path.name!r}, got {len(content)} bytes: download it again"
        )
    magic = int.from_bytes(content[:4], "big")
    if magic != expected:
        raise InputError(
            f"expected IDX magic number {expected} (bytes, {dimensions} dimensions) in "
            f"{path.name!r}, got {magic}: check that it is the right file"
        )
    if len(content) < header:
        raise _truncated(path, f"{len(content)} of {header} bytes of header")
    sizes = np.frombuffer(content[4:header], dtype=">u4").tolist()
    wanted = header + math.prod(sizes)
    if len(content) < wanted:
        raise _truncated(path, f"{len(content)} of {wanted} bytes")
    if len(content) > wanted:
        raise InputError(
            f"expected {wanted} bytes in {path.name!r} as its header says, got {len(content)}: "
            "download it again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(sizes)


def _content(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except EOFError as error:
        raise _truncated(path, "a compressed file that ends early") from error
    except (OSError, zlib.error) as error:
        raise InputError(
            f"expected a readable IDX file in {path.name!r}, got {type(error).__name__}: "
            "download it again or check its permissions"
        ) from error


def _truncated(path: Path, got: str) -> InputError:
    return InputError(f"expected a whole IDX file in {path.name!r}, got {got}: download it again")
