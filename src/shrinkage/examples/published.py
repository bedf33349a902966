"""The published PyTorch network and loop, with what is seen of it on the way.

Who uses this: the experiments of the PyTorch text. Network 784-64-32-10 with ReLU, cross entropy,
Adam with learning rate 1e-4, batches of 10, 5 epochs, seed 42; the penalty is on all parameters,
biases too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from shrinkage.examples.pictures import Pictures
from shrinkage.pytorch.attachment import Attachment

SEED, RATE, BATCH, EPOCHS, PRINT_EVERY = 42, 1e-4, 10, 5, 500

PenaltyLoss = Callable[[nn.Module], torch.Tensor]
Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Tensors:
    """Training and test pictures as tensors."""

    x: torch.Tensor
    y: torch.Tensor
    x_test: torch.Tensor
    y_test: torch.Tensor

    @classmethod
    def of(cls, pictures: Pictures) -> Tensors:
        """Return the tensors of pictures, pixels between 0 and 1."""
        x, x_test = map(torch.from_numpy, pictures.scaled)
        return cls(x, torch.from_numpy(pictures.y), x_test, torch.from_numpy(pictures.y_test))

    def accuracy(self, model: nn.Module) -> float:
        """Return the share of test pictures that a model gets right."""
        with torch.no_grad():
            return float((model(self.x_test).argmax(1) == self.y_test).float().mean())


@dataclass(frozen=True)
class Seen:
    """What a run printed and reached, one number each 500 batches."""

    steps: tuple[int, ...] = ()
    losses: tuple[float, ...] = ()
    penalties: tuple[float, ...] = ()
    accuracies: tuple[float, ...] = ()


def network(inputs: int, seed: int = SEED) -> nn.Sequential:
    """Return the published network, with the weights of its seed.

    >>> sum(p.numel() for p in network(784).parameters())
    52650
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            *(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        )


def published_step(
    penalty: PenaltyLoss | None, attachment: Attachment | None = None
) -> Callable[..., float]:
    """Return a step of the published loop, with a penalty in the loss or without.

    The step takes (model, optimizer, batch, scale), as the audit asks for, multiplies the penalty
    by `scale`, tells the data loss to the ledger of an attachment, and returns it.
    """

    def step(model: nn.Module, optimizer: Optimizer, batch: Batch, scale: float = 1.0) -> float:
        optimizer.zero_grad()
        data_loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        loss = data_loss if penalty is None else data_loss + scale * penalty(model)
        loss.backward()
        if attachment is not None:
            attachment.note_loss(data_loss)
        optimizer.step()
        return data_loss.item()

    return step


def train(
    model: nn.Module,
    optimizer: Optimizer,
    tensors: Tensors,
    epochs: int,
    *,
    penalty: PenaltyLoss | None = None,
    attachment: Attachment | None = None,
) -> Seen:
    """Train as published, and return what was seen every 500 batches.

    Args:
        model: trained in place.
        optimizer: its optimizer.
        tensors: the pictures.
        epochs: passes over them.
        penalty: added to the loss.
        attachment: of `regularize`; it is told the data loss, for its ledger.
    """
    step, seen, number = published_step(penalty, attachment), Seen(), 0
    with one_thread():
        for epoch in range(epochs):
            for rows in _batches(len(tensors.y), epoch):
                number += 1
                loss = step(model, optimizer, (tensors.x[rows], tensors.y[rows]))
                if number % PRINT_EVERY == 0:
                    value = 0.0 if penalty is None else penalty(model).item()
                    seen = _with(seen, number, loss + value, value, tensors.accuracy(model))
    return seen


def _batches(rows: int, epoch: int) -> Iterator[torch.Tensor]:
    order = np.random.default_rng((SEED, epoch)).permutation(rows)
    return iter(torch.from_numpy(order[: rows - rows % BATCH]).split(BATCH))


def _with(seen: Seen, step: int, loss: float, penalty: float, accuracy: float) -> Seen:
    return replace(
        seen,
        steps=(*seen.steps, step),
        losses=(*seen.losses, loss),
        penalties=(*seen.penalties, penalty),
        accuracies=(*seen.accuracies, accuracy),
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: for batches of 10 rows a second one only waits for the first."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def exact_zeros(model: nn.Module) -> float:
    """Return the share of the weights, biases apart, that are exactly zero."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    return sum(int((w == 0).sum()) for w in weights) / sum(w.numel() for w in weights)
