"""One network that trains alone, and that whoever trains it looks at and changes between its steps.

Who uses this: what goes from a whole network to a small one (the sparsity path, the best columns).
A network of known layers lies in the arrays of a stack of one, whose step takes a third of the time
of torch's, and a fifth of that where compiled calls take it (`whole_steps`); any other is moved as
its user would. All promise the same steps up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from torch import nn

from shrinkage.paths.engines import whole_steps
from shrinkage.paths.engines.base import Problem, Unit, template
from shrinkage.paths.engines.layers.registry import is_stackable
from shrinkage.paths.engines.losses import loss_and_gradient
from shrinkage.paths.engines.moving import Optimizer
from shrinkage.paths.engines.network import StackedNetwork
from shrinkage.paths.engines.own_recipe import augmented, optimizer_of
from shrinkage.paths.engines.recipe import Recipe, derived_seed
from shrinkage.paths.engines.seeding import seed_generators
from shrinkage.paths.engines.sequential import attached, stepped
from shrinkage.pytorch.optimizers import Moment, metric_of
from shrinkage.pytorch.prox.kernels.adam import AdamNumbers
from shrinkage.terms import present

AT_ONCE = 64
"""Steps between which nothing is told to whoever waits."""


class Lone(Protocol):
    """A network in training; its arrays are those of one model."""

    def begin(self, strengths: Mapping[str, float]) -> None:
        """Begin a training with the weights that are there, and terms of these strengths."""
        ...

    def go_on(self, strengths: Mapping[str, float]) -> None:
        """Go on in the same training with other strengths."""
        ...

    def steps(self, positions: torch.Tensor, shares: np.ndarray, *labels: int) -> None:
        """Take some steps.

        Args:
            positions: of each batch's rows among the training rows, (steps, rows).
            shares: of the learning rate, (steps,).
            labels: what is drawn in a step is seeded by them; the last counts the steps.
        """
        ...

    def parameter(self, name: str) -> torch.Tensor:
        """Return the weights of that name, to be read, or changed without a gradient."""
        ...

    def scores(self, name: str) -> torch.Tensor:
        """Return w²/step of each weight, w² before the first step, in one unit for all names."""
        ...

    def cut(self, name: str, places: torch.Tensor) -> None:
        """Leave no more than these inputs, (kept,), of the rows and of the first layer."""
        ...

    def state(self) -> dict[str, torch.Tensor]:
        """Return a copy of the parameters and buffers."""
        ...


def is_known(module: nn.Module, recipe: Recipe) -> bool:
    """Return whether a network lies in arrays of its own: then nothing drawn is shared."""
    return recipe.is_plain and is_stackable(module)


def lone_network(problem: Problem, unit: Unit) -> Lone:
    """Return the network of a unit before its first step; `begin` it."""
    module = template(problem, unit).train()
    if is_known(module, problem.recipe):
        assert isinstance(module, nn.Sequential)
        return InArrays(problem, unit, module)
    return ByModule(problem, unit, module)


class ByModule:
    """Any network, moved by its optimizer with the terms attached to it."""

    def __init__(self, problem: Problem, unit: Unit, module: nn.Module) -> None:
        self._problem, self._unit, self.module = problem, unit, module
        self._rows = unit.data.rows.take(unit.data.train)
        self._tensors = problem.tensors(module)
        self._attachment = None

    def begin(self, strengths: Mapping[str, float]) -> None:
        """Begin with a new optimizer."""
        own = [own for own in self.module.parameters() if own.requires_grad]
        self._optimizer = optimizer_of(self._problem.recipe, own)
        self._rates = [float(group["lr"]) for group in self._optimizer.param_groups]
        self.go_on(strengths)

    def go_on(self, strengths: Mapping[str, float]) -> None:
        """Attach terms of these strengths in the place of those that are there."""
        if self._attachment is not None:
            self._attachment.detach()
        self._attachment = attached(self._problem, self.module, self._optimizer, strengths)

    def steps(self, positions: torch.Tensor, shares: np.ndarray, *labels: int) -> None:
        """Take steps as a user's loop does."""
        *first, step = labels
        for taken, (batch, share) in enumerate(zip(positions, shares.tolist(), strict=True)):
            seed_generators(
                derived_seed(self._unit.seed, *first, step + taken), self._problem.device
            )
            for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
                group["lr"] = rate * share
            rows = self._rows.take(batch)
            rows = replace(rows, x=augmented(self._problem, self.module, rows.x))
            stepped(self._problem, self.module, self._optimizer, rows, self._attachment)

    def parameter(self, name: str) -> torch.Tensor:
        """Return the parameter's values."""
        return self._tensors[name].detach()

    def scores(self, name: str) -> torch.Tensor:
        """Return w²/step in the metric of the optimizer."""
        return scores(self._optimizer, self._tensors[name])

    def cut(self, name: str, places: torch.Tensor) -> None:
        """Cut the weight, and what the optimizer keeps of it."""
        weight = self._tensors[name]
        before, state = weight.shape, self._optimizer.state.get(weight, {})
        for key, value in state.items():
            if torch.is_tensor(value) and value.shape == before:
                state[key] = value[:, places].contiguous()
        weight.data = weight.data[:, places].contiguous()
        weight.grad = None
        self._rows = replace(self._rows, x=self._rows.x[:, places].contiguous())

    def state(self) -> dict[str, torch.Tensor]:
        """Return a copy of the module's state."""
        state = self.module.state_dict().items()
        return {name: own.detach().clone() for name, own in state if torch.is_tensor(own)}


