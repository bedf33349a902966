"""From the folds to what the chosen strength buys: paired differences, and a fair baseline.

Who uses this: `assembly`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from shrinkage.paths.choosing.constant import ConstantScores
from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.rules import Choice
from shrinkage.paths.results.comparisons import Difference, EarlyStop
from shrinkage.paths.results.goal import GOAL
from shrinkage.paths.results.records import standard_error


@dataclass(frozen=True)
class FoldValues:
    """Scores and log losses of one model over the folds, each (folds,); None: not measured."""

    score: np.ndarray
    log_loss: np.ndarray | None = None


def differences_of(
    validation: CrossValidation,
    choice: Choice,
    constant: ConstantScores,
    others: Mapping[str, FoldValues],
    goal: int | None = None,
) -> tuple[Difference, ...]:
    """Return how far the models are apart over the folds; none with a single fold.

    Args:
        validation: the cross validation.
        choice: the chosen positions.
        constant: scores of the model without inputs.
        others: models of other kinds by name.
        goal: the place of the model that a goal chose.
    """
    plain = validation.unregularized
    assert plain is not None
    best, simple = (_at(validation, k) for k in (choice.best, choice.one_standard_error))
    unregularized, rounds = _at(plain, 0), validation.rounds
    pairs = [
        ("best", best, "unregularized", unregularized),
        ("one_standard_error", simple, "unregularized", unregularized),
        ("best", best, "one_standard_error", simple),
        ("best", best, "constant", FoldValues(constant.folds, constant.log_loss)),
        *(("best", best, name, values) for name, values in others.items()),
    ]
    if goal is not None:
        small = _at(validation, goal)
        pairs += [("best", best, GOAL, small), (GOAL, small, "unregularized", unregularized)]
    made = (_difference(of, one, against, other, rounds) for of, one, against, other in pairs)
    return tuple(difference for difference in made if difference is not None)


def early_stop_of(
    validation: CrossValidation, choice: Choice, measure: str, *, weighted: bool
) -> tuple[EarlyStop, Difference | None] | None:
    """Return the unregularized network at its best epoch, and how far the best is from it.

    The epoch has the best mean over the folds of what chooses the strength, so both had the same
    choice on the same rows. None where no learning curve is there, or the last epoch is the best.

    Args:
        validation: the cross validation.
        choice: the chosen positions.
        measure: what chooses, `score` or `loss`.
        weighted: whether weights make the training loss another number than the log loss.
    """
    plain, curves = validation.unregularized, validation.curves
    if plain is None or not plain.curves or not len(validation.epochs):
        return None
    scores, losses = plain.curves["validation_score"][0], plain.curves["validation_loss"][0]
    judged = (scores if measure == "score" else -losses).mean(axis=1)
    if not np.isfinite(judged).any():
        return None
    place = int(np.nanargmax(judged))
    if place == len(judged) - 1:
        return None
    logs = not weighted and validation.log_loss is not None
    there = FoldValues(scores[place], losses[place] if logs else None)
    last = {name: values[choice.best, -1] for name, values in curves.items()}
    best = FoldValues(last["validation_score"], last["validation_loss"] if logs else None)
    epochs = validation.epochs
    stop = EarlyStop(
        epoch=int(epochs[place]),
        of=int(epochs[-1]),
        cv_score=_mean(there.score),
        cv_log_loss=None if there.log_loss is None else _mean(there.log_loss),
    )
    return stop, _difference("best", best, "early_stop", there, validation.rounds)


def _at(validation: CrossValidation, place: int) -> FoldValues:
    loss = validation.log_loss
    return FoldValues(validation.measures["score"][place], None if loss is None else loss[place])


def _difference(
    of: str, one: FoldValues, against: str, other: FoldValues, rounds: int
) -> Difference | None:
    score = _paired(one.score, other.score, rounds)
    if score is None:
        return None
    loss = None
    if one.log_loss is not None and other.log_loss is not None:
        loss = _paired(one.log_loss, other.log_loss, rounds)
    told_by = errors_needed(len(one.score), rounds)
    return Difference(of, against, *score, *(loss or (None, None)), told_by)


def errors_needed(folds: int, rounds: int = 1) -> float:
    """Return how many standard errors tell a mean over folds from zero, wrongly once in twenty.

    The quantile of Student's t distribution (1908) with rounds · (folds of a round − 1) degrees of
    freedom: two standard errors of two folds are there by chance in 30 of 100 cases.

    Args:
        folds: of all rounds.
        rounds: how often the rows were divided anew.

    >>> [round(errors_needed(folds), 2) for folds in (2, 3, 5, 10)], round(errors_needed(15, 3), 2)
    ([12.71, 4.3, 2.78, 2.26], 2.18)
    """
    return float(stdtrit(folds - rounds, 0.975))


def _paired(one: np.ndarray, other: np.ndarray, rounds: int) -> tuple[float, float] | None:
    """Return the mean difference and its standard error; None where there is none."""
    apart = one - other
    error = float(standard_error(apart[None], rounds)[0])
    return (float(apart.mean()), error) if np.isfinite(error) else None


def _mean(values: np.ndarray) -> float | None:
    mean = float(values.mean())
    return mean if np.isfinite(mean) else None
