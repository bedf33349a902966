"""Scores that scikit-learn has no scorer of: deviances explained, several labels, censored times.

Who uses this: `Scorer`, before it asks scikit-learn for a name. All are higher for better models
and 0, the share of labels, or ½ for the best constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    d2_pinball_score,
    d2_tweedie_score,
    hamming_loss,
    make_scorer,
)

_BLOCK = 4_000_000  # pairs that are compared together


def mean_average_precision(
    y: np.ndarray, scores: np.ndarray, sample_weight: np.ndarray | None = None
) -> float:
    """Return the mean of scikit-learn's average precision over the labels that some row has.

    Args:
        y: 0 and 1, (rows, labels).
        scores: the higher, the likelier, (rows, labels).
        sample_weight: (rows,), or None.

    Returns:
        NaN where no row has any label.

    >>> y = np.array([[1, 0], [0, 0]])
    >>> mean_average_precision(y, np.array([[2.0, 0.0], [1.0, 3.0]]))
    1.0
    """
    values = [
        average_precision_score(y[:, label], scores[:, label], sample_weight=sample_weight)
        for label in np.flatnonzero(y.any(axis=0))
    ]
    return float(np.mean(values)) if values else float("nan")


def concordance(y: np.ndarray, risk: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
    """Return Harrell's index: the share of comparable pairs in which the riskier row comes first.

    A pair is comparable where the event of the row with the shorter time came; equal risks count
    half. Of equal times the pair of an event and a censored row is comparable, since the latter
    was still there. Source: Harrell, Califf, Pryor, Lee and Rosati 1982, Evaluating the yield of
    medical tests, JAMA 247.

    Args:
        y: times, negative where they are censored, (rows,).
        risk: the higher, the sooner, (rows,).
        sample_weight: (rows,); a pair counts the product. None: all alike.

    Returns:
        NaN where no pair is comparable.

    >>> concordance(np.array([1.0, 2.0, -3.0]), np.array([3.0, 1.0, 2.0]))
    0.6666666666666666
    """
    times, event = np.abs(y), y > 0
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    right = pairs = 0.0
    rows = np.flatnonzero(event)
    for some in np.array_split(rows, max(1, len(rows) * len(y) // _BLOCK + 1)):
        later = (times > times[some, None]) | ((times == times[some, None]) & ~event)
        counts = later * weight * weight[some, None]
        difference = risk[some, None] - risk
        right += float((counts * ((difference > 0) + 0.5 * (difference == 0))).sum())
        pairs += float(counts.sum())
    return right / pairs if pairs else float("nan")


def neg_rank_error(
    estimator: Any, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None
) -> float:
    """Return minus the mean number of classes between the predicted and the true one.

    Args:
        estimator: a classifier whose `classes_` stand in their order.
        X: rows.
        y: labels, (rows,).
        sample_weight: (rows,), or None.
    """
    place = {label: rank for rank, label in enumerate(np.asarray(estimator.classes_).tolist())}
    ranks = (
        np.array([place[label] for label in np.asarray(labels).tolist()])
        for labels in (y, estimator.predict(X))
    )
    return -float(np.average(np.abs(np.subtract(*ranks)), weights=sample_weight))


OWN: Mapping[str, Callable[..., float]] = {
    "d2_poisson": make_scorer(d2_tweedie_score, power=1),
    "mean_average_precision": make_scorer(
        mean_average_precision, response_method="decision_function"
    ),
    "neg_hamming_loss": make_scorer(hamming_loss, greater_is_better=False),
    "concordance": make_scorer(concordance),
    "neg_rank_error": neg_rank_error,
}
"""Scorers by name; `d2_pinball:Q` is one more for each quantile."""


def own_scorer(name: str) -> Callable[..., float] | None:
    """Return the scorer of a name here, or None.

    >>> own_scorer("r2") is None, own_scorer("d2_pinball:0.9")
    (True, make_scorer(d2_pinball_score, response_method='predict', alpha=0.9))
    """
    kind, _, value = name.partition(":")
    if kind == "d2_pinball":
        try:
            return make_scorer(d2_pinball_score, alpha=float(value or 0.5))
        except ValueError:
            return None
    return OWN.get(name)
