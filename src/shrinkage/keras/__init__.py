"""Regularization in Keras 3, on TensorFlow, JAX and torch.

`regularize` puts terms into the steps of a compiled model's optimizer (exact zeros), `regularizer`
makes a `kernel_regularizer`, and `Ledger` is the callback that shows both. Importing this imports
Keras with the backend that `KERAS_BACKEND` names.
"""

from __future__ import annotations

from shrinkage.keras.attachment import Attachment
from shrinkage.keras.layers import LAYERS
from shrinkage.keras.ledger import Ledger, Record
from shrinkage.keras.metrics import METRICS, metric_of
from shrinkage.keras.parameters import describe
from shrinkage.keras.regularize import regularize
from shrinkage.keras.regularizers import Regularizer, regularizer

__all__ = [
    "LAYERS",
    "METRICS",
    "Attachment",
    "Ledger",
    "Record",
    "Regularizer",
    "describe",
    "metric_of",
    "regularize",
    "regularizer",
]
