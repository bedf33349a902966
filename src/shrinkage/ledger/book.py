"""The records that are in memory, and the sinks that they go to.

Who uses this: every framework's ledger, which makes the records.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Self

from shrinkage.checks import whole
from shrinkage.extras import needs
from shrinkage.ledger.figure import ledger_figure
from shrinkage.ledger.records import Record
from shrinkage.ledger.sinks import Sink


class RecordBook:
    """Records of training, oldest first, and what is written and drawn of them.

    Args:
        sinks: where records are written as they come: `JsonLines`, `TensorBoard`, `MLflow`.
        keep: how many records stay in memory; the oldest are dropped.

    >>> book = RecordBook(keep=1)
    >>> book.add([Record(1, None, 0.5, {}, {}), Record(2, None, 0.25, {}, {})])
    >>> [record.step for record in book.records]
    [2]
    """

    def __init__(self, sinks: Sequence[Sink] = (), keep: int = 10_000) -> None:
        self.sinks = tuple(sinks)
        self._records: deque[Record] = deque(maxlen=whole(keep, "keep"))

    @property
    def records(self) -> list[Record]:
        """The records in memory, oldest first."""
        return list(self._records)

    def add(self, records: Iterable[Record]) -> None:
        """Take records, and write them to the sinks."""
        for record in records:
            self._records.append(record)
            for sink in self.sinks:
                sink.write(record)

    def table(self, last: int = 20) -> str:
        """Return the last records as text."""
        records = self.records[-last:]
        terms = list(dict.fromkeys(term for record in records for term in record.terms))
        rows = [("step", "data loss", *terms, "zeros"), *(_row(r, terms) for r in records)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(map(str.rjust, row, widths)) for row in rows)
        return "\n".join(lines)

    def frame(self) -> Any:
        """Return one row a record and layer as a pandas DataFrame.

        Raises:
            MissingExtra: pandas is not installed.
        """
        with needs("paths", "pandas"):
            import pandas as pd
        return pd.DataFrame(
            [
                {
                    "step": record.step,
                    "epoch": record.epoch,
                    "data_loss": record.data_loss,
                    "layer": name,
                    **record.as_dict()["layers"][name],
                    **record.terms,
                }
                for record in self.records
                for name in record.layers
            ]
        )

    def plot(self) -> Any:
        """Return a matplotlib figure: losses, gradient shares, zeros, timescales."""
        from shrinkage.drawing import draw_figure

        return draw_figure(ledger_figure(self.records))

    def close(self) -> None:
        """Close the sinks."""
        for sink in self.sinks:
            sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _row(record: Record, terms: Sequence[str]) -> tuple[str, ...]:
    size = sum(layer.size for layer in record.layers.values())
    zeros = sum(layer.zeros for layer in record.layers.values())
    values = (f"{record.terms[term]:.4g}" if term in record.terms else "-" for term in terms)
    loss = "-" if record.data_loss is None else f"{record.data_loss:.4g}"
    return (str(record.step), loss, *values, f"{zeros / max(1, size):.0%}".replace("%", " %"))
