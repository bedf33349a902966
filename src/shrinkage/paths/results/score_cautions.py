"""What the scores of the folds do not show: a best strength that may be no better than others.

Who uses this: the result of a path. Differences are taken fold by fold, since all models of a fold
see the same rows: their spread is that of a comparison, not of the score.
"""

from __future__ import annotations

import numpy as np

from shrinkage.cautions import Caution, CautionKind
from shrinkage.paths.choosing.constant import ConstantScores
from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.rules import Choice
from shrinkage.paths.results.records import Status, standard_error


def score_cautions(
    validation: CrossValidation, choice: Choice, constant: ConstantScores, score: str
) -> tuple[Caution, ...]:
    """Return what there is to know about the choice.

    Args:
        validation: scores of all strengths over the folds.
        choice: the chosen positions.
        constant: scores of the model without inputs.
        score: the scorer's name.
    """
    scores = validation.measures["score"]
    assert validation.unregularized is not None
    plain = validation.unregularized.measures["score"]
    trained = np.array([status is not Status.COLLAPSED for status in validation.status])
    return (
        *constant_as_good(scores[choice.best], constant.folds, score, validation.rounds),
        *strengths_alike(
            scores,
            plain,
            np.array(validation.strengths),
            trained,
            choice.best,
            validation.rounds,
        ),
    )


def constant_as_good(
    best: np.ndarray, constant: np.ndarray, score: str, rounds: int = 1
) -> tuple[Caution, ...]:
    """Say when the best model is not better than a constant by one standard error.

    That is mean(best − constant) ≤ sd(best − constant)/√folds, over the folds; with one fold
    best ≤ constant.

    >>> constant_as_good(np.array([0.5, 0.7]), np.array([0.4, 0.4]), "r2")
    ()
    >>> constant_as_good(np.array([0.5, 0.3]), np.array([0.4, 0.4]), "r2")[0].kind.value
    'constant_as_good'
    """
    margin, error = (float(own[0]) for own in _paired((best - constant)[None], rounds))
    if not np.isfinite(margin) or margin > error:
        return ()
    facts = {
        "score": score,
        "best": float(best.mean()),
        "constant": float(constant.mean()),
        "margin": margin,
        "standard_error": error,
    }
    return (Caution(CautionKind.CONSTANT_AS_GOOD, facts),)


def strengths_alike(
    scores: np.ndarray,
    unregularized: np.ndarray,
    strengths: np.ndarray,
    trained: np.ndarray,
    best: int,
    rounds: int = 1,
) -> tuple[Caution, ...]:
    """Say when the folds cannot tell the best strength from any other at which the model learns.

    A strength is told apart when its mean difference to the best, fold by fold, is more than one
    standard error of that difference. Some neighbours are always alike, on a fine grid; it is worth
    a word when the unregularized model and all strengths that did not collapse are.

    Args:
        scores: (strengths, folds).
        unregularized: scores of the unregularized model, (1, folds).
        strengths: (strengths,).
        trained: where the models learned something.
        best: position of the best strength.
        rounds: how often the rows were divided anew.
    """
    folds = scores.shape[1]
    if folds < 2 or trained.sum() < 3 or not trained[best]:
        return ()
    rivals = np.concatenate([scores[trained], unregularized])
    margins, errors = _paired(scores[best] - rivals, rounds)
    if not (np.isfinite(margins) & (margins <= errors)).all() or not (margins > 0).any():
        return ()
    alike = strengths[trained]
    facts = {
        "best": float(strengths[best]),
        "first": float(alike[0]),
        "last": float(alike[-1]),
        "count": len(alike) - 1,
        "of": len(strengths) - 1,
    }
    return (Caution(CautionKind.STRENGTHS_ALIKE, facts),)


def _paired(differences: np.ndarray, rounds: int) -> tuple[np.ndarray, np.ndarray]:
    """Return means and standard errors of differences (pairs, folds); an error is 0 of one fold."""
    means = differences.mean(axis=1)
    several = differences.shape[1] > rounds
    return means, standard_error(differences, rounds) if several else np.zeros(len(means))
