"""Where records go while training runs: JSON lines, TensorBoard, MLflow.

Who uses this: `RecordBook`. Each loads its package when it is made, and writing never stops a
training run: a disk that fills up is told once.
"""

from __future__ import annotations

import contextlib
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from shrinkage.errors import InputError
from shrinkage.extras import needs
from shrinkage.ledger.records import SHOWN, Record


class Sink(Protocol):
    """Takes records one by one."""

    def write(self, record: Record) -> None:
        """Write a record."""

    def close(self) -> None:
        """Write what is left and let go."""


class JsonLines:
    """One JSON object a line, flushed with every line; appended to a file that is there.

    A line that a kill has cut off is dropped when the file is opened again.

    Args:
        path: the file; its folder has to exist.

    Raises:
        InputError: the file cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self._path, self._failed = Path(path), False
        try:
            _drop_partial_line(self._path)
            self._file = self._path.open("a", encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"expected a file for the ledger that can be written, got {path}: "
                f"{error.strerror}; choose another path"
            ) from error

    def write(self, record: Record) -> None:
        """Append a line; where that fails, warn once and go on."""
        if self._failed:
            return
        try:
            self._file.write(json.dumps(record.as_dict(), ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            self._failed = True
            warnings.warn(
                f"the ledger could not be written to {self._path} ({error.strerror}); training "
                "goes on, and records stay in memory",
                UserWarning,
                stacklevel=2,
            )

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):  # a full disk has been told of
            self._file.close()


class TensorBoard:
    """Scalars for TensorBoard: loss/…, term/…, gradient_share/…, zeros/…, timescale/….

    Args:
        writer: a folder, or a `torch.utils.tensorboard.SummaryWriter` that stays the caller's.

    Raises:
        MissingExtra: tensorboard is not installed.
    """

    def __init__(self, writer: Any) -> None:
        self._own = isinstance(writer, str | Path)
        if self._own:
            with needs("tensorboard"):
                from torch.utils.tensorboard import SummaryWriter
            writer = SummaryWriter(str(writer))
        self._writer = writer

    def write(self, record: Record) -> None:
        """Write every number of a record."""
        for name, value in scalars(record):
            self._writer.add_scalar(name, value, record.step)

    def close(self) -> None:
        """Flush; close a writer that was made here."""
        self._writer.flush()
        if self._own:
            self._writer.close()


class MLflow:
    """Metrics of the active MLflow run, or of the one with an id.

    Args:
        run: id of a run; None is the active one.

    Raises:
        MissingExtra: mlflow is not installed.
    """

    def __init__(self, run: str | None = None) -> None:
        with needs("mlflow"):
            import mlflow
        self._mlflow, self._run = mlflow, run

    def write(self, record: Record) -> None:
        """Log every number of a record; other characters than MLflow allows become _."""
        numbers = {re.sub(r"[^\w\-./ ]", "_", name)[:250]: v for name, v in scalars(record)}
        self._mlflow.log_metrics(numbers, step=record.step, run_id=self._run)

    def close(self) -> None:
        """Leave the run to its owner."""


def scalars(record: Record) -> Iterator[tuple[str, float]]:
    """Yield every number of a record with a name such as "zeros/0.weight".

    >>> list(scalars(Record(1, None, 0.5, {"0.1 * L1()": 2.0}, {})))
    [('loss/data', 0.5), ('term/0.1 * L1()', 2.0)]
    """
    if record.data_loss is not None:
        yield "loss/data", record.data_loss
    for term, value in record.terms.items():
        yield f"term/{term}", value
    for name, layer in record.layers.items():
        for quantity, shown in SHOWN.items():
            number = shown(layer)
            if number is not None:
                yield f"{quantity}/{name}", number


def _drop_partial_line(path: Path) -> None:
    """Cut off what follows the last end of line."""
    if not path.is_file():
        return
    content = path.read_bytes()
    lines = content[: content.rfind(b"\n") + 1]
    if lines != content:
        path.write_bytes(lines)
