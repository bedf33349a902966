"""Fit a path, keep it, report it: the room that knows paths and reports both.

Who uses this: people, from Python (`fit_path`, `load_result`), and the command line
(`fit_dataset`). A run that a kill has stopped goes on; a finished one is only read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from threading import Thread

from shrinkage.beside import load_beside
from shrinkage.extras import missing, needs

with needs("paths"):
    import numpy as np

    from shrinkage.datasets import Dataset
    from shrinkage.datasets.splits import RowSplit
    from shrinkage.errors import InputError, SkippedReport
    from shrinkage.kept import run_folder
    from shrinkage.paths.data_losses import task_of
    from shrinkage.paths.fit import fit
    from shrinkage.paths.nested import nested_plans, nested_score
    from shrinkage.paths.options import PathOptions, options_of
    from shrinkage.paths.own_sets import dataset_of
    from shrinkage.paths.results.directory import read_run, write_run, write_summary
    from shrinkage.paths.results.fitted import FittedPath
    from shrinkage.paths.running.engine_choice import with_engine
    from shrinkage.paths.running.estimate import Estimate
    from shrinkage.paths.running.plan import Model, Plan, make_plan
    from shrinkage.paths.sparsifying.goals import penalty_of_goal
    from shrinkage.paths.user_rows import rows_and_targets
    from shrinkage.penalties import L1, Penalty
    from shrinkage.terms import Term, Terms, as_terms


@dataclass(frozen=True, repr=False)
class PathRun(FittedPath):
    """A finished path that draws itself, too: what `fit_path` and `load_result` return."""

    @classmethod
    def of(cls, path: FittedPath, *, seconds: float | None = None) -> PathRun:
        """Return a finished path with the methods that draw and write.

        Args:
            path: the finished path.
            seconds: what it took, for the summary; None leaves the summary as it is.
        """
        run = cls(**{field.name: getattr(path, field.name) for field in fields(path)})
        if seconds is None:
            return run
        return replace(run, summary={**run.summary, "wall_seconds": seconds})

    def plot(self) -> object:
        """Return the score along the path as a matplotlib figure."""
        from shrinkage.reports import score_plot

        return score_plot(self)

    def to_html(self, path: str | Path) -> Path:
        """Write the report page to a file and return its path."""
        from shrinkage.reports import write_page

        return write_page(self, path)

    def write(self, folder: str | Path) -> None:
        """Write the run directory: numbers, weights, figures and the page; the summary last.

        Where what draws is not installed, the run is kept without page and pictures, with a
        warning: `report` draws them later.

        Raises:
            RunDirectoryError: the disk is full or the folder cannot be written.
        """
        root = Path(folder)
        write_run(self, root)
        lacking = missing("reports")
        if lacking is None:
            self.report(root)
        else:
            warnings.warn(f"no report was drawn: {lacking}", SkippedReport, stacklevel=2)
        write_summary(self, root)

    def report(self, folder: str | Path) -> None:
        """Write the page and the pictures into a folder."""
        from shrinkage.reports import write_report

        write_report(self, Path(folder))


def fit_path(
    model: Model,
    X: object,
    y: object = None,
    *,
    penalty: Penalty | None = None,
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
    """Train a model over a path of strengths with cross validation, and choose a strength.

    It minimizes `mean data loss + strength · penalty + fixed terms` (half squared error for
    regression unless `loss` says otherwise) for every strength and fold, scores on the rows left
    out, takes the best strength and the largest one within one standard error of it, refits both
    and an unregularized model (every strength 0, those of the fixed terms too) on all training
    rows, and looks once at the test rows.

    Args:
        model: `linear`, `mlp:64,32`, a function of (n_inputs, n_outputs), or a module.
        X: rows, an array (n, d) or a `pandas.DataFrame`; text columns become one-hot. For a network
            of one's own also pictures (n, channels, height, width), or several inputs as a tuple of
            arrays or a mapping of them by name: it is called with them, numbers as they are and
            bytes of pictures divided by 255. Or a dataset of torch, or its loader, without `y`.
        y: targets, (n,): labels or numbers; (n, targets) of several numbers, or of labels that are
            there or not, as 0 and 1.
        penalty: without a strength; `L1()` when None. With a `goal` it is that of the goal.
        fixed: terms that every model has beside the penalty, for example `1e-3 * L2()`; each may
            be on parameters of its own and have an update of its own.
        task: `classification` or `regression`; None decides from `y` and says why in
            `result.summary["target"]`.
        missing_target: `refuse`, or `drop` rows whose target is missing.
        groups: rows with equal values stay together in test and folds, (n,).
        sample_weight: weights ≥ 0, (n,).
        score_by: groups, (n,), whose scores are told apart (`result.group_scores`).
        time: numbers or dates, (n,): the latest rows are the test, and every fold is trained on
            rows before those that it is validated on; rows of one time stay together.
        columns: what is said about the columns of a table: a `columns.toml`, or names with a
            `shrinkage.datasets.ColumnSpec` or its values, `{"city": {"encode": "target"}}`.
        validation: `(X, y)` of one's own to choose the strength with, instead of folds.
        test: `(X, y)` of one's own for the one look, instead of a share of the rows.
        store: a folder for the run, which then survives a kill and holds the report.
        resume: go on with the run in `store`.
        progress: show a bar; None shows it when a terminal watches.
        **options: the fields of `PathOptions`: strengths, folds, repeats, nested, choose_by,
            compare, update, select, seed, epochs, batch_size, learning_rate, optimizer, loss,
            augment, answer, scorer, positive, score_weights, class_weight, rare, rare_below,
            test_size, refit, members, engine, device, dtype, precision, runner, address,
            groups_of_inputs, free, memory, fast, settle, standardize, goal.

    Returns:
        The result: `result.best`, `result.one_standard_error`, `result.table()`, …

    Raises:
        InputError: something in the arguments or the data is not as described here.
        RunDirectoryError: the folder holds another run or cannot be written.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> result = fit_path("linear", X, y, strengths=(0.1, 1.0, 10.0), folds=3)
    >>> result.nonzero.mean(axis=1).round(1).tolist()
    [9.3, 8.0, 3.7]

    Source: Hastie, Tibshirani and Friedman, The elements of statistical learning (2009), 7.10.
    """
    checked = options_of(options, "fit_path")
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
    return fit_dataset(
        model,
        data,
        penalty=penalty_of(checked, penalty),
        fixed=fixed,
        options=checked,
        validation=positions,
        store=None if store is None else Path(store),
        resume=resume,
        progress=progress,
    )


def penalty_of(options: PathOptions, penalty: Penalty | None) -> Penalty:
    """Return the penalty of a path: the user's, that of a goal, or L1.

    Raises:
        InputError: a penalty beside a goal, which has its own.
    """
    if options.wanted is None:
        return L1() if penalty is None else penalty
    if penalty is not None:
        raise InputError(
            f"expected no penalty beside the goal '{options.goal}', which keeps the largest "
            f"weights, got {penalty!r}: give it as a fixed term, such as 1e-5 * L1()"
        )
    return penalty_of_goal(options.wanted)


NOT_OF_SURFACES = ("strengths", "fast", "goal")
"""Options of a path alone."""


def fit_dataset(
    model: Model,
    data: Dataset,
    *,
    penalty: Penalty,
    options: PathOptions,
    fixed: Term | Terms | Iterable[Term] = (),
    validation: np.ndarray | None = None,
    store: Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    announce: Callable[[Estimate], None] | None = None,
    foretell: Callable[[Plan], None] | None = None,
) -> PathRun:
    """Run a path on a dataset; `fit_path` describes what it does.

    Args:
        model: as in `fit_path`.
        data: the dataset.
        penalty: the penalty.
        options: the choices.
        fixed: terms that every model has beside the penalty.
        validation: positions of a validation set of the user's own.
        store: the run directory.
        resume: go on in it.
        progress: show a bar.
        announce: called with the estimate before anything is trained but a short trial.
        foretell: called before that with the plan, whose `cautions` and `constant` are known then.

    Returns:
        The result.
    """
    with run_folder(store, resume=resume, progress=progress) as folder:

        def inner_plan(held: RowSplit) -> Plan:
            inner = replace(options, nested=None, compare=False)
            alone = replace(data, test=None, test_name="")
            plan = make_plan(model, alone, penalty, inner, fixed=as_terms(fixed), held=held)
            return folder.closes(plan)

        plan = folder.closes(make_plan(model, data, penalty, options, validation, as_terms(fixed)))
        own = validation is not None
        outer = nested_plans(plan, inner_plan, options.nested, own_validation=own)
        run = folder.open(plan, data, validation)
        if run.finished is not None:
            return load_result(run.finished)
        plan = with_engine(plan, run.state)
        if foretell is not None:
            foretell(plan)
        draws = run.state.root is not None and missing("reports") is None
        loading: list[Thread] = []
        load = partial(_load_drawing, loading) if draws else None
        result = fit(plan, run.state, folder.bar, announce, load)
        for thread in loading:  # or what fails to load there is met half loaded here
            thread.join()
        if outer:
            nested = nested_score(outer, run.state, folder.bar)
            summary = {**result.summary, "nested": nested.to_dict()}
            result = replace(result, nested=nested, summary=summary)
        return run.keep(PathRun.of(result, seconds=folder.seconds))


def _load_drawing(loading: list[Thread]) -> None:
    """Load what draws while the last models train."""
    loading.append(load_beside("shrinkage.drawing.draw", "shrinkage.reports.page"))


def load_result(root: str | Path) -> PathRun:
    """Return the result that a run directory holds.

    Args:
        root: the directory of a finished run.

    Raises:
        RunDirectoryError: it is not the directory of a finished run.
    """
    return PathRun.of(read_run(Path(root)))
