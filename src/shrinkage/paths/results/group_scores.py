"""The score of each group of rows, as a record: who is a model good for?

Who uses this: the result of a path, its summary, the terminal and the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class GroupScore:
    """The best strength's score on the rows of one group.

    Scores are None where none is defined. `constant` is the model without inputs, trained on rows
    of all groups; `cv_rows` are those of the folds, every row once a round.
    """

    group: str
    cv_rows: int
    cv_score: float | None
    cv_constant: float | None
    test_rows: int
    test_score: float | None
    test_constant: float | None


@dataclass(frozen=True)
class GroupScores:
    """The scores by the groups of a column."""

    column: str
    groups: tuple[GroupScore, ...]

    def to_dict(self) -> dict[str, object]:
        """Return plain values that JSON can hold."""
        return {"column": self.column, "groups": [asdict(group) for group in self.groups]}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> GroupScores:
        """Return what `to_dict` described."""
        return cls(stored["column"], tuple(GroupScore(**group) for group in stored["groups"]))
