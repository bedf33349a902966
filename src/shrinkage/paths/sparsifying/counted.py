"""What a goal makes few: weights, features, or whole units of a network.

Who uses this: the engine, which goes down by one of these, and the ladder, which asks how many
there are. A new kind is one class here and its spelling among the goals.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch
from torch import nn

from shrinkage.compaction.coupling import coupled_units
from shrinkage.compaction.tracing import UntraceableNetwork
from shrinkage.errors import InputError
from shrinkage.paths.engines.base import Problem, Unit
from shrinkage.paths.engines.input_layer import first_weight
from shrinkage.paths.engines.lone import Lone
from shrinkage.paths.engines.read_columns import ReadColumns
from shrinkage.paths.engines.shaped import called_with
from shrinkage.paths.sparsifying.goals import INPUTS, UNITS, Goal
from shrinkage.paths.sparsifying.projecting import (
    HeldZeros,
    LeavingColumns,
    Shrinking,
    largest,
    project_weights,
)

EXAMPLE_ROWS = 4
LEAST_SHARE, LEAST_OF_OUTPUTS = 1e-3, 4
LEAST_SHARE_OF_COLUMNS, MOST_OF_LEAST_COLUMNS = 0.05, 10
LEAST_SHARE_OF_UNITS = 0.02


class Counted(Protocol):
    """What is counted in a network.

    `point_share` is the steps of a point, in those of a dense training that is not short.
    """

    point_share: ClassVar[float]

    def check(self, problem: Problem) -> None:
        """Refuse a network in which it cannot be counted."""
        ...

    def total(self, problem: Problem) -> int:
        """Return how many there are."""
        ...

    def least(self, problem: Problem) -> int:
        """Return with how many hardly anything is learned: what a path without a budget ends at."""
        ...

    def shrinking(self, network: Lone, problem: Problem, unit: Unit) -> Shrinking:
        """Return a network in training in which they can be made few."""
        ...


class Weights:
    """Single weights, of all arrays together."""

    point_share: ClassVar[float] = 0.5

    def check(self, problem: Problem) -> None:
        """Accept every network."""

    def total(self, problem: Problem) -> int:
        """Return how many weights the varying term is on."""
        shapes = {info.name: info.shape for info in problem.assignment.infos}
        return sum(int(np.prod(shapes[name])) for name in problem.counted)

    def least(self, problem: Problem) -> int:
        """Return a thousandth, and some for each output and layer."""
        total, outputs = self.total(problem), problem.n_outputs + len(problem.counted)
        return min(total - 1, max(LEAST_OF_OUTPUTS * outputs, round(LEAST_SHARE * total)))

    def shrinking(self, network: Lone, problem: Problem, unit: Unit) -> Shrinking:
        """Return the network, of which the largest weights of all arrays can be kept."""
        del unit
        names = problem.counted

        def project(keep: int) -> None:
            arrays = [network.parameter(name) for name in names]
            project_weights(arrays, [network.scores(name) for name in names], keep)

        return HeldZeros(network, names, project)


class Features:
    """Columns of the data: the inputs of the first layer, whose rest is dense and soon trained."""

    point_share: ClassVar[float] = 0.25

    def check(self, problem: Problem) -> None:
        """Refuse a network that does not read them one by one."""
        if not _first(problem):
            raise InputError(
                "expected a network whose first layer reads the features one by one for a goal of "
                f"features, got {problem.architecture.name}: choose a goal of weights or of bytes"
            )

    def total(self, problem: Problem) -> int:
        """Return how many columns make inputs."""
        return len(set(problem.sources))

    def least(self, problem: Problem) -> int:
        """Return a twentieth, but at most ten."""
        share = round(LEAST_SHARE_OF_COLUMNS * self.total(problem))
        return max(1, min(MOST_OF_LEAST_COLUMNS, share))

    def shrinking(self, network: Lone, problem: Problem, unit: Unit) -> Shrinking:
        """Return the network, of whose columns those with the largest sums can be kept.

        Where a term beside the goal makes zeros, those of all layers stay.
        """
        columns = ReadColumns(problem, unit, network, _first(problem))
        parts = [part for own in problem.penalised.values() for part in own]
        varying = problem.terms.terms.ids[0]
        kinked = any(part.term != varying and not part.penalty.smooth for part in parts)
        return LeavingColumns(network, columns, problem.counted if kinked else ())


Members = tuple[tuple[str, int, tuple[int, ...]], ...]
"""The slices of a unit: (parameter, axis, places), as `compaction.coupled_units` gives them."""


@dataclass(frozen=True)
class Units:
    """Hidden units, channels and heads, with all that goes with each: what compaction takes out."""

    members: tuple[Members, ...]
    point_share: ClassVar[float] = 0.5

    @classmethod
    def of(cls, module: nn.Module, n_inputs: int, like: torch.Tensor) -> Units:
        """Return those of a network.

        Raises:
            InputError: there is none, or the network cannot be followed; the message says where.
        """
        rows = torch.zeros(EXAMPLE_ROWS, n_inputs, dtype=like.dtype, device=like.device)
        try:
            found = coupled_units(module, called_with(module, rows))
        except UntraceableNetwork as error:
            raise InputError(
                "expected a network that can be followed for a goal of units, got one that "
                f"cannot: {error}; choose a goal of weights"
            ) from None
        if len(found) < 2:
            raise InputError(
                f"expected a network with hidden units for a goal of units, got {len(found)} that "
                "could be taken out: choose a goal of weights"
            )
        return cls(tuple(own.members for own in found))

    def check(self, problem: Problem) -> None:
        """Accept every network: it has been followed."""

    def total(self, problem: Problem) -> int:
        """Return how many units there are."""
        del problem
        return len(self.members)

    def least(self, problem: Problem) -> int:
        """Return a fiftieth."""
        return max(1, round(LEAST_SHARE_OF_UNITS * self.total(problem)))

    def shrinking(self, network: Lone, problem: Problem, unit: Unit) -> Shrinking:
        """Return the network; zeros are those of weights, biases and norms of units."""
        del unit
        names = tuple(sorted({name for own in self.members for name, _, _ in own}))
        return HeldZeros(network, names, lambda keep: self._project(network, problem, keep))

    def _project(self, network: Lone, problem: Problem, keep: int) -> None:
        """Keep the units with the largest sums over the weights that lead into them."""
        into = {
            info.name: info.output_axis
            for info in problem.assignment.infos
            if info.output_axis is not None and len(info.shape) > 1
        }
        scores = {name: network.scores(name) for name in into}
        each = torch.stack(
            [
                sum(
                    (
                        scores[name].index_select(axis, torch.tensor(places)).sum()
                        for name, axis, places in own
                        if into.get(name) == axis
                    ),
                    start=torch.zeros((), dtype=next(iter(scores.values())).dtype),
                )
                for own in self.members
            ]
        )
        stays = largest(each.sqrt(), keep)
        for own, kept in zip(self.members, stays.tolist(), strict=True):
            for name, axis, places in () if kept else own:
                network.parameter(name).index_fill_(axis, torch.tensor(places), 0.0)

    def alive(self, weights: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return which units have a weight that is not zero, (units,)."""
        return np.array(
            [
                any(np.take(weights[name], places, axis).any() for name, axis, places in own)
                for own in self.members
            ]
        )

    def dense_bytes(self, weights: Mapping[str, np.ndarray], alive: np.ndarray) -> int:
        """Return the bytes of a file of all arrays without the slices of units that are not alive.

        Buffers, as of norms, count as a whole: the network that compaction makes takes no more.
        """
        lengths = {name: list(own.shape) for name, own in weights.items()}
        for own, stays in zip(self.members, alive, strict=True):
            for name, axis, places in () if stays else own:
                lengths[name][axis] -= len(places)
        return file_bytes(lengths, {name: own.itemsize for name, own in weights.items()})


def file_bytes(shapes: Mapping[str, Sequence[int]], itemsizes: Mapping[str, int]) -> int:
    """Return the bytes of a safetensors file: its length, a header in JSON, and the arrays.

    >>> file_bytes({"weight": [2, 3]}, {"weight": 4})
    96
    """
    header, end = {}, 0
    for name, shape in sorted(shapes.items()):  # as they lie in the file
        begin, end = end, end + int(np.prod(shape)) * itemsizes[name]
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
    written = len(json.dumps(header, separators=(",", ":")))
    return 8 + -(-written // 8) * 8 + end


def counted_by(goal: Goal, module: nn.Module, n_inputs: int) -> Counted:
    """Return what a goal makes few in a network."""
    if goal.counts == UNITS:
        return Units.of(module, n_inputs, next(module.parameters()))
    return Features() if goal.counts == INPUTS else Weights()


def _first(problem: Problem) -> str:
    """Return the name of the weight that reads the features one by one, or ''."""
    name = first_weight(problem.assignment.infos, len(problem.sources))
    return name if name in problem.counted else ""
