"""Which data loss a path has, and all that follows from it: the one registry of them.

Who uses this: options take a loss by name, preparation encodes the target for it, engines train
with it, the score and the code of the report follow. Adding one is a record here and its loss of a
stack in `engines/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shrinkage.comma_lists import CommaList
from shrinkage.datasets import Dataset
from shrinkage.datasets.cells import level_text
from shrinkage.datasets.targets import Label, plain_label
from shrinkage.errors import InputError, near_names
from shrinkage.paths.engines.censored_losses import StackedCox
from shrinkage.paths.engines.count_losses import StackedPoisson
from shrinkage.paths.engines.efron import StackedEfron
from shrinkage.paths.engines.label_losses import StackedBinaryCrossEntropy
from shrinkage.paths.engines.losses import LOSSES, StackedLoss
from shrinkage.paths.engines.quantile_losses import StackedPinball


def _nothing(y: np.ndarray) -> str:
    del y
    return ""


@dataclass(frozen=True)
class DataLoss:
    """A data loss, the targets that it is for, and what follows from it.

    Args:
        name: as options say it.
        task: of the targets that it is for.
        stacked: the loss of a stack of models.
        score: the scorer that chooses unless another is named.
        code: what of PyTorch computes it row by row, of `model`, `x`, `y` and `rows`; or for all
            rows together, with their weights as `WEIGHT`.
        link: what makes predictions of outputs, a name in `shrinkage.datasets.links.LINKS`.
        standardized: whether a network is trained on (y − mean)/scale.
        solved: whether a linear model is solved to its minimizer; else it is trained by steps.
        of_several: the same line of several targets; nothing where a row may not have them.
        unfit: says what is wrong with targets (n,), or nothing.
        ordered: whether classes have an order, and the model cumulative logits.
        order: the labels of text in their order.
        strata: labels (n,) that every fold gets its share of; None: no labels.
        taken: says what is taken of targets (n,) that are fit, or nothing.
        times: whether targets are times, negative where the event did not come.
        predicts: says what predictions are, where that is not the target itself.
    """

    name: str
    task: str
    stacked: StackedLoss
    score: str
    code: str
    link: str = "identity"
    standardized: bool = False
    solved: bool = True
    of_several: str = ""
    unfit: Callable[[np.ndarray], str] = _nothing
    strata: Callable[[np.ndarray], np.ndarray] | None = None
    ordered: bool = False
    order: tuple[str, ...] = ()
    taken: Callable[[np.ndarray], str] = _nothing
    times: bool = False
    predicts: str = ""

    def in_order(self, classes: Sequence[Label]) -> tuple[Label, ...]:
        """Return the classes in their order: as it was said, or from the least to the largest."""
        if not self.order:
            return tuple(classes)
        return tuple(sorted(classes, key=lambda label: self.order.index(level_text(label))))


def _no_counts(y: np.ndarray) -> str:
    return f"{y.min():g}" if y.min() < 0 else ""


def _no_times(y: np.ndarray) -> str:
    if not (y > 0).any():
        return "no event"
    return "a time of 0" if (y == 0).any() else ""


def _taken_times(y: np.ndarray) -> str:
    if not (y > 0).all():
        return ""
    return (
        f"all {len(y):,} times are taken for times of the event: if some are censored, name the "
        "column that says so with --event, or give those times a minus"
    )


CROSS_ENTROPY = DataLoss(
    "cross-entropy",
    "classification",
    LOSSES["classification"],
    "accuracy",
    'nn.functional.cross_entropy(model(x[rows]), y[rows], reduction="none")',
)
SQUARED = DataLoss(
    "squared",
    "regression",
    LOSSES["regression"],
    "r2",
    '0.5 * nn.functional.mse_loss(model(x[rows]).squeeze(1), y[rows], reduction="none")',
    standardized=True,
    of_several="0.5 * ((model(x[rows]) - y[rows]) ** 2).sum(dim=1)",
)
LABELS = DataLoss(
    "binary-cross-entropy",
    "multi-label",
    StackedBinaryCrossEntropy(),
    "mean_average_precision",
    'nn.functional.binary_cross_entropy_with_logits(model(x[rows]), y[rows], reduction="none")',
    link="logit",
    of_several="nn.functional.binary_cross_entropy_with_logits(model(x[rows]), y[rows], "
    'reduction="none").sum(dim=1)',
)
POISSON = DataLoss(
    "poisson",
    "regression",
    StackedPoisson(),
    "d2_poisson",
    'nn.functional.poisson_nll_loss(model(x[rows]).squeeze(1), y[rows], reduction="none")',
    link="log",
    standardized=True,
    unfit=_no_counts,
    predicts="means of counts or rates",
)
QUANTILE = DataLoss(
    "quantile",
    "regression",
    StackedPinball(0.5),
    "d2_pinball",
    "(lambda beyond: torch.maximum(Q * beyond, (Q - 1) * beyond))("
    "y[rows] - model(x[rows]).squeeze(1))",
    standardized=True,
    solved=False,
)
COX = DataLoss(
    "cox",
    "regression",
    StackedCox(),
    "concordance",
    "StackedCox()(model(x[rows]).T[None], y[rows], WEIGHT)[0]",
    unfit=_no_times,
    strata=lambda y: y > 0,
    taken=_taken_times,
    times=True,
    predicts="logarithms of risk, larger where the event comes earlier, and no times",
)
EFRON = replace(
    COX,
    name="cox:efron",
    stacked=StackedEfron(),
    code=COX.code.replace("StackedCox", "StackedEfron"),
)
ORDINAL = replace(
    CROSS_ENTROPY,
    name="ordinal",
    code='nn.functional.nll_loss(model(x[rows]), y[rows], reduction="none")',
    solved=False,
    ordered=True,
)
DEFAULTS: Mapping[str, DataLoss] = {loss.task: loss for loss in (CROSS_ENTROPY, SQUARED, LABELS)}
NAMED: Mapping[str, DataLoss] = {
    loss.name: loss for loss in (*DEFAULTS.values(), POISSON, COX, EFRON, ORDINAL)
}
OFFERED = "squared, poisson, quantile:Q (0 < Q < 1), cox or cox:efron for numbers, cross-entropy "
OFFERED += (
    "or ordinal (ordinal:low,middle,high) for classes, binary-cross-entropy for several labels"
)


def data_loss(name: str) -> DataLoss:
    """Return the loss of a name.

    Args:
        name: `squared`, `poisson`, `quantile:0.9`, `cox`, `cox:efron`, `cross-entropy`,
            `binary-cross-entropy`, `ordinal`, or of text `ordinal:low,middle,high`.

    Raises:
        InputError: there is no such loss.

    >>> data_loss("quantile:0.9").stacked
    StackedPinball(quantile=0.9)
    """
    kind, colon, value = name.partition(":")
    if kind == QUANTILE.name and colon:
        return _of_quantile(name, value)
    if kind == ORDINAL.name and colon:
        order = CommaList(value).items()
        return replace(ORDINAL, name=name, order=order)
    if name not in NAMED:
        hint = near_names(name, [*NAMED, "quantile:0.5"])
        raise InputError(
            f"unknown loss {name!r}: expected {OFFERED}" + (f"; {hint}" if hint else "")
        )
    return NAMED[name]


def _of_quantile(name: str, value: str) -> DataLoss:
    try:
        quantile = float(value)
    except ValueError:
        quantile = np.nan
    if not 0 < quantile < 1:
        raise InputError(
            f"expected a quantile between 0 and 1, got {name!r}: write for example quantile:0.9"
        )
    return replace(
        QUANTILE,
        name=f"quantile:{quantile:g}",
        stacked=StackedPinball(quantile),
        score=f"d2_pinball:{quantile:g}",
        code=QUANTILE.code.replace("Q", f"{quantile:g}"),
        predicts=f"numbers that a share of {quantile:g} of the targets is below",
    )


def predictions_said(name: object) -> str:
    """Return what the predictions of a loss are where that is not the target itself, or nothing.

    >>> predictions_said("quantile:0.9"), predictions_said("squared"), predictions_said("mine")
    ('numbers that a share of 0.9 of the targets is below', '', '')
    """
    try:
        return data_loss(str(name)).predicts
    except InputError:  # a function of the user's
        return ""


def kind_of(name: str) -> str:
    """Return the name of a loss without what is said of it.

    >>> kind_of("cox:efron")
    'cox'
    """
    return name.partition(":")[0]


def names_function(loss: str) -> bool:
    """Return whether a text is the name `package.module:function` of a function.

    >>> names_function("torch.nn.functional:huber_loss"), names_function("quantile:0.9")
    (True, False)
    """
    kind = loss.partition(":")[0]
    return ":" in loss and kind not in (QUANTILE.name, ORDINAL.name, COX.name)


def task_of(loss: object, task: str | None) -> str | None:
    """Return the task: what was said, or what the loss that was named is for.

    >>> task_of("poisson", None), task_of(None, None)
    ('regression', None)
    """
    if task is not None or not isinstance(loss, str):
        return task
    asked = data_loss(loss).task
    return None if asked == LABELS.task else asked


def loss_of(name: object, data: Dataset) -> DataLoss:
    """Return the loss of a name for the targets of a dataset, as `loss_for` does."""
    order = () if data.target is None else data.target.order
    return loss_for(name, data.y, data.task, order)


def loss_for(name: object, y: np.ndarray, task: str, order: Sequence[str] = ()) -> DataLoss:
    """Return the loss of a name, or the task's own, for targets that it fits.

    Args:
        name: as in `data_loss`; None, or a function of the user's: the default of the task.
        y: the raw targets, (n,) or (n, targets).
        task: what they were taken for.
        order: that labels came with, for `ordinal` where its name gives none.

    Raises:
        InputError: the loss is not for such targets.

    >>> loss_for("poisson", np.array([0.0, 2.0]), "regression").score
    'd2_poisson'
    """
    loss = data_loss(name) if isinstance(name, str) else DEFAULTS[task]
    if loss.task != task:
        fitting = [other for other in (*NAMED, "quantile:Q") if _task_of(other) == task]
        numbers = ", or --task regression" if loss.task == "regression" and y.ndim == 1 else ""
        raise InputError(
            f"the loss {loss.name} is for a {loss.task} target, got a {task} one: expected --loss "
            f"{' or '.join(fitting)}{numbers}"
        )
    if y.ndim > 1 and not loss.of_several:
        raise InputError(
            f"the loss {loss.name} is for one target, got {y.shape[1]}: expected --loss squared "
            "for several numbers, or one target"
        )
    if loss.ordered and not loss.order:
        loss = replace(loss, order=tuple(order))
    _check_order(loss, y)
    wrong = loss.unfit(y)
    if wrong:
        raise InputError(
            f"the loss {loss.name} is for {_EXPECTED[kind_of(loss.name)]}, got {wrong}"
        )
    return loss


def _check_order(loss: DataLoss, y: np.ndarray) -> None:
    """Refuse classes that have no order."""
    if not loss.ordered:
        return
    labels = [plain_label(label) for label in np.unique(y)]
    texts = [level_text(label) for label in labels]
    if len(labels) < 3:
        raise InputError(
            f"expected at least 3 classes for the loss ordinal, got {len(labels)}: two have no "
            "order to learn, so leave --loss out"
        )
    unordered = not loss.order and any(isinstance(label, str) for label in labels)
    missing = [text for text in texts if loss.order and text not in loss.order]
    if unordered or missing:
        got = f"no place for {missing[0]!r}" if missing else f"text such as {texts[0]!r}"
        raise InputError(
            f"expected the order of the classes for the loss ordinal, got {got}: write --loss "
            f"ordinal:LEAST,…,LARGEST with {', '.join(map(repr, texts))} in their order"
        )


def _task_of(name: str) -> str:
    return NAMED[name].task if name in NAMED else QUANTILE.task


_EXPECTED = {
    "poisson": "counts or rates of at least 0",
    "cox": "times above 0, negative where they are censored (or --event COLUMN), some with events",
}
