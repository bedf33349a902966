"""Select the best so many columns for a network: what `best_columns` and `select --best` do.

Who uses this: people who may collect fifty of 784 numbers, and want those with which a network
predicts best. `shrinkage.stability` answers the other question: which columns hold up, with a bound
on mistakes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shrinkage.extras import missing, needs

with needs("paths"):
    import numpy as np

    from shrinkage.atomic import write_bytes
    from shrinkage.checks import whole
    from shrinkage.datasets import Dataset
    from shrinkage.errors import InputError
    from shrinkage.kept import run_folder
    from shrinkage.paths.data_losses import task_of
    from shrinkage.paths.engines.architectures import Linear, LinearBySteps, parse_architecture
    from shrinkage.paths.options import PathOptions, options_of
    from shrinkage.paths.own_sets import dataset_of
    from shrinkage.paths.results.files import write_json
    from shrinkage.paths.running.plan import Model, Plan, make_plan
    from shrinkage.paths.selecting.best import select_best
    from shrinkage.paths.selecting.records import BestColumns, first_names
    from shrinkage.penalties import Cardinality

if TYPE_CHECKING:
    from pandas import DataFrame

NETWORKS = 4
NOT_OF_BEST = (
    *("strengths", "folds", "repeats", "nested", "test_size", "refit", "fast", "compare"),
    *("choose_by", "update", "select", "engine", "groups_of_inputs", "free"),
)
"""Options of what is not trained here: paths of strengths, tests, groups."""


@dataclass(frozen=True)
class RankedColumns:
    """The best columns; `image_shape` is (height, width) where a row is a picture."""

    best: BestColumns
    score_name: str
    image_shape: tuple[int, int] | None = None

    def __repr__(self) -> str:
        """Return how many columns are selected, their score, and the first of them."""
        score = float(self.best.scores[-1].mean())
        return (
            f"{first_names(self.selected, len(self.best.columns))}, {self.score_name} {score:.3g} "
            "on rows that were not seen; table() has all"
        )

    @property
    def selected(self) -> tuple[str, ...]:
        """Return the names of the selected columns, the most frequent first."""
        return self.best.selected

    @property
    def caution(self) -> str:
        """Return what is to be said where so few columns predict clearly worse, or ''."""
        return self.best.caution

    def get_support(self) -> np.ndarray:
        """Return which columns are selected, (columns,), as scikit-learn's selectors do."""
        return self.best.support

    def table(self) -> DataFrame:
        """Return a row for each column, the best first."""
        import pandas as pd

        best = self.best
        columns: dict[str, object] = {
            "column": best.columns,
            "selected": best.support,
            "frequency": best.frequency,
            "smallest_size": best.smallest_size,
        }
        return pd.DataFrame(columns).iloc[best.order].reset_index(drop=True)

    def sizes(self) -> DataFrame:
        """Return a row for each number of columns on the way: its score and standard error."""
        import pandas as pd

        scores = self.best.scores
        error = scores.std(axis=1, ddof=1) / np.sqrt(scores.shape[1])
        return pd.DataFrame(
            {"columns": self.best.sizes, "score": scores.mean(axis=1), "standard_error": error}
        )

    def summary(self) -> dict[str, object]:
        """Return the content of `selection.json`."""
        best = self.best
        return {
            "selected": list(best.selected),
            "columns": len(best.columns),
            "networks": best.scores.shape[1],
            "score_name": self.score_name,
            "sizes": best.sizes.tolist(),
            "scores": best.scores.mean(axis=1).tolist(),
            "caution": best.caution,
        }

    def write(self, folder: str | Path) -> None:
        """Write `columns.csv`, `sizes.csv`, the picture, and `selection.json` last."""
        root = Path(folder)
        write_bytes(root / "columns.csv", self.table().to_csv(index=False).encode())
        write_bytes(root / "sizes.csv", self.sizes().to_csv(index=False).encode())
        if missing("reports") is None:
            from shrinkage.reports import write_best_columns

            write_best_columns(self.best, self.score_name, self.image_shape, root)
        write_json(root / "selection.json", self.summary())


