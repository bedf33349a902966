"""The four settings, published as examples of regularization, that take a network to zero output.

Who uses this: the tests of collapse. 784-64-32-10 with rectifiers, cross entropy, Adam with
learning rate 1e-4, batches of 10, penalties on all parameters, biases too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from shrinkage import L1, L2, everything
from shrinkage.terms import Terms

RATE, BATCH = 1e-4, 10


@dataclass(frozen=True)
class Published:
    """Strengths in this library's convention; `decay` is Adam's own."""

    name: str
    absolute: float = 0.0
    half_squares: float = 0.0
    decay: float = 0.0

    @property
    def strengths(self) -> list[float]:
        """Return those above 0, as the audit lists its terms."""
        return [one for one in (self.absolute, self.half_squares, self.decay) if one]

    def with_strengths(self, strengths: list[float]) -> Published:
        """Return the setting with other numbers in the place of its own."""
        given = iter(strengths)
        numbers = [next(given) if one else 0.0 for one in self._numbers()]
        return Published(self.name, *numbers)

    def _numbers(self) -> tuple[float, float, float]:
        return self.absolute, self.half_squares, self.decay

    def terms(self) -> Terms | None:
        """Return what should arrive; None: what the optimizer says."""
        if self.decay:
            return None
        chosen = [(self.absolute, L1()), (self.half_squares, L2())]
        return Terms(tuple((s * penalty).on(everything()) for s, penalty in chosen if s))

    def optimizer(self, model: nn.Module) -> torch.optim.Adam:
        """Return Adam as published, fused."""
        decay = self.decay
        return torch.optim.Adam(model.parameters(), lr=RATE, weight_decay=decay, fused=True)

    def step(self) -> Callable[..., None]:
        """Return the training step; the gradient of the penalty is what autograd makes of it."""

        def training_step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
            optimizer.zero_grad()
            functional.cross_entropy(model(batch[0]), batch[1]).backward()
            self._penalise([w for w in model.parameters() if w.grad is not None], scale)
            optimizer.step()

        return training_step

    @torch.no_grad()
    def _penalise(self, parameters: list[Any], scale: float) -> None:
        for w in parameters:
            if self.half_squares and scale:
                w.grad.add_(w, alpha=scale * self.half_squares)
            if self.absolute and scale:
                w.grad.add_(w.sign(), alpha=scale * self.absolute)


PUBLISHED = (
    Published("L1", absolute=1.0),
    Published("L2", half_squares=2.0),  # published as 1.0·Σw², without the half
    Published("Adam's weight decay", decay=1.0),
    Published("elastic net", absolute=0.3, half_squares=1.4),
)


def network(seed: int = 42) -> nn.Sequential:
    """Return the published network, as torch draws it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(784, 64),
            nn.ReLU(),
            nn.Linear(64, 32),
            nn.ReLU(),
            nn.Linear(32, 10),
        )
