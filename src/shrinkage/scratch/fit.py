"""`fit`: epochs of steps, with a history.

Who uses this: people. Data loss and penalty are kept apart in the history, since their sum says of
neither whether it falls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.checks import whole
from shrinkage.scratch.diverging import TrainingDiverged
from shrinkage.scratch.losses import Loss
from shrinkage.scratch.modes import check_last_batch
from shrinkage.scratch.network import Network
from shrinkage.scratch.optimizers import Optimizer
from shrinkage.scratch.regularization import GivenTerms
from shrinkage.scratch.shapes import pair
from shrinkage.scratch.trainer import Trainer


@dataclass(frozen=True)
class History:
    """What training did, one number an epoch, as when predicting with the weights at its end.

    Losses are without penalty. There is no accuracy for squared errors, and nothing of validation
    without validation data: those are empty.
    """

    train_loss: tuple[float, ...]
    train_accuracy: tuple[float, ...]
    validation_loss: tuple[float, ...]
    validation_accuracy: tuple[float, ...]
    penalty: tuple[float, ...]
    zeros: tuple[int, ...]


def fit(
    network: Network,
    X: Any,
    y: Any,
    *,
    optimizer: Optimizer,
    terms: GivenTerms = (),
    update: str = "proximal",
    loss: Loss | None = None,
    epochs: int = 10,
    batch_size: int = 100,
    seed: int = 0,
    validation: tuple[Any, Any] | None = None,
) -> History:
    """Train a network in place to minimize loss + Σ strength · Ω, and return the history.

    A second call goes on from the weights of the first; what the optimizer remembers, such as its
    momentum, starts afresh. Keep a `Trainer` to go on with that too.

    Args:
        network: trained in place.
        X: rows, of shape (rows, inputs).
        y: labels from 0, or targets of shape (rows, outputs) with `HalfSquaredError`.
        optimizer: such as `SGD(0.1)`.
        terms: such as `1e-4 * L1()`.
        update: how terms that name none enter training: "proximal" (exact zeros), "decoupled",
            "gradient" or "loss".
        loss: `SoftmaxCrossEntropy()` unless given.
        epochs: how often every row is seen.
        batch_size: rows a step; the last batch of an epoch may have fewer.
        seed: of the order of the rows and of dropout.
        validation: rows and labels to look at after each epoch, never to train on.

    Returns:
        The `History`.

    Raises:
        InputError: data, sizes or an update that do not fit; the message says which.
        TrainingDiverged: the loss is NaN or infinite; the message names epoch and layer.
        ShrinkageError: as `shrinkage.assign` does.

    >>> from shrinkage.scratch import SGD, Affine
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([0, 1])
    >>> fit(Network([Affine(1, 2)]), X, y, optimizer=SGD(1.0), epochs=3).train_accuracy[-1]
    1.0
    """
    generator = np.random.default_rng(whole(seed, "seed", 0))
    trainer = Trainer(network, optimizer, terms, update, loss=loss, generator=generator)
    X, y = trainer.checked(X, y)
    held_out = (
        None if validation is None else trainer.checked(*pair(validation), "the X of validation")
    )
    check_last_batch(network.layers, len(X), whole(batch_size, "batch_size"))
    columns: tuple[list, ...] = ([], [], [], [], [], [])
    for epoch in range(1, whole(epochs, "epochs") + 1):
        try:
            order = generator.permutation(len(X))
            for start in range(0, len(X), batch_size):
                batch = order[start : start + batch_size]
                trainer.step(X[batch], y[batch])
            _record(columns, trainer, (X, y), held_out)
        except TrainingDiverged as error:
            raise TrainingDiverged(f"in epoch {epoch} {error}") from None
    return History(*(tuple(column) for column in columns))


def _record(columns: Any, trainer: Trainer, train: Any, held_out: Any) -> None:
    scores = trainer.evaluate(*train), trainer.evaluate(*held_out) if held_out else (None, None)
    numbers = (*scores[0], *scores[1], trainer.penalty(), trainer.network.zeros)
    for column, value in zip(columns, numbers, strict=True):
        if value is not None:
            column.append(value)
