"""Scores of models on the rows of each group, in folds and on the test rows.

Who uses this: the outcome of a fold, and the result of a path. Groups divide nothing and are seen
by no model; they say on whose rows a score is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shrinkage.paths.choosing.constant import constant_outputs
from shrinkage.paths.choosing.scores import Scorer
from shrinkage.paths.engines.base import RowsOfGroups
from shrinkage.paths.results.group_scores import GroupScore, GroupScores
from shrinkage.paths.results.score_figures import ScoredRows

if TYPE_CHECKING:
    from shrinkage.paths.running.preparation import Preparation

GROUP_SCORE = "group_score"


def scores_by_group(
    scorer: Scorer, outputs: np.ndarray, rows: ScoredRows, groups: RowsOfGroups
) -> dict[str, np.ndarray]:
    """Return the scores of each model on the rows of each group, NaN where there is none.

    Args:
        scorer: the score.
        outputs: (models, outputs, rows).
        rows: their targets, weights and encoding.
        groups: of the rows.
    """
    scores = {}
    for code, label in enumerate(groups.labels):
        own = np.flatnonzero(groups.codes == code)
        weight = None if rows.weight is None else rows.weight[own]
        scores[label] = np.full(len(outputs), np.nan)
        if len(own):
            y = rows.raw_target[own]
            scores[label] = scorer.score(outputs[:, :, own], y, weight, rows.encoding)
    return scores


def group_scores(
    preparation: Preparation, scorer: Scorer, by_fold: dict[str, np.ndarray], test: ScoredRows
) -> GroupScores | None:
    """Return the record of the best strength; None where no groups were named.

    Args:
        preparation: the rows.
        scorer: the score.
        by_fold: for each group the scores over the folds, (folds,).
        test: outputs of the refitted model on the test rows.
    """
    groups, split = preparation.score_groups, preparation.split
    if groups is None:
        return None
    held = np.concatenate([validation for _, validation in split.first_round])
    of_test = groups.take(split.test)
    own_test = preparation.data.test is not None or not len(split.test)
    tested, constant = (
        {} if own_test else _of_one(scorer, outputs, test, of_test)
        for outputs in (test.outputs, _constant(preparation, split.train, -1, len(test.raw_target)))
    )
    folds = [_constant_of_fold(preparation, scorer, place) for place in range(len(split.folds))]
    return GroupScores(
        str(preparation.data.score_by_name),
        tuple(
            GroupScore(
                label,
                int((groups.codes[held] == code).sum()),
                _mean(by_fold[label]),
                _mean(np.array([one[label] for one in folds], dtype=np.float64)),
                0 if own_test else int((of_test.codes == code).sum()),
                tested.get(label),
                constant.get(label),
            )
            for code, label in enumerate(groups.labels)
        ),
    )


def _constant(preparation: Preparation, train: np.ndarray, place: int, rows: int) -> np.ndarray:
    encoding = (*preparation.fold_targets, preparation.target)[place]
    weight = preparation.data.sample_weight
    own = None if weight is None else weight[train]
    y, loss = preparation.data.y[train], preparation.data_loss.stacked
    return constant_outputs(encoding, y, own, rows, loss)[0]


def _constant_of_fold(
    preparation: Preparation, scorer: Scorer, place: int
) -> dict[str, float | None]:
    train, held = preparation.split.folds[place]
    outputs = _constant(preparation, train, place, len(held))
    weight, encoding = preparation.weights.in_scores(held), preparation.fold_targets[place]
    rows = ScoredRows(outputs, preparation.data.y[held], weight, None, encoding)
    groups = preparation.score_groups
    assert groups is not None
    return _of_one(scorer, outputs, rows, groups.take(held))


def _of_one(
    scorer: Scorer, outputs: np.ndarray, rows: ScoredRows, groups: RowsOfGroups
) -> dict[str, float | None]:
    """Return the scores of one model, None where there is none."""
    scores = scores_by_group(scorer, outputs[None], rows, groups)
    return {label: _mean(values) for label, values in scores.items()}


def _mean(values: np.ndarray) -> float | None:
    """Return the mean of what is defined."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
