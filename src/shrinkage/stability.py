"""Select columns and keep the selection: what `select_columns` and the command `select` do.

Who uses this: people. It names the columns that hold up when the rows are halved again and again,
with a bound on how many are named for nothing, and beside them those of the universal threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shrinkage.extras import missing, needs

with needs("paths"):
    import numpy as np

    from shrinkage.atomic import write_bytes
    from shrinkage.datasets import Dataset
    from shrinkage.kept import run_folder
    from shrinkage.paths.data_losses import task_of
    from shrinkage.paths.options import PathOptions, options_of
    from shrinkage.paths.own_sets import dataset_of
    from shrinkage.paths.results.files import write_json
    from shrinkage.paths.running.plan import Model, Plan, make_plan
    from shrinkage.paths.selecting.records import (
        StableSelection,
        UniversalThreshold,
        first_names,
    )
    from shrinkage.paths.selecting.stability import (
        StabilityOptions,
        check_penalty,
        halved_options,
        select,
    )
    from shrinkage.paths.selecting.universal import universal_threshold
    from shrinkage.paths.user_rows import rows_and_targets
    from shrinkage.penalties import L1, Penalty
    from shrinkage.terms import Term, Terms, as_terms

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class ColumnSelection:
    """Stable columns, and those of the universal threshold where the model has one.

    `image_shape` is (height, width) where a row is a picture.
    """

    stable: StableSelection
    universal: UniversalThreshold | None
    image_shape: tuple[int, int] | None = None

    def __repr__(self) -> str:
        """Return how many columns are stable, and the first of them."""
        stable = self.stable
        return (
            f"{first_names(self.selected, len(stable.columns))}, drawn by at least "
            f"{stable.threshold:.0%} of {2 * stable.pairs} halves; table() has all"
        )

    @property
    def selected(self) -> tuple[str, ...]:
        """Return the names of the stable columns, the most frequent first."""
        return self.stable.selected

    def table(self) -> DataFrame:
        """Return a row for each column, the most frequent first."""
        import pandas as pd

        stable = self.stable
        columns: dict[str, object] = {
            "column": stable.columns,
            "frequency": stable.frequency,
            "selected": stable.support,
        }
        if self.universal is not None:
            columns["universal"] = self.universal.support
        order = np.argsort(-stable.frequency, kind="stable")
        return pd.DataFrame(columns).iloc[order].reset_index(drop=True)

    def summary(self) -> dict[str, object]:
        """Return the content of `selection.json`."""
        stable, universal = self.stable, self.universal
        return {
            "selected": list(stable.selected),
            "columns": len(stable.columns),
            "threshold": stable.threshold,
            "pairs": stable.pairs,
            "drawn": stable.drawn,
            "drawn_mean": stable.drawn_mean,
            "expected_false_selections": {
                "any": stable.bound.any_halves,
                "unimodal": stable.bound.unimodal,
            },
            "universal": None
            if universal is None
            else {
                "strength": universal.strength,
                "level": universal.level,
                "orders": universal.orders,
                "columns": [
                    name
                    for name, used in zip(stable.columns, universal.support, strict=True)
                    if used
                ],
            },
        }

    def write(self, folder: str | Path) -> None:
        """Write `columns.csv`, the picture where matplotlib is there, and `selection.json` last."""
        root = Path(folder)
        write_bytes(root / "columns.csv", self.table().to_csv(index=False).encode())
        if missing("reports") is None:
            from shrinkage.reports import write_selection

            write_selection(self.stable, self.image_shape, root)
        write_json(root / "selection.json", self.summary())


NOT_OF_SELECTIONS = (
    *("strengths", "folds", "repeats", "nested", "test_size", "refit", "fast", "compare", "goal"),
    *("choose_by", "scorer", "positive", "score_weights"),
)
"""Options of what is cross validated, scored and refitted."""


def select_columns(
    model: Model,
    X: object,
    y: object = None,
    *,
    penalty: Penalty | None = None,
    fixed: Term | Terms | Iterable[Term] = (),
    false_selections: float = 1.0,
    threshold: float = 0.75,
    pairs: int = 50,
    strengths: int = 40,
    level: float = 0.05,
    task: str | None = None,
    missing_target: str = "refuse",
    groups: object = None,
    sample_weight: object = None,
    columns: object = None,
    store: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    **options: object,
) -> ColumnSelection:
    """Name the columns that most halves of the rows select, and bound the mistakes among them.

    The rows are divided into two halves `pairs` times. On each half the model is trained along a
    path, from strong to weak, and draws columns in the order in which they enter, at most
    q = ⌊√((2 · threshold − 1) · columns · false_selections)⌋ of them. Those that at least a share
    `threshold` of the halves draw are selected; the expected number of them that say nothing is
    then at most q² / ((2 · threshold − 1) · columns) ≤ `false_selections`.

    Args:
        model: as in `fit_path`; its first layer must read the columns.
        X: rows, as in `fit_path`.
        y: targets, (n,).
        penalty: one that takes inputs out; `L1()` when None. For networks `GroupLasso()` per input.
        fixed: terms that every model has beside the penalty.
        false_selections: expected number of columns selected by mistake, at the most.
        threshold: share of the halves, above ½ and below 1.
        pairs: of halves; twice as many paths are trained.
        strengths: how many a path has.
        level: of the universal threshold, which linear models of smooth losses have (a quantile
            loss has none): the chance that something enters where no column says anything.
        task: `classification` or `regression`; None decides from `y`.
        missing_target: `refuse`, or `drop` rows whose target is missing.
        groups: rows with equal values are in the same half, (n,).
        sample_weight: weights ≥ 0, (n,).
        columns: what is said about the columns, as in `fit_path`.
        store: a folder for the selection, which then survives a kill.
        resume: go on with the selection in `store`.
        progress: show a bar; None shows it when a terminal watches.
        **options: those of `PathOptions` that are about training, not about folds and scores.

    Raises:
        InputError: something in the arguments or the data is not as described here.

    >>> from sklearn.datasets import make_regression
    >>> X, y = make_regression(100, 50, n_informative=2, noise=1.0, shuffle=False, random_state=0)
    >>> selection = select_columns("linear", X, y, pairs=10)
    >>> sorted(selection.selected), selection.stable.drawn
    (['x0', 'x1'], 5)

    Source: Meinshausen and Bühlmann, Stability selection (2010); Shah and Samworth, Variable
    selection with error control: another look at stability selection (2013).
    """
    checked = options_of(options, "select_columns", without=NOT_OF_SELECTIONS)
    X, y, notes = rows_and_targets(model, X, y)
    data, _ = dataset_of(
        X,
        y,
        notes=notes,
        task=task_of(checked.loss, task),
        missing_target=missing_target,
        groups=groups,
        sample_weight=sample_weight,
        columns=columns,
        validation=None,
        test=None,
    )
    return select_of_dataset(
        model,
        data,
        penalty=L1() if penalty is None else penalty,
        fixed=fixed,
        options=checked,
        stability=StabilityOptions(
            false_selections=false_selections,
            threshold=threshold,
            pairs=pairs,
            strengths=strengths,
        ),
        level=level,
        store=None if store is None else Path(store),
        resume=resume,
        progress=progress,
    )


def select_of_dataset(
    model: Model,
    data: Dataset,
    *,
    penalty: Penalty,
    options: PathOptions,
    stability: StabilityOptions,
    fixed: Term | Terms | Iterable[Term] = (),
    level: float = 0.05,
    store: Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    foretell: Callable[[Plan], None] | None = None,
) -> ColumnSelection:
    """Select columns of a dataset; `select_columns` describes what it does.

    `foretell` is called with the plan before anything is trained.
    """
    check_penalty(penalty)
    halved = halved_options(data, options, stability)
    with run_folder(store, resume=resume, progress=progress) as folder:
        plan = folder.closes(make_plan(model, data, penalty, halved, None, as_terms(fixed)))
        run = folder.open(plan, data, pairs=stability.pairs)
        if foretell is not None:
            foretell(plan)
        stable = select(plan, stability, run.state, folder.bar)
        universal = universal_threshold(plan, run.state, folder.bar, level=level)
        return run.keep(ColumnSelection(stable, universal, data.image_shape))
