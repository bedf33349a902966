"""L1 against L2 against elastic net against dropout, on five data sets at equal budget.

The texts say that L2 is usually more accurate, that L1 selects features, and that L2 "makes
weights zero". The last is false, the second true; the first is a question to data, and is answered
with standard errors over the splits.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shrinkage.datasets import Dataset, load_dataset
from shrinkage.drawing.figures import Axis, Band, Kind, LineFigure, Mark, Series, Ticks
from shrinkage.examples.comparing import (
    DROPOUT,
    METHODS,
    NONE,
    PENALTIES,
    STRENGTHS,
    Method,
    Split,
    compared,
)
from shrinkage.examples.feature_selection import measurements
from shrinkage.examples.outcome import Check, Outcome, Table, at_least, at_most
from shrinkage.examples.spread import mean_and_error

NAMES = ("digits", "breast-cancer", "wine", "diabetes", "mice")
COLOURS = {"L1": "best", "L2": "simple", "elastic net": "training", DROPOUT: "gap"}
MOST = 300

Scores = Mapping[str, list[dict[str, Method]]]


def data_of(name: str) -> tuple[str, Dataset]:
    """Return a data set; instead of the mice, where they are not here, one that is made."""
    if name != "mice":
        return name, load_dataset(name)
    found, _ = measurements(None)
    return ("mice", found) if found.groups is not None else ("made", made())


def made() -> Dataset:
    """Return 600 rows of 60 inputs, of which ten say something of three classes."""
    from sklearn.datasets import make_classification

    X, y = make_classification(600, 60, n_informative=10, n_classes=3, random_state=0)
    names = tuple(f"x{number}" for number in range(60))
    return Dataset(
        name="made", X=np.asarray(X), y=np.asarray(y), task="classification", input_names=names
    )


def run(
    *,
    full: bool = False,
    data: str | None = None,
    splits: int = 3,
    epochs: int = 20,
    names: tuple[str, ...] = NAMES,
) -> Outcome:
    """Run the experiment with so many splits (20 when full) of each data set, or of `data`."""
    splits = 20 if full else splits
    found: dict[str, list[dict[str, Method]]] = {}
    for name in names if data is None else (data,):
        label, dataset = data_of(name)
        found[label] = [
            compared(dataset, Split.drawn(dataset, seed, MOST), epochs=epochs, seed=seed)
            for seed in range(splits)
        ]
    fits = len(STRENGTHS)
    return Outcome(
        "l1-vs-l2",
        f"{', '.join(found)}: {splits} splits, at most {MOST} training rows; {fits} settings a "
        "method, chosen on validation rows",
        (_scores_table(found), _gains_table(found), _zeros_table(found)),
        _checks(found),
        (_figure(found),),
    )


def _scores(runs: list[dict[str, Method]], method: str) -> np.ndarray:
    return np.array([one[method].test for one in runs])


def _plus_minus(values: np.ndarray) -> str:
    mean, error = mean_and_error(values)
    return f"{mean:.3f} ± {error:.3f}"


def _scores_table(found: Scores) -> Table:
    rows = tuple(
        (name, *(_plus_minus(_scores(runs, method)) for method in METHODS))
        for name, runs in found.items()
    )
    return Table("test score (R² for diabetes, else accuracy)", ("data", *METHODS), rows)


def _gains_table(found: Scores) -> Table:
    rows = tuple(
        (name, *(_signed(_scores(runs, "L2") - _scores(runs, other)) for other in _OTHERS))
        for name, runs in found.items()
    )
    names = tuple(f"over {other}" for other in _OTHERS)
    return Table("what L2 is ahead by, paired over the splits", ("data", *names), rows)


_OTHERS = (NONE, "L1", "elastic net", DROPOUT)


def _signed(values: np.ndarray) -> str:
    mean, error = mean_and_error(values)
    return f"{mean:+.3f} ± {error:.3f}"


def _zeros_table(found: Scores) -> Table:
    rows = tuple(
        (name, *(_zeros(runs, method) for method in PENALTIES)) for name, runs in found.items()
    )
    return Table("share of weights that are exactly zero", ("data", *PENALTIES), rows)


def _zeros(runs: list[dict[str, Method]], method: str) -> float:
    return float(np.mean([one[method].zeros for one in runs]))


def _checks(found: Scores) -> tuple[Check, ...]:
    losses = []
    for runs in found.values():
        for method in PENALTIES:
            mean, error = mean_and_error(_scores(runs, method) - _scores(runs, NONE))
            losses.append(-mean - 3 * error)
    return (
        at_most("exact zeros of L2", max(_zeros(runs, "L2") for runs in found.values()), 0.0),
        at_least("exact zeros of L1", min(_zeros(runs, "L1") for runs in found.values()), 0.05),
        at_most("what a chosen penalty loses, beyond three standard errors", max(losses), 0.01),
    )


def _figure(found: Scores) -> LineFigure:
    series, bands = [], []
    for place, (method, colour) in enumerate(COLOURS.items()):
        at = np.arange(len(found)) + 0.16 * (place - 1.5)
        gains = [mean_and_error(_scores(r, method) - _scores(r, NONE)) for r in found.values()]
        mean, error = (np.array(column) for column in zip(*gains, strict=True))
        series.append(Series(method, at, mean, colour, Kind.SPOT))
        for x, middle, half in zip(at, mean, error, strict=True):
            ends = np.array([x - 0.02, x + 0.02])
            bands.append(
                Band("", ends, np.full(2, middle - half), np.full(2, middle + half), colour)
            )
    reading = (
        "Points above the line are better than no regularization on the same splits; the bars are "
        "one standard error. Where the bars of two methods overlap, these data do not tell them "
        "apart."
    )
    ticks = Ticks(tuple(float(n) for n in range(len(found))), tuple(found))
    return LineFigure(
        key="l1-vs-l2",
        title="Test score against no regularization, at equal budget",
        reading=reading,
        alt=f"Four points with bars for each of {len(found)} data sets. {reading}",
        x=Axis("data set", ticks=ticks, limits=(-0.5, len(found) - 0.5)),
        y=Axis("difference of test score"),
        series=tuple(series),
        bands=tuple(bands),
        horizontals=(Mark(0.0, "no regularization", "unregularized"),),
        wide=True,
    )
