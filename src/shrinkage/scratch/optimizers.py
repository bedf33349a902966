"""Optimizers: how a gradient moves a weight. Formulas and defaults are torch.optim's.

Who uses this: `Trainer`. An optimizer is only its settings; what it remembers of one parameter is
a dictionary that the trainer keeps, empty at first. `step` moves `w` in place and returns the step
size of each weight: were the gradient the same in every step, the weight would now move by step
size · gradient. A proximal step shrinks a weight by step size · strength, so that penalty and
gradient are measured alike and balance where the sum of loss and penalty is least. One whose step
sizes differ by weight remembers as "moved" how far each has just gone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.checks import number, positive
from shrinkage.scratch.checks import two_betas


@dataclass(frozen=True)
class Optimizer(ABC):
    """An optimizer's settings; a learning rate of 0 would learn nothing."""

    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        positive(self.learning_rate, "learning_rate", "try a small number such as 1e-3")

    @abstractmethod
    def step(self, w: np.ndarray, gradient: np.ndarray, memory: dict[str, Any]) -> Any:
        """Move `w` in place; return the step size, a number or one per weight."""


@dataclass(frozen=True)
class SGD(Optimizer):
    """w ← w − learning_rate · gradient.

    >>> w = np.array([1.0])
    >>> SGD(0.1).step(w, np.array([2.0]), {}), w
    (0.1, array([0.8]))
    """

    def step(self, w: np.ndarray, gradient: np.ndarray, memory: dict[str, Any]) -> Any:  # noqa: ARG002
        """Move `w`; every weight's step size is the learning rate."""
        w -= self.learning_rate * gradient
        return self.learning_rate


@dataclass(frozen=True)
class Momentum(Optimizer):
    """buffer ← momentum · buffer + gradient; w ← w − learning_rate · buffer.

    `momentum` is the share of the past that is kept. The `momentum` of `BatchNorm` is, as in
    PyTorch, the opposite: the share of what is new.

    >>> w, memory = np.array([1.0]), {}
    >>> [round(Momentum(0.1).step(w, np.array([1.0]), memory), 3) for _ in range(3)]
    [0.1, 0.19, 0.271]

    Source: Polyak, Some methods of speeding up the convergence of iteration methods (1964).
    """

    momentum: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.momentum, "momentum", below=1)

    def step(self, w: np.ndarray, gradient: np.ndarray, memory: dict[str, Any]) -> Any:
        """Move `w`; the buffer of a lasting gradient of one grows to 1 / (1 − momentum)."""
        buffer = memory["buffer"] = self.momentum * memory.get("buffer", 0.0) + gradient
        gain = memory["gain"] = self.momentum * memory.get("gain", 0.0) + 1.0
        w -= self.learning_rate * buffer
        return self.learning_rate * gain


@dataclass(frozen=True)
class Adam(Optimizer):
    """m and v are running means of gradient and gradient²; w ← w − lr · m̂ / (√v̂ + ε).

    m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) make up for their start at 0. ε is outside the root.

    >>> w = np.array([1.0, 1.0])
    >>> Adam(0.1).step(w, np.array([100.0, 0.01]), {}).round(3), w.round(3)
    (array([1.e-03, 1.e+01]), array([0.9, 0.9]))

    Source: Kingma and Ba, Adam, ICLR 2015.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        two_betas(self.betas)
        number(self.epsilon, "epsilon")

    def step(self, w: np.ndarray, gradient: np.ndarray, memory: dict[str, Any]) -> Any:
        """Move `w`; a weight's step size is learning_rate / (√v̂ + ε)."""
        first, second = self.betas
        time = memory["time"] = memory.get("time", 0) + 1
        mean = memory["mean"] = first * memory.get("mean", 0.0) + (1 - first) * gradient
        square = memory["square"] = second * memory.get("square", 0.0) + (1 - second) * gradient**2
        root = np.sqrt(square / (1 - second**time))
        size = self.learning_rate / (root + self.epsilon)
        push = size * mean / (1 - first**time)
        w -= push
        memory["moved"] = np.abs(push)
        return size


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with a decay in front, of every parameter: w ← w · (1 − learning_rate · weight_decay).

    >>> w = np.array([1.0])
    >>> _ = AdamW(0.1, weight_decay=1.0).step(w, np.array([0.0]), {})
    >>> w
    array([0.9])

    Source: Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019.
    """

    weight_decay: float = 1e-2

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.weight_decay, "weight_decay")

    def step(self, w: np.ndarray, gradient: np.ndarray, memory: dict[str, Any]) -> Any:
        """Decay `w`, then move it as Adam does."""
        w *= 1 - self.learning_rate * self.weight_decay
        return super().step(w, gradient, memory)
