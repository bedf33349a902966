"""Models that leave a stack before its last epoch, once they have settled.

Who uses this: the stacked engine, whose models of a fold train together. Models that are done are
moved behind the others in the same buffers, so that nothing is copied but what changes places, and
the stack goes on with the first ones. Whoever looks at it sees all models in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from shrinkage.paths.engines.base import Outputs, Problem, Unit
from shrinkage.paths.engines.curves import CurveRecorder, Point
from shrinkage.paths.engines.network import StackedNetwork
from shrinkage.paths.engines.settling import Settling
from shrinkage.paths.engines.stepping import Steps
from shrinkage.paths.engines.whole_steps import WholeSteps
from shrinkage.terms import Part

PartsOf = Callable[[Sequence[int]], Mapping[str, Sequence[Part]]]


class Ending:
    """The models of a stack, those that still train and those that are done.

    Args:
        problem: says when a model has settled.
        unit: the unit.
        network: of all models; fewer are left in it with time.
        steps: takes their steps.
        parts: the parts of some of the models.
    """

    def __init__(
        self,
        problem: Problem,
        unit: Unit,
        network: StackedNetwork,
        steps: Steps | WholeSteps,
        parts: PartsOf,
    ) -> None:
        self._network, self._steps, self._parts = network, steps, parts
        self._flat, self._buffers = network.flat, network.buffers
        self._places = list(range(network.count))  # the number of the model at each place
        self.order = self._places[:]
        recipe, rows = problem.recipe, len(unit.data.train)
        total, an_epoch = recipe.steps(rows), recipe.steps_per_epoch(rows)
        rates = [recipe.learning_rate_at(step, total) for step in range(total)]
        self._rates = np.cumsum(rates)[an_epoch - 1 :: an_epoch]
        self._settling = Settling(
            problem.settle,
            float(self._rates[-1]),
            problem.n_weights,
            classes=len(unit.data.encoding.classes) == problem.n_outputs,
        )
        self.epochs = np.full(network.count, recipe.epochs)
        self._losses = np.zeros(network.count)
        self._zeros = np.zeros(network.count, np.int64)
        self._outputs: torch.Tensor | None = None

    @property
    def running(self) -> int:
        """Return how many models still train."""
        return len(self.order)

    def record(self, epoch: int, recorder: CurveRecorder, evaluated: Outputs) -> None:
        """Record the curves of all models after an epoch (from 0); those leave that have settled.

        Args:
            epoch: that has just ended.
            recorder: of all models.
            evaluated: computes the outputs of those that still train.
        """
        if self.running:
            self._losses[self.order] = self._steps.losses().numpy()
        point = recorder.record(epoch, self._losses.copy(), lambda x: self._all(evaluated, x))
        if point is not None:
            self._look(point)

    def _all(self, evaluated: Outputs, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of all models for the rows that are watched, always the same."""
        if self._outputs is None:
            self._outputs = evaluated(x)
        elif self.running:
            self._outputs[self.order] = evaluated(x)
        return self._outputs.clone()

    def _look(self, point: Point) -> None:
        if not self.running or point.epoch == len(self._rates):
            return
        self._zeros[self.order] = self._steps.zeros()
        settled = self._settling.look(point, self._rates[point.epoch - 1], self._zeros.copy())
        leaving = [place for place, model in enumerate(self.order) if settled[model]]
        if leaving:
            self.epochs[[self.order[place] for place in leaving]] = point.epoch
            self._leave(leaving)

    def finish(self) -> None:
        """Give the network all models back, in their order; nothing is trained from here on."""
        self._network.take(self._flat, self._buffers)
        self._steps.finish()
        if self._places == sorted(self._places):
            return
        back = torch.from_numpy(np.argsort(self._places))
        for value in (*self._flat.parameters.values(), *self._buffers.values()):
            value.detach().copy_(value.detach()[back])

    def _leave(self, leaving: Sequence[int]) -> None:
        """Move the models at these places, ascending, behind the others, and go on without them."""
        left = self.running
        for place in reversed(leaving):
            left -= 1
            if place != left:
                self._exchange(place, left)
        self.order = self._places[:left]
        if left:
            self._flat.steps = self._network.flat.steps
            flat = self._flat.some(slice(left))
            self._network.take(flat, {name: value[:left] for name, value in self._buffers.items()})
            self._steps.go_on_with(self._parts(self.order))

    def _exchange(self, place: int, other: int) -> None:
        self._flat.exchange(place, other)
        for value in self._buffers.values():
            value[[place, other]] = value[[other, place]]
        order = self._places
        order[place], order[other] = order[other], order[place]
