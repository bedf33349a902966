"""A suitable λ needs cross validation: a path of strengths on digits, with its standard error.

The text says so and stops there. A path trains all strengths of a fold at once; the strongest
model within one standard error of the best is as good as can be told, with fewer weights.
"""

from __future__ import annotations

from dataclasses import replace

from shrinkage.datasets import load_dataset
from shrinkage.examples.outcome import Outcome, Table, at_least
from shrinkage.paths import fit_path
from shrinkage.penalties import L1
from shrinkage.reports.figures.score import score_figure

ROLES = ("unregularized", "best", "one_standard_error")


def run(
    *, full: bool = False, data: str | None = None, strengths: int = 12, epochs: int = 60
) -> Outcome:
    """Run the experiment with so many strengths and epochs (20 and the default when full)."""
    found = load_dataset("digits" if data is None else data)
    path = fit_path(
        "mlp:64,32",
        found.X,
        found.y,
        penalty=L1(),
        strengths=20 if full else strengths,
        epochs=None if full else epochs,
        progress=False,
    )
    rows = tuple(
        (
            chosen.role.replace("_", " "),
            chosen.strength,
            chosen.cv_score or 0.0,
            chosen.test_score or 0.0,
            f"{chosen.nonzero} of {chosen.total_weights}",
        )
        for chosen in map(path.by_role, ROLES)
    )
    columns = ("model", "strength", "cross-validated", "test accuracy", "weights left")
    simple = path.one_standard_error
    return Outcome(
        "cross-validation",
        f"{found.name}: {found.n_samples} rows, of which a fifth is for the one look at the end",
        (Table("mlp:64,32 with L1, five folds", columns, rows),),
        (
            at_least("test accuracy of the best", path.best.test_score or 0.0, 0.95),
            at_least("test accuracy one standard error away", simple.test_score or 0.0, 0.94),
            at_least("share of exact zeros one standard error away", simple.zero_fraction, 0.3),
        ),
        (
            replace(
                score_figure(path), key="cross-validation-path", title="L1 on digits, five folds"
            ),
        ),
        {"path": path},
    )
