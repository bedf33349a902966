"""How a score is called and shown."""

from __future__ import annotations

import math
from dataclasses import dataclass

from shrinkage.drawing.text import MISSING, number_text, plain, with_minus

_LARGE = 1e4  # from here on, digits behind the point say nothing


@dataclass(frozen=True)
class ScoreWording:
    """How a score is called and shown; `percent` shows 0.972 as 97.2 %."""

    label: str
    percent: bool

    def text(self, value: float | None) -> str:
        """Return one score as text.

        A share is 0 % or 100 % only when it is exactly so, and nothing is a negative zero.

        >>> ScoreWording("accuracy", True).text(0.9722), ScoreWording("R²", False).text(0.4821)
        ('97.2 %', '0.482')
        >>> ScoreWording("accuracy", True).text(0.9999), ScoreWording("R²", False).text(-0.0001)
        ('over 99.9 %', '0.000')
        >>> ScoreWording("R²", False).text(-123.456), ScoreWording("R²", False).text(-7.0631e15)
        ('−123.5', '−7.06e15')
        """
        if value is None or not math.isfinite(value):
            return MISSING
        if not self.percent:
            size = abs(value)
            digits = 3 if size < 100 else 1
            return with_minus(f"{value:z.{digits}f}") if size < 1000 else number_text(value)
        text = with_minus(f"{100 * value:z.1f} %")
        if text == "100.0 %" and value < 1:
            return "over 99.9 %"
        return "under 0.1 %" if text == "0.0 %" and value > 0 else text

    def interval(self, low: float, high: float) -> str:
        """Return the ends of an interval as text.

        >>> ScoreWording("accuracy", True).interval(0.91, 0.985)
        '91.0 to 98.5 %'
        """
        first, last = self.text(low), self.text(high)
        return f"{first.removesuffix(' %')} to {last}"

    def difference(self, value: float) -> str:
        """Return the size of a difference of two scores as text.

        >>> ScoreWording("accuracy", True).difference(-0.011)
        '1.1 points'
        >>> ScoreWording("accuracy", True).difference(0.0002)
        'less than 0.1 points'
        >>> ScoreWording("R²", False).difference(0.02)
        '0.020'
        >>> ScoreWording("R²", False).difference(0.0002)
        'less than 0.001'
        """
        if not self.percent:
            text = self.text(abs(value))
            return "less than 0.001" if text == "0.000" and value else text
        points = f"{abs(100 * value):.1f}"
        return "less than 0.1 points" if points == "0.0" else f"{points} points"

    def signed(self, value: float, error: float) -> str:
        """Return a difference with its standard error as text, of percentages in points.

        A small error has one digit more, so that a reader can see how many of it a difference is.

        >>> ScoreWording("accuracy", True).signed(0.0062, 0.0041)
        '+0.6 ± 0.4'
        >>> ScoreWording("accuracy", True).signed(0.0035, 0.0016)
        '+0.35 ± 0.16'
        >>> ScoreWording("R²", False).signed(-0.0004, 0.01)
        '+0.000 ± 0.010'
        >>> LOG_LOSS.signed(-0.041, 0.013)
        '−0.041 ± 0.013'
        >>> ScoreWording("R²", False).signed(2.04e44, 1.29e45)
        '+2.04e44 ± 1.29e45'
        """
        scale, digits = (100.0, 1) if self.percent else (1.0, 3)
        if abs(scale * value) >= _LARGE or scale * error >= _LARGE:
            sign = "+" if value >= 0 else ""
            return f"{sign}{number_text(scale * value)} ± {number_text(scale * error)}"
        digits += 0 < scale * error < 3 * 10**-digits
        difference = with_minus(f"{scale * value:+z.{digits}f}")
        return f"{difference} ± {scale * error:.{digits}f}"


LOG_LOSS = ScoreWording("log loss", False)

_SCORES = {
    "accuracy": ScoreWording("accuracy", True),
    "balanced_accuracy": ScoreWording("balanced accuracy", True),
    "r2": ScoreWording("R²", False),
    "d2_poisson": ScoreWording("D² of the Poisson deviance", False),
    "mean_average_precision": ScoreWording("mean average precision", False),
    "concordance": ScoreWording("concordance index", False),
}


def score_wording(name: str) -> ScoreWording:
    """Return how the scorer of that name is shown; unknown names are plain numbers.

    >>> score_wording("r2").label, score_wording("neg_log_loss").label
    ('R²', 'neg log loss')
    """
    kind, _, quantile = name.partition(":")
    if kind == "d2_pinball" and quantile:
        return ScoreWording(f"D² of the pinball loss at {plain(quantile)}", False)
    return _SCORES.get(name, ScoreWording(plain(name.replace("_", " ")), False))
