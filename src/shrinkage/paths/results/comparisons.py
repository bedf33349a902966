"""How far models are apart, said so that chance is not taken for a gain: records of numbers.

Who uses this: the result of a path holds them, the run directory keeps them, terminal and report
tell them. Differences are paired, fold by fold: all models of a fold see the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class EarlyStop:
    """The unregularized network after the epoch that was best over the folds, `epoch` of `of`.

    It is the fair baseline of a strength that was chosen on the same folds. Scores come from the
    learning curves, so from at most 2,000 validation rows a fold, and there is none on test rows.
    """

    epoch: int
    of: int
    cv_score: float | None
    cv_log_loss: float | None = None


@dataclass(frozen=True)
class ComparedModel:
    """Another kind of model on the same folds and test rows; `seconds` is its whole time."""

    name: str
    cv_score: float | None
    test_score: float | None
    cv_log_loss: float | None
    test_log_loss: float | None
    seconds: float


TOLD_APART = 2.0
"""A difference of fewer standard errors is not told from none, where a run says no other number."""


@dataclass(frozen=True)
class Difference:
    """How much higher a model scores than another, paired over the folds, with its standard error.

    `of` and `against` are roles of chosen models, `constant`, `early_stop`, or names of compared
    models; log losses are differences alike, so that a better model has a negative one. `told_by`
    is how many standard errors tell a difference from none: more where folds are few, as their own
    scatter then says little of chance.

    >>> Difference("best", "unregularized", 0.006, 0.004).told_apart
    False
    """

    of: str
    against: str
    score: float
    standard_error: float
    log_loss: float | None = None
    log_loss_standard_error: float | None = None
    told_by: float = TOLD_APART

    def to_dict(self) -> dict[str, object]:
        """Return plain values that JSON can hold, with whether the scores are told apart."""
        return {**asdict(self), "told_apart": self.told_apart}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Difference:
        """Return what `to_dict` described."""
        return cls(**{name: value for name, value in stored.items() if name != "told_apart"})

    @property
    def told_apart(self) -> bool:
        """Return whether the score differs by more than `told_by` standard errors."""
        return abs(self.score) > self.told_by * self.standard_error

    @property
    def log_loss_told_apart(self) -> bool:
        """Return whether the log loss differs by more than `told_by` standard errors."""
        if self.log_loss is None or self.log_loss_standard_error is None:
            return False
        return abs(self.log_loss) > self.told_by * self.log_loss_standard_error
