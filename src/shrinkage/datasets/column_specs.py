"""What a person says about columns, and the file `columns.toml` that says so.

Who uses this: the judgement of columns, which obeys it; `shrinkage data`, which writes one to edit.
tomllib reads; the few lines that write rest on JSON's strings being TOML's basic strings.
Source: https://toml.io/en/v1.0.0
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any

from shrinkage.errors import InputError, near_names

DECIMAL_MARKS = (".", ",")
THOUSANDS_MARKS = ("", ",", ".", "'", " ", "_")
"""Marks between thousands: a blank stands for blanks of every width, one apostrophe for all."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class ColumnKind(Enum):
    """What a column is; the value is its name in JSON."""

    PIXELS = "pixels"
    SHAPED = "shaped"
    NUMERIC = "numeric"
    CATEGORY = "category"
    ORDINAL = "ordinal"
    DATE = "date"


ENCODINGS = ("one-hot", "target", "hash", "ordinal")
"""How levels become inputs: one each, their mean target, hashed, or their place in the order."""

SPOKEN_KINDS = tuple(
    kind.value for kind in ColumnKind if kind not in (ColumnKind.PIXELS, ColumnKind.SHAPED)
)
"""The kinds that a person can ask for."""


@dataclass(frozen=True)
class ColumnSpec:
    """What a person says about one column; what is None or empty is judged by its cells.

    Args:
        kind: what the column is.
        missing: these words, beside empty cells, mean missing; among words no others do, among
            numbers and dates the usual ones too, but for (): none does; None: the usual ones.
        decimal: the decimal mark of its numbers.
        thousands: the mark between thousands; "" says that there is none.
        unit: what stands before or behind each number, such as `$` or `kg`.
        date_format: of its dates, as in `datetime.strptime`.
        order: the levels of an ordinal, from low to high.
        keep_case: whether words that differ only by case are different levels.
        group: the name of a group of columns that a group penalty keeps or drops together.
        free: whether the column's inputs stay unpenalised.
        encode: how its levels become inputs, out of `ENCODINGS`; None: one-hot, or by their order.
        rare: levels of fewer training rows than this share one input; None: 5 in a column of more
            than 50 levels.
        indicator: whether an input says that a number, date or ordinal is missing; None: where at
            least 1 % of the training rows miss it.
        drop: whether the column is left out.

    Raises:
        InputError: a mark, order or combination that means nothing.

    >>> ColumnSpec(decimal=",").to_dict()
    {'decimal': ','}
    """

    kind: ColumnKind | None = None
    missing: tuple[str, ...] | None = None
    decimal: str | None = None
    thousands: str | None = None
    unit: str | None = None
    date_format: str | None = None
    order: tuple[str, ...] = ()
    keep_case: bool = False
    group: str | None = None
    free: bool = False
    encode: str | None = None
    rare: int | None = None
    indicator: bool | None = None
    drop: bool = False

    @property
    def said_kind(self) -> ColumnKind | None:
        """Return the kind that a person named, or that what they said implies.

        >>> ColumnSpec(decimal=",").said_kind, ColumnSpec(free=True).said_kind
        (<ColumnKind.NUMERIC: 'numeric'>, None)
        """
        if self.kind is not None:
            return self.kind
        if self.order:
            return ColumnKind.ORDINAL
        if self.date_format is not None:
            return ColumnKind.DATE
        numeric = (self.decimal, self.thousands, self.unit)
        return None if numeric == (None, None, None) else ColumnKind.NUMERIC

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        _require_mark("decimal", self.decimal, DECIMAL_MARKS)
        _require_mark("thousands", self.thousands, THOUSANDS_MARKS)
        if self.decimal is not None and self.decimal == self.thousands:
            raise InputError(
                f"expected two marks for decimals and thousands, got {self.decimal!r} for both: "
                "change one"
            )
        if self.order and self.kind not in (None, ColumnKind.ORDINAL):
            raise InputError(
                f"expected an order for an ordinal column, got one for kind {self.kind.value!r}: "
                "leave one of the two out"
            )
        if self.kind is ColumnKind.ORDINAL and len(set(self.order)) < 2:
            raise InputError(
                "expected the order of an ordinal column, from low to high, got fewer than two "
                'levels: write order = ["low", "high"]'
            )
        self._check_encoding()
        if len(set(self.order)) < len(self.order):
            raise InputError(f"expected different levels in order, got {list(self.order)!r}")

    def _check_encoding(self) -> None:
        """Refuse encodings of what has no levels; an encoding says that a column has some."""
        if self.rare is not None and self.rare < 1:
            raise InputError(f"expected rare as a number of rows from 1 on, got {self.rare}")
        if self.encode is None:
            return
        if self.encode not in ENCODINGS:
            raise InputError(
                f"expected an encoding out of {', '.join(ENCODINGS)}, got {self.encode!r}: choose "
                "one of them"
            )
        by_order = self.encode == "ordinal"
        if self.kind is None:
            kind = ColumnKind.ORDINAL if by_order or self.order else ColumnKind.CATEGORY
            object.__setattr__(self, "kind", kind)
        wrong = (ColumnKind.NUMERIC, ColumnKind.DATE, *([ColumnKind.CATEGORY] if by_order else []))
        if self.kind in wrong:
            raise InputError(
                f"expected a column with levels{' in an order' if by_order else ''} for encode = "
                f"{self.encode!r}, got kind {self.kind.value!r}: leave one of the two out"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return what was said, as plain values for TOML and JSON."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in said.items()
            if value != type(self).__dataclass_fields__[name].default
        }
        return plain if self.kind is None else {**plain, "kind": self.kind.value}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> ColumnSpec:
        """Return what plain values say.

        Raises:
            InputError: an unknown field, or a value of another type.

        >>> ColumnSpec.from_dict({"kind": "ordinal", "order": ["low", "high"]}).order
        ('low', 'high')
        """
        known = [field.name for field in fields(cls)]
        for name, value in said.items():
            if name not in known:
                near = near_names(name, known)
                raise InputError(
                    f"expected some of {', '.join(known)}, got {name!r}: {near or 'leave it out'}"
                )
            if not _TYPES[name](value):
                raise InputError(f"expected {_WORDS[_TYPES[name]]} for {name}, got {value!r}")
        values: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in said.items()
        }
        if "kind" in values:
            if values["kind"] not in SPOKEN_KINDS:
                raise InputError(
                    f"expected a kind out of {', '.join(SPOKEN_KINDS)}, got {values['kind']!r}"
                )
            values["kind"] = ColumnKind(values["kind"])
        return cls(**values)


