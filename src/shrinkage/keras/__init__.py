"""Regularization in Keras 3, on TensorFlow, JAX and torch.

`regularize` puts terms into the steps of a compiled model's optimizer (exact zeros), `regularizer`
makes a `kernel_regularizer`, and `LedgerCallback` is the callback that shows both. Importing this
imports Keras with the backend that `KERAS_BACKEND` names.
"""

from __future__ import annotations

from shrinkage.extras import needs

with needs("keras", hint="or name another backend in KERAS_BACKEND"):
    from shrinkage.keras.attachment import KerasAttachment
    from shrinkage.keras.ledger import EpochRecord, LedgerCallback
    from shrinkage.keras.metrics import METRICS, metric_of
    from shrinkage.keras.own_decay import own_decay
    from shrinkage.keras.parameters import describe
    from shrinkage.keras.regularize import regularize
    from shrinkage.keras.regularizers import Regularizer, regularizer
    from shrinkage.keras.watch import FirstEpochWatch
    from shrinkage.ledger import JsonLines, MLflow, TensorBoard
    from shrinkage.parameters.keras_layers import LAYERS
    from shrinkage.terms.schedules import Cosine, CubicSparsity, Every, WarmUp

# Names of 0.1.0's first drafts, which PyTorch's classes have too.
Attachment, Ledger, Record = KerasAttachment, LedgerCallback, EpochRecord

__all__ = [
    "LAYERS",
    "METRICS",
    "Cosine",
    "CubicSparsity",
    "EpochRecord",
    "Every",
    "FirstEpochWatch",
    "JsonLines",
    "KerasAttachment",
    "LedgerCallback",
    "MLflow",
    "Regularizer",
    "TensorBoard",
    "WarmUp",
    "describe",
    "metric_of",
    "own_decay",
    "regularize",
    "regularizer",
]
