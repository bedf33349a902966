"""Tables, stated numbers and figures of the four experiments of the PyTorch text.

Who uses this: `torch_family`, after its runs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shrinkage.drawing.figures import Axis, LineFigure, Mark, Series
from shrinkage.examples.outcome import Check, Table, at_least, at_most, is_true
from shrinkage.examples.pictures import Pictures
from shrinkage.examples.published import Seen, exact_zeros
from shrinkage.paths.results.fitted import FittedPath
from shrinkage.reports.figures.score import score_figure

if TYPE_CHECKING:
    from shrinkage.examples.torch_family import Family, Run

CHANCE = 0.2  # well above the 10 % of a network that answers one class, far below one that learns


def sparse_choice(path: FittedPath, *, loss: float = 0.015) -> int:
    """Return the position of the largest strength that costs at most `loss` in cross validation."""
    mean = path.score_mean
    return int(np.flatnonzero(mean >= mean.max() - loss)[-1])


def accuracy_on_test(path: FittedPath, which: int | str, found: Pictures) -> float:
    """Return the test accuracy of a refitted model of the path."""
    return float((path.predict(found.X_test, which) == found.y_test).mean())


def zeros_of(path: FittedPath, which: int) -> float:
    """Return the share of a refitted model's weights that are exactly zero."""
    return exact_zeros(path.model(which))


def printed(family: Family, seen: Seen) -> Table:
    """Return what the published loop prints, thinned."""
    rows = zip(seen.steps, seen.losses, seen.penalties, seen.accuracies, strict=True)
    columns = ("batch", "loss", "of which penalty", "test accuracy")
    return Table(f"as published: {family.words}", columns, _thinned(tuple(rows)))


def _thinned(rows: tuple, most: int = 6) -> tuple:
    """Return at most so many rows, the first and the last among them."""
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))
    return tuple(rows[place] for place in chosen)


def path_table(path: FittedPath, found: Pictures, sparse: int | None) -> Table:
    """Return the path, strength by strength, with what was chosen."""
    rows = []
    for place, strength in enumerate(path.strengths):
        marks = [
            word
            for word, index in (
                ("best", path.best.index),
                ("one standard error", path.one_standard_error.index),
                ("sparse choice", sparse),
            )
            if index == place
        ]
        score = float(path.score_mean[place])
        numbers = (score, accuracy_on_test(path, place, found), zeros_of(path, place))
        rows.append((float(strength), *numbers, ", ".join(marks)))
    columns = ("strength", "cross-validated", "test accuracy", "exact zeros", "choice")
    return Table(
        f"the path of {path.summary['penalty']}, {path.summary['update']}", columns, tuple(rows)
    )


def summary(
    family: Family, published: Run, mended: Run, path: FittedPath, strength: float
) -> Table:
    """Return the settings side by side."""
    best, plain = path.best, path.unregularized
    return Table(
        "side by side",
        ("setting", "strength", "test accuracy", "exact zeros"),
        (
            (f"as published: {family.words}", "1", published.accuracy, published.zeros),
            ("published loop, chosen strength", f"{strength:g}", mended.accuracy, mended.zeros),
            (
                "the path's recipe, best strength",
                f"{best.strength:g}",
                _score(best.test_score),
                best.zero_fraction,
            ),
            ("the path's recipe, no penalty", "0", _score(plain.test_score), plain.zero_fraction),
        ),
    )


def _score(value: float | None) -> float:
    return float("nan") if value is None else value


def checks(
    family: Family, found: Pictures, published: Run, mended: Run, path: FittedPath, sparse: int
) -> tuple[Check, ...]:
    """Return the stated numbers."""
    kind = found.kind
    checks = [
        at_most("test accuracy as published", published.accuracy, CHANCE),
        is_true("the audit predicts the collapse", "collapse" in published.report.rules),
        is_true("the audit passes the chosen strength", mended.report.ok),
        at_least("test accuracy of the best", _score(path.best.test_score), family.accuracy[kind]),
        at_least(
            "test accuracy of the published loop with that strength",
            mended.accuracy,
            family.accuracy[kind] - 0.05,
        ),
    ]
    if family.sparse:
        zeros, accuracy = family.sparse[kind]
        checks += [
            at_most("exact zeros as published", published.zeros, 0.0),
            at_least("exact zeros of the sparse choice", zeros_of(path, sparse), zeros),
            at_least(
                "test accuracy of the sparse choice",
                accuracy_on_test(path, sparse, found),
                accuracy,
            ),
        ]
    return tuple(checks)


def accuracy_figure(
    family: Family, published: Run, mended: Run, path: FittedPath, strength: float
) -> LineFigure:
    """Return test accuracy by batch, as published and mended."""

    def series(label: str, run: Run, colour: str) -> Series:
        return Series(label, np.array(run.seen.steps), np.array(run.seen.accuracies), colour)

    best = _score(path.best.test_score)
    reading = (
        f"As published the network answers one class for every picture ({published.accuracy:.1%}); "
        f"the same loop with strength {strength:g} reaches {mended.accuracy:.1%}, and "
        f"the path's own recipe {best:.1%}."
    )
    return LineFigure(
        key=f"{family.name}-accuracy",
        title=f"{family.words}: collapse, and a strength that works",
        reading=reading,
        alt=f"Two curves of test accuracy by batch. {reading}",
        x=Axis("batch"),
        y=Axis("test accuracy", percent=True, limits=(0.0, 1.0)),
        series=(
            series(f"as published: {family.words}", published, "simple"),
            series(f"same loop, strength {strength:g}", mended, "best"),
        ),
        horizontals=(
            Mark(best, f"the path's recipe, strength {path.best.strength:g}", "training"),
        ),
    )


def path_figure(family: Family, path: FittedPath) -> LineFigure:
    """Return the score along the path."""
    title = f"The path of {path.summary['penalty']}, {path.summary['update']}"
    return replace(score_figure(path), key=f"{family.name}-path", title=title)
