"""Fit a surface, keep it, report it: more than one axis, otherwise as `shrinkage.run`.

Who uses this: people, from Python (`fit_surface`), and the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from shrinkage.extras import needs

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
    from shrinkage.paths.results.surfaces import Value
    from shrinkage.paths.running.engine_choice import with_engine
    from shrinkage.paths.running.estimate import Estimate
    from shrinkage.paths.running.plan import Model, Plan, make_plan
    from shrinkage.paths.running.progress import Progress
    from shrinkage.paths.running.store import Store
    from shrinkage.paths.surfaces.fit import Variants, fit_cells
    from shrinkage.paths.surfaces.spec import SurfaceSpec
    from shrinkage.paths.surfaces.variants import variants_of, widths_told
    from shrinkage.paths.user_rows import rows_and_targets
    from shrinkage.penalties import Penalty
    from shrinkage.run import NOT_OF_SURFACES, PathRun, load_result
    from shrinkage.terms import Term, Terms, as_terms


def fit_surface(
    model: Model,
    X: object,
    y: object = None,
    *,
    penalties: Sequence[Penalty] | None = None,
    strengths: Sequence[int | Sequence[float]] | None = None,
    vary: Mapping[str, Sequence[Value | Penalty]] | None = None,
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
    """Train a model over two or three axes with cross validation, and choose one.

    It minimizes `mean data loss + Σ strengthᵢ · penaltyᵢ + fixed terms` for every combination of
    the strengths, and of the further numbers in `vary`, in every fold. It takes the best and the
    simplest within one standard error of it, the one with the fewest nonzero weights (or inputs),
    refits both and an unregularized model on all training rows, and looks once at the test rows.

    Args:
        model: as in `fit_path`.
        X: rows, as in `fit_path`.
        y: targets, (n,).
        penalties: those whose strengths vary, an axis each; None: L1 and L2, or none beside an axis
            of penalties.
        strengths: for each penalty how many, or an ascending list of them; None: 12, 8 and 6.
        vary: further axes, by name: `dropout`, `norm` (none, batch, layer), `activation`, `width`
            (times the hidden widths), `learning_rate`, `batch_size`, `epochs`, a field of one of
            the penalties such as `l1_ratio`, or `penalty` itself, names or penalties of which each
            has a grid of its own. The unregularized model has the first value of each.
        simplest: what the second choice has fewest of, `weights` or `inputs`.
        fixed: terms that every model has beside the penalties.
        task: as in `fit_path`, and so what follows.
        missing_target: `refuse`, or `drop`.
        groups: rows with equal values stay together, (n,).
        sample_weight: weights ≥ 0, (n,).
        time: as in `fit_path`.
        score_by: as in `fit_path`.
        columns: what is said about the columns of a table.
        validation: `(X, y)` of one's own to choose with, instead of folds.
        test: `(X, y)` of one's own for the one look.
        store: a folder for the run.
        resume: go on with the run in `store`.
        progress: show a bar.
        **options: the fields of `PathOptions`, without `strengths`, `fast` and `goal`.

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
    >>> words = ("l1", "l2", "group-lasso")
    >>> result = fit_surface("linear", X, y, vary={"penalty": words}, strengths=[4], folds=3)
    >>> result.surface.grid(result.score_mean).shape, result.best.setting["penalty"] in words
    ((4, 3), True)

    Source: Friedman, Hastie and Tibshirani, Regularization paths for generalized linear models via
    coordinate descent (2010), 4, for L1 beside L2; Breiman et al., Classification and regression
    trees (1984), 3.4.3, for one standard error.
    """
    spec = SurfaceSpec(penalties, strengths, vary, simplest)
    checked = options_of(options, "fit_surface", without=NOT_OF_SURFACES)
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
    terms = as_terms(fixed)
    with run_folder(store, resume=resume, progress=progress) as folder:

        def inner_plan(held: RowSplit) -> Plan:
            alone = replace(data, test=None, test_name="")
            inner = replace(options, nested=None, compare=False)
            args = (model, alone, first, inner)
            return folder.closes(make_plan(*args, fixed=terms, beside=beside, held=held))

        def fitted(inner: Plan, store: Store, progress: Progress) -> FittedPath:
            return fit_cells(with_engines(variants_of(inner, spec), store), spec, store, progress)

        plan = folder.closes(make_plan(model, data, first, options, validation, terms, beside))
        variants = variants_of(plan, spec)
        plan = replace(plan, told=(*plan.told, *widths_told(plan, spec)))
        own = validation is not None
        outer = nested_plans(plan, inner_plan, options.nested, own_validation=own)
        run = folder.open(plan, data, validation, surface=spec.identity())
        if run.finished is not None:
            return load_result(run.finished)
        if foretell is not None:
            foretell(plan)
        cells = with_engines(variants, run.state)
        result = fit_cells(cells, spec, run.state, folder.bar, announce)
        if outer:
            nested = nested_score(outer, run.state, folder.bar, fitted)
            summary = {**result.summary, "nested": nested.to_dict()}
            result = replace(result, nested=nested, summary=summary)
        return run.keep(PathRun.of(result, seconds=folder.seconds))


def with_engines(variants: Variants, store: Store) -> Variants:
    """Return the plans of a surface, each with the engine that was measured to be the fastest."""
    return {
        values: with_engine(one, store, f"engine-{number}")
        for number, (values, one) in enumerate(variants.items())
    }


def _refuse_refit(spec: SurfaceSpec, options: PathOptions) -> None:
    if spec.vary and options.refit == "all":
        raise InputError(
            "expected refit='chosen' (--refit chosen) where more than strengths varies, got 'all': "
            "the chosen models alone are trained again"
        )
