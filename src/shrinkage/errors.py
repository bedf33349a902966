"""Errors of the library: each says what was expected, what it got, and what to do.

Who uses this: every module that checks what a person gave it. The command line prints these
errors as one line and ends with status 2; from Python they are `ValueError`s.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[\w.:-]+")  # a name that needs no quotes in a sentence


class ShrinkageError(ValueError):
    """Base of every error that the library raises on purpose."""


class InputError(ShrinkageError):
    """An argument, a file or a table is not what was expected."""


class OverlapError(ShrinkageError):
    """Terms meet on one parameter in a way that has no closed-form proximal operator."""


class UnmatchedPattern(ShrinkageError):
    """A pattern or selection matches no parameter."""


class RunDirectoryError(ShrinkageError):
    """A run directory is missing, unfinished, of another run, or cannot be written."""


class UnsupportedOptimizer(ShrinkageError):
    """The update cannot be right with this optimizer."""


class SkippedReport(UserWarning):
    """A run is kept without page and pictures: what draws them is not installed."""


class OwnDecayWarning(UserWarning):
    """An optimizer decays by itself what a term is on: the two act together."""


class UnseenCellsWarning(UserWarning):
    """A column of new rows says nothing that it said in training, so its inputs say nothing."""


class StaleBuildWarning(UserWarning):
    """A compiled part was built from other sources than those beside it, and is not used."""


class LostWorkerWarning(UserWarning):
    """A worker of a path was lost in the middle of a unit, which is trained again."""


def near_names(name: str, candidates: Iterable[str], count: int = 3) -> str:
    """Return `did you mean …?` with the candidates most like `name`, or an empty string.

    >>> near_names("elasticnet", ["l1", "l2", "elastic-net"])
    'did you mean elastic-net?'
    >>> near_names("y", ["Year", "Y"])
    'did you mean Y?'
    >>> near_names("zzz", ["l1", "l2"])
    ''
    >>> near_names("Ja", ["Ja?", "x"])
    "did you mean 'Ja?'?"
    """
    candidates = list(candidates)
    near = [other for other in candidates if other.casefold() == name.casefold()]
    near = near or difflib.get_close_matches(name, candidates, n=count, cutoff=0.5)
    words = [other if _PLAIN.fullmatch(other) else repr(other) for other in near]
    return f"did you mean {' or '.join(words)}?" if near else ""
