"""Terms as one writes them on a command line: `1e-3*l2`, `0.01*elastic-net(l1_ratio=0.3)`.

Who uses this: `shrinkage path --with`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shrinkage.errors import InputError
from shrinkage.penalties.registry import penalty_from_name
from shrinkage.terms.term import Term

_TERM = re.compile(r"\s*(?P<strength>[^*()]+)\*\s*(?P<name>[\w-]+)\s*(\((?P<options>[^()]*)\))?\s*")


@dataclass(frozen=True)
class WrittenTerm:
    """A term as it was written: the penalty by the name that was typed."""

    strength: float
    name: str
    options: Mapping[str, float | str]

    def term(self) -> Term:
        """Return the term.

        Raises:
            InputError: no penalty of that name, no such option, or a bad value.
        """
        return Term(self.strength, penalty_from_name(self.name, **self.options))


def term_from_text(text: str, what: str = "a term") -> Term:
    """Return the term that a text writes as `STRENGTH*PENALTY` or `STRENGTH*PENALTY(OPTION=VALUE)`.

    Args:
        text: the strength, the penalty's name in the registry, and its options.
        what: what the text is called, for the error.

    Raises:
        InputError: another form, no strength, no penalty of that name, or no such option.

    >>> term_from_text("1e-3*l2"), term_from_text("0.01 * elastic-net(l1_ratio=0.3)")
    (0.001 * L2() on weights(), 0.01 * ElasticNet(l1_ratio=0.3) on weights())
    """
    return written_term(text, what).term()


def written_term(text: str, what: str = "a term") -> WrittenTerm:
    """Return the parts of a text that writes a term; the names in it are not looked up.

    Args:
        text: as for `term_from_text`.
        what: what the text is called, for the error.

    Raises:
        InputError: another form, or no strength.

    >>> written_term("1e-3*ridge").name
    'ridge'
    """
    match = _TERM.fullmatch(text)
    try:
        strength = float(match["strength"]) if match else None
    except ValueError:
        strength = None
    if match is None or strength is None:
        raise InputError(
            f"expected {what} as STRENGTH*PENALTY, got {text!r}: write for example 1e-3*l2 or "
            "1e-3*elastic-net(l1_ratio=0.3)"
        )
    options = {}
    for pair in filter(None, (part.strip() for part in (match["options"] or "").split(","))):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not value:
            raise InputError(
                f"expected options of {what} as NAME=VALUE, got {pair!r}: write for example "
                "1e-3*elastic-net(l1_ratio=0.3)"
            )
        options[name.replace("-", "_")] = _value(value)
    return WrittenTerm(strength, match["name"], options)


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
