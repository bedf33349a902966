"""Sentences that several loaders share, kept on one line whatever a file's names hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shrinkage.errors import InputError, near_names

_NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?", re.IGNORECASE)

SHOWN = 6
"""How many names a message lists before it stops."""


def one_line(text: object, limit: int = 300) -> str:
    """Return the text with line breaks and runs of blanks made single spaces, cut at `limit`.

    >>> one_line("a\\n  b")
    'a b'
    """
    joined = " ".join(str(text).split())
    return joined if len(joined) <= limit else joined[: limit - 1] + "…"


def listed(names: Iterable[object]) -> str:
    """Return the first names, quoted and separated by commas, and `…` for the rest.

    >>> listed(["a", "b"])
    "'a', 'b'"
    """
    names = list(names)
    return ", ".join(repr(name) for name in names[:SHOWN]) + (", …" if len(names) > SHOWN else "")


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the name of a file in front of what is wrong with it, on one line.

    >>> with naming("t.csv"):
    ...     raise InputError("expected a table, got an empty file")
    Traceback (most recent call last):
        ...
    shrinkage.errors.InputError: 't.csv': expected a table, got an empty file
    """
    try:
        yield
    except InputError as error:
        raise InputError(f"{name!r}: {' '.join(str(error).splitlines())}") from error


def hint(name: str, candidates: Sequence[str]) -> str:
    """Return near names, or the first names there are.

    >>> hint("clas", ["class", "age"])
    'did you mean class?'
    >>> hint("zzz", ["class", "age"])
    "there are 'class', 'age'"
    """
    return one_line(near_names(name, candidates)) or f"there are {listed(candidates)}"


def header_doubt(names: Sequence[str]) -> str:
    """Return a doubt about the header when most column names are numbers, else nothing.

    >>> header_doubt(["5.1", "3.5", "setosa"])
    ' (is the first line of the file a header?)'
    >>> header_doubt(["length", "width", "2020"])
    ''
    """
    numeric = sum(_NUMBER.fullmatch(name) is not None for name in names)
    return " (is the first line of the file a header?)" if 2 * numeric > len(names) else ""


def visible_files(folder: Path) -> list[str]:
    """Return the names in a folder, in order, without those that start with a dot."""
    return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))


def require_column(name: str, names: Sequence[str], role: str) -> None:
    """Raise unless `name` is one of `names`.

    Args:
        name: the wanted column.
        names: the columns there are.
        role: what it is wanted for, for the message.

    Raises:
        InputError: there is no such column.

    >>> require_column("age", ["age"], "target")
    """
    if name not in names:
        raise InputError(
            f"expected a column {name!r} ({role}), got none: {hint(name, names)}"
            f"{header_doubt(names)}"
        )
