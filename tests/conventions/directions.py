"""Every direction between two conventions, with a number and the context that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shrinkage.conventions.base import Convention, DataLoss, Penalises
from shrinkage.conventions.registry import REGISTRY
from shrinkage.conventions.relations import Holds, learning_rate_factor, relation
from tests.conventions.problem import (
    COLUMNS,
    EPSILON_OF_LOG_SUM,
    LEARNING_RATE,
    MAX_LEARNING_RATE,
    ROWS,
)

NUMBERS = {
    "sklearn.LogisticRegression.C": 3.0,
    "sklearn.Ridge.alpha": 0.5,
    "sklearn.MLPClassifier.alpha": 0.5,
    "sklearn.SGDClassifier.alpha": 0.02,
    "tfa.adamw.weight_decay": 0.004,
    "independent.weight_decay": 0.02,
    "pytorch_optimizer.fixed_decay.weight_decay": 0.004,
    "shrinkage.log_sum": 0.02,
    "skglm.penalties.LogSumPenalty.alpha": 0.01,
    "shrinkage.l_half": 0.01,
    "skglm.penalties.L0_5.alpha": 0.01,
    "timescale.steps": 40.0,
    "timescale.epochs": 20.0,
}
STEPS_PER_EPOCH = 5
NEEDS = {
    "n_samples": (ROWS, "sklearn.Ridge.alpha", "sklearn.LogisticRegression.C"),
    "batch_size": (ROWS, "sklearn.MLPClassifier.alpha"),
    "steps_per_epoch": (STEPS_PER_EPOCH, "timescale.epochs"),
    "group_size": (COLUMNS, "skglm.GroupLasso.alpha", "skglm.penalties.WeightedGroupL2.alpha"),
    "epsilon": (EPSILON_OF_LOG_SUM, "skglm.penalties.LogSumPenalty.alpha"),
}
# The share that a step decays, as powers of the learning rate and of the schedule's largest.
RATES = {
    "tfa.adamw.weight_decay": (0, 0),
    "pytorch_optimizer.fixed_decay.weight_decay": (0, 0),
    "timescale.steps": (0, 0),
    "timescale.epochs": (0, 0),
    "independent.weight_decay": (1, -1),
    "timm.adamc.weight_decay": (2, -1),
}


@dataclass(frozen=True)
class Direction:
    """One conversion to be run."""

    source: Convention
    target: Convention
    number: Any
    context: dict[str, Any]
    loss: str

    @property
    def one_sample(self) -> bool:
        """Whether a library steps after every sample."""
        return "sklearn.SGDClassifier.alpha" in (self.source.name, self.target.name)

    def __str__(self) -> str:
        return f"{self.source.name}-{self.target.name}-{self.loss}"


def _context(source: Convention, target: Convention, loss: str) -> dict[str, Any]:
    names = {source.name, target.name}
    context: dict[str, Any] = {
        key: value
        for key, (value, *users) in NEEDS.items()
        if len(names & set(users)) == 1 or (key == "n_samples" and names == set(users))
    }
    if "sklearn.SGDClassifier.alpha" in names and "batch_size" in context:
        context["batch_size"] = 1
    (rate, largest), (other_rate, other_largest) = (RATES.get(name, (1, 0)) for name in names)
    if rate != other_rate:
        context["learning_rate"] = LEARNING_RATE
    if largest != other_largest:
        context["max_learning_rate"] = MAX_LEARNING_RATE
    if learning_rate_factor(source, target).powers:
        context["fan_in"] = COLUMNS
    if loss == "squared":
        context["loss"] = "squared_error"
    return context


def _share(source: Convention, target: Convention) -> float:
    """Return the share of L1 that both can hold."""
    kinds = {source.penalises, target.penalises}
    return 1.0 if Penalises.L1 in kinds else 0.0 if Penalises.L2 in kinds else 0.25


def _direction(source: Convention, target: Convention, loss: str) -> Direction:
    context = _context(source, target, loss)
    number: Any = NUMBERS.get(source.name, 0.05)
    share = _share(source, target)
    if source.penalises is Penalises.PAIR:
        number = (0.05 * share, 0.05 * (1 - share))
    if source.penalises is Penalises.MIXED:
        context["l1_ratio"] = share
    return Direction(source, target, number, context, loss)


def _losses(source: Convention, target: Convention) -> tuple[str, ...]:
    losses = {source.data_loss, target.data_loss}
    if DataLoss.CLASSES in losses:
        return ("logistic",)
    chosen_by_user = DataLoss.FREE in losses and losses & {DataLoss.SQUARED, DataLoss.FAMILY}
    whole = chosen_by_user and not source.penalises.knee
    return ("half", "squared") if whole else ("half",)


PAIRS = [(a, b) for a in REGISTRY.values() for b in REGISTRY.values() if a is not b]
DIRECTIONS = [
    _direction(source, target, loss)
    for source, target in PAIRS
    if isinstance(relation(source, target), Holds)
    for loss in _losses(source, target)
]
REFUSED = [pair for pair in PAIRS if not isinstance(relation(*pair), Holds)]
