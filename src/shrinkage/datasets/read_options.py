"""What a person says about how a file is to be read; everything left out is found by looking.

Who uses this: `load_dataset` and `read_rows`, for every format. The options of the training file
are kept with the run, so that the files of `--test`, `--validation` and `predict` read alike.
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shrinkage.errors import InputError

SEPARATOR_WORDS: Mapping[str, str] = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "\\t": "\t",
    "pipe": "|",
    "bar": "|",
    "colon": ":",
    "blank": " ",
    "blanks": " ",
    "space": " ",
    "spaces": " ",
    "whitespace": " ",
    "\\s+": " ",
}
"""Separators by name, for a shell in which a tab is hard to type."""

_GIVEN = ("encoding", "separator", "header", "names", "sheet")


@dataclass(frozen=True)
class ReadOptions:
    """How a file is read.

    Args:
        encoding: of a file of text, such as `utf-8`, `utf-16`, `cp1252`; None looks.
        separator: one character, a word of `SEPARATOR_WORDS`, or a blank for runs of blanks and
            tabs; None looks.
        header: whether the first row names the columns; None looks, and asks when in doubt.
        names: the names of the columns, in the order of the file; they replace a header.
        sheet: the sheet of a workbook; None takes the first that holds cells.
        inherited: the options were those of another file: what does not fit is passed over.
        absent: names that a file without a header may lack, with `inherited` (the target).

    Raises:
        InputError: an unknown encoding, a separator of several characters, equal or empty names.

    >>> ReadOptions(separator="tab").separator
    '\\t'
    """

    encoding: str | None = None
    separator: str | None = None
    header: bool | None = None
    names: tuple[str, ...] = ()
    sheet: str | None = None
    inherited: bool = False
    absent: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the options and write them in one way."""
        if self.separator is not None:
            object.__setattr__(self, "separator", separator_of(self.separator))
        if self.encoding is not None:
            _require_encoding(self.encoding)
        object.__setattr__(self, "names", _names(self.names))

    def inherit(self, *absent: str) -> ReadOptions:
        """Return these options for another file that should read alike.

        Args:
            *absent: columns that the other file may lack where it has no header.
        """
        return replace(self, inherited=True, absent=absent)

    def set_names(self) -> tuple[str, ...]:
        """Return which of encoding, separator, header, names and sheet are set.

        >>> ReadOptions(header=False).set_names()
        ('header',)
        """
        return tuple(name for name in _GIVEN if getattr(self, name) not in (None, ()))

    def overruled_by(self, other: ReadOptions) -> ReadOptions:
        """Return these options with those of `other` that are set in their place.

        A header takes the place of names that come from another file.

        >>> ReadOptions(separator=";", sheet="a").overruled_by(ReadOptions(separator=",")).separator
        ','
        >>> ReadOptions(names=("a", "b")).overruled_by(ReadOptions(header=True)).names
        ()
        """
        overruled = {name: getattr(other, name) for name in other.set_names()}
        if other.header and not other.names:  # the first row names the columns, as it is said to
            overruled["names"] = ()
        return replace(self, **overruled)

    def to_dict(self) -> dict[str, object]:
        """Return what is set, for JSON."""
        record = {name: getattr(self, name) for name in self.set_names()}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in record.items()}

    @classmethod
    def from_dict(cls, record: Mapping[str, object]) -> ReadOptions:
        """Return what `to_dict` wrote.

        >>> options = ReadOptions(header=False, names=("a", "b"))
        >>> ReadOptions.from_dict(options.to_dict()) == options
        True
        """
        known: dict[str, Any] = {name: record[name] for name in _GIVEN if name in record}
        return cls(**known)


def separator_of(text: str) -> str:
    """Return the character that a separator's name stands for.

    Raises:
        InputError: several characters that are no name, a quote or a line break.

    >>> separator_of("pipe"), separator_of(";")
    ('|', ';')
    """
    character = SEPARATOR_WORDS.get(text.lower(), text)
    if len(character) != 1 or character in "\"'\r\n" or ord(character) > 127:
        raise InputError(
            f"expected one character as the separator, or one of {', '.join(SEPARATOR_WORDS)}, got "
            f"{text!r}: give one of them"
        )
    return character


def _require_encoding(name: str) -> None:
    try:
        text = "".encode(name)
    except (LookupError, ValueError, TypeError) as error:
        raise InputError(
            f"expected an encoding that Python knows, got {name!r}: try utf-8, utf-16, cp1252 "
            "or shift_jis"
        ) from error
    if not isinstance(text, bytes) or not codecs.lookup(name)._is_text_encoding:
        raise InputError(f"expected an encoding of text, got {name!r}: try utf-8 or cp1252")


def _names(names: Iterable[str]) -> tuple[str, ...]:
    stripped = tuple(str(name).strip() for name in names)
    if "" in stripped:
        raise InputError(
            f"expected a name for every column, got an empty one at place "
            f"{stripped.index('') + 1}: name it"
        )
    twice = [name for name, times in Counter(stripped).items() if times > 1]
    if twice:
        raise InputError(f"expected different names, got {twice[0]!r} twice: rename one")
    return stripped


LOOK = ReadOptions()
"""No option set: how a file is written is found by looking at it."""
