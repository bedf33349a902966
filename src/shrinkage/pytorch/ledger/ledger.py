"""The ledger itself: which steps are recorded, where records are kept and sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from shrinkage.checks import positive, whole
from shrinkage.ledger import Record, RecordBook, Sink, record_from_dict
from shrinkage.pytorch.ledger import measure
from shrinkage.pytorch.ledger.quantities import LayerState

_WAITING = 64  # records that may wait on the device before they are read in one go


class Ledger(RecordBook):
    """Records of training, every `every` real steps.

    Per record: the data loss if it was noted (`attachment.note_loss(loss)`), the value of each
    term, and for each penalised parameter its share of the gradient, exact zeros and timescale.
    Numbers stay on the device until they are read, or until 64 records wait; a sink reads each
    batch of records that it writes.

    Args:
        every: steps between two records; 0 records nothing.
        steps_per_epoch: batches in an epoch, so that steps are told in epochs too.
        sinks: where records are written as they come: `JsonLines`, `TensorBoard`, `MLflow`.
        keep: how many records stay in memory; the oldest are dropped.

    Raises:
        InputError: numbers that cannot be.

    >>> from torch import nn
    >>> from shrinkage import L1
    >>> from shrinkage.pytorch import regularize
    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.ones_(model.weight)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    >>> attachment = regularize(optimizer, model, 1.0 * L1(), ledger=Ledger(every=1))
    >>> model.weight.grad = torch.tensor([[0.0, 1.0]])
    >>> optimizer.step()
    >>> print(attachment.ledger.table())
    step  data loss  1 * L1() on weights()  zeros
       1          -                    0.5   50 %
    """

    def __init__(
        self,
        every: int = 100,
        *,
        steps_per_epoch: int | None = None,
        sinks: Sequence[Sink] = (),
        keep: int = 10_000,
    ) -> None:
        super().__init__(sinks, keep)
        if steps_per_epoch is not None:
            positive(steps_per_epoch, "steps_per_epoch")
        self.every, self.steps_per_epoch = whole(every, "every", 0), steps_per_epoch
        self._waiting: list[measure.Pending] = []
        self._current: measure.Pending | None = None
        self._loss: torch.Tensor | float | None = None
        self._below: set[str] = set()

    def due(self, step: int) -> bool:
        """Return whether a step, counted from 1, is recorded: the first and every `every`-th."""
        return self.every > 0 and (step % self.every == 0 or step == 1)

    def note_loss(self, loss: torch.Tensor | float) -> None:
        """Take the data loss of the coming step."""
        self._loss = loss.detach() if isinstance(loss, torch.Tensor) else float(loss)

    def note_resolution(self, name: str, kind: str) -> None:  # noqa: ARG002
        """Take that shrinks of a parameter were below its dtype's resolution."""
        self._below.add(name)

    def begin(
        self, step: int, states: Sequence[LayerState], *, reduce: measure.Reduce | None = None
    ) -> None:
        """Begin the record of a step, before the optimizer moves."""
        self._current = measure.begin(step, states, self._loss, reduce)
        self._loss = None

    def end(self, states: Sequence[LayerState]) -> None:
        """End it, after the shrink."""
        if self._current is None:
            return
        measure.end(self._current, states)
        self._current.below, self._below = frozenset(self._below), set()
        self._waiting.append(self._current)
        self._current = None
        if self.sinks or len(self._waiting) >= _WAITING:
            self._read()

    @property
    def records(self) -> list[Record]:
        """The records in memory, oldest first; reading waits for the device."""
        self._read()
        return list(self._records)

    def state_dict(self) -> dict[str, Any]:
        """Return the records as numbers and text, for a checkpoint."""
        return {"records": [record.as_dict() for record in self.records]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take records from a checkpoint in the place of those that are here."""
        self._waiting = []
        self._records.clear()
        self._records.extend(record_from_dict(record) for record in state["records"])

    def close(self) -> None:
        """Write what waits, and close the sinks."""
        self._read()
        super().close()

    def _read(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.add([measure.finish(pending, self.steps_per_epoch) for pending in waiting])
