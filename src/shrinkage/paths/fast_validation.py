"""`--fast`: all strengths are trained a little, and only those that the choice asks for in full.

Who uses this: `fit`, where `PathOptions.fast` is set and the models are networks. What is trained
in full is trained as ever, on all folds, so its scores are those of the full grid. A short training
has a schedule of its own, to the end of its learning rate: scores in the middle of a long one say
less. Source: Jamieson and Talwalkar, Non-stochastic best arm identification and hyperparameter
optimization (2016), whose halves are here what the path's order allows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.shortlist import lacking, shortlist
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.settings import Settings

LEAST_STRENGTHS = 8  # fewer than that, and nearly all would be trained in full

Validate = Callable[[Plan, str, Settings, str], list[UnitOutcome]]


@dataclass(frozen=True)
class LeftOut:
    """Strengths that were not trained in full.

    Args:
        strengths: ascending.
        scores: their mean scores after the short training.
        epochs: of the short training.
        of_epochs: of a full one.
    """

    strengths: tuple[float, ...]
    scores: tuple[float, ...]
    epochs: int
    of_epochs: int

    def to_dict(self) -> dict[str, object]:
        """Return plain values that JSON can hold."""
        pairs = zip(self.strengths, self.scores, strict=True)
        return {
            "epochs": self.epochs,
            "of_epochs": self.of_epochs,
            "left_out": [
                {"strength": strength, "cv_score": score if np.isfinite(score) else None}
                for strength, score in pairs
            ],
        }


def is_fast(plan: Plan, strengths: int) -> bool:
    """Return whether a path of so many strengths is shortened: never where models are solved."""
    return plan.options.fast and not plan.engine.is_solver and strengths >= LEAST_STRENGTHS


def validate_fast(
    plan: Plan, settings: Settings, validate: Validate
) -> tuple[CrossValidation, LeftOut]:
    """Return the cross validation of the strengths that were trained in full, and the others.

    Args:
        plan: the run.
        settings: of the grid, ascending, without the unregularized model.
        validate: trains settings on all folds, given a plan, a name and what to tell.
    """
    plain = plan.problem.terms.unregularized
    pilot = plan.pilot()
    outcomes = validate(pilot, "pilot", plain + settings, "all strengths, a little")
    rounds, measure = plan.preparation.split.rounds, plan.options.choose_by
    piloted = CrossValidation.of(plain + settings, outcomes)
    scores = piloted.measures["score"]
    losses = -piloted.judged_by("loss")
    positions = shortlist(piloted.judged_by(measure), losses)
    trained = plain + settings.take(positions)
    outcomes = validate(plan, "shortlist-0", trained, "the likely strengths in full")
    validation = CrossValidation.of(trained, outcomes, rounds)
    for number in range(1, len(settings)):
        more = lacking(positions, validation.judged_by(measure), len(settings))
        if not more:
            break
        own = settings.take(more)
        outcomes = validate(plan, f"shortlist-{number}", own, "strengths beside them in full")
        validation = validation.extended(own, outcomes, below=False)
        positions = (*positions, *more)
        order = np.argsort(positions)
        validation = replace(
            validation.rows(order.tolist()), unregularized=validation.unregularized
        )
        positions = tuple(sorted(positions))
    left = [place for place in range(len(settings)) if place not in positions]
    return validation, LeftOut(
        tuple(settings.rows[place][0] for place in left),
        tuple(float(score) for score in scores.mean(axis=1)[left]),
        pilot.problem.recipe.epochs,
        plan.problem.recipe.epochs,
    )