def _require_mark(name: str, mark: str | None, marks: tuple[str, ...]) -> None:
    if mark is not None and mark not in marks:
        raise InputError(
            f"expected a {name} mark out of {', '.join(map(repr, marks))}, got {mark!r}: "
            "choose one of them"
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_texts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_is_text, value))


_WORDS = {
    _is_count: "a whole number",
    _is_text: "a text",
    _is_flag: "true or false",
    _are_texts: "a list of texts",
}
_TYPES = {
    **dict.fromkeys(
        ("kind", "decimal", "thousands", "unit", "date_format", "group", "encode"), _is_text
    ),
    **dict.fromkeys(("missing", "order"), _are_texts),
    **dict.fromkeys(("keep_case", "free", "drop", "indicator"), _is_flag),
    "rare": _is_count,
}


def read_specs(path: Path) -> dict[str, ColumnSpec]:
    """Read a `columns.toml`: one table a column, its fields those of `ColumnSpec`.

    Args:
        path: the file.

    Returns:
        What it says, by column.

    Raises:
        InputError: the file cannot be read, or says what means nothing; names file and column.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(
            f"expected to read {path.name!r}, got {error.strerror}: check the path"
        ) from error
    except ValueError as error:
        raise InputError(f"expected TOML in {path.name!r}, got {error}: correct it") from error
    specs: dict[str, ColumnSpec] = {}
    for name, values in said.items():
        if not isinstance(values, dict):
            raise InputError(
                f"{path.name!r}: expected a table [{toml_key(name)}] for every column, got "
                f"{name} = {values!r}: put it below the line of its column"
            )
        try:
            specs[name] = ColumnSpec.from_dict(values)
        except InputError as error:
            raise InputError(f"{path.name!r}, column {name!r}: {error}") from None
    return specs


def specs_of(columns: object) -> dict[str, ColumnSpec]:
    """Return what is said about columns: by a `columns.toml`, or by a mapping in memory.

    Args:
        columns: a path, names with a `ColumnSpec` or its plain values, or None for nothing.

    Raises:
        InputError: something else.

    >>> specs_of({"city": {"encode": "hash"}})["city"].encode
    'hash'
    """
    if columns is None:
        return {}
    if isinstance(columns, (str, Path)):
        return read_specs(Path(columns))
    if not isinstance(columns, Mapping):
        raise InputError(
            f"expected names of columns with what is said about them, got "
            f"{type(columns).__name__}: write for example "
            '{"size": {"kind": "ordinal", "order": ["S", "M"]}}'
        )
    specs = {}
    for name, said in columns.items():
        if not isinstance(said, (ColumnSpec, Mapping)):
            raise InputError(
                f"column {name!r}: expected a ColumnSpec or its values by name, got {said!r}"
            )
        try:
            specs[str(name)] = said if isinstance(said, ColumnSpec) else ColumnSpec.from_dict(said)
        except InputError as error:
            raise InputError(f"column {name!r}: {error}") from None
    return specs


def specs_text(specs: Mapping[str, ColumnSpec]) -> str:
    """Return the text of a `columns.toml` that `read_specs` reads back.

    >>> print(specs_text({"net price": ColumnSpec(ColumnKind.NUMERIC, decimal=",")}), end="")
    ["net price"]
    kind = "numeric"
    decimal = ","
    """
    tables = []
    for name, spec in specs.items():
        said = spec.to_dict()
        ordered = [field.name for field in fields(ColumnSpec) if field.name in said]
        lines = [f"{key} = {_toml_value(said[key])}" for key in ordered]
        tables.append("\n".join([f"[{toml_key(name)}]", *lines, ""]))
    return "\n".join(tables)


def toml_key(name: str) -> str:
    """Return a column's name as a key of TOML, quoted where it has to be.

    >>> toml_key("age"), toml_key("a.b")
    ('age', '"a.b"')
    """
    return name if _BARE_KEY.fullmatch(name) else _toml_text(name)


def _toml_text(text: str) -> str:
    # JSON leaves the one control character above 31 as it is, TOML does not
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml_value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    return _toml_text(value) if isinstance(value, str) else str(value).lower()
