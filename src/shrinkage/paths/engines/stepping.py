"""The steps of one training of a stack: gather a batch, differentiate, move the weights.

Who uses this: the stacked engine, one object a training. On a GPU whole steps are captured in a
graph and replayed: a step is some twenty small kernels, and to start them one by one from Python
takes longer than they do. All that changes from step to step lies on the device then: the rows'
positions, the numbers of Adam, and a counter that says which are next.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from shrinkage.paths.engines.base import Problem, Rows, Unit
from shrinkage.paths.engines.losses import loss_and_gradient
from shrinkage.paths.engines.moving import Optimizer
from shrinkage.paths.engines.network import StackedNetwork
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.terms import Part

WARM_UP = 3  # steps before one is captured: what is made ready then is not part of it
_CAPTURING = threading.Lock()  # one capture at a time, whatever other folds do


@dataclass(frozen=True)
class Batch:
    """The rows of one step, in arrays that are kept from step to step."""

    rows: Rows
    x: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor | None

    @classmethod
    def of(cls, rows: Rows, size: int) -> Batch:
        """Return arrays for so many of these rows."""

        def some(value: torch.Tensor) -> torch.Tensor:
            return value.new_empty((size, *value.shape[1:]))

        weight = None if rows.weight is None else some(rows.weight)
        return cls(rows, some(rows.x), some(rows.target), weight)

    def gather(self, positions: torch.Tensor) -> None:
        """Copy the rows at these positions."""
        torch.index_select(self.rows.x, 0, positions, out=self.x)
        torch.index_select(self.rows.target, 0, positions, out=self.target)
        if self.weight is not None and self.rows.weight is not None:
            torch.index_select(self.rows.weight, 0, positions, out=self.weight)


class Steps:
    """Takes steps one by one.

    `begin` an epoch with its batches, `take` each, and ask for the `losses`. Where it `can_shrink`,
    models may leave between two epochs.
    """

    can_shrink = True

    def __init__(
        self, problem: Problem, unit: Unit, network: StackedNetwork, optimizer: Optimizer
    ) -> None:
        self._problem, self._unit = problem, unit
        self._network, self._optimizer = network, optimizer
        count = len(unit.data.train)
        self._total, self._step = problem.recipe.steps(count), 0
        self._batch = Batch.of(unit.data.rows, min(problem.recipe.batch_size, count))
        self._losses = torch.zeros(network.count, dtype=torch.float64, device=problem.device)

    def begin(self, positions: torch.Tensor) -> None:
        """Begin an epoch with the positions of the rows of its batches, (batches, rows)."""
        self._positions, self._next = positions, 0
        self._losses.zero_()

    def take(self) -> int:
        """Take the next step and return how many were taken: one."""
        network = self._network
        if network.is_random:
            network.seed(derived_seed(self._unit.seed, 2, self._step))
        self._batch.gather(self._positions[self._next])
        self._losses += self._differentiate()
        self._optimizer.step(self._rate(self._step))
        self._next += 1
        self._step += 1
        return 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of all models for rows, (models, outputs, rows), in evaluation."""
        return self._network.forward(x)

    def finish(self) -> None:
        """Leave the network its weights, as the last step has left them, and nothing else."""
        self._network.flat.release()

    def go_on_with(self, parts: Mapping[str, Sequence[Part]]) -> None:
        """Go on with the models that the network has now, and the parts of these."""
        self._optimizer = Optimizer(self._network.flat, parts)
        self._losses = self._losses.new_zeros(self._network.count)

    def zeros(self) -> np.ndarray:
        """Return how many weights of each model are zero, after a step."""
        return np.sum(list(self._optimizer.zeros.values()), axis=0)

    def losses(self) -> torch.Tensor:
        """Return each model's mean loss over the batches of the epoch, (models,)."""
        return self._losses.cpu() / len(self._positions)

    def _rate(self, step: int) -> float:
        return self._problem.recipe.learning_rate_at(step, self._total)

    def _differentiate(self) -> torch.Tensor:
        """Fill the gradients for the batch and return each model's loss."""
        batch, loss = self._batch, self._problem.loss
        return self._network.backward(
            batch.x, lambda outputs: loss_and_gradient(loss, outputs, batch.target, batch.weight)
        )


class ResidentSteps(Steps):
    """Takes steps with all that changes on the device; on a GPU it captures one and replays it."""

    can_shrink = False

    def __init__(
        self, problem: Problem, unit: Unit, network: StackedNetwork, optimizer: Optimizer
    ) -> None:
        super().__init__(problem, unit, network, optimizer)
        assert optimizer.device_pass is not None
        self._move = optimizer.device_pass
        rates = [self._rate(step) for step in range(self._total)]
        self._table = self._move.table(rates)
        here = {"dtype": torch.int64, "device": problem.device}
        self._row, self._place = torch.zeros(1, **here), torch.zeros(1, **here)
        batches = problem.recipe.steps_per_epoch(len(unit.data.train))
        self._positions = torch.zeros(batches, len(self._batch.x), **here)
        self._captures = problem.device.type == "cuda"
        self._graph: Any = None

    def begin(self, positions: torch.Tensor) -> None:
        """Copy the positions of an epoch to where a captured step reads them."""
        self._positions.copy_(positions)
        self._place.zero_()
        self._losses.zero_()

    def take(self) -> int:
        """Take the next step: the first ones as they are, then as a graph."""
        if self._captures and self._step >= WARM_UP:
            if self._graph is None:
                self._graph = self._captured()
            self._graph.replay()
        else:
            self._work()
        self._step += 1
        self._network.flat.steps += 1
        return 1

    @torch.no_grad()
    def _work(self) -> None:
        self._batch.gather(self._positions.index_select(0, self._place).view(-1))
        self._losses.add_(self._differentiate())
        self._move(self._table.index_select(0, self._row).view(-1))
        self._row.add_(1)
        self._place.add_(1)

    def _captured(self) -> Any:
        """Return a graph of one step; capturing it takes none."""
        with _CAPTURING:
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._work()
        return graph


def steps_of(problem: Problem, unit: Unit, network: StackedNetwork, optimizer: Optimizer) -> Steps:
    """Return the steps of a training: resident where all of them can be, else one by one.

    Masks of dropout are drawn from a seed that Python sets before each step, and autograd keeps
    graphs of its own: such networks, and penalties that torch's Adam is hooked for, take the other
    way.
    """
    resident = optimizer.device_pass is not None and not optimizer.is_hooked
    explicit = network.is_explicit and hasattr(problem.loss, "with_gradient")
    kind = ResidentSteps if resident and explicit and not network.is_random else Steps
    return kind(problem, unit, network, optimizer)
