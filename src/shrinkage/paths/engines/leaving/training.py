"""The steps of a training in which columns leave, and when it is one.

Who uses this: the stacked engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from shrinkage.paths.engines.base import Problem, Unit
from shrinkage.paths.engines.input_layer import first_weight
from shrinkage.paths.engines.leaving.arrays import Held, Table, expanded, rebuilt
from shrinkage.paths.engines.leaving.cutting import GAIN, Piece, Prices, cut
from shrinkage.paths.engines.leaving.past import Past
from shrinkage.paths.engines.leaving.shard import Common, Shard
from shrinkage.paths.engines.leaving.watch import Limits
from shrinkage.paths.engines.moving import InOnePass
from shrinkage.paths.engines.network import StackedNetwork
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.pytorch.prox.kernels.adam import AdamNumbers
from shrinkage.terms import Part

# Below so many weights of all models in the first layer (of L1, of groups) columns stay: the passes
# take as little as the looks at what has left, and shards take memory (decision 0027).
LEAST_WEIGHTS = (20_000_000, 5_000_000)
PRICES = ((300_000, 0.2), (100_000, 0.05))
# Means over pairs of rows may take so many times the memory of a model's weights.
MOST_PAIRS = 2.5
FIRST_LOOK, LATER, LAST = 12, 1.4, 0.8  # steps, factor, share of all steps
NEAR = 0.8  # of its limit: a column that is so near stays

PartsOf = Callable[[slice], Mapping[str, Sequence[Part]]]


def limits_of(
    problem: Problem, unit: Unit, network: StackedNetwork, parts: Mapping[str, Sequence[Part]]
) -> tuple[str, Limits] | None:
    """Return the weights that read the inputs and the limits of their columns.

    None where columns do not leave: a batch is not all rows, the stack is small, nothing switches
    columns off, or the compiled passes are not for it.
    """
    rows, inputs = len(unit.data.train), unit.data.n_inputs
    name = first_weight(problem.assignment.infos, inputs)
    if not name or rows > problem.recipe.batch_size or rows**2 > MOST_PAIRS * inputs:
        return None
    if not network.reads_rows:
        return None
    own = InOnePass.of(network.flat, name, parts.get(name, ()))
    if own is None or network.flat.values.is_cuda or not own.strengths[::2].any():
        return None
    grouped = bool(own.strengths[2].any())
    least = LEAST_WEIGHTS[grouped]
    if (grouped and own.lengths[0] != 1) or network.parameters[name].numel() < least:
        return None
    sizes = own.strengths[2 if grouped else 0]
    return name, Limits(torch.from_numpy(sizes.copy()), grouped)


class LeavingSteps:
    """Takes the steps of a training, as `Steps` does, of all rows each."""

    def __init__(
        self,
        problem: Problem,
        unit: Unit,
        network: StackedNetwork,
        parts: PartsOf,
        limits: tuple[str, Limits],
    ) -> None:
        self._problem, self._unit, self._network = problem, unit, network
        first, own = limits
        rows = unit.data.rows.take(unit.data.train)
        narrows = first in network.flat.narrowed
        seen = rows.x.bfloat16().to(rows.x.dtype) if narrows else rows.x
        table = Table(first, rows.x, seen.t().contiguous())
        self._common = Common(problem, rows, table, network, own, parts)
        models, units, columns = network.parameters[first].shape
        self._prices = Prices(*PRICES[own.grouped], units)
        everything = Piece(slice(0, models), np.arange(columns))
        past = Past.none(models, units, len(rows), rows.x)
        self._shards = [Shard(self._common, Held(everything, network.flat, network.buffers, past))]
        self._total, self._step = problem.recipe.steps(len(rows)), 0
        self._look = FIRST_LOOK

    def begin(self, positions: torch.Tensor) -> None:
        """Begin an epoch, which is one step."""
        del positions

    def take(self) -> int:
        """Take the next step and return how many were taken: one."""
        rate = self._problem.recipe.learning_rate_at(self._step, self._total)
        seed = derived_seed(self._unit.seed, 2, self._step) if self._network.is_random else None
        self._losses = torch.cat([shard.take(rate, seed) for shard in self._shards])
        self._step += 1
        if self._step == self._look:
            self._look = int(LATER * self._step)
            if self._step < LAST * self._total:
                self._cut()
        return 1

    def losses(self) -> torch.Tensor:
        """Return each model's loss in the last step."""
        return self._losses.double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of all models for rows, (models, outputs, rows)."""
        outputs = [
            shard.network.forward(x.index_select(1, shard.columns)) for shard in self._shards
        ]
        return torch.cat(outputs)

    def finish(self) -> None:
        """Give the network the weights of all models and columns."""
        held = [shard.give_up() for shard in self._shards]
        buffers = {name: torch.cat([own.buffers[name] for own in held]) for name in held[0].buffers}
        self._shards = []
        self._network.take(expanded(self._common.table, held), buffers)

    def _cut(self) -> None:
        """Cut the stack anew where that saves a tenth of the work."""
        columns, unbiased = len(self._common.table.columns), 1 - AdamNumbers().beta1 ** self._step
        needed = [shard.needed(columns, unbiased, NEAR) for shard in self._shards]
        pieces = cut(np.concatenate(needed), self._prices)
        now = self._prices.of_all([shard.held.piece for shard in self._shards], columns)
        if self._prices.of_all(pieces, columns) > GAIN * now:
            return
        held = [shard.give_up() for shard in self._shards]
        self._shards = []
        fresh = rebuilt(self._common.table, held, pieces)
        self._shards = [Shard(self._common, own) for own in fresh]
