"""What a path found: frozen records of numbers and arrays, and nothing that trains.

Who uses this: `fit_path` makes a `PathResult`, the run directory stores it, the reports draw it,
the command line prints it. It promises that every number of `summary.json` is in one place
(`PathResult.summary`) and that a result read back from a run directory equals the one written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from shrinkage.cautions import Caution
from shrinkage.paths.results.class_figures import ClassFigures
from shrinkage.paths.results.comparisons import ComparedModel, Difference, EarlyStop
from shrinkage.paths.results.goal import GoalRecord
from shrinkage.paths.results.group_scores import GroupScores
from shrinkage.paths.results.nested_score import NestedScore
from shrinkage.paths.results.surfaces import Surface
from shrinkage.target_reading import TargetReading
from shrinkage.terms import AssignmentRow


def standard_error(values: np.ndarray, rounds: int = 1) -> np.ndarray:
    """Return one standard error over the folds, sd(ddof = 1)/√folds; NaN with a single fold.

    Of repeated folds it is that of one round, the variances of the rounds averaged: rounds make a
    mean steadier against how the folds were drawn, but there are no more rows than before.

    Args:
        values: shape (strengths, folds), round by round; what is not finite makes its strength NaN.
        rounds: how often the rows were divided anew.

    >>> standard_error(np.array([[1.0, 3.0], [2.0, np.inf]])).tolist()
    [1.0, nan]
    >>> standard_error(np.array([[1.0], [2.0]])).tolist()
    [nan, nan]
    >>> standard_error(np.array([[1.0, 3.0, 11.0, 13.0]]), rounds=2).tolist()
    [1.0]
    """
    values = np.asarray(values, dtype=float)
    folds = values.shape[1] // rounds
    if folds < 2:
        return np.full(len(values), np.nan)
    finite = np.where(np.isfinite(values), values, np.nan).reshape(len(values), rounds, folds)
    return np.sqrt(finite.var(axis=2, ddof=1).mean(axis=1) / folds)


class Status(StrEnum):
    """How training ended for one strength."""

    OK = "ok"
    COLLAPSED = "collapsed"
    DIVERGED = "diverged"
    NOT_CONVERGED = "not_converged"

    @property
    def message(self) -> str:
        """Return the sentence that a person reads."""
        return _MESSAGES[self]


ROLES = ("best", "one_standard_error", "unregularized")

_MESSAGES = {
    Status.OK: "trained",
    Status.COLLAPSED: "gives (almost) the same answer for every row: the strength is too large, "
    "or the inputs hold nothing about the target",
    Status.DIVERGED: "loss or weights became infinite or NaN: lower the learning rate",
    Status.NOT_CONVERGED: "stopped before its minimizer: give it more epochs",
}


@dataclass(frozen=True)
class ChosenModel:
    """A model refitted on all training rows and looked at once on the test rows.

    `role` is `best`, `one_standard_error` or `unregularized`; `index` is its place in
    `strengths` (None for the unregularized model); `test_interval` is a 95 % interval for the
    test score (`score_intervals` says which). Log losses are None of numbers. `setting` is where a
    model of a surface is on each axis; its `strength` is that of the first.
    """

    role: str
    index: int | None
    strength: float
    cv_score: float | None
    test_score: float | None
    nonzero: int
    total_weights: int
    test_interval: tuple[float, float] | None = None
    cv_log_loss: float | None = None
    test_log_loss: float | None = None
    setting: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def zero_fraction(self) -> float:
        """Return the share of the weights that are exactly zero, between 0 and 1."""
        return 1.0 - self.nonzero / self.total_weights if self.total_weights else 0.0


@dataclass(frozen=True)
class ConstantScore:
    """What the model without inputs scores: mean over the folds, and on the test rows."""

    cv_score: float | None
    test_score: float | None
    cv_log_loss: float | None = None
    test_log_loss: float | None = None


@dataclass(frozen=True)
class LayerTrace:
    """One weight array along the path, from the models of the folds.

    `nonzero` and `norm` have shape (strengths, folds); `norm` is the root of the sum of squares.
    """

    name: str
    shape: tuple[int, ...]
    nonzero: np.ndarray
    norm: np.ndarray

    @property
    def size(self) -> int:
        """Return the number of weights."""
        return int(np.prod(self.shape))


@dataclass(frozen=True)
class LearningCurve:
    """Losses and score by epoch, averaged over the folds; validation rows only, never test rows.

    Arrays have shape (points,). `role` is that of a `ChosenModel`; `epochs` says after which
    epoch each point was taken, None for every epoch.
    """

    role: str
    strength: float
    train_loss: np.ndarray
    validation_loss: np.ndarray
    validation_score: np.ndarray
    epochs: np.ndarray | None = None


@dataclass(frozen=True)
class PathResult:
    """Everything about a path.

    `summary` is the content of `summary.json` (see DESIGN in the documentation for its keys).
    Arrays over the path have shape (strengths, folds). `weights[role]` maps parameter names of
    the chosen models to arrays in PyTorch's layout (output axis first). For image data,
    `pixel_positions` holds each input's place in the flattened image (None: all, in order).
    `residual` says how far each network is from a minimizer, (strengths, folds); None where that
    was not measured.
    `frequency` has the share of the folds that use each column, (strengths, columns), None where
    the first layer does not read the columns.
    `inputs_kept` counts columns of the table, `network_inputs_kept` the inputs that they became;
    `input_columns` names the column of each input (none: each input is a column).
    `target` is what the target was taken for, `constant` the score of a model without inputs,
    `classes` the figures of each class on the test rows. `cautions` are what a reader should know
    about rows and scores, `warnings` about training. `log_loss` has shape (strengths, folds), None
    of numbers; folds stand round by round, `rounds` of them. `differences` says how far the models
    are apart, `early_stop` is the fair baseline, `compared` are models of other kinds. `surface`
    says where the models are that vary along more than one axis: arrays have a row for each cell
    then, and `strengths` are those of the first axis. `goal` is
    there after a sparsity path, whose strengths are compressions: what was asked, and all sizes.
    """

    summary: Mapping[str, object]
    strengths: np.ndarray
    fold_scores: np.ndarray
    train_loss: np.ndarray
    validation_loss: np.ndarray
    status: tuple[Status, ...]
    nonzero: np.ndarray
    inputs_kept: np.ndarray | None
    layers: tuple[LayerTrace, ...]
    curves: tuple[LearningCurve, ...]
    chosen: tuple[ChosenModel, ...]
    weights: Mapping[str, Mapping[str, np.ndarray]]
    assignment: tuple[AssignmentRow, ...]
    input_names: tuple[str, ...]
    image_shape: tuple[int, int] | None
    score_name: str
    split_description: str
    code: str
    warnings: tuple[str, ...] = field(default=())
    pixel_positions: tuple[int, ...] | None = None
    residual: np.ndarray | None = None
    network_inputs_kept: np.ndarray | None = None
    input_columns: tuple[str, ...] = ()
    cautions: tuple[Caution, ...] = ()
    target: TargetReading | None = None
    constant: ConstantScore | None = None
    classes: ClassFigures | None = None
    log_loss: np.ndarray | None = None
    rounds: int = 1
    differences: tuple[Difference, ...] = ()
    early_stop: EarlyStop | None = None
    compared: tuple[ComparedModel, ...] = ()
    nested: NestedScore | None = None
    group_scores: GroupScores | None = None
    surface: Surface | None = None
    frequency: np.ndarray | None = None
    goal: GoalRecord | None = None
    fold_classes: ClassFigures | None = None

    def __repr__(self) -> str:
        """Return the choices in a line; the numbers are in `table()`.

        >>> from shrinkage.reports.example import example_result
        >>> example_result()
        PathResult(example, l1, 4 strengths: best 0.01, one_standard_error 0.1)
        """
        named = (self.summary.get(key) for key in ("data", "model", "penalty"))
        what = ", ".join(str(own) for own in named if own is not None)
        placed = (own for own in self.chosen if own.index is not None)
        chosen = ", ".join(f"{own.role} {own.setting or f'{own.strength:g}'}" for own in placed)
        return f"{type(self).__name__}({what}, {len(self.strengths)} strengths: {chosen})"

    @property
    def score_mean(self) -> np.ndarray:
        """Return the mean score over the folds, shape (strengths,)."""
        return self.fold_scores.mean(axis=1)

    @property
    def score_error(self) -> np.ndarray:
        """Return one standard error of `score_mean`, sd(ddof = 1)/√folds, shape (strengths,).

        NaN with a single fold.

        >>> from shrinkage.reports.example import example_result
        >>> example_result().score_error.round(4).tolist()
        [0.0025, 0.005, 0.004, 0.0]
        """
        return standard_error(self.fold_scores, self.rounds)

    def difference(self, of: str, against: str) -> Difference | None:
        """Return how far two models are apart over the folds; None where it was not measured."""
        pairs = (pair for pair in self.differences if (pair.of, pair.against) == (of, against))
        return next(pairs, None)

    @property
    def best(self) -> ChosenModel:
        """Return the model whose cross-validated score is the best."""
        return self.by_role("best")

    @property
    def one_standard_error(self) -> ChosenModel:
        """Return the strongest model within one standard error of the best."""
        return self.by_role("one_standard_error")

    @property
    def unregularized(self) -> ChosenModel:
        """Return the model with every strength 0, trained with the same budget."""
        return self.by_role("unregularized")

    def by_role(self, role: str) -> ChosenModel:
        """Return the chosen model of that role.

        Raises:
            KeyError: there is no model of that role in this result.
        """
        for model in self.chosen:
            if model.role == role:
                return model
        raise KeyError(role)
