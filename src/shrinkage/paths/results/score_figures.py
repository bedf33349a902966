"""What the test rows say beyond one score: figures of each class, and how sure the score is.

Who uses this: the result of a path, from the one look at the test rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from shrinkage.datasets import TargetEncoding
from shrinkage.paths.choosing.scores import Scorer
from shrinkage.paths.results.class_figures import ClassFigures, confusions

LEVEL = 0.95
RESAMPLES = 1000
NORMAL = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""

FEWEST_ROWS, LEAST_RESAMPLES = 5, 100
_DRAWN_AT_ONCE = 1_000_000
"""Rows that are drawn together."""

_COSTS = {True: (RESAMPLES, 20_000_000), False: (200, 4_000_000)}
"""Most resamples, and most rows in all of them, of scores with a short form and of others."""

Interval = tuple[float, float]


def class_figures(
    outputs: np.ndarray, raw_target: np.ndarray, encoding: TargetEncoding
) -> ClassFigures:
    """Return how often each class is right, and what it is taken for.

    Args:
        outputs: logits of one model, (classes, rows).
        raw_target: labels as the user gave them, (rows,).
        encoding: of the labels.

    >>> encoding = TargetEncoding("classification", classes=("no", "yes"))
    >>> y = np.array(["no", "yes", "yes"], dtype=object)
    >>> class_figures(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), y, encoding).recall
    (1.0, 0.5)
    """
    (confusion,) = confusions(outputs[None], encoding.encode(raw_target))
    return ClassFigures(encoding.classes, confusion)


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """Outputs of one model for some rows, (outputs, rows), and what their score needs."""

    outputs: np.ndarray
    raw_target: np.ndarray
    weight: np.ndarray | None
    groups: np.ndarray | None
    encoding: TargetEncoding


def score_intervals(
    scorer: Scorer, models: Sequence[ScoredRows], seed: int
) -> list[Interval | None]:
    """Return a 95 % interval for the score of each of some models on rows like these.

    For accuracy without weights or groups it is Wilson's (Wilson 1927, Journal of the American
    Statistical Association 22): the centre (p + z²/2n)/(1 + z²/n), the half width
    z/(1 + z²/n) · √(p(1 − p)/n + z²/4n²). Else the 2.5 % and 97.5 % quantiles of the score over
    1,000 seeded resamples of the rows, or of whole groups where rows belong together (the
    percentile interval of Efron and Tibshirani 1993, An introduction to the bootstrap, chapter
    13); over 200 where the score is no mean over rows, down to 100 of very many rows. None with
    under 5 rows.

    Args:
        scorer: the score.
        models: outputs of each, and the targets, weights and groups of the same rows.
        seed: of the resamples, which all models share.
    """
    intervals: list[Interval | None] = [None] * len(models)
    sound = [i for i, rows in enumerate(models) if np.isfinite(rows.outputs).all()]
    if not sound or len(models[0].raw_target) < FEWEST_ROWS:
        return intervals
    rows = models[sound[0]]
    accuracy = scorer.name == "accuracy" and rows.encoding.task == "classification"
    if accuracy and rows.weight is None and rows.groups is None:
        for i in sound:
            intervals[i] = _wilson(int(_hits(models[i]).sum()), len(rows.raw_target))
        return intervals
    short = has_short_form(scorer, rows)
    most, rows_in_all = _COSTS[short]
    resamples = max(LEAST_RESAMPLES, min(most, rows_in_all // len(rows.raw_target)))
    resampled = _by_ratios if short else _by_scorer
    drawn = _resampled(rows, resamples, seed)
    for i, scores in zip(sound, resampled(scorer, [models[i] for i in sound], drawn), strict=True):
        finite = scores[np.isfinite(scores)]
        if len(finite) >= resamples / 2:
            low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            intervals[i] = float(low), float(high)
    return intervals


def has_short_form(scorer: Scorer, rows: ScoredRows) -> bool:
    """Return whether an interval costs next to nothing."""
    return _short_form(scorer, rows) is not None


def _wilson(hits: int, count: int) -> Interval:
    share, z = hits / count, NORMAL
    scale = 1 + z**2 / count
    centre = (share + z**2 / (2 * count)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def _resampled(rows: ScoredRows, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield how often each row is drawn, (some of the resamples, rows)."""
    random = np.random.default_rng([seed, 95])
    units = np.arange(len(rows.raw_target))
    if rows.groups is not None:
        units = np.unique(rows.groups, return_inverse=True)[1]
    number = int(units.max()) + 1
    most = max(1, _DRAWN_AT_ONCE // number)
    for first in range(0, resamples, most):
        count = min(most, resamples - first)
        drawn = random.integers(0, number, (count, number))
        drawn += number * np.arange(count)[:, None]
        times = np.bincount(drawn.ravel(), minlength=count * number).reshape(count, number)
        yield times if rows.groups is None else times[:, units]


@dataclass(frozen=True, eq=False)
class _Ratio:
    """A score from sums over rows: times drawn → `of(times @ sums)`, a column of sums at a time."""

    sums: np.ndarray
    of: Callable[..., np.ndarray]


def _by_ratios(
    scorer: Scorer, models: Sequence[ScoredRows], drawn: Iterator[np.ndarray]
) -> list[np.ndarray]:
    """Return the scores of every model on every resample, NaN or infinite where it has none."""
    ratios = [ratio for rows in models if (ratio := _short_form(scorer, rows)) is not None]
    together = np.hstack([ratio.sums for ratio in ratios])
    sums = np.split(np.concatenate([times @ together for times in drawn]), len(ratios), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return [ratio.of(*own.T) for ratio, own in zip(ratios, sums, strict=True)]


def _short_form(scorer: Scorer, rows: ScoredRows) -> _Ratio | None:
    """Return a score of row by row terms, which needs no call of the scorer a resample."""
    weight = np.ones(len(rows.raw_target)) if rows.weight is None else rows.weight
    if rows.encoding.names:
        return None
    if rows.encoding.task == "regression" and scorer.name == "r2":
        return _r2(rows, weight)
    terms = _CLASS_TERMS if rows.encoding.task == "classification" else _NUMBER_TERMS
    if scorer.name not in terms:
        return None
    values, of = terms[scorer.name]
    sums = np.stack([weight * values(rows), weight], axis=1)
    return _Ratio(sums, lambda values, weights: of(values / weights))


def _r2(rows: ScoredRows, weight: np.ndarray) -> _Ratio:
    y = np.asarray(rows.raw_target, dtype=np.float64)
    error, y = _errors(rows), y - y.mean()
    sums = np.stack([weight * error**2, weight * y**2, weight * y, weight], axis=1)

    def r2(
        errors: np.ndarray, squares: np.ndarray, targets: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        spread = squares - targets**2 / weights
        return np.where(spread > 0, 1.0 - errors / spread, np.nan)

    return _Ratio(sums, r2)


def _errors(rows: ScoredRows) -> np.ndarray:
    y = np.asarray(rows.raw_target, dtype=np.float64)
    return y - rows.encoding.decode(rows.outputs[0])


def _hits(rows: ScoredRows) -> np.ndarray:
    return rows.encoding.encode(rows.raw_target) == rows.outputs.argmax(axis=0)


def _log_probabilities(rows: ScoredRows) -> np.ndarray:
    codes = rows.encoding.encode(rows.raw_target)
    own = rows.outputs[codes, np.arange(len(codes))].astype(np.float64)
    return own - np.logaddexp.reduce(rows.outputs.astype(np.float64), axis=0)


Term = tuple[Callable[[ScoredRows], np.ndarray], Callable[[np.ndarray], np.ndarray]]
_CLASS_TERMS: dict[str, Term] = {
    "accuracy": (_hits, np.asarray),
    "neg_log_loss": (_log_probabilities, np.asarray),
}
_NUMBER_TERMS: dict[str, Term] = {
    "neg_mean_squared_error": (lambda rows: _errors(rows) ** 2, lambda mean: -mean),
    "neg_root_mean_squared_error": (lambda rows: _errors(rows) ** 2, lambda mean: -np.sqrt(mean)),
    "neg_mean_absolute_error": (lambda rows: np.abs(_errors(rows)), lambda mean: -mean),
}


def _by_scorer(
    scorer: Scorer, models: Sequence[ScoredRows], drawn: Iterator[np.ndarray]
) -> list[np.ndarray]:
    """Return the same by a call of the scorer a resample."""
    rows, outputs = models[0], np.stack([own.outputs for own in models])
    scores = []
    for times in (times for some in drawn for times in some):
        places = np.repeat(np.arange(len(times)), times)
        weight = None if rows.weight is None else rows.weight[places]
        raw = rows.raw_target[places]
        scores.append(scorer.score(outputs[:, :, places], raw, weight, rows.encoding))
    return list(np.array(scores).T)
