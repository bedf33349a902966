"""Compiled parts: loaded where they were built from the sources that lie beside them.

Who uses this: the rooms that have kernels. A function of an older build may take other arguments,
and would write where it must not; so `setup.py` gives every build the checksum of its sources, and
a part with another one is not used.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import warnings
import zlib
from collections.abc import Iterable
from pathlib import Path

from shrinkage.errors import StaleBuildWarning


def checksum(sources: Iterable[Path]) -> int:
    """Return a checksum of files in the order of their names; `setup.py` reckons the same.

    >>> checksum([])
    0
    """
    value = 0
    for path in sorted(sources, key=lambda path: path.name):
        value = zlib.crc32(path.read_bytes(), value)
    return value


def library_of(module: str, headers: Path | None = None) -> ctypes.CDLL | None:
    """Return the functions of a compiled module; None where it was not built, or turned off.

    Args:
        module: its name, in the folder of its sources.
        headers: another folder whose headers it includes.

    Warns:
        StaleBuildWarning: it was built from other sources, and is not used.
    """
    if os.environ.get("SHRINKAGE_KERNELS", "1") == "0":
        return None
    try:
        built = Path(str(importlib.import_module(module).__file__))
        library = ctypes.CDLL(str(built))
    except (ImportError, OSError):
        return None
    sources = list(built.parent.glob("*.[ch]"))
    sources += headers.glob("*.h") if headers else ()
    try:
        library.shrinkage_sources.restype = ctypes.c_uint
        known = library.shrinkage_sources()
    except AttributeError:
        known = None
    if sources and known != checksum(sources):
        warnings.warn(
            f"the compiled part {built.name} was built from other sources than those beside it, "
            "and is not used: install the package again",
            StaleBuildWarning,
            stacklevel=2,
        )
        return None
    return library
