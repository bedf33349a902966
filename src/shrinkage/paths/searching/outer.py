"""An honest score of a whole search: repeated without some rows, and looked at on just those.

Who uses this: `fit_search`. The best of many trials is the best on the folds by luck, too, so that
its score over them flatters; a search that never saw the rows that score it does not.

Source: Varma and Simon, Bias in error estimation when using cross-validation for model selection
(2006).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from shrinkage.datasets import Dataset, make_folds, take_rows
from shrinkage.errors import InputError
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.options import PathOptions
from shrinkage.paths.results.records import standard_error
from shrinkage.paths.running.plan import Model, Plan, make_plan
from shrinkage.paths.running.progress import Progress
from shrinkage.paths.running.store import Store
from shrinkage.paths.searching.fit import search
from shrinkage.paths.searching.space import SearchSpec
from shrinkage.terms import Term

OUTER_LABEL = 4_000


@dataclass(frozen=True)
class OuterScores:
    """Scores on the rows of each outer fold, (folds,): of the search, and without regularization.

    >>> OuterScores((0.9, 0.8), (0.8, 0.8)).to_dict()["score"]
    0.85
    """

    best: tuple[float, ...]
    unregularized: tuple[float, ...]

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


def check_outer(spec: SearchSpec, options: PathOptions, validation: np.ndarray | None) -> None:
    """Refuse what cannot be repeated on fewer rows, before anything is trained.

    Raises:
        InputError: folds are row numbers, or the validation rows are the user's own.
    """
    if not spec.outer:
        return
    if validation is not None or isinstance(options.folds, tuple):
        what = "validation rows of your own" if validation is not None else "folds as row numbers"
        raise InputError(
            f"expected folds that can be drawn anew for a nested score, got {what}: give outer=0 "
            "(--outer 0)"
        )


def outer_scores(
    model: Model,
    plan: Plan,
    spec: SearchSpec,
    fixed: Iterable[Term],
    store: Store,
    progress: Progress,
) -> OuterScores:
    """Return what the whole search scores on rows that it never saw.

    Args:
        model: as it was given.
        plan: of the search; its test rows are not used.
        spec: of the search.
        fixed: terms that every model has.
        store: keeps the units of each outer fold in a folder of its own.
        progress: is told of every step.
    """
    data, rows = plan.preparation.data, plan.preparation.split.train
    groups = None if data.groups is None else data.groups[rows]
    seed = derived_seed(plan.options.seed, OUTER_LABEL) % 2**32
    pairs = make_folds(data.y[rows], data.task, groups, spec.outer, seed)
    options = replace(plan.options, rare="keep", rare_below=None)
    best, plain = [], []
    first, *beside = spec.penalties
    for number, (fit, held) in enumerate(pairs, start=1):
        progress.say(f"Nested score: the search without outer fold {number} of {len(pairs)}.")
        outer = _without(data, rows[fit], rows[held], number)
        own = make_plan(model, outer, first, options, None, tuple(fixed), beside)
        root = None if store.root is None else store.root / "state" / f"outer-{number}"
        with closing(own.runner):
            result = search(own, replace(spec, outer=0), Store(root), progress)
        best.append(_score(result.best.test_score))
        plain.append(_score(result.unregularized.test_score))
    return OuterScores(tuple(best), tuple(plain))


def _without(data: Dataset, fit: np.ndarray, held: np.ndarray, number: int) -> Dataset:
    """Return the rows to fit with those that were held out as its test set."""
    return replace(
        data,
        X=take_rows(data.X, fit),
        y=data.y[fit],
        groups=None if data.groups is None else data.groups[fit],
        sample_weight=None if data.sample_weight is None else data.sample_weight[fit],
        test=(take_rows(data.X, held), data.y[held]),
        test_name=f"outer fold {number}",
    )


def _score(value: float | None) -> float:
    return float("nan") if value is None else value
