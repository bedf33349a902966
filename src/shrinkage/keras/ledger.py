"""The record of training as a Keras callback: losses and terms apart, exact zeros of each layer.

Who uses this: people, in `fit(callbacks=[LedgerCallback(attachment)])`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from shrinkage.checks import whole
from shrinkage.errors import InputError
from shrinkage.keras.attachment import KerasAttachment


@dataclass(frozen=True)
class EpochRecord:
    """One look at training; plain numbers.

    Args:
        step: steps that the optimizer has taken.
        epoch: number of the epoch, from 0.
        loss: as Keras shows it: the mean since the epoch began, with what layers add to it.
        data_loss: the same where no layer adds anything, else None, since Keras gives one sum.
        terms: a term's text → strength·penalty now.
        zeros: a parameter's name → how many of its weights are exactly zero.
        sizes: a parameter's name → how many weights it has.
    """

    step: int
    epoch: int
    loss: float | None
    data_loss: float | None
    terms: Mapping[str, float]
    zeros: Mapping[str, int]
    sizes: Mapping[str, int]


class LedgerCallback(keras.callbacks.Callback):
    """Keep records of training, and print who is penalised when it begins.

    Args:
        attachment: what `regularize` returned.
        every: a record after so many batches as well as after each epoch; 0 is epochs alone.
            Keras counts batches by execution: with `steps_per_execution`, several steps at once.
        show: where the table goes at the start; None is nowhere.

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
    ) -> None:
        super().__init__()
        if not isinstance(attachment, KerasAttachment):
            raise InputError(
                f"expected what regularize(…) returned, got {type(attachment).__name__}: give "
                "the attachment"
            )
        self.attachment, self.every = attachment, whole(every, "every", 0, "use 0 or 100")
        self.records: list[EpochRecord] = []
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

    def _take(self, logs: Any) -> None:
        loss = (logs or {}).get("loss")
        loss = None if loss is None else float(loss)
        attachment = self.attachment
        self.records.append(
            EpochRecord(
                step=attachment.steps,
                epoch=self._epoch,
                loss=loss,
                data_loss=None if attachment.model.losses else loss,
                terms=attachment.value(),
                zeros=attachment.zeros(),
                sizes=attachment.sizes(),
            )
        )
