"""Records of training in no framework's terms: what they hold, where they go, how they are drawn.

Who uses this: the ledgers of PyTorch, Keras and optax, which fill records in. A printed loss that
is one sum of data loss and penalties tells nobody which of them falls; a record keeps them apart.
"""

from __future__ import annotations

from shrinkage.ledger.book import RecordBook
from shrinkage.ledger.figure import ledger_figure
from shrinkage.ledger.records import SHOWN, LayerRecord, Record, record_from_dict
from shrinkage.ledger.sinks import JsonLines, MLflow, Sink, TensorBoard
from shrinkage.ledger.timescale import decay_timescale

__all__ = [
    "SHOWN",
    "JsonLines",
    "LayerRecord",
    "MLflow",
    "Record",
    "RecordBook",
    "Sink",
    "TensorBoard",
    "decay_timescale",
    "ledger_figure",
    "record_from_dict",
]
