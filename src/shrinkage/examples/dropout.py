"""Dropout, which the texts name as the usual other regularizer: its rate chosen as a strength is.

A rate is a setting like a strength, and is chosen on validation rows; L2 and no regularization
stand beside it, on the same splits with the same number of fits.
"""

from __future__ import annotations

import numpy as np

from shrinkage.datasets import load_dataset
from shrinkage.drawing.figures import Axis, LineFigure, Mark, Series
from shrinkage.examples.comparing import DROPOUT, NONE, RATES, Split, dropout_rates, penalised
from shrinkage.examples.outcome import Outcome, Table, at_least
from shrinkage.examples.spread import mean_and_error, standard_error

ROWS = 300


def run(
    *, full: bool = False, data: str | None = None, splits: int = 4, epochs: int = 40
) -> Outcome:
    """Run the experiment with so many splits (20 when full)."""
    found = load_dataset(data or "digits")
    seeds = range(20 if full else splits)
    drawn = [(seed, Split.drawn(found, seed, ROWS)) for seed in seeds]
    runs = [dropout_rates(found, split, epochs=epochs, seed=seed) for seed, split in drawn]
    pairs = [penalised(found, split, "L2", epochs=epochs, seed=seed) for seed, split in drawn]
    chosen = {
        NONE: [none for _, none in pairs],
        "L2": [l2 for l2, _ in pairs],
        DROPOUT: [max(rates, key=lambda method: method.validation) for rates in runs],
    }
    scores = {name: np.array([one.test for one in methods]) for name, methods in chosen.items()}
    rates = np.array([[method.test for method in one] for one in runs])
    rows = tuple(
        (name, *mean_and_error(values), float(np.mean([one.setting for one in chosen[name]])))
        for name, values in scores.items()
    )
    names = ("method", "test score", "standard error", "mean setting")
    gain, error = mean_and_error(scores[DROPOUT] - scores[NONE])
    return Outcome(
        "dropout",
        f"{found.name}, {len(drawn)} splits, {ROWS} training rows",
        (Table("chosen on validation rows", names, rows),),
        (
            at_least("test score with dropout", float(scores[DROPOUT].mean()), 0.90),
            at_least(
                "what dropout gains, plus three standard errors",
                gain + 3 * error,
                0.0,
            ),
        ),
        (_figure(rates, float(scores[NONE].mean()), float(scores["L2"].mean())),),
    )


def _figure(rates: np.ndarray, none: float, l2: float) -> LineFigure:
    mean, error = rates.mean(axis=0), standard_error(rates)
    reading = (
        f"Without dropout the score is {none:.3f}, with L2 {l2:.3f}; the best rate has "
        f"{mean.max():.3f}."
    )
    return LineFigure(
        key="dropout-rates",
        title="Test score by dropout's rate",
        reading=reading,
        alt=f"A curve over four rates and two lines. {reading}",
        x=Axis("rate of dropout"),
        y=Axis("test score", percent=True),
        series=(
            Series(
                "dropout, mean over the splits", np.array(RATES), rates.mean(0), "gap", error=error
            ),
        ),
        horizontals=_marks(none, l2),
    )


def _marks(none: float, l2: float) -> tuple[Mark, ...]:
    """Return the lines without dropout, one where both would lie on each other."""
    if abs(none - l2) < 5e-5:
        return (Mark(none, "no regularization; L2, strength chosen: the same", "unregularized"),)
    return (
        Mark(none, "no regularization", "unregularized"),
        Mark(l2, "L2, strength chosen", "simple"),
    )
