"""The log loss of models of classes: what accuracy does not see, how sure a model was.

Who uses this: the outcome of a fold, the model without inputs, and the one look at the test rows.
"""

from __future__ import annotations

import numpy as np

from shrinkage.datasets import TargetEncoding


def log_losses(
    outputs: np.ndarray,
    raw_target: np.ndarray,
    weight: np.ndarray | None,
    encoding: TargetEncoding,
) -> np.ndarray:
    """Return the mean of −log softmax(outputs)[own class] over the rows, a number a model.

    Weights are those of scores: class weights, which are of the training loss, do not count.

    Args:
        outputs: logits, (models, classes, rows).
        raw_target: labels as the user gave them, (rows,).
        weight: sample weights (rows,), or None.
        encoding: of the labels.

    Returns:
        (models,) in nats; NaN without rows, and for numbers, which have no log loss.

    >>> encoding = TargetEncoding("classification", classes=("no", "yes"))
    >>> labels = np.array(["no", "yes"], dtype=object)
    >>> log_losses(np.zeros((1, 2, 2)), labels, None, encoding).round(3)
    array([0.693])
    """
    if encoding.task != "classification" or not len(raw_target):
        return np.full(len(outputs), np.nan)
    codes = encoding.encode(raw_target)
    values = outputs.astype(np.float64)
    own = values[:, codes, np.arange(len(codes))]
    top = values.max(axis=1)
    top[~np.isfinite(top)] = 0.0
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        losses = top + np.log(np.exp(values - top[:, None]).sum(axis=1)) - own
    return np.average(losses, axis=1, weights=weight)
