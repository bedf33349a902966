"""Files that are whole or not there: every write goes to a temporary name and is moved.

Who uses this: the run directory, the report, `shrinkage predict`. A kill or a full disk leaves
the old file or none, never half of one; what goes wrong is said in one line.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from shrinkage.errors import RunDirectoryError

TEMPORARY = ".tmp-"


def check_folder(folder: Path) -> None:
    """Make a folder, and find out before long work whether it can be written.

    Raises:
        RunDirectoryError: it cannot be made or written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     check_folder(Path(folder) / "a" / "b")
    ...     [path.name for path in Path(folder, "a", "b").parent.iterdir()]
    ['b']
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, prefix=TEMPORARY):
            pass
    except OSError as error:
        raise RunDirectoryError(
            f"cannot write into {folder} ({error.strerror}); choose another folder"
        ) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Put `content` into `path` in one move; its folder is made when it is missing.

    Args:
        path: the file.
        content: all of its bytes.

    Raises:
        RunDirectoryError: the disk is full or the folder cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_bytes(Path(folder) / "a.txt", b"whole")
    ...     [p.name for p in Path(folder).iterdir()]
    ['a.txt']
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise RunDirectoryError(
            f"cannot write {path.name} in {path.parent} ({error.strerror}); make room or choose "
            "another folder, then run again (a path goes on with --resume)"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
