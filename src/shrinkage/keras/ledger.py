"""The record of training as a Keras callback: losses and terms apart, exact zeros of each layer.

Who uses this: people, in `fit(callbacks=[LedgerCallback(attachment)])`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from shrinkage.checks import whole
from shrinkage.errors import InputError
from shrinkage.keras.attachment import KerasAttachment
from shrinkage.ledger import LayerRecord, Record, RecordBook, Sink


@dataclass(frozen=True)
class EpochRecord(Record):
    """One look at training; plain numbers.

    `step` counts the optimizer's steps, `epoch` from 0; `data_loss` is None where layers add to
    the loss, since Keras gives one sum. Shares of the gradient are not measured: gradients live in
    the compiled step.

    Args:
        loss: as Keras shows it: the mean since the epoch began, with what layers add to it.
    """

    loss: float | None

    @property
    def zeros(self) -> dict[str, int]:
        """How many weights of each penalised parameter are exactly zero."""
        return {name: layer.zeros for name, layer in self.layers.items()}

    @property
    def sizes(self) -> dict[str, int]:
        """How many weights each penalised parameter has."""
        return {name: layer.size for name, layer in self.layers.items()}


class LedgerCallback(RecordBook, keras.callbacks.Callback):
    """Keep records of training, and print who is penalised when it begins.

    Args:
        attachment: what `regularize` returned.
        every: a record after so many batches as well as after each epoch; 0 is epochs alone.
            Keras counts batches by execution: with `steps_per_execution`, several steps at once.
        show: where the table goes at the start; None is nowhere.
        sinks: where records are written as they come: `JsonLines`, `TensorBoard`, `MLflow`.
        keep: how many records stay in memory; the oldest are dropped.

    Raises:
        InputError: no attachment, or a count below 0; in `fit`, a model whose optimizer has not
            these terms, because it was compiled again or is another one.

    >>> import numpy as np
    >>> from shrinkage import L1
    >>> from shrinkage.keras import regularize
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="out")])
    >>> model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    >>> ledger = LedgerCallback(regularize(model, 100.0 * L1()), show=None)
    >>> x = np.ones((4, 2), "float32")
    >>> _ = model.fit(x, x[:, :1], epochs=2, verbose=0, callbacks=[ledger])
    >>> [record.zeros["out.kernel"] for record in ledger.records]
    [2, 2]
    """

    def __init__(
        self,
        attachment: KerasAttachment,
        *,
        every: int = 0,
        show: Callable[[str], None] | None = print,
        sinks: Sequence[Sink] = (),
        keep: int = 10_000,
    ) -> None:
        RecordBook.__init__(self, sinks, keep)
        keras.callbacks.Callback.__init__(self)
        if not isinstance(attachment, KerasAttachment):
            raise InputError(
                f"expected what regularize(…) returned, got {type(attachment).__name__}: give "
                "the attachment"
            )
        self.attachment, self.every = attachment, whole(every, "every", 0, "use 0 or 100")
        self._show, self._epoch = show, 0
        self._batches, self._taken = 0, False

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Print the table, and refuse a model whose steps the terms are no part of."""
        if self.model is not self.attachment.model or not self.attachment.attached:
            raise InputError(
                "expected the model and the optimizer that the terms are attached to, got "
                "others: call regularize(model, …) after the last model.compile(…), and give "
                "the ledger what it returns"
            )
        if self._show is not None:
            self._show(self.attachment.table())

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Note the epoch."""
        self._epoch, self._batches, self._taken = epoch, 0, False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Take a record when another `every` batches have passed, one by one or several at once."""
        before, self._batches = self._batches, batch + 1
        self._taken = bool(self.every) and self._batches // self.every > before // self.every
        if self._taken:
            self._take(logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Take a record, unless the last batch has just given one."""
        if not self._taken:
            self._take(logs)

    @property
    def records(self) -> list[EpochRecord]:  # type: ignore[override]
        """The records in memory, oldest first."""
        return list(self._records)  # type: ignore[arg-type]

    def _take(self, logs: Any) -> None:
        loss = (logs or {}).get("loss")
        loss = None if loss is None else float(loss)
        attachment = self.attachment
        record = EpochRecord(
            step=attachment.steps,
            epoch=self._epoch,
            data_loss=None if attachment.model.losses else loss,
            terms=attachment.value(),
            layers=self._layers(),
            loss=loss,
        )
        self.add([record])

    def _layers(self) -> dict[str, LayerRecord]:
        zeros, sizes = self.attachment.zeros(), self.attachment.sizes()
        steps = (self.params or {}).get("steps")
        return {
            name: LayerRecord(
                gradient_share=None,
                zeros=zeros[name],
                size=sizes[name],
                timescale_steps=timescale,
                timescale_epochs=timescale / steps if timescale and steps else None,
                below_resolution=None,
            )
            for name, timescale in self.attachment.timescales().items()
        }
