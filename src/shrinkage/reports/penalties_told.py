"""What each penalty scores where the penalty itself was chosen, and which the folds tell apart.

Who uses this: the sentences behind the answer.
"""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.text import plain
from shrinkage.paths.results import PathResult
from shrinkage.paths.results.comparisons import TOLD_APART
from shrinkage.paths.results.records import standard_error
from shrinkage.reports.reading import fold_mean
from shrinkage.reports.wording import score_wording

AXIS = "penalty"


def penalties_sentence(result: PathResult) -> str:
    """Return how far the best model of each other penalty is from the best, or nothing.

    Pairs are taken fold by fold, as `result.differences` are; a penalty is told apart from the best
    by as many standard errors as they are. All penalties had their choice on the same rows.

    >>> from shrinkage.reports.example import example_result
    >>> penalties_sentence(example_result())
    ''
    """
    best = result.best.index
    rivals = rivals_of(result)
    if best is None or not rivals:
        return ""
    wording, scores = score_wording(result.score_name), result.fold_scores
    told_by = next((pair.told_by for pair in result.differences), TOLD_APART)
    parts = []
    for word, index in rivals.items():
        apart = scores[index] - scores[best]
        mean, error = float(apart.mean()), float(standard_error(apart[None], result.rounds)[0])
        if not np.isfinite(error):
            told = ""
        elif abs(mean) > told_by * error:
            told = f" ({wording.signed(mean, error)})"
        else:
            told = f" ({wording.signed(mean, error)}, not told from it)"
        parts.append(f"{plain(word)} {wording.text(float(fold_mean(scores)[index]))}{told}")
    chosen = plain(str(result.best.setting[AXIS]))
    return (
        f"By penalty, each at its best on the folds: {chosen} {wording.text(result.best.cv_score)}"
        f", {', '.join(parts)}."
    )


def rivals_of(result: PathResult) -> dict[str, int]:
    """Return the best cell of each penalty but the chosen, the best first; none of one penalty."""
    surface = result.surface
    names = [] if surface is None else [axis.name for axis in surface.axes]
    if surface is None or AXIS not in names:
        return {}
    place, mean = names.index(AXIS), _judged(result)
    best: dict[str, int] = {}
    for index in np.argsort(-mean, kind="stable").tolist():
        best.setdefault(str(surface.cells[index][place]), index)
    best.pop(str(result.best.setting[AXIS]), None)
    return best


def _judged(result: PathResult) -> np.ndarray:
    """Return what chose, the higher the better."""
    if result.summary.get("choose_by") != "loss":
        mean = fold_mean(result.fold_scores)
    else:
        loss = result.validation_loss if result.log_loss is None else result.log_loss
        mean = -fold_mean(loss)
    return np.nan_to_num(mean, nan=-np.inf)
