"""From bytes to UTF-8: which encoding a file of text is in.

A byte order mark decides; then zero bytes in every second place (UTF-16); then UTF-8, which other
text hardly ever is by chance; the rest is read as cp1252, what Windows writes in Western Europe,
and that is said. Of files that were joined, lines that are no UTF-8 are read so alone.
"""

from __future__ import annotations

import codecs
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from shrinkage.datasets.read_options import LOOK, ReadOptions
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError

BLOCK_BYTES = 1 << 24
DOS_END = b"\x1a"
"""What DOS wrote behind the last line."""

MOST_CONTROLS = 0.01
"""From this share of control characters on, bytes are no text."""

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CONTROLS = bytes({*range(32), 127} - {*b"\t\n\v\f\r\x1a\x1b"})
_ANSI, _DOS = "cp1252", "cp850"
"""Of Windows, and of programs older than it: the latter reads any bytes."""


@dataclass(frozen=True, eq=False)
class DecodedText:
    """Text as UTF-8 without a byte order mark or zero bytes, and what was decided about it."""

    buffer: pa.Buffer = field(repr=False)
    notes: tuple[str, ...] = ()

    def head(self, size: int) -> str:
        """Return the first bytes as text, cut before a letter that is incomplete."""
        return (
            self.buffer.slice(0, min(size, self.buffer.size)).to_pybytes().decode("utf-8", "ignore")
        )

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes, some megabytes at a time."""
        for start in range(0, self.buffer.size, BLOCK_BYTES):
            size = min(BLOCK_BYTES, self.buffer.size - start)
            yield self.buffer.slice(start, size).to_pybytes()


def decoded(data: bytes | mmap.mmap, options: ReadOptions = LOOK) -> DecodedText:
    """Return the text of a file as UTF-8.

    Args:
        data: the bytes.
        options: an encoding instead of the guess; an inherited one is the last guess.

    Raises:
        InputError: bytes that are no text, or not in the encoding.

    >>> text = decoded("a;ä".encode("cp1252"))
    >>> text.buffer.to_pybytes().decode(), text.notes
    ('a;ä', ('the text is no UTF-8 (line 1), so it was read as cp1252; --encoding overrules',))
    """
    if options.encoding is not None and not options.inherited:
        return _recoded(data, options.encoding, ())
    head = data[:BLOCK_BYTES]
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            if name == "utf-8":
                return _as_utf8(data, len(mark), name)
            return _recoded(data, name, (f"the text is {name}, by its byte order mark",))
    wide = _wide_encoding(head)
    if wide is not None:
        note = f"every second byte is zero, so it was read as {wide}; --encoding overrules"
        return _recoded(data, wide, (note,))
    if options.encoding is None:
        _require_text(head)
    if _is_utf8(data):
        return _as_utf8(data, 0, "utf-8")
    return _guessed(data, *([] if options.encoding is None else [options.encoding]))


def _wide_encoding(head: bytes) -> str | None:
    """Return UTF-16 without a mark, told by zeros in every second place (Latin letters)."""
    sample = head[:4096]
    half = len(sample) // 2
    if half < 2 or b"\x00" not in sample:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > 0.7 * half and even < 0.1 * half:
        return "utf-16-le"
    if even > 0.7 * half and odd < 0.1 * half:
        return "utf-16-be"
    return None


def _require_text(head: bytes) -> None:
    sample = head[: 1 << 16]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > MOST_CONTROLS * len(sample) + 1:
        raise InputError(
            "expected a table of text, got bytes that are no text (unreadable as UTF-8): save it "
            "again as CSV, or check that it is the right file"
        )


def _is_utf8(data: bytes | mmap.mmap) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), BLOCK_BYTES):
            decoder.decode(data[start : start + BLOCK_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _as_utf8(data: bytes | mmap.mmap, skip: int, name: str) -> DecodedText:
    if skip and not _is_utf8(data):
        return _recoded(data, name, ())  # which says where it goes wrong
    if data.find(b"\x00") >= 0:
        return _without_zeros(data[skip:], ())
    end = len(data)
    while end > skip and data[end - 1 : end] == DOS_END:
        end -= 1
    return DecodedText(pa.py_buffer(data).slice(skip, end - skip))


def _without_zeros(data: bytes, notes: tuple[str, ...]) -> DecodedText:
    """Return text without its zero bytes, which no table means; the first one's line is told."""
    place = data.find(b"\x00")
    if place < 0:
        return DecodedText(pa.py_buffer(data), notes)
    note = (
        f"{data.count(0)} zero bytes were left out, the first in line "
        f"{data.count(10, 0, place) + 1}"
    )
    return DecodedText(pa.py_buffer(data.replace(b"\x00", b"")), (*notes, note))


def _recoded(data: bytes | mmap.mmap, encoding: str, notes: tuple[str, ...]) -> DecodedText:
    try:
        text = bytes(data).decode(encoding)
    except (UnicodeError, ValueError) as error:
        raise InputError(
            f"expected text encoded as {encoding}, got something unreadable "
            f"({one_line(error, 100)}): give another --encoding, or save it again as UTF-8"
        ) from error
    return _without_zeros(text.removeprefix("\ufeff").encode("utf-8", "replace"), notes)


def _guessed(data: bytes | mmap.mmap, *first: str) -> DecodedText:
    """Return text that is no UTF-8; where most lines with letters beyond ASCII are, the others."""
    text = bytes(data)
    lines = text.splitlines(keepends=True)
    special = [place for place, line in enumerate(lines) if not line.isascii()]
    odd = [place for place in special if not _is_utf8(lines[place])]
    joined = 2 * len(odd) < len(special)  # files of two encodings, one behind the other
    told = f"the text is no UTF-8 (line {odd[0] + 1}), so it was read as"
    if joined:
        told = f"{len(odd)} lines are no UTF-8 (the first is line {odd[0] + 1}): they were read as"
    unread = [lines[place] for place in odd] if joined else [text]
    for encoding in (*first, _ANSI, _DOS):
        try:
            parts = [part.decode(encoding).encode("utf-8") for part in unread]
        except UnicodeError:
            continue
        if joined:
            for place, line in zip(odd, parts, strict=True):
                lines[place] = line
            parts = lines
        return _without_zeros(b"".join(parts), (f"{told} {encoding}; --encoding overrules",))
    raise AssertionError(f"{_DOS} reads any bytes")
