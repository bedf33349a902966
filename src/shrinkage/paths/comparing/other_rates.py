"""The unregularized network at its own best learning rate: the fair baseline of a chosen strength.

Who uses this: `fit_path`, when it is asked to compare. Strengths are chosen at one learning rate,
which may suit them and not the network without a penalty; so that one gets a choice of four on the
same folds, by what chooses the strength, and one more training for the test rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.log_losses import log_losses
from shrinkage.paths.comparing.compare import PeerScores
from shrinkage.paths.results.refits import Refit, scored_rows
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.runners.base import Job

FACTORS = (1 / 16, 1 / 4, 1.0, 4.0)
"""Learning rates that are tried, in those of the path."""
MEASURES = ("score", "log_loss", "validation_loss")

Train = Callable[[Plan, Sequence[Job]], list[UnitOutcome]]


def at_best_rate(plan: Plan, validation: CrossValidation, train: Train) -> PeerScores:
    """Return the scores of the unregularized network at the best of some learning rates.

    Args:
        plan: of the path.
        validation: with the unregularized network at the path's own rate.
        train: trains jobs of a plan and keeps their outcomes.
    """
    begin = time.perf_counter()
    rates = [factor * plan.problem.recipe.learning_rate for factor in FACTORS]
    tried = [
        _own(validation) if factor == 1 else _folds(_at(plan, rate), rate, train)
        for factor, rate in zip(FACTORS, rates, strict=True)
    ]
    judged = [_judged(values, plan.options.choose_by) for values in tried]
    place = int(np.argmax(np.nan_to_num(judged, nan=-np.inf)))
    score, loss = _test(_at(plan, rates[place]), rates[place], train)
    name = f"unregularized at learning rate {rates[place]:g}"
    seconds = time.perf_counter() - begin
    best = tried[place]
    return PeerScores(name, best["score"], best["log_loss"], score, loss, seconds)


def _at(plan: Plan, rate: float) -> Plan:
    """Return the plan at another learning rate, without learning curves."""
    recipe = replace(plan.problem.recipe, learning_rate=rate)
    return replace(plan, problem=replace(plan.problem, recipe=recipe), watched=False)


def _own(validation: CrossValidation) -> dict[str, np.ndarray]:
    assert validation.unregularized is not None
    measures = validation.unregularized.measures
    return {name: measures[name][0] for name in MEASURES}


def _folds(plan: Plan, rate: float, train: Train) -> dict[str, np.ndarray]:
    """Return the measures of the unregularized network on each fold."""
    jobs = plan.jobs(f"rate-{rate:g}", plan.problem.terms.unregularized, 1)
    outcomes = train(plan, jobs)
    return {name: np.array([own.values[name][0] for own in outcomes]) for name in MEASURES}


def _judged(values: Mapping[str, np.ndarray], measure: str) -> float:
    """Return what chooses, the higher the better, as `CrossValidation.judged_by` does."""
    if measure == "score":
        return float(values["score"].mean())
    loss = values["log_loss"]
    return -float((values["validation_loss"] if np.isnan(loss).all() else loss).mean())


def _test(plan: Plan, rate: float, train: Train) -> tuple[float, float]:
    """Return score and log loss on the test rows, NaN where there are none."""
    if not len(plan.preparation.test_rows.y):
        return float("nan"), float("nan")
    settings = plan.problem.terms.unregularized
    (outcome,) = train(plan, [Job(f"refit-rate-{rate:g}", None, settings)])
    rows = scored_rows(plan, Refit(settings, outcome), 0)
    outputs, scorer = rows.outputs[None], plan.problem.scorer
    score = scorer.score(outputs, rows.raw_target, rows.weight, rows.encoding)[0]
    loss = log_losses(outputs, rows.raw_target, rows.weight, rows.encoding)[0]
    return float(score), float(loss)
