"""The score of the whole procedure by nested cross validation, as a record.

Who uses this: the result of a path, its summary, the terminal and the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class NestedScore:
    """Scores of models whose strength was chosen without the rows that they are scored on.

    Args:
        scores: of each outer fold, the best model's on the rows left out of everything.
        strengths: that each outer fold chose.
        log_losses: of classes, else None.
        unregularized: of each outer fold, the score of the model without regularization.
        settings: of a surface or a search, what each outer fold chose on every axis.
    """

    scores: tuple[float, ...]
    strengths: tuple[float, ...]
    log_losses: tuple[float, ...] | None = None
    unregularized: tuple[float, ...] = ()
    settings: tuple[Mapping[str, float | str], ...] = ()

    @property
    def mean(self) -> float:
        """Return the mean score."""
        return float(np.mean(self.scores))

    @property
    def standard_error(self) -> float:
        """Return sd(ddof = 1)/√folds.

        >>> NestedScore((1.0, 3.0), (0.1, 0.1)).standard_error
        1.0
        """
        return float(np.std(self.scores, ddof=1) / np.sqrt(len(self.scores)))

    def to_dict(self) -> dict[str, object]:
        """Return plain values that JSON can hold."""
        losses = self.log_losses
        return {
            "folds": len(self.scores),
            "score": self.mean,
            "standard_error": self.standard_error,
            "log_loss": None if losses is None else float(np.mean(losses)),
            "scores": list(self.scores),
            "strengths": list(self.strengths),
            "log_losses": None if losses is None else list(losses),
            "unregularized": list(self.unregularized),
            **({"settings": list(self.settings)} if any(self.settings) else {}),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> NestedScore:
        """Return what `to_dict` described."""
        losses = stored["log_losses"]
        return cls(
            tuple(stored["scores"]),
            tuple(stored["strengths"]),
            None if losses is None else tuple(losses),
            tuple(stored.get("unregularized", ())),
            tuple(stored.get("settings", [{}] * len(stored["scores"]))),
        )
