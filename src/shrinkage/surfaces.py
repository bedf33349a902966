"""Fit a surface or a search, keep it, report it: more than one axis, otherwise as `shrinkage.run`.

Who uses this: people, from Python (`fit_surface`, `fit_search`), and the command line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shrinkage.extras import needs, require

with needs("paths"):
    import numpy as np
    import torch

    from shrinkage.datasets import Dataset
    from shrinkage.errors import InputError
    from shrinkage.paths.choosing.scores import scoring_quietly
    from shrinkage.paths.data_losses import task_of
    from shrinkage.paths.options import PathOptions
    from shrinkage.paths.own_sets import dataset_of
    from shrinkage.paths.results.fitted import FittedPath
    from shrinkage.paths.results.surfaces import Value
    from shrinkage.paths.running.engine_choice import with_engine
    from shrinkage.paths.running.estimate import Estimate
    from shrinkage.paths.running.plan import Model, Plan, identity_of_data, make_plan
    from shrinkage.paths.running.progress import Progress, progress_bar
    from shrinkage.paths.running.store import (
        Store,
        fingerprint_of,
        is_finished,
        mark_finished,
        open_store,
    )
    from shrinkage.paths.surfaces.fit import fit_cells
    from shrinkage.paths.surfaces.spec import SurfaceSpec
    from shrinkage.paths.surfaces.variants import variants_of
    from shrinkage.penalties import L1, L2, Penalty
    from shrinkage.run import PathRun, load_result, options_of
    from shrinkage.terms import Term, Terms, as_terms

if TYPE_CHECKING:
    from shrinkage.paths.searching.space import SearchSpec


def fit_surface(
    model: Model,
    X: object,
    y: object,
    *,
    penalties: Sequence[Penalty] = (L1(), L2()),
    strengths: Sequence[int | Sequence[float]] = (12, 8),
    vary: Mapping[str, Sequence[Value]] | None = None,
    simplest: str = "weights",
    fixed: Term | Terms | Iterable[Term] = (),
    task: str | None = None,
    missing_target: str = "refuse",
    groups: object = None,
    sample_weight: object = None,
    columns: object = None,
    validation: tuple[object, object] | None = None,
    test: tuple[object, object] | None = None,
    store: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    **options: object,
) -> PathRun:
    """Train a model over two or three axes with cross validation, and choose one.

    It minimizes `mean data loss + Σ strengthᵢ · penaltyᵢ + fixed terms` for every combination of
    the strengths, and of the further numbers in `vary`, in every fold. It takes the best and the
    simplest within one standard error of it, the one with the fewest nonzero weights (or inputs),
    refits both and an unregularized model on all training rows, and looks once at the test rows.

    Args:
        model: as in `fit_path`.
        X: rows, as in `fit_path`.
        y: targets, (n,).
        penalties: those whose strengths vary, an axis each.
        strengths: for each penalty how many, or an ascending list of them.
        vary: further axes, by name: `dropout`, `norm` (none, batch, layer), `activation`, `width`
            (times the hidden widths), `learning_rate`, `batch_size`, `epochs`, or a field of one of
            the penalties such as `l1_ratio`. The unregularized model has the first value of each.
        simplest: what the second choice has fewest of, `weights` or `inputs`.
        fixed: terms that every model has beside the penalties.
        task: as in `fit_path`, and so what follows.
        missing_target: `refuse`, or `drop`.
        groups: rows with equal values stay together, (n,).
        sample_weight: weights ≥ 0, (n,).
        columns: what is said about the columns of a table.
        validation: `(X, y)` of one's own to choose with, instead of folds.
        test: `(X, y)` of one's own for the one look.
        store: a folder for the run.
        resume: go on with the run in `store`.
        progress: show a bar.
        **options: the fields of `PathOptions`, without `strengths`, `fast` and `compare`.

    Returns:
        The result, whose arrays have a row for each cell: `result.surface` says which it is,
        `result.best.setting` where the best is.

    Raises:
        InputError: something in the arguments or the data is not as described here.
        RunDirectoryError: the folder holds another run or cannot be written.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> result = fit_surface("linear", X, y, strengths=((0.1, 1.0), (0.1, 1.0, 9.0)), folds=3)
    >>> result.surface.grid(result.score_mean).shape, sorted(result.best.setting)
    ((2, 3), ['l1', 'l2'])

    Source: Friedman, Hastie and Tibshirani, Regularization paths for generalized linear models via
    coordinate descent (2010), 4, for L1 beside L2; Breiman et al., Classification and regression
    trees (1984), 3.4.3, for one standard error.
    """
    spec = SurfaceSpec(penalties, strengths, vary, simplest)
    checked = options_of(options, "fit_surface", without=NOT_OF_SURFACES)
    data, positions = dataset_of(
        X,
        y,
        task=task_of(checked.loss, task),
        missing_target=missing_target,
        groups=groups,
        sample_weight=sample_weight,
        columns=columns,
        validation=validation,
        test=test,
    )
    return fit_surface_dataset(
        model,
        data,
        spec=spec,
        options=checked,
        fixed=fixed,
        validation=positions,
        store=None if store is None else Path(store),
        resume=resume,
        progress=progress,
    )


NOT_OF_SURFACES = ("strengths", "fast", "compare", "nested")
"""Options of a path alone."""


def fit_surface_dataset(
    model: Model,
    data: Dataset,
    *,
    spec: SurfaceSpec,
    options: PathOptions,
    fixed: Term | Terms | Iterable[Term] = (),
    validation: np.ndarray | None = None,
    store: Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    announce: Callable[[Estimate], None] | None = None,
    foretell: Callable[[Plan], None] | None = None,
) -> PathRun:
    """Run a surface on a dataset; arguments as in `shrinkage.run.fit_dataset`.

    Args:
        model: as in `fit_path`.
        data: the dataset.
        spec: what varies.
        options: the choices.
        fixed: terms that every model has beside the penalties.
        validation: positions of a validation set of the user's own.
        store: the run directory.
        resume: go on in it.
        progress: show a bar.
        announce: called with the estimate before anything is trained but a short trial.
        foretell: called before that with the plan.

    Returns:
        The result.
    """
    _refuse_refit(spec, options)
    first, *beside = spec.penalties
    variants: dict[tuple[Value, ...], Plan] = {}

    def plan_of() -> Plan:
        plan = make_plan(model, data, first, options, validation, as_terms(fixed), beside)
        variants.update(variants_of(plan, spec))
        return plan

    def train(plan: Plan, state: Store, bar: Progress) -> FittedPath:
        del plan
        own = {
            values: with_engine(one, state, f"engine-{number}")
            for number, (values, one) in enumerate(variants.items())
        }
        return fit_cells(own, spec, state, bar, announce)

    kept = _Kept(data, validation, store, resume, progress, foretell)
    return kept.run(plan_of, {"surface": spec.identity()}, train)


def fit_search(
    model: Model,
    X: object,
    y: object,
    *,
    penalties: Sequence[Penalty] = (L2(),),
    trials: int = 60,
    vary: Mapping[str, object] | None = None,
    batch: int = 4,
    outer: int = 3,
    simplest: str = "weights",
    fixed: Term | Terms | Iterable[Term] = (),
    task: str | None = None,
    missing_target: str = "refuse",
    groups: object = None,
    sample_weight: object = None,
    columns: object = None,
    validation: tuple[object, object] | None = None,
    test: tuple[object, object] | None = None,
    store: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    **options: object,
) -> PathRun:
    """Search strengths and recipe together by Optuna's TPE, with an honest score of the search.

    Batches of trials share a recipe, and so a stack: they differ in strengths. The first batch has
    the recipe as it was given. It takes the best and the simplest within one standard error of it,
    as `fit_surface` does, and repeats the whole search in outer folds: `summary["outer"]` says
    what it scores on rows that it never saw.

    Args:
        model: as in `fit_path`; one that is trained.
        X: rows, as in `fit_path`.
        y: targets, (n,).
        penalties: those whose strengths are searched, over four decades each.
        trials: how many models are tried.
        vary: for further axes a `Between(low, high, log=…)` or a list of values, by the names that
            `fit_surface` takes; None: dropout, norm, width and learning rate of an MLP, of another
            model the learning rate.
        batch: trials that share a stack.
        outer: outer folds; 0: no score of the search.
        simplest: `weights` or `inputs`.
        fixed: as in `fit_surface`, and so what follows.
        task: `classification` or `regression`.
        missing_target: `refuse`, or `drop`.
        groups: rows with equal values stay together, (n,).
        sample_weight: weights ≥ 0, (n,).
        columns: what is said about the columns of a table.
        validation: `(X, y)` of one's own to choose with; needs `outer=0`.
        test: `(X, y)` of one's own for the one look.
        store: a folder for the run; Optuna's journal is in it.
        resume: go on with the run in `store`.
        progress: show a bar.
        **options: the fields of `PathOptions`, without `strengths`, `fast`, `compare` and `refit`.

    Returns:
        The result, its arrays with a row for each trial.

    Raises:
        MissingExtra: the extra `search` is not installed.
        InputError: something in the arguments or the data is not as described here.
        RunDirectoryError: the folder holds another run or cannot be written.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> small = {"epochs": 2, "folds": 2, "outer": 0, "vary": {"dropout": (0.0, 0.5)}}
    >>> result = fit_search("mlp:4", X, y, trials=4, batch=2, **small)
    >>> len(result.fold_scores), sorted(result.best.setting)
    (4, ['dropout', 'l2'])

    Source: Akiba et al., Optuna: a next-generation hyperparameter optimization framework (2019).
    """
    spec = search_spec(penalties, trials, vary, batch, outer, simplest)
    checked = options_of(options, "fit_search", without=(*NOT_OF_SURFACES, "refit"))
    data, positions = dataset_of(
        X,
        y,
        task=task,
        missing_target=missing_target,
        groups=groups,
        sample_weight=sample_weight,
        columns=columns,
        validation=validation,
        test=test,
    )
    return fit_search_dataset(
        model,
        data,
        spec=spec,
        options=checked,
        fixed=fixed,
        validation=positions,
        store=None if store is None else Path(store),
        resume=resume,
        progress=progress,
    )


def search_spec(*arguments: Any) -> SearchSpec:
    """Return a search, checked; arguments as `SearchSpec`.

    Raises:
        MissingExtra: the extra `search` is not installed.
        InputError: something does not fit.
    """
    require("search")
    from shrinkage.paths.searching.space import SearchSpec

    return SearchSpec(*arguments)


def fit_search_dataset(
    model: Model,
    data: Dataset,
    *,
    spec: SearchSpec,
    options: PathOptions,
    fixed: Term | Terms | Iterable[Term] = (),
    validation: np.ndarray | None = None,
    store: Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    announce: Callable[[Estimate], None] | None = None,
    foretell: Callable[[Plan], None] | None = None,
) -> PathRun:
    """Run a search on a dataset; arguments as in `fit_surface_dataset`."""
    from shrinkage.paths.searching.fit import check_space, search
    from shrinkage.paths.searching.outer import check_outer, outer_scores

    check_outer(spec, options, validation)
    if options.refit == "all":
        raise InputError(
            "expected refit='chosen' (--refit chosen) of a search, got 'all': the chosen models "
            "alone are trained again"
        )
    first, *beside = spec.penalties
    terms = as_terms(fixed)

    def plan_of() -> Plan:
        plan = make_plan(model, data, first, options, validation, terms, beside)
        check_space(plan, spec)
        return plan

    def train(plan: Plan, state: Store, bar: Progress) -> FittedPath:
        result = search(plan, spec, state, bar, announce)
        if not spec.outer:
            return result
        scores = outer_scores(model, plan, spec, terms, state, bar)
        return replace(result, summary={**result.summary, "outer": scores.to_dict()})

    kept = _Kept(data, validation, store, resume, progress, foretell)
    return kept.run(plan_of, {"search": spec.identity()}, train)


@dataclass(frozen=True)
class _Kept:
    """A run in its directory: opened, gone on with, written."""

    data: Dataset
    validation: np.ndarray | None
    store: Path | None
    resume: bool
    progress: bool | None
    foretell: Callable[[Plan], None] | None

    def run(
        self,
        plan_of: Callable[[], Plan],
        identity: Mapping[str, object],
        train: Callable[[Plan, Store, Progress], FittedPath],
    ) -> PathRun:
        """Return the result: read, where the run is finished, else trained and written."""
        begin = time.perf_counter()
        bars = progress_bar(self.progress)
        with torch.random.fork_rng(devices=[]), scoring_quietly(), bars as bar:
            plan = plan_of()
            arrays = identity_of_data(self.data, self.validation)
            fingerprint = fingerprint_of({**plan.identity(), **identity}, arrays)
            state = open_store(self.store, fingerprint, resume=self.resume)
            if self.store is not None and is_finished(self.store):
                return load_result(self.store)
            if self.foretell is not None:
                self.foretell(plan)
            result = PathRun.of(train(plan, state, bar))
            seconds = round(time.perf_counter() - begin, 2)
            result = replace(result, summary={**result.summary, "wall_seconds": seconds})
            if self.store is not None:
                result.write(self.store)
                mark_finished(state, fingerprint)
            return result


def _refuse_refit(spec: SurfaceSpec, options: PathOptions) -> None:
    if spec.vary and options.refit == "all":
        raise InputError(
            "expected refit='chosen' (--refit chosen) where more than strengths varies, got 'all': "
            "the chosen models alone are trained again"
        )
