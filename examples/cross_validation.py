"""A suitable λ by cross validation: the path on digits, and one standard error.

The text says that λ needs cross validation, and stops there. A path trains all strengths of a fold
at once; the strongest model within one standard error of the best is as good as can be told, with
fewer weights.
"""

from __future__ import annotations

from common import Outcome, main
from shrinkage import L1, fit_path
from shrinkage.datasets import load_dataset


def run(
    *, full: bool = False, data: str | None = None, strengths: int = 12, epochs: int = 60
) -> Outcome:
    """Run the experiment; 20 strengths and the default epochs when full."""
    table = load_dataset(data or "digits")
    path = fit_path(
        "mlp:64,32",
        table.X,
        table.y,
        penalty=L1(),
        strengths=20 if full else strengths,
        epochs=None if full else epochs,
        progress=False,
    )
    outcome = Outcome(
        f"{table.name}: {table.n_samples} rows, of which a fifth is for the one look at the end"
    )
    outcome.table(
        "mlp:64,32 with L1, five folds",
        ("model", "strength", "cross-validated", "test accuracy", "weights left"),
        [
            (
                model.role.replace("_", " "),
                model.strength,
                model.cv_score or 0.0,
                model.test_score or 0.0,
                f"{model.nonzero} of {model.total_weights}",
            )
            for model in (path.unregularized, path.best, path.one_standard_error)
        ],
    )
    simple = path.one_standard_error
    outcome.at_least("test accuracy of the best", path.best.test_score, 0.95)
    outcome.at_least("test accuracy one standard error away", simple.test_score, 0.94)
    share = "share of exact zeros one standard error away"
    outcome.at_least(share, simple.zero_fraction, 0.3)
    outcome.path("path", path, "cross-validation-path", "L1 on digits, five folds")
    return outcome


if __name__ == "__main__":
    main(run)
