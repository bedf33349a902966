"""One step of training: loss, gradients, and for each parameter before, move, after.

Who uses this: `fit`, and people who write a loop of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shrinkage.scratch.checks import expect, finite_weights, warn_of_own_decay
from shrinkage.scratch.diverging import diverged
from shrinkage.scratch.losses import Loss, SoftmaxCrossEntropy
from shrinkage.scratch.network import Network
from shrinkage.scratch.optimizers import Optimizer
from shrinkage.scratch.regularization import GivenTerms, Regularization
from shrinkage.scratch.shapes import rows


class Trainer:
    """A network with its optimizer and its terms, one step at a time.

    Between steps, `trainer.optimizer = SGD(0.01)` changes the learning rate: a schedule is a loop
    that does so. What is remembered of the steps before stays.

    Args:
        network: its parameters are trained in place.
        optimizer: the settings; what it remembers is kept here.
        terms: strengths times penalties on selections.
        update: "proximal", "decoupled", "gradient" or "loss", for terms that name none.
        loss: of a batch.
        generator: draws the masks of dropout; `np.random.default_rng(0)` unless given.

    Raises:
        InputError: no network, optimizer or loss of this package, an unknown update, weights or
            references that are not finite.
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
        self.network = expect(network, Network, "a Network", "Network([Affine(2, 1)])")
        self.optimizer = expect(optimizer, Optimizer, "an optimizer of this package", "SGD(0.1)")
        data_loss = SoftmaxCrossEntropy() if loss is None else loss
        self.loss: Loss = expect(data_loss, Loss, "an object as loss", "SoftmaxCrossEntropy()")
        self.regularization = Regularization(network.infos, terms, update)
        drawn = np.random.default_rng(0) if generator is None else generator
        self._generator: np.random.Generator = expect(
            drawn, np.random.Generator, "a generator", "np.random.default_rng(0)"
        )
        self._memory: dict[str, dict[str, Any]] = {name: {} for name in network.parameters}
        finite_weights(network.parameters)
        warn_of_own_decay(optimizer, self.regularization.assignment.parts)

    @np.errstate(over="ignore", invalid="ignore")  # what diverges is named by an error
    def step(self, x: Any, y: Any) -> float:
        """Take one step on a batch, and return its data loss, before the step.

        Raises:
            InputError: rows or labels that do not fit the network.
            TrainingDiverged: the loss is not finite.
        """
        x, y = self.checked(x, y)
        slope, value, _ = self._passed(x, y, self._generator)
        gradients = self.network.backward(slope)
        parameters, rate = self.network.parameters, self.optimizer.learning_rate
        sizes = {name: self._moved(name, w, gradients[name]) for name, w in parameters.items()}
        moved = {name: self._memory[name].get("moved", 0.0) for name in parameters}
        self.regularization.together.divide(parameters, rate, sizes, moved)
        for name, w in parameters.items():
            self.regularization.after(name, w, rate, sizes[name], moved[name])
        self.regularization.together.renew(parameters)
        return value

    def _moved(self, name: str, w: np.ndarray, gradient: np.ndarray) -> Any:
        """Move a parameter in place, and return the size of its step."""
        rate = self.optimizer.learning_rate
        gradient = self.regularization.before(name, w, gradient, rate)
        return self.optimizer.step(w, gradient, self._memory[name])

    @np.errstate(over="ignore", invalid="ignore")
    def evaluate(self, X: Any, y: Any) -> tuple[float, float | None]:
        """Return data loss and accuracy as when predicting.

        Raises:
            InputError: rows or labels that do not fit the network.
            TrainingDiverged: the loss is not finite.
        """
        X, y = self.checked(X, y)
        _, value, outputs = self._passed(X, y, None)
        return value, self.loss.accuracy(outputs, y)

    def _passed(self, x: np.ndarray, y: np.ndarray, training: Any) -> tuple[Any, float, np.ndarray]:
        """Return the slope of the loss, the loss and the outputs of a batch."""
        outputs = self.network.forward(x, training)
        value, slope = self.loss(outputs, y)
        if not np.isfinite(value):
            raise diverged(self.network, x, training, value)
        return slope, value, outputs

    def checked(self, X: Any, y: Any, what: str = "X") -> tuple[np.ndarray, np.ndarray]:
        """Return rows and labels as arrays that fit the network, or say what it got instead."""
        table = rows(X, self.network.inputs, what)
        return table, self.loss.checked(y, len(table), self.network.outputs)

    def penalty(self) -> float:
        """Return Σ strength · Ω of the weights as they are."""
        return self.regularization.value(self.network.parameters)
