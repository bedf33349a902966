"""Search strengths and recipe together, keep it, report it: otherwise as `shrinkage.surfaces`.

Who uses this: people, from Python (`fit_search`), and the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shrinkage.extras import needs, require

with needs("paths"):
    import numpy as np

    from shrinkage.datasets import Dataset
    from shrinkage.datasets.splits import RowSplit
    from shrinkage.errors import InputError
    from shrinkage.kept import run_folder
    from shrinkage.paths.data_losses import task_of
    from shrinkage.paths.nested import nested_plans, nested_score
    from shrinkage.paths.options import PathOptions, options_of
    from shrinkage.paths.own_sets import dataset_of
    from shrinkage.paths.results.fitted import FittedPath
    from shrinkage.paths.running.estimate import Estimate
    from shrinkage.paths.running.plan import Model, Plan, make_plan
    from shrinkage.paths.running.progress import Progress
    from shrinkage.paths.running.store import Store
    from shrinkage.paths.user_rows import rows_and_targets
    from shrinkage.penalties import Penalty
    from shrinkage.run import NOT_OF_SURFACES, PathRun, load_result
    from shrinkage.terms import Term, Terms, as_terms

if TYPE_CHECKING:
    from shrinkage.paths.searching.space import SearchSpec


def fit_search(
    model: Model,
    X: object,
    y: object = None,
    *,
    penalties: Sequence[Penalty] | None = None,
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
    time: object = None,
    score_by: object = None,
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
        penalties: those whose strengths are searched, over four decades each; None: L2, or none
            beside an axis of penalties.
        trials: how many models are tried.
        vary: for further axes a `Between(low, high, log=…)` or a list of values, by the names that
            `fit_surface` takes, `penalty` too; None: dropout, norm, width and learning rate of an
            MLP, of another model the learning rate.
        batch: trials that share a stack.
        outer: outer folds; 0: no score of the search.
        simplest: `weights` or `inputs`.
        fixed: as in `fit_surface`, and so what follows.
        task: `classification` or `regression`.
        missing_target: `refuse`, or `drop`.
        groups: rows with equal values stay together, (n,).
        sample_weight: weights ≥ 0, (n,).
        time: as in `fit_path`.
        score_by: as in `fit_path`.
        columns: what is said about the columns of a table.
        validation: `(X, y)` of one's own to choose with; needs `outer=0`.
        test: `(X, y)` of one's own for the one look.
        store: a folder for the run; Optuna's journal is in it.
        resume: go on with the run in `store`.
        progress: show a bar.
        **options: the fields of `PathOptions`, without `strengths`, `fast`, `goal`,
            `nested` and `refit`.

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
    checked = options_of(options, "fit_search", without=(*NOT_OF_SURFACES, "nested", "refit"))
    X, y, notes = rows_and_targets(model, X, y)
    data, positions = dataset_of(
        X,
        y,
        notes=notes,
        task=task_of(checked.loss, task),
        missing_target=missing_target,
        groups=groups,
        sample_weight=sample_weight,
        time=time,
        score_by=score_by,
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
    from shrinkage.paths.searching.outer import OuterScores

    if options.refit == "all":
        raise InputError(
            "expected refit='chosen' (--refit chosen) of a search, got 'all': the chosen models "
            "alone are trained again"
        )
    first, *beside = spec.penalties
    terms = as_terms(fixed)
    with run_folder(store, resume=resume, progress=progress) as folder:

        def inner_plan(held: RowSplit) -> Plan:
            alone = replace(data, test=None, test_name="")
            args = (model, alone, first, replace(options, compare=False))
            return folder.closes(make_plan(*args, fixed=terms, beside=beside, held=held))

        def fitted(inner: Plan, store: Store, progress: Progress) -> FittedPath:
            return search(inner, spec.inner(), store, progress)

        plan = folder.closes(make_plan(model, data, first, options, validation, terms, beside))
        check_space(plan, spec)
        own = validation is not None
        outer = nested_plans(plan, inner_plan, spec.outer, option="--outer", own_validation=own)
        run = folder.open(plan, data, validation, search=spec.identity())
        if run.finished is not None:
            return load_result(run.finished)
        if foretell is not None:
            foretell(plan)
        result = search(plan, spec, run.state, folder.bar, announce)
        if outer:
            nested = nested_score(outer, run.state, folder.bar, fitted)
            told = {"outer": OuterScores.of(nested).to_dict(), "nested": nested.to_dict()}
            result = replace(result, nested=nested, summary={**result.summary, **told})
        return run.keep(PathRun.of(result, seconds=folder.seconds))
