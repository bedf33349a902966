"""Neighbouring models of a stack with the columns that they need, taking steps of their own.

Who uses this: the training of a stack whose columns leave.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from shrinkage.paths.engines.base import Problem, Rows
from shrinkage.paths.engines.leaving.arrays import Held, Table, rebuilt
from shrinkage.paths.engines.leaving.cutting import Piece, padded
from shrinkage.paths.engines.leaving.watch import Limits, Watch
from shrinkage.paths.engines.losses import loss_and_gradient
from shrinkage.paths.engines.moving import Optimizer
from shrinkage.paths.engines.network import StackedNetwork
from shrinkage.pytorch.prox.kernels.adam import AdamNumbers
from shrinkage.terms import Part

FEW_ZEROS = 0.1  # of the weights of a model


@dataclass(frozen=True)
class Common:
    """What all shards of a training share.

    Args:
        problem: the problem.
        rows: those of training, in their order.
        table: their columns.
        network: of the whole stack, for its layers.
        limits: of all models.
        parts: maps a slice of the models to the parts of each parameter.
    """

    problem: Problem
    rows: Rows
    table: Table
    network: StackedNetwork
    limits: Limits
    parts: Callable[[slice], Mapping[str, Sequence[Part]]]


class Shard:
    """Takes steps with what it holds.

    Args:
        common: what all shards share.
        held: its arrays, and what it knows of the columns that are not in them.
    """

    def __init__(self, common: Common, held: Held) -> None:
        self._common = common
        self._settle(held)

    def _settle(self, held: Held) -> None:
        common, columns = self._common, held.piece.columns
        self.held = held
        self.network = copy.copy(common.network)
        self.network.take(held.flat, held.buffers)
        self._optimizer = Optimizer(held.flat, common.parts(held.piece.models))
        table = common.table
        self.columns = torch.from_numpy(columns)
        self._x = table.x.index_select(1, self.columns)
        left = torch.from_numpy(np.setdiff1d(np.arange(len(table.columns)), columns))
        self._watch = Watch(left, table.columns[left], common.limits.take(held.piece.models))

    def take(self, rate: float, seed: int | None) -> torch.Tensor:
        """Take a step and return each model's loss.

        Args:
            rate: learning rate.
            seed: of the masks of dropout; None: there are none.
        """
        buffers = {name: value.clone() for name, value in self.held.buffers.items()}
        losses = self._differentiate(seed)
        past, step = self.held.past, self.held.flat.steps + 1
        unbiased = 1 - AdamNumbers().beta1 ** step
        back = self._watch.returning(past.mean_after(self.network.pulls()), unbiased)
        if len(back):  # as if this step had begun with them
            for name, value in buffers.items():
                self.held.buffers[name].copy_(value)
            self._take_back(back)
            losses = self._differentiate(seed)
        self.held.past.add(self.network.pulls())
        self._optimizer.step(rate)
        return losses

    def needed(self, columns: int, unbiased: float, near: float) -> np.ndarray:
        """Return which of so many columns each model needs, (models, columns).

        These are those with a weight, and those whose moments are near the limit; a model with few
        zeros needs all that it has.
        """
        held, table = self.held, self._common.table
        weights = held.flat.parameters[table.first].detach()
        needed = np.zeros((len(weights), columns), bool)
        needed[:, held.piece.columns] = True
        sizes = self._common.limits.take(held.piece.models).sizes
        for model, zeros in enumerate(self._optimizer.zeros[table.first]):
            if zeros < FEW_ZEROS * weights[model].numel():
                continue
            one = Limits(sizes[model : model + 1], self._common.limits.grouped)
            reached = one.reached(held.past.mean[model : model + 1], table.columns)[0]
            used = reached > near * unbiased * float(one.sizes)
            used[self.columns] |= (weights[model].amax(0) != 0) | (weights[model].amin(0) != 0)
            needed[model] = used.numpy()
        return needed

    def give_up(self) -> Held:
        """Return what it holds; it takes no more steps."""
        del self.network, self._optimizer
        return self.held

    def _take_back(self, positions: torch.Tensor) -> None:
        piece, columns = self.held.piece, len(self._common.table.columns)
        needed = np.zeros(columns, bool)
        needed[piece.columns] = needed[positions.numpy()] = True
        larger = Piece(piece.models, padded(needed))
        self._settle(rebuilt(self._common.table, [self.give_up()], [larger])[0])

    def _differentiate(self, seed: int | None) -> torch.Tensor:
        if seed is not None:
            self.network.seed(seed)
        rows, loss = self._common.rows, self._common.problem.loss
        return self.network.backward(
            self._x, lambda outputs: loss_and_gradient(loss, outputs, rows.target, rows.weight)
        )
