"""What a person wrote for a file: its path, a part of it behind a colon, a database before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from shrinkage.datasets.formats.builtin import builtin_names
from shrinkage.datasets.formats.content import (
    STANDARD_INPUT,
    FileContent,
    content_of,
    content_of_standard_input,
)
from shrinkage.datasets.formats.kinds import FileKind
from shrinkage.datasets.wording import one_line, visible_files
from shrinkage.errors import InputError, near_names

DATABASES: Mapping[str, FileKind] = MappingProxyType(
    {"sqlite:": FileKind.SQLITE, "duckdb:": FileKind.DUCKDB}
)
"""Words before a file that say what it is."""

NETWORK = ("http://", "https://", "ftp://", "s3://", "gs://", "hdfs://", "abfs://")


@dataclass(frozen=True)
class Source:
    """Where a table is.

    Args:
        path: a file or folder that is there; None for standard input.
        part: a member of an archive, a sheet, a table.
        kind: what the file must be, where a person said so.
    """

    path: Path | None
    part: str | None = None
    kind: FileKind | None = None

    @property
    def name(self) -> str:
        """Return the name for messages, without a folder."""
        return "stdin" if self.path is None else self.path.name or self.path.resolve().name

    @property
    def folder(self) -> Path | None:
        """Return the folder, or None for a file."""
        is_folder = self.path is not None and self.path.is_dir()
        return self.path.resolve() if self.path is not None and is_folder else None

    def content(self) -> FileContent:
        """Return the bytes of the file, unpacked."""
        if self.path is None:
            return content_of_standard_input()
        return content_of(self.path, self.part)


def source_of(text: str) -> Source:
    """Return the source that a person means.

    Args:
        text: `-`, a path, `FILE:PART`, `sqlite:FILE:TABLE` or `duckdb:FILE:TABLE`.

    Raises:
        InputError: there is no such file, or it is in the network.

    >>> source_of("-").name
    'stdin'
    """
    if text == STANDARD_INPUT:
        return Source(None)
    if text.lower().startswith("file://"):
        from urllib.request import url2pathname

        text = url2pathname(urlsplit(text).path)
    if text.lower().startswith(NETWORK):
        raise InputError(
            f"expected a file of this machine, got an address ({one_line(text, 80)}): download "
            "it first, or pipe it in: curl -s ADDRESS | shrinkage path - --target …"
        )
    prefix = next((word for word in DATABASES if text.startswith(word)), None)
    if prefix is not None and not _exists(text):
        return _with_part(text.removeprefix(prefix), DATABASES[prefix])
    return _with_part(text, None)


def _with_part(text: str, kind: FileKind | None) -> Source:
    file, _, part = text.rpartition(":")
    if part and not _exists(text) and _exists(file):
        return Source(Path(file).expanduser(), part, kind)
    return Source(existing(text), None, kind)


def _exists(text: str) -> bool:
    try:
        return bool(text.strip()) and Path(text).expanduser().exists()
    except (OSError, ValueError):
        return False


def existing(source: str) -> Path:
    """Return the path of a file or folder that is there.

    Args:
        source: a path, or a misspelled built-in name.

    Raises:
        InputError: nothing is there; near names of files and built-ins are offered.

    >>> existing(".").is_dir()
    True
    """
    if not source.strip():
        raise InputError("expected a file, folder or built-in data set, got no name: give one")
    path = Path(source).expanduser()
    try:
        if path.exists():
            return path
        folder = visible_files(path.parent) if path.parent.is_dir() else []
    except OSError as error:
        raise InputError(
            f"expected a file or a data set, got {one_line(source, 80)!r} "
            f"({error.strerror}): check the path"
        ) from error
    except ValueError as error:
        raise InputError(f"expected a path, got {source!r} ({error}): check the path") from error
    near = near_names(path.name, [*builtin_names(), *folder])
    names = f"built-in are {', '.join(builtin_names())}"
    raise InputError(
        f"expected a file, folder or built-in data set, got {source!r}, which does not exist: "
        f"{one_line(near) + ' ' if near else ''}{names}"
    )
