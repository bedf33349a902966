"""What a penalty can be asked for by name: read from the fields of its dataclass.

Who uses this: the command line and the reference page (`options_of`), the tests (`variants_of`),
and whoever writes a penalty (`option`, the metadata of a field). A field whose type a command line
can read (a number, text, yes or no) is an option; others, such as axes, are for Python alone.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from shrinkage.penalties.base import Penalty

READABLE = (bool, int, float, str)
_HELP, _CHOICES, _VARIANTS = "help", "choices", "variants"


def option(
    text: str, *, choices: tuple[str, ...] = (), variants: tuple[Any, ...] = ()
) -> Mapping[str, Any]:
    """Return the metadata of a penalty's field: `field(default=3.0, metadata=option("…"))`.

    Args:
        text: what the field means, a line for the command line and the reference page.
        choices: the words that it may be.
        variants: values, beside the default and the choices, with which the tests run the battery.

    Returns:
        The mapping for `dataclasses.field`.

    >>> dict(option("share of L1", variants=(0.0, 1.0)))
    {'help': 'share of L1', 'choices': (), 'variants': (0.0, 1.0)}
    """
    return {_HELP: text, _CHOICES: choices, _VARIANTS: variants}


@dataclass(frozen=True)
class Option:
    """One field of a penalty that the command line offers, as --name with dashes."""

    name: str
    type: type
    default: Any
    help: str
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """The option as it is typed.

        >>> Option("l1_ratio", float, 0.5, "").flag
        '--l1-ratio'
        """
        return f"--{self.name.replace('_', '-')}"

    @property
    def text(self) -> str:
        """What it means, with its choices and its default.

        >>> Option("per", str, "input", "a group", ("input", "output")).text
        'a group: input, output [default: input]'
        """
        choices = f": {', '.join(self.choices)}" if self.choices else ""
        return f"{self.help}{choices} [default: {self.default}]".strip()


def options_of(penalty: type[Penalty]) -> tuple[Option, ...]:
    """Return the options of a penalty: its fields of a type that a command line can read.

    Args:
        penalty: a dataclass whose fields all have defaults.

    Returns:
        The options in the order of the fields, with the defaults that the object ends up with.

    >>> from shrinkage.penalties import GroupLasso
    >>> [(asked.flag, asked.type, asked.default) for asked in options_of(GroupLasso)]
    [('--per', <class 'str'>, 'input')]
    """
    types_of_fields, usual = typing.get_type_hints(penalty), penalty()
    readable = {
        field: kind
        for field in fields(penalty)
        if (kind := _without_none(types_of_fields[field.name])) in READABLE
    }
    return tuple(
        Option(
            field.name,
            kind,
            getattr(usual, field.name),
            field.metadata.get(_HELP, ""),
            field.metadata.get(_CHOICES, ()),
        )
        for field, kind in readable.items()
    )


def variants_of(penalty: type[Penalty]) -> tuple[Penalty, ...]:
    """Return the penalty with its defaults, then with every choice and variant of each field.

    >>> from shrinkage.penalties import ElasticNet
    >>> variants_of(ElasticNet)
    (ElasticNet(l1_ratio=0.5), ElasticNet(l1_ratio=0.0), ElasticNet(l1_ratio=0.3), \
ElasticNet(l1_ratio=1.0))
    """
    varied = [
        penalty(**{field.name: value})
        for field in fields(penalty)
        for value in (*field.metadata.get(_CHOICES, ()), *field.metadata.get(_VARIANTS, ()))
    ]
    return tuple(dict.fromkeys((penalty(), *varied)))


def _without_none(kind: Any) -> Any:
    """Return the type of a field that may also be None."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind
    rest = [part for part in typing.get_args(kind) if part is not types.NoneType]
    return rest[0] if len(rest) == 1 else kind
