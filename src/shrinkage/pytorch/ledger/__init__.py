"""The ledger: what regularization did, step by step, apart from the data loss.

Who uses this: `Attachment` writes it, people read it. A printed loss that is one sum of data loss
and penalties tells nobody which of them falls; the ledger keeps them apart.
"""

from __future__ import annotations

from shrinkage.ledger import JsonLines, LayerRecord, MLflow, Record, Sink, TensorBoard
from shrinkage.pytorch.ledger.ledger import Ledger
from shrinkage.pytorch.ledger.quantities import QUANTITIES, LayerState, Quantity

__all__ = [
    "QUANTITIES",
    "JsonLines",
    "LayerRecord",
    "LayerState",
    "Ledger",
    "MLflow",
    "Quantity",
    "Record",
    "Sink",
    "TensorBoard",
]
