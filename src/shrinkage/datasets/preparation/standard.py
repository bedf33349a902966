"""Medians, means and scales of columns of numbers, as scikit-learn learns them.

Who uses this: the encoders whose inputs are numbers. The scale is the population standard
deviation. Source: https://scikit-learn.org/stable/modules/preprocessing.html
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage.datasets.preparation.base import CONSTANT, MISSING_EVERYWHERE, NEARLY_CONSTANT
from shrinkage.errors import InputError


@dataclass(frozen=True)
class Standard:
    """What one column of numbers is standardized by; a scale of 0 makes an input that is 0.

    >>> Standard(30.0, 30.0, 2.0).apply(np.array([31.0, np.nan])).tolist()
    [0.5, 0.0]
    """

    median: float = 0.0
    mean: float = 0.0
    scale: float = 0.0

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return numbers (n,) with the median for missing ones, then (x − mean) / scale."""
        return standardize(values, *(np.asarray(v) for v in (self.median, self.mean, self.scale)))


def learn(
    block: np.ndarray, names: list[str], weight: np.ndarray | None = None
) -> list[tuple[str, Standard]]:
    """Return for each column (n, columns) the reason to drop it, or "", and its numbers.

    A row of weight 2 counts in means and scales as two rows do; medians count rows.

    Raises:
        InputError: a column whose spread is not finite.
    """
    empty = np.asarray(np.isnan(block).all(axis=0))
    filled = [name for name, lacks in zip(names, empty, strict=True) if not lacks]
    learned = iter(_learn(block.T[~empty].T, filled, weight) if filled else ())
    return [(MISSING_EVERYWHERE, Standard()) if lacks else next(learned) for lacks in empty]


def _learn(
    block: np.ndarray, names: list[str], weight: np.ndarray | None
) -> list[tuple[str, Standard]]:
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isnan(block).any():
            from sklearn.impute import SimpleImputer

            # the function, not the word "median", whose masked arrays take ten times as long
            imputer = SimpleImputer(strategy=np.median)  # pyright: ignore[reportArgumentType]
            medians = np.asarray(imputer.fit(block).statistics_)
            filled = np.asarray(imputer.transform(block))
        else:  # the same numbers at once: a column at a time is most of what a wide table costs
            medians, filled = _medians(block), block
        _require_finite_spread(medians, block, names)
        means, variances = _moments(filled, weight)
    _require_finite_spread(means + variances, block, names)
    # not `scale_`: that is 1 where scikit-learn holds a column for constant
    scales = np.sqrt(variances)
    constant = filled.min(axis=0) == filled.max(axis=0)
    reasons = np.where(constant, CONSTANT, np.where(scales > 0, "", NEARLY_CONSTANT))
    numbers = zip(medians.tolist(), means.tolist(), scales.tolist(), strict=True)
    return [(reason, Standard(*own)) for reason, own in zip(reasons.tolist(), numbers, strict=True)]


def _medians(x: np.ndarray) -> np.ndarray:
    """Return the medians of columns without missing cells, of which NumPy's looks for some."""
    middle = [(len(x) - 1) // 2, len(x) // 2]
    return np.partition(x, middle, axis=0)[middle].mean(axis=0)


def _moments(x: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return means and variances of columns, (columns,) each, as StandardScaler takes them.

    Without weights they are those of its sums, rounding included, and not of its validation, which
    takes a millisecond: of a small table that is most of what a fold costs.
    """
    if weight is not None:
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler().fit(x, sample_weight=weight)
        return np.asarray(scaler.mean_), np.maximum(np.asarray(scaler.var_), 0.0)  # rounding
    means = x.sum(axis=0) / len(x)
    apart = x - means
    left = apart.sum(axis=0)  # what rounding left of 0 (Chan, Golub and LeVeque 1983)
    apart *= apart
    return means, (apart.sum(axis=0) - left**2 / len(x)) / len(x)


def _require_finite_spread(numbers: np.ndarray, block: np.ndarray, names: list[str]) -> None:
    bad = ~np.isfinite(numbers)
    if bad.any():
        column = int(np.argmax(bad))
        raise InputError(
            f"column {names[column]!r}: expected numbers whose spread is finite, got values up to "
            f"{np.nanmax(np.abs(block[:, column])):.3g}: rescale the column"
        )


def standardize(
    values: np.ndarray, median: np.ndarray, mean: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Return (x − mean) / scale with the median for NaN, and 0 where the scale is 0."""
    filled = np.where(np.isnan(values), median, values)
    filled -= mean
    filled /= np.where(scale > 0, scale, 1.0)
    filled[..., scale == 0] = 0.0
    return filled
