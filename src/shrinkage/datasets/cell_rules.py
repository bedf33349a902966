"""How the cells of one column are read, in training and ever after.

Who uses this: the judgement of a column makes one, preparation keeps it in JSON, and rows to
predict are read by it, so that a cell means in prediction what it meant in training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from shrinkage.datasets.column_specs import ColumnKind


@dataclass(frozen=True)
class CellRule:
    """What was decided about the cells of one column.

    Args:
        kind: what the column is.
        missing: words that mean missing, as `ColumnSpec` says; None: the usual ones.
        decimal: the decimal mark of its numbers.
        thousands: the mark between thousands, or none.
        units: what stands before or behind its numbers (`%`, `$`, `kg`), or nothing.
        magnitudes: whether `k`, `M` and `B` behind a number multiply it.
        date_format: of its dates, as in `datetime.strptime`; `ISO8601` for every ISO form.
        levels: the levels as they are spelled; of an ordinal from low to high.
        truth: the levels that mean false and true, of a column of booleans; else nothing.
        keep_case: whether words that differ only by case are different levels.

    >>> CellRule(ColumnKind.NUMERIC, decimal=",").to_dict()
    {'kind': 'numeric', 'decimal': ','}
    """

    kind: ColumnKind
    missing: tuple[str, ...] | None = None
    decimal: str = "."
    thousands: str = ""
    units: tuple[str, ...] = ()
    magnitudes: bool = False
    date_format: str = ""
    levels: tuple[str, ...] = ()
    truth: tuple[str, ...] = ()
    keep_case: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without those that say nothing."""
        values = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }
        plain = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }
        return {**plain, "kind": self.kind.value}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> CellRule:
        """Return what `to_dict` described.

        >>> rule = CellRule(ColumnKind.NUMERIC, missing=("na",), units=("$",))
        >>> CellRule.from_dict(rule.to_dict()) == rule
        True
        """
        values = {key: tuple(v) if isinstance(v, list) else v for key, v in stored.items()}
        return cls(**{**values, "kind": ColumnKind(stored["kind"])})
