"""How a score is called and shown."""

from __future__ import annotations

import math
from dataclasses import dataclass

from shrinkage.drawing.text import MISSING, plain


@dataclass(frozen=True)
class ScoreWording:
    """How a score is called and shown; `percent` shows 0.972 as 97.2 %."""

    label: str
    percent: bool

    def text(self, value: float | None) -> str:
        """Return one score as text.

        >>> ScoreWording("accuracy", True).text(0.9722), ScoreWording("R²", False).text(0.4821)
        ('97.2 %', '0.482')
        """
        if value is None or not math.isfinite(value):
            return MISSING
        if self.percent:
            return f"{100 * value:.1f} %"
        return f"{value:.3f}" if abs(value) < 100 else f"{value:.5g}"

    def difference(self, value: float) -> str:
        """Return the size of a difference of two scores as text.

        >>> ScoreWording("accuracy", True).difference(-0.011)
        '1.1 points'
        >>> ScoreWording("accuracy", True).difference(0.0002)
        'less than 0.1 points'
        >>> ScoreWording("R²", False).difference(0.02)
        '0.020'
        """
        if not self.percent:
            return self.text(abs(value))
        points = f"{abs(100 * value):.1f}"
        return "less than 0.1 points" if points == "0.0" else f"{points} points"


_SCORES = {
    "accuracy": ScoreWording("accuracy", True),
    "balanced_accuracy": ScoreWording("balanced accuracy", True),
    "r2": ScoreWording("R²", False),
}


def score_wording(name: str) -> ScoreWording:
    """Return how the scorer of that name is shown; unknown names are plain numbers.

    >>> score_wording("r2").label, score_wording("neg_log_loss").label
    ('R²', 'neg log loss')
    """
    return _SCORES.get(name, ScoreWording(plain(name.replace("_", " ")), False))
