"""One step of training: loss, gradients, and for each parameter before, move, after.

Who uses this: `fit`, and people who write a loop of their own.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from shrinkage.errors import InputError, ShrinkageError
from shrinkage.scratch.checks import rows
from shrinkage.scratch.losses import Loss, SoftmaxCrossEntropy
from shrinkage.scratch.network import Network
from shrinkage.scratch.optimizers import Optimizer
from shrinkage.scratch.regularization import GivenTerms, Regularization


class TrainingDiverged(ShrinkageError):
    """The loss is NaN or infinite; the message names the epoch and the layer it began in."""


class Trainer:
    """A network with its optimizer and its terms, one step at a time.

    Args:
        network: its parameters are trained in place.
        optimizer: the settings; what it remembers is kept here.
        terms: strengths times penalties on selections.
        update: "proximal", "decoupled", "gradient" or "loss", for terms that name none.
        loss: of a batch.
        generator: draws the masks of dropout.

    Raises:
        InputError: no network, optimizer or loss of this package, an unknown update.
        ShrinkageError: as `shrinkage.assign` does.

    >>> from shrinkage import L1
    >>> from shrinkage.scratch import SGD, Affine, HalfSquaredError
    >>> network = Network([Affine(2, 1, lambda *_: np.array([[1.0, 0.05]]))])
    >>> trainer = Trainer(network, SGD(0.1), 1.0 * L1(), loss=HalfSquaredError())
    >>> trainer.step(np.zeros((1, 2)), np.zeros((1, 1)))
    0.0
    >>> network.parameters["0.weight"]
    array([[0.9, 0. ]])
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        terms: GivenTerms = (),
        update: str = "proximal",
        *,
        loss: Loss | None = None,
        generator: np.random.Generator | None = None,
    ) -> None:
        self.loss = SoftmaxCrossEntropy() if loss is None else loss
        _check_objects(network, optimizer, self.loss)
        self.network, self.optimizer = network, optimizer
        self.regularization = Regularization(network.infos, terms, update)
        self._generator = np.random.default_rng(0) if generator is None else generator
        self._memory: dict[str, dict[str, Any]] = {name: {} for name in network.parameters}
        _warn_of_two_decays(optimizer, self.regularization)

    def step(self, x: Any, y: Any) -> float:
        """Take one step on a batch, and return its data loss, before the step.

        Raises:
            InputError: rows or labels that do not fit the network.
            TrainingDiverged: the loss is not finite.
        """
        x, y = self.checked(x, y)
        with np.errstate(over="ignore", invalid="ignore"):  # what diverges is named below
            value, slope = self.loss(self.network.forward(x, self._generator), y)
            if not np.isfinite(value):
                raise TrainingDiverged(_where(self.network, x, self._generator, value))
            gradients = self.network.backward(slope)
            for name, w in self.network.parameters.items():
                self._move(name, w, gradients[name])
        return value

    def _move(self, name: str, w: np.ndarray, gradient: np.ndarray) -> None:
        rate = self.optimizer.learning_rate
        gradient = self.regularization.before(name, w, gradient, rate)
        step_size = self.optimizer.step(w, gradient, self._memory[name])
        self.regularization.after(name, w, rate, step_size)

    def evaluate(self, X: Any, y: Any) -> tuple[float, float | None]:
        """Return data loss and accuracy as when predicting.

        Raises:
            InputError: rows or labels that do not fit the network.
            TrainingDiverged: the loss is not finite.
        """
        X, y = self.checked(X, y)
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = self.network.forward(X)
            value, _ = self.loss(outputs, y)
            if not np.isfinite(value):
                raise TrainingDiverged(_where(self.network, X, None, value))
        return value, self.loss.accuracy(outputs, y)

    def checked(self, X: Any, y: Any, what: str = "X") -> tuple[np.ndarray, np.ndarray]:
        """Return rows and labels as arrays that fit the network, or say what came instead."""
        table = rows(X, self.network.inputs, what)
        return table, self.loss.checked(y, len(table), self.network.outputs)

    def penalty(self) -> float:
        """Return Σ strength · Ω of the weights as they are."""
        return self.regularization.value(self.network.parameters)


def _check_objects(network: Any, optimizer: Any, loss: Any) -> None:
    if not isinstance(network, Network):
        raise InputError(
            f"expected a Network, came {type(network).__name__}: Network([Affine(2, 1)]) is one"
        )
    if not isinstance(optimizer, Optimizer):
        raise InputError(
            f"expected an optimizer of this package, came {optimizer!r}: give for example SGD(0.1)"
        )
    if not isinstance(loss, Loss):
        raise InputError(
            f"expected SoftmaxCrossEntropy() or HalfSquaredError() as loss, came {loss!r}: give "
            "one of those"
        )


def _warn_of_two_decays(optimizer: Optimizer, regularization: Regularization) -> None:
    """Say so where the optimizer decays by itself what a term is on."""
    decay = getattr(optimizer, "weight_decay", 0.0)
    names = [name for name, parts in regularization.assignment.parts.items() if parts]
    if decay and names:
        warnings.warn(
            f"{type(optimizer).__name__} has its own weight_decay={decay:g} on {len(names)} "
            f"parameters that also have terms ({', '.join(names[:3])}), so they are penalised "
            "twice: build it with weight_decay=0, or drop the L2 term",
            UserWarning,
            stacklevel=3,
        )


def _where(network: Network, x: np.ndarray, training: Any, value: float) -> str:
    """Return in words where a batch first stops being finite."""
    numbers = range(len(network.layers))
    for number in numbers:
        x = network.layers[number].forward(x, training)
        if not np.isfinite(x).all():
            where = f"{network.name(number)}, is the first whose outputs are not finite"
            break
    else:
        where = f"the outputs of {network.name(numbers[-1])}, are too large for it"
    return (
        f"expected a finite loss, came {value}; {where}: lower the learning rate, or scale the "
        "inputs"
    )
