"""The bytes of a file, whatever they were packed in.

Who uses this: every reader gets a `FileContent`. Packing is known by its first bytes, never by the
ending, so that `.csv.GZ` and a download without an ending are read too.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import mmap
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path, PurePosixPath

import pyarrow as pa

from shrinkage.datasets.wording import listed, one_line
from shrinkage.errors import InputError, near_names

STANDARD_INPUT = "-"
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True, eq=False)
class FileContent:
    """A file's name and bytes.

    Args:
        name: the file's name without its folder, for messages and the data set.
        inner: the name without the endings of packing, which tells the format.
        data: the bytes, unpacked.
        path: the file on disk; None for standard input.
        packed: the file on disk is compressed, or an archive.
        part: what was written behind the name: a member, a sheet, a table.
        notes: what was decided while unpacking.
    """

    name: str
    inner: str
    data: bytes | mmap.mmap = field(repr=False)
    path: Path | None = None
    packed: bool = False
    part: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def ending(self) -> str:
        """Return the ending in lower case, with its dot."""
        return PurePosixPath(self.inner).suffix.lower()

    def head(self, size: int = 1 << 16) -> bytes:
        """Return the first bytes."""
        return self.data[:size]

    def stream(self) -> pa.BufferReader:
        """Return the bytes as a file for pyarrow and NumPy, without a copy."""
        return pa.BufferReader(pa.py_buffer(self.data))

    def file(self) -> BytesIO:
        """Return a copy of the bytes as a file for everybody else."""
        return BytesIO(self.data)


def _stream(codec: str) -> Callable[[bytes | mmap.mmap], bytes]:
    """Return what unpacks by a codec of pyarrow."""

    def unpack(data: bytes | mmap.mmap) -> bytes:
        with pa.CompressedInputStream(pa.BufferReader(pa.py_buffer(data)), codec) as stream:
            return stream.read()

    return unpack


_UNPACK: dict[bytes, tuple[tuple[str, ...], Callable[[bytes | mmap.mmap], bytes]]] = {
    b"\x1f\x8b": ((".gz", ".gzip"), gzip.decompress),
    b"BZh": ((".bz2",), bz2.decompress),
    b"\xfd7zXZ\x00": ((".xz",), lzma.decompress),
    b"\x28\xb5\x2f\xfd": ((".zst", ".zstd"), _stream("zstd")),
    b"\x04\x22\x4d\x18": ((".lz4",), _stream("lz4")),
}
_PACKED = tuple(ending for endings, _ in _UNPACK.values() for ending in endings)


def content_of(path: Path, part: str | None = None) -> FileContent:
    """Return the bytes of a file, unpacked.

    Args:
        path: the file.
        part: the member of a ZIP archive; of other files it is left to their reader.

    Raises:
        InputError: unreadable, empty, damaged, or an archive of several files.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name) / "t.csv.GZ"
    >>> _ = file.write_bytes(gzip.compress(b"a,b"))
    >>> content = content_of(file)
    >>> content.inner, bytes(content.data)
    ('t.csv', b'a,b')
    >>> folder.cleanup()
    """
    return unpacked(FileContent(path.name, path.name, _bytes_of(path), path, part=part))


def content_of_standard_input() -> FileContent:
    """Return what is piped into the program.

    Raises:
        InputError: nothing is, or it was read before.
    """
    data = b"" if sys.stdin.buffer.isatty() else sys.stdin.buffer.read()
    if not data:
        raise InputError(
            "expected a table on the input stream, got nothing: pipe one in; it is read once"
        )
    return unpacked(FileContent("stdin", "stdin", data))


def _bytes_of(path: Path) -> bytes | mmap.mmap:
    try:
        with path.open("rb") as file:
            if path.is_file() and path.stat().st_size:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return file.read()  # an empty file, or a pipe
    except OSError as error:
        raise InputError(
            f"expected a readable file, got {error.strerror}: check the path and its permissions"
        ) from error


def unpacked(content: FileContent) -> FileContent:
    """Return the content without its packing; ZIP files that are a format stay as they are.

    Raises:
        InputError: damaged, encrypted, an archive of several files, or one that nothing here opens.
    """
    if not content.data:
        raise InputError("expected a table, got an empty file: check the path")
    head = content.head(8)
    for magic, (endings, unpack) in _UNPACK.items():
        if head.startswith(magic):
            data = _unpack(unpack, content.data)
            inner = _without(content.inner, endings)
            return unpacked(replace(content, inner=inner, data=data, packed=True))
    if head.startswith(ZIP_MAGIC):
        return _from_zip(content)
    if content.data[257:262] == b"ustar":
        raise InputError(
            "expected one table, got a tar archive: unpack it (tar xf) and give the file in it"
        )
    _refuse_ending_without_packing(content)
    return content


def _unpack(unpack: Callable[[bytes | mmap.mmap], bytes], data: bytes | mmap.mmap) -> bytes:
    try:
        return unpack(data)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, pa.ArrowException) as error:
        raise InputError(
            f"expected a compressed file, got something unreadable ({one_line(error, 100)}): "
            "it may have been cut short; compress or download it again"
        ) from error


def _without(name: str, endings: tuple[str, ...]) -> str:
    return name[: name.rindex(".")] if name.lower().endswith(endings) else name


def _refuse_ending_without_packing(content: FileContent) -> None:
    if content.ending in (*_PACKED, ".zip") and b"\x00" in content.head():
        raise InputError(
            f"expected a file compressed as {content.ending}, got something unreadable: "
            "compress or download it again"
        )


def _from_zip(content: FileContent) -> FileContent:
    try:
        with zipfile.ZipFile(BytesIO(content.data)) as archive:
            members = [
                name
                for name in archive.namelist()
                if not name.endswith("/") and "__MACOSX/" not in name and _base(name)[0] != "."
            ]
            if _is_a_format(members):
                return content
            member = _member(members, content.part)
            data = archive.read(member)
    except InputError:
        raise
    except (zipfile.BadZipFile, RuntimeError, ValueError, OSError, zlib.error, EOFError) as error:
        raise InputError(
            f"expected a readable ZIP archive, got {one_line(error, 100)}: unpack it and give the "
            "file in it"
        ) from error
    note = f"{member!r} of the archive was read"
    notes = (*content.notes, note)
    return unpacked(
        replace(content, inner=_base(member), data=data, packed=True, part=None, notes=notes)
    )


def _base(member: str) -> str:
    return PurePosixPath(member).name


def _is_a_format(members: list[str]) -> bool:
    """Return whether a ZIP file is a workbook, a document or arrays of NumPy."""
    marks = {"[Content_Types].xml", "mimetype"}
    return bool(marks.intersection(members)) or (
        bool(members) and all(name.endswith(".npy") for name in members)
    )


def _member(members: list[str], part: str | None) -> str:
    if part is not None:
        if part in members:
            return part
        near = near_names(part, members) or f"there are {listed(members)}"
        raise InputError(f"expected a file {part!r} in the archive, got none: {near}")
    if len(members) != 1:
        raise InputError(
            f"expected one file in the archive, got {listed(members) or 'none'}: name one behind "
            "the archive's name and a colon, as in data.zip:table.csv"
        )
    return members[0]
