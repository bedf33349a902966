"""An honest score of a whole search, beside that of the network without regularization.

Who uses this: `fit_search`. The best of many trials is the best on the folds by luck, too, so that
its score over them flatters; the same search on the rows outside an outer fold never saw those that
score it. Nested cross validation (`shrinkage.paths.nested`) repeats it.

Source: Varma and Simon, Bias in error estimation when using cross-validation for model selection
(2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage.paths.results.nested_score import NestedScore
from shrinkage.paths.results.records import standard_error


@dataclass(frozen=True)
class OuterScores:
    """Scores on the rows of each outer fold, (folds,): of the search, and without regularization.

    >>> OuterScores((0.9, 0.8), (0.8, 0.8)).to_dict()["score"]
    0.85
    """

    best: tuple[float, ...]
    unregularized: tuple[float, ...]

    @classmethod
    def of(cls, nested: NestedScore) -> OuterScores:
        """Return the scores of nested cross validation."""
        return cls(nested.scores, nested.unregularized)

    def to_dict(self) -> dict[str, object]:
        """Return plain values, the means and their standard errors among them."""
        best, plain = np.array(self.best), np.array(self.unregularized)
        told = {"score": best, "without": plain, "difference": best - plain}
        means = {name: round(float(values.mean()), 12) for name, values in told.items()}
        errors = {
            f"{name}_standard_error": float(standard_error(values[None])[0])
            for name, values in told.items()
        }
        scores = {"scores": list(self.best), "unregularized": list(self.unregularized)}
        return {"folds": len(best), **scores, **means, **errors}
