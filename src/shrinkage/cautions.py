"""What a person should know before trusting a result: records, found in many rooms, told in one.

Who uses this: `datasets.cautions` looks at rows and columns, `paths` at scores; the run directory
keeps them (`cautions` in `summary.json`), the terminal and the report tell them in the words of
`shrinkage.reports.cautions`. To add one: a member here, its sentence there, and the code that
finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Fact = str | int | float | bool | None | list["Fact"]
"""A value that JSON holds as it is."""


class CautionKind(StrEnum):
    """What there is to know; the value is its name in JSON, the comment names its facts."""

    RARE_CLASSES = "rare_classes"  # classes, rows (of each), folds
    CLASS_UNLEARNED = "class_unlearned"  # classes, folds (numbers from 1)
    NEW_CELLS = "new_cells"  # rows ("test", "validation"), column, cells, missing, unseen, examples
    SCORE_UNDEFINED = "score_undefined"  # score, rows ("test"), reason
    CONSTANT_AS_GOOD = "constant_as_good"  # score, best, constant, margin, standard_error
    UNEQUAL_CLASSES = "unequal_classes"  # label (of the largest), share
    FEW_ROWS_DECIDE = "few_rows_decide"  # rows, of, share (of the target's variance), least
    STRENGTHS_ALIKE = "strengths_alike"  # best, first, last, count, of
    TARGET_IN_COLUMN = "target_in_column"  # column, agreement
    TARGET_IN_MISSING = "target_in_missing"  # column, agreement (with what is missing)
    TOTAL_ROW = "total_row"  # column, value, row (from 1)
    IDENTIFIER = "identifier"  # column, distinct, rows
    REPEATED_COLUMNS = "repeated_columns"  # columns, of (the earlier column that each repeats)
    GROUPS = "groups"  # column, levels, rows, target (whether it is the same in a level), alike
    EPOCH = "epoch"  # column, unit (seconds or milliseconds), least, most (days)
    SENTINEL = (
        "sentinel"  # column, values (as they are written in columns.toml), cells, least, most
    )
    DUPLICATES_ACROSS_FOLDS = "duplicates_across_folds"  # rows, of
    TEST_ROWS_TRAINED = "test_rows_trained"  # rows, of
    TIME_ORDER = "time_order"  # column (None: the order of the rows), correlation


@dataclass(frozen=True)
class Caution:
    """One thing to know: its kind and the facts that its sentence needs.

    Args:
        kind: what it is.
        facts: plain values by name, as JSON holds them.

    >>> caution = Caution(CautionKind.IDENTIFIER, {"column": "id", "distinct": 9, "rows": 9})
    >>> caution.to_dict()
    {'kind': 'identifier', 'column': 'id', 'distinct': 9, 'rows': 9}
    >>> Caution.from_dict(caution.to_dict()) == caution
    True
    """

    kind: CautionKind
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Fact]:
        """Return the kind and the facts as JSON knows them."""
        return {"kind": self.kind.value, **self.facts}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Fact]) -> Caution:
        """Return what `to_dict` described."""
        facts = {name: value for name, value in stored.items() if name != "kind"}
        return cls(CautionKind(stored["kind"]), facts)