class InArrays:
    """A network of known layers: a stack of one, differentiated without autograd's graph."""

    def __init__(self, problem: Problem, unit: Unit, module: nn.Sequential) -> None:
        self._problem, self._unit = problem, unit
        self._rows = unit.data.rows.take(unit.data.train)
        self._network = StackedNetwork(module, 1)
        self._numbers = AdamNumbers()

    def begin(self, strengths: Mapping[str, float]) -> None:
        """Begin with moments of zero."""
        flat = self._network.flat
        flat.first.zero_()
        flat.second.zero_()
        flat.steps = 0
        self.go_on(strengths)

    def go_on(self, strengths: Mapping[str, float]) -> None:
        """Go on with the moments that are there."""
        penalised = self._problem.penalised.items()
        self._parts = {
            name: present(part.at(strengths[part.term]) for part in own) for name, own in penalised
        }
        self._renew()

    def _renew(self) -> None:
        """Take up the arrays, the rows and the parts that are there now."""
        network, rows = self._network, self._rows
        batch = min(self._problem.recipe.batch_size, len(rows))
        self._call = whole_steps.one_call(self._problem, rows, network, self._parts, batch)
        self._optimizer = None if self._call else Optimizer(network.flat, self._parts)

    def steps(self, positions: torch.Tensor, shares: np.ndarray, *labels: int) -> None:
        """Take steps in compiled calls, or differentiate and move the weights in each."""
        rates = self._problem.recipe.learning_rate * shares
        if self._call is not None:
            flat = self._network.flat
            numbers = self._numbers.table(flat.steps + 1 + np.arange(len(rates)), rates)
            for begin in range(0, len(rates), self._call.most):
                own = slice(begin, begin + self._call.most)
                self._call(positions[own], numbers[own])
            flat.steps += len(rates)
            return
        for taken, (batch, rate) in enumerate(zip(positions, rates.tolist(), strict=True)):
            self._step(batch, rate, (*labels[:-1], labels[-1] + taken))

    def _step(self, batch: torch.Tensor, rate: float, labels: Sequence[int]) -> None:
        assert self._optimizer is not None
        network, loss, rows = self._network, self._problem.loss, self._rows.take(batch)
        if network.is_random:
            network.seed(derived_seed(self._unit.seed, *labels))
        network.backward(
            rows.x, lambda outputs: loss_and_gradient(loss, outputs, rows.target, rows.weight)
        )
        self._optimizer.step(rate)

    def parameter(self, name: str) -> torch.Tensor:
        """Return the model's view of the array."""
        return self._network.parameters[name].detach()[0]

    def scores(self, name: str) -> torch.Tensor:
        """Return w² (√v̂ + ε): w²/step, but for the learning rate, which is one for all."""
        flat, own = self._network.flat, self.parameter(name).square()
        if not flat.steps:
            return own
        second = flat.moments(name)[1][0] / (1 - self._numbers.beta2**flat.steps)
        return own * (second.sqrt() + self._numbers.epsilon)

    def cut(self, name: str, places: torch.Tensor) -> None:
        """Go on in smaller buffers."""

        def left(own: str, array: torch.Tensor) -> torch.Tensor:
            return array[:, :, places] if own == name else array

        with torch.no_grad():
            self._network.take(self._network.flat.reduced(left), self._network.buffers)
        self._rows = replace(self._rows, x=self._rows.x[:, places].contiguous())
        self._renew()

    def state(self) -> dict[str, torch.Tensor]:
        """Return a copy of the model's arrays."""
        return self._network.state(0)


def spans(total: int, stops: Iterable[int], *, alone: bool) -> Iterator[int]:
    """Yield how many steps to take at once until `total` are taken, with a halt at every stop.

    Args:
        total: steps.
        stops: steps after which the network is changed.
        alone: whether it is after every step.

    >>> list(spans(150, [10, 100, 120], alone=False)), list(spans(3, [], alone=True))
    ([10, 64, 26, 20, 30], [1, 1, 1])
    """
    taken = 0
    for stop in (*sorted(own for own in stops if own < total), total):
        while taken < stop:
            count = 1 if alone else min(AT_ONCE, stop - taken)
            yield count
            taken += count


def scores(optimizer: torch.optim.Optimizer, parameter: torch.Tensor) -> torch.Tensor:
    """Return w²/step of each weight; by w² alone before the first step.

    >>> w = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    >>> scores(torch.optim.SGD([w], lr=0.5), w)
    tensor([2., 8.])
    """
    w = parameter.detach()
    group = next(g for g in optimizer.param_groups if any(p is parameter for p in g["params"]))
    metric, state = metric_of(optimizer), optimizer.state.get(parameter, {})
    if metric.needs_state and not state:
        return w * w
    motion = metric.motion(Moment(group, state, 1.0, parameter.grad), None)
    denominator = motion.denominator()
    own = w * w / motion.rate
    return own if denominator is None else own * denominator.to(own.dtype)
