"""Some steps of a stack in one compiled call: networks of linear layers with relu between them.

Who uses this: the stacked engine, for penalties that go through the pass of Adam and prox. Such a
step is what `Steps` takes; where products are in bfloat16, those of all layers are, sums and
gradients not rounded on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from shrinkage.paths.engines import precision
from shrinkage.paths.engines.base import Problem, Rows, Unit
from shrinkage.paths.engines.kernels import mlp
from shrinkage.paths.engines.losses import (
    ShiftedLoss,
    StackedCrossEntropy,
    StackedLoss,
    StackedSquaredError,
)
from shrinkage.paths.engines.moving import InOnePass
from shrinkage.paths.engines.network import StackedNetwork, zeros_of
from shrinkage.pytorch.prox.kernels.adam import AdamNumbers
from shrinkage.terms import Part

KINDS: dict[type, tuple[int, torch.dtype]] = {
    StackedCrossEntropy: (mlp.CROSS_ENTROPY, torch.int64),
    StackedSquaredError: (mlp.SQUARES, torch.float32),
}
GRADIENT_ROWS = 128  # of a block whose gradients are added to those of others
# Weights of a layer where an epoch is one step: a call is one step then, lays its rows out for it,
# and a model that does not stay in the nearest cache takes 1.4 to 1.8 times as long as by torch.
MOST_OF_ONE_STEP = 2**15
MOST_ROWS = 8192  # of a batch: its activations are kept as a whole
# Weights of a model from which torch shares a step among threads well. Here threads share models,
# so that some may wait; no longer than products are faster, in float32 and in bfloat16.
SHARED_WELL = 2**18
MOST_WAITING = {False: 1.25, True: 2.0}


class WholeSteps:
    """Takes the steps of a training, as `Steps` does, some at a time."""

    can_shrink = True

    def __init__(
        self,
        problem: Problem,
        unit: Unit,
        network: StackedNetwork,
        layers: Sequence[mlp.StackedAffine],
        table: mlp.Table,
    ) -> None:
        self._network, self._of = network, (problem, unit, network)
        count, recipe = len(unit.data.train), problem.recipe
        self._seen = table, min(recipe.batch_size, count), unit.threads
        self._narrow = _is_narrow(problem)
        self._steps = mlp.MlpSteps(layers, *self._seen, narrow=self._narrow)
        total = recipe.steps(count)
        rates = np.array([recipe.learning_rate_at(step, total) for step in range(total)])
        first = network.flat.steps + 1
        self._numbers = AdamNumbers().table(np.arange(first, first + total), rates)
        self._step = 0

    @classmethod
    def of(
        cls,
        problem: Problem,
        unit: Unit,
        network: StackedNetwork,
        parts: Mapping[str, Sequence[Part]],
    ) -> WholeSteps | None:
        """Return them, None where a compiled call cannot take the steps."""
        known = _known(problem, unit.data.rows, network, parts, len(unit.data.train))
        if known is None or _keeps_waiting(problem, network, unit.threads):
            return None
        return cls(problem, unit, network, *known)

    @property
    def leaves_out_zeros(self) -> bool:
        """Return whether products of the first layer leave out pairs of zeros of the table."""
        return self._steps.leaves_out_zeros

    @property
    def gradients(self) -> WholeGradients:
        """Return what computes the gradients of the same function, also after training."""
        return WholeGradients(*self._of)

    def begin(self, positions: torch.Tensor) -> None:
        """Begin an epoch with the positions of the rows of its batches, (batches, rows)."""
        self._positions, self._next = positions.contiguous(), 0
        self._steps.losses[:] = 0

    def take(self) -> int:
        """Take the next steps and return how many."""
        some = self._positions[self._next : self._next + self._steps.most]
        self._steps(some, self._numbers[self._step :])
        self._next += len(some)
        self._step += len(some)
        self._network.flat.steps += len(some)
        return len(some)

    def go_on_with(self, parts: Mapping[str, Sequence[Part]]) -> None:
        """Go on with the models that the network has now, and the parts of these."""
        layers = _layers(self._network, parts)
        assert layers is not None
        self._steps = mlp.MlpSteps(layers, *self._seen, narrow=self._narrow)

    def zeros(self) -> np.ndarray:
        """Return how many weights of each model are zero."""
        return zeros_of(self._network)

    def losses(self) -> torch.Tensor:
        """Return each model's mean loss over the batches of the epoch, (models,)."""
        return torch.from_numpy(self._steps.losses / len(self._positions))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of all models for rows, (models, outputs, rows), in evaluation."""
        return self._network.forward(x)

    def finish(self) -> None:
        """Leave the network its weights, as the last step has left them, and nothing else."""
        self._network.flat.release()
        del self._steps


class WholeGradients:
    """Gradients of the data loss of all models, and those if no output had been learned yet.

    They are of the function that was trained: in bfloat16, with products of all layers in it.
    """

    def __init__(self, problem: Problem, unit: Unit, network: StackedNetwork) -> None:
        self._problem, self._unit, self._network = problem, unit, network

    def __call__(self, positions: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the gradients of the mean loss of the rows at these positions, by parameter."""
        return self._of(positions, None)

    def at_constant(self, positions: torch.Tensor, constant: torch.Tensor) -> dict:
        """Return Jᵀd/n, d the derivatives of the rows' losses where outputs are `constant`."""
        return self._of(positions, constant)

    def _of(self, positions: torch.Tensor, constant: torch.Tensor | None) -> dict:
        """Return a mean over blocks of equally many rows, and over the rest of them."""
        blocks = -(-len(positions) // GRADIENT_ROWS)
        size = len(positions) // blocks
        parameters = self._network.parameters.items()
        sums = {name: torch.zeros_like(value, requires_grad=False) for name, value in parameters}
        rest = len(positions) - blocks * size
        self._add(sums, positions[: blocks * size].view(blocks, size), constant)
        if rest:
            _scale(sums, size / rest)
            self._add(sums, positions[blocks * size :].view(1, rest), constant)
        _scale(sums, (rest or size) / len(positions))
        return sums

    def _add(
        self, sums: dict[str, torch.Tensor], blocks: torch.Tensor, constant: torch.Tensor | None
    ) -> None:
        """Add the gradients of each of the blocks (blocks, rows)."""
        table = _table(self._problem.loss, self._unit.data.rows)
        assert table is not None
        if constant is not None:
            outputs = constant if table.shift is None else constant + table.shift
            table = replace(table, constant=outputs.contiguous())
        parameters = self._network.parameters
        known = {name: mlp.StillParameter(parameters[name], own) for name, own in sums.items()}
        layers = _affine(self._network, known)
        seen = table, blocks.shape[1], self._unit.threads
        add = mlp.MlpSteps(layers, *seen, narrow=_is_narrow(self._problem))
        for some in blocks.contiguous().split(add.most):
            add(some)


def one_call(
    problem: Problem,
    rows: Rows,
    network: StackedNetwork,
    parts: Mapping[str, Sequence[Part]],
    batch: int,
) -> mlp.MlpSteps | None:
    """Return what takes steps on batches of so many of the rows; None where no compiled call can.

    It is of the arrays that the network has now.
    """
    known = _known(problem, rows, network, parts, len(rows))
    if known is None:
        return None
    return mlp.MlpSteps(*known, batch, threads=1, narrow=_is_narrow(problem))


def is_possible(module: nn.Module) -> bool:
    """Return whether compiled calls are for the layers of a network."""
    layers = [layer for layer in module.children() if not isinstance(layer, nn.Flatten)]
    possible = isinstance(module, nn.Sequential) and mlp.is_there(narrow=False)
    return possible and _are_plain(layers)


def _keeps_waiting(problem: Problem, network: StackedNetwork, threads: int) -> bool:
    """Return whether threads would wait for others too long, where torch's would not."""
    weights = sum(own[0].numel() for own in network.parameters.values())
    turns = -(-network.count // threads) * threads / network.count
    return weights > SHARED_WELL and turns > MOST_WAITING[_is_narrow(problem)]


def _is_narrow(problem: Problem) -> bool:
    """Return whether products are in bfloat16."""
    return problem.precision == "bfloat16"


def _known(
    problem: Problem,
    rows: Rows,
    network: StackedNetwork,
    parts: Mapping[str, Sequence[Part]],
    trained: int,
) -> tuple[list[mlp.StackedAffine], mlp.Table] | None:
    """Return layers and rows as a compiled call takes them, None where it cannot.

    `trained` of the rows are trained on.
    """
    narrow = _is_narrow(problem)
    possible = problem.device.type == "cpu" and mlp.is_there(narrow=narrow)
    largest = max(own[0].numel() for own in network.parameters.values())
    if problem.recipe.steps_per_epoch(trained) == 1 and largest > MOST_OF_ONE_STEP:
        return None
    if narrow and not precision.is_there("cpu"):
        return None
    if not possible or not _are_plain(network.layers):
        return None
    table, layers = _table(problem.loss, rows), _layers(network, parts)
    if table is None or layers is None or problem.recipe.batch_size > MOST_ROWS:
        return None
    return layers, table


def _scale(sums: dict[str, torch.Tensor], factor: float) -> None:
    for own in sums.values():
        own.mul_(factor)


def _are_plain(layers: Sequence[nn.Module]) -> bool:
    """Return whether the layers are linear ones with relu between them."""
    kinds = [type(layer) for layer in layers]
    alternating = [nn.Linear, nn.ReLU] * (len(kinds) // 2) + [nn.Linear]
    return kinds == alternating


def _table(loss: StackedLoss, rows: Rows) -> mlp.Table | None:
    """Return the rows with their loss, None where it is another or they lie otherwise."""
    shift = None
    if isinstance(loss, ShiftedLoss):
        loss, shift = loss.loss, torch.tensor(loss.shift, dtype=torch.float32)
    kind, dtype = KINDS.get(type(loss), (-1, None))
    weight = rows.weight
    floats = (rows.x,) if weight is None else (rows.x, weight)
    fits = rows.target.dtype is dtype and all(own.dtype is torch.float32 for own in floats)
    if not fits or not all(own.is_cpu and own.is_contiguous() for own in (*floats, rows.target)):
        return None
    return mlp.Table(rows.x, rows.target, weight, kind, shift)


def _layers(
    network: StackedNetwork, parts: Mapping[str, Sequence[Part]]
) -> list[mlp.StackedAffine] | None:
    """Return the linear layers, None where a penalty is not for the pass."""
    known: dict[str, mlp.StackedParameter] = {}
    for name, values in network.parameters.items():
        own = InOnePass.of(network.flat, name, parts.get(name, ()))
        if own is None or own.strengths[2].any() or values.dtype is not torch.float32:
            return None
        l1, l2 = (np.ascontiguousarray(row) for row in own.strengths[:2])
        known[name] = mlp.StackedParameter(values, *network.flat.moments(name), l1, l2)
    return _affine(network, known)


def _affine(
    network: StackedNetwork, known: Mapping[str, mlp.StackedParameter | mlp.StillParameter]
) -> list[mlp.StackedAffine]:
    """Return the linear layers with these parameters."""
    return [
        mlp.StackedAffine(known[f"{name}.weight"], known.get(f"{name}.bias"))
        for name, layer in zip(network.names, network.layers, strict=True)
        if isinstance(layer, nn.Linear)
    ]