def best_columns(
    model: Model,
    X: object,
    y: object,
    *,
    keep: int,
    networks: int = NETWORKS,
    task: str | None = None,
    groups: object = None,
    sample_weight: object = None,
    columns: object = None,
    store: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    **options: object,
) -> RankedColumns:
    """Select the `keep` columns that a network predicts best with, and rank all of them.

    Several networks, each on its own rows and from its own seed, are trained from all columns down
    to `keep`: while they train, the columns with the smallest Σ w²/step leave, a few at a time, and
    what is left learns on. Of tables of at most 600 columns and not too few rows, others
    keep a fifth of their rows apart, and the columns leave that make the loss of these grow least
    when their values change places; they are taken where they score more on rows of their fold.
    What any network keeps is a candidate; one more, on all rows, goes from the candidates to the
    selection. `caution` says where so few columns predict clearly worse than more, or no better
    than a constant.

    Args:
        model: as in `fit_path`; its first layer must read the columns.
        X: rows, as in `fit_path`.
        y: targets, (n,).
        keep: how many columns to select, at least 1.
        networks: how many nominate, at least 2; each leaves one share of the rows to be scored on.
        task: `classification` or `regression`; None decides from `y`.
        groups: rows with equal values are on the same side, (n,).
        sample_weight: weights ≥ 0, (n,).
        columns: what is said about the columns, as in `fit_path`.
        store: a folder for the selection, which then survives a kill.
        resume: go on with the selection in `store`.
        progress: show a bar; None shows it when a terminal watches.
        **options: those of `PathOptions` that are about training and scores.

    Returns:
        A `RankedColumns`: `selected`, `get_support()`, `table()` with the frequency of each column,
        and `sizes()` with the score of the networks at each number of columns on the way.

    Raises:
        InputError: something in the arguments or the data is not as described here.

    >>> from sklearn.datasets import make_regression
    >>> X, y = make_regression(100, 20, n_informative=2, noise=1.0, shuffle=False, random_state=0)
    >>> ranked = best_columns("mlp:8", X, y, keep=2, networks=2, epochs=60)
    >>> sorted(ranked.selected), len(ranked.table())
    (['x0', 'x1'], 20)

    Source: Blumensath and Davies, Iterative hard thresholding for compressed sensing (2009), with
    the number that stays falling as in Zhu and Gupta, To prune, or not to prune (2017).
    """
    checked = options_of(options, "best_columns", without=NOT_OF_BEST)
    data, _ = dataset_of(
        X,
        y,
        task=task_of(checked.loss, task),
        missing_target="refuse",
        groups=groups,
        sample_weight=sample_weight,
        columns=columns,
        validation=None,
        test=None,
    )
    return best_of_dataset(
        model,
        data,
        keep=keep,
        networks=networks,
        options=checked,
        store=None if store is None else Path(store),
        resume=resume,
        progress=progress,
    )


def best_of_dataset(
    model: Model,
    data: Dataset,
    *,
    keep: int,
    options: PathOptions,
    networks: int = NETWORKS,
    store: Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    foretell: Callable[[Plan], None] | None = None,
) -> RankedColumns:
    """Select columns of a dataset; `best_columns` describes what it does.

    `foretell` is called with the plan before anything is trained.
    """
    keep = whole(keep, "keep", 1, "say how many columns to keep")
    networks = whole(networks, "networks", 2, f"the default is {NETWORKS}")
    architecture = parse_architecture(model)
    if isinstance(architecture, Linear):
        architecture = LinearBySteps()
    if data.n_features < keep:
        raise InputError(
            f"expected to keep at most {data.n_features} columns, as many as there are, got {keep}:"
            " keep fewer"
        )
    options = replace(options, folds=networks, repeats=1, test_size=0)
    with run_folder(store, resume=resume, progress=progress) as folder:
        falling = Cardinality(per="input")
        plan = folder.closes(make_plan(architecture, data, falling, options))
        run = folder.open(plan, data, keep=keep, networks=networks)
        if foretell is not None:
            foretell(plan)
        best = select_best(plan, keep, run.state, folder.bar)
        return run.keep(RankedColumns(best, plan.problem.scorer.name, data.image_shape))
