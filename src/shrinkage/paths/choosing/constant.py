"""The model without inputs: what every score has to be better than.

Who uses this: the plan scores it before training, on the rows that the folds are validated on and
on the test rows. For classes it gives their shares in the training rows, as scikit-learn's
`DummyClassifier(strategy="prior")`; for numbers their mean, as its `DummyRegressor`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage.datasets import TargetEncoding
from shrinkage.paths.engines.losses import LOSSES, StackedLoss


@dataclass(frozen=True)
class ConstantScores:
    """Scores of the model without inputs, (folds,) and on the test rows, and its log losses."""

    folds: np.ndarray
    test: float
    log_loss: np.ndarray
    test_log_loss: float


def constant_outputs(
    encoding: TargetEncoding,
    y: np.ndarray,
    weight: np.ndarray | None,
    rows: int,
    loss: StackedLoss = LOSSES["regression"],
) -> np.ndarray:
    """Return the best constant for some training targets as outputs for `rows` rows.

    Args:
        encoding: of the targets.
        y: raw training targets, (n,).
        weight: their sample weights, or None.
        rows: how many rows to give it for.
        loss: of targets that are no classes: it says which constant is the best.

    Returns:
        (1, outputs, rows): logarithms of class shares, or what the loss has least at.

    >>> encoding = TargetEncoding.fit(np.array([0, 1]), "classification")
    >>> np.exp(constant_outputs(encoding, np.array([0, 0, 0, 1]), None, 1))[0, :, 0]
    array([0.75, 0.25])
    """
    codes = encoding.encode(y)
    if encoding.task == "classification":
        counts = np.bincount(codes, weights=weight, minlength=encoding.n_outputs)
        level = np.log(np.maximum(counts / counts.sum(), 1e-300))
    else:
        level = loss.constant_outputs(codes, weight, encoding.n_outputs)
    return np.broadcast_to(level[None, :, None], (1, len(level), rows))
