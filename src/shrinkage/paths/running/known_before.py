"""What is known of scores before anything is trained: are they defined, and what is to be beaten.

Who uses this: the plan of a path.
"""

from __future__ import annotations

import numpy as np

from shrinkage.cautions import Caution, CautionKind
from shrinkage.datasets.cautions import data_cautions, few_rows_decide, unequal_classes
from shrinkage.errors import InputError
from shrinkage.paths.choosing.constant import ConstantScores, constant_outputs
from shrinkage.paths.choosing.log_losses import log_losses
from shrinkage.paths.choosing.scores import Scorer, label_called
from shrinkage.paths.data_losses import CROSS_ENTROPY, SQUARED
from shrinkage.paths.options import PathOptions
from shrinkage.paths.running.preparation import Preparation


def checked_scorer(options: PathOptions, preparation: Preparation) -> Scorer:
    """Return the scorer; raise unless it is defined on the validation rows of every fold."""
    data, target = preparation.data, preparation.target
    name = preparation.data_loss.score if options.scorer is None else options.scorer
    scorer = Scorer.of(name, label_called(options.positive, target))
    weighted = data.sample_weight is not None and options.score_weights
    scorer.check(target, weighted)
    for number, (_, rows) in enumerate(preparation.split.folds, start=1):
        encoding = preparation.fold_targets[number - 1]
        reason = scorer.undefined(data.y[rows], preparation.weights.in_scores(rows), encoding)
        if reason:
            several = len(preparation.split.folds) > 1
            classes = data.task == "classification"
            way = "fewer --folds, or another --score" if several else "another --score"
            if classes:
                way += ", or --rare other" if several else ", or validation rows of every class"
            where = f" of fold {number}" if several else ""
            raise InputError(
                f"the score {scorer.name} is not defined on the {len(rows)} validation rows{where} "
                f"({reason.rstrip('.')}): use {way}"
            )
    return scorer


def known_cautions(preparation: Preparation, scorer: Scorer, choose_by: str) -> tuple[Caution, ...]:
    """Return what rows and scorer tell."""
    rows, split = preparation.test_rows, preparation.split
    reason = scorer.undefined(rows.y, rows.weight, preparation.target) if len(rows.y) else ""
    facts = {"score": scorer.name, "rows": "test", "reason": reason}
    undefined = (Caution(CautionKind.SCORE_UNDEFINED, facts),) if reason else ()
    by_accuracy = scorer.name == CROSS_ENTROPY.score and choose_by == "score"
    y, apart = preparation.data.y[split.train], ()
    if by_accuracy:
        apart = unequal_classes(y)
    elif preparation.data_loss.name == SQUARED.name:
        apart = few_rows_decide(y)
    return (*data_cautions(preparation.data, split.first_round), *apart, *undefined)


def constant_scores(preparation: Preparation, scorer: Scorer) -> ConstantScores:
    """Return the scores of the model without inputs on the folds and on the test rows."""
    data, split = preparation.data, preparation.split

    def score(
        train: np.ndarray, y: np.ndarray, weight: np.ndarray | None, place: int
    ) -> tuple[float, float]:
        encoding = (*preparation.fold_targets, preparation.target)[place]
        sample = None if data.sample_weight is None else data.sample_weight[train]
        best = preparation.data_loss.stacked
        outputs = constant_outputs(encoding, data.y[train], sample, len(y), best)
        loss = log_losses(outputs, y, weight, encoding)
        return float(scorer.score(outputs, y, weight, encoding)[0]), float(loss[0])

    folds = [
        score(train, data.y[held], preparation.weights.in_scores(held), place)
        for place, (train, held) in enumerate(split.folds)
    ]
    scores, losses = np.array(folds).T
    test = preparation.test_rows
    if len(test.y):
        test_score, test_loss = score(split.train, test.y, test.weight, -1)
    else:
        test_score = test_loss = float("nan")
    return ConstantScores(scores, test_score, losses, test_loss)
