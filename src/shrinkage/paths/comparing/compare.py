"""Train models of other kinds on the folds of a path, and score them as its models are scored.

Who uses this: `fit_path`, when it is asked to compare. Predictions become outputs (logarithms of
probabilities, or numbers), so that the path's own scorer judges them on the very same rows.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from shrinkage.paths.choosing.log_losses import log_losses
from shrinkage.paths.engines.base import FoldData
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.progress import Progress
from shrinkage.paths.running.store import Store

if TYPE_CHECKING:
    from shrinkage.paths.comparing.peers import Make

LEAST_SHARE = 1e-12
"""A class that a model gives no chance counts as this likely, so that no loss is infinite."""

FEW_ROWS = 10_000
"""Under so many rows threads cost more than they bring, above all beside other work."""


@dataclass(frozen=True)
class PeerScores:
    """A model of another kind: over the folds (folds,), on the test rows, and its seconds."""

    name: str
    score: np.ndarray
    log_loss: np.ndarray
    test_score: float
    test_log_loss: float
    seconds: float


def compare(plan: Plan, store: Store, progress: Progress) -> tuple[PeerScores, ...]:
    """Return the scores of each model that is not in the store yet, and of those that are.

    Args:
        plan: what a path is trained on.
        store: keeps each model's scores as soon as they are there.
        progress: is told of every model that is trained.
    """
    from shrinkage.paths.comparing.peers import PEERS  # a sixth of a second to load

    peers = PEERS[plan.preparation.data.task]
    progress.stage("models of other kinds", len(peers) * (plan.folds + 1))
    return tuple(_scores(plan, store, progress, name, make) for name, make in peers.items())


def _scores(plan: Plan, store: Store, progress: Progress, name: str, make: Make) -> PeerScores:
    key = f"compared-{name.replace(' ', '-')}"
    kept = store.unit(key)
    if kept is None:
        begin = time.perf_counter()
        rows = np.array(list(_measured(plan, progress, make)))
        seconds = np.array([time.perf_counter() - begin])
        kept = UnitOutcome({"score": rows[:, 0], "log_loss": rows[:, 1], "seconds": seconds})
        store.keep_unit(key, kept)
    else:
        progress.advance(plan.folds + 1)
    score, loss = kept.values["score"], kept.values["log_loss"]
    seconds = float(kept.values["seconds"][0])
    return PeerScores(name, score[:-1], loss[:-1], float(score[-1]), float(loss[-1]), seconds)


def _measured(plan: Plan, progress: Progress, make: Make) -> Iterator[tuple[float, float]]:
    """Yield score and log loss on the validation rows of each fold, then on the test rows."""
    preparation, scorer = plan.preparation, plan.problem.scorer
    for number in (*range(plan.folds), None):
        data = preparation.fold(number)
        if data.validation is None:
            test = preparation.test_rows
            rows, y, weight = preparation.test_inputs, test.y, test.weight
        else:
            places = data.validation.cpu().numpy()
            rows, y = data.rows.x[data.validation].cpu().numpy(), data.raw_target[places]
            weight = None if data.score_weight is None else data.score_weight[places]
        if len(y):
            estimator = make(plan.options.seed, _threads(len(data.train)))
            outputs = _outputs(estimator, data, rows)[None]
            score = float(scorer.score(outputs, y, weight, data.encoding)[0])
            yield score, float(log_losses(outputs, y, weight, data.encoding)[0])
        else:
            yield float("nan"), float("nan")
        progress.advance(1)


def _threads(rows: int) -> int:
    return 1 if rows < FEW_ROWS else os.cpu_count() or 1


def _outputs(estimator: Any, data: FoldData, rows: np.ndarray) -> np.ndarray:
    """Return what a model trained on a fold's training rows gives for other rows, (outputs, rows).

    Classes without a training row get no chance.
    """
    train = data.train.cpu().numpy()
    x, target = data.rows.x[data.train].cpu().numpy(), data.rows.target[data.train].cpu().numpy()
    weight = None if data.rows.weight is None else data.rows.weight[train].cpu().numpy()
    with warnings.catch_warnings(), threadpool_limits(_threads(len(x))):
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(x, target, sample_weight=weight)
    if data.encoding.task != "classification":
        return estimator.predict(rows)[None]
    shares = np.full((data.encoding.n_outputs, len(rows)), LEAST_SHARE)
    shares[estimator.classes_] = np.maximum(estimator.predict_proba(rows).T, LEAST_SHARE)
    return np.log(shares)
