"""Steps of a stack of small networks in one compiled call: products, loss, Adam and prox.

Who uses this: `WholeSteps`. Torch takes some twenty calls a step, whose arrays leave the nearest
cache in between; here a model takes some steps alone, with its weights and moments in the cache,
and no gradient is written to memory. Products are in float32 (`_floats.c`, any processor), or
in bfloat16 (`_mlp.c`, processors with AVX512-BF16 or AMX). There is no other way to the same bits:
where the kernels were not built, networks train in steps of torch's operations.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from shrinkage.compiled import library_of
from shrinkage.paths.engines.kernels import HEADERS
from shrinkage.pytorch.prox import kernels as passes

CROSS_ENTROPY, SQUARES = 0, 1
MOST_PACKED = 8 << 20  # bytes of the batches that are gathered for one call, but for a few steps
FEW_STEPS = 8  # for which the arrays of a model are laid out
MOST_PACKED_OF_FEW = 64 << 20
MOST_STEPS = 64  # of one call, so that it soon ends when it is interrupted
MOST_INPUTS = 2**16  # whose pairs have numbers of sixteen bits
MOST_LISTED = 1024  # rows of a batch whose pairs that are not zero are listed
PAIRS_PAY = 0.5  # share of pairs that are not zero, below which lists are faster than tiles
MOST_NUMBERS = 2**31  # of a batch that is listed
NUMBERS_PAY = 0.45  # the same of numbers, where products are in float32
_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t


class _Parameter(ctypes.Structure):
    """`struct parameter` of the C file."""

    _fields_: ClassVar = [(name, _POINTER) for name in ("w", "m", "v", "g", "l1", "l2")]


class _Layer(ctypes.Structure):
    """`struct layer`."""

    _fields_: ClassVar = [
        ("inputs", _SIZE),
        ("outputs", _SIZE),
        ("weight", _Parameter),
        ("bias", _Parameter),
    ]


class _Steps(ctypes.Structure):
    """`struct steps`."""

    _fields_: ClassVar = [
        *((name, _SIZE) for name in ("models", "layers", "steps", "rows")),
        *((name, _POINTER) for name in ("layer", "numbers", "x", "positions", "target")),
        *((name, _POINTER) for name in ("weight", "shift", "constant")),
        ("loss", _SIZE),
        ("packed", _POINTER),
        ("packed_of_one", _SIZE),
        *((name, _POINTER) for name in ("targets", "weights", "losses", "room")),
        ("room_of_one", _SIZE),
        ("pool", _POINTER),
        ("width", _SIZE),
        ("listed", _SIZE),
    ]


def _load() -> tuple[Any, int]:
    """Return the library and what the processor has: 0 no bfloat16, 1 AVX512-BF16, 2 AMX."""
    library = library_of(f"{__package__}._cross_entropy", HEADERS)
    if library is None:
        return None, 0
    for kind in ("mlp", "floats"):
        for size in (getattr(library, f"{kind}_room"), getattr(library, f"{kind}_packed")):
            size.restype, size.argtypes = _SIZE, (_POINTER,)
        steps = getattr(library, f"{kind}_steps")
        steps.restype, steps.argtypes = None, (_POINTER, ctypes.c_uint)
    for there in (library.mlp_is_there, library.floats_are_there):
        there.restype, there.argtypes = ctypes.c_uint, ()
    return library, library.mlp_is_there()


_LIBRARY, _THERE = _load()
WIDEST = 2  # what float32 may use: 0 plain code, 1 AVX2, 2 AVX-512


def is_there(*, narrow: bool) -> bool:
    """Return whether compiled steps were built, and the processor has what they need.

    Args:
        narrow: with products in bfloat16, else in float32.
    """
    return _THERE > 0 if narrow else _LIBRARY is not None and _LIBRARY.floats_are_there() > 0


@dataclass(frozen=True)
class StackedParameter:
    """A parameter of a stack: (models, …) weights and moments, and strengths (models,) of L1, L2.

    All are contiguous, the first three of float32 and the others of float64.
    """

    values: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    l1: np.ndarray
    l2: np.ndarray

    def structure(self) -> _Parameter:
        """Return what the C file takes."""
        own = (self.values.data_ptr(), self.first.data_ptr(), self.second.data_ptr())
        return _Parameter(*own, None, self.l1.ctypes.data, self.l2.ctypes.data)


@dataclass(frozen=True)
class StillParameter:
    """A parameter that does not move: weights, and what gradients are added to, alike."""

    values: torch.Tensor
    gradient: torch.Tensor

    def structure(self) -> _Parameter:
        """Return what the C file takes."""
        return _Parameter(self.values.data_ptr(), None, None, self.gradient.data_ptr())


@dataclass(frozen=True)
class StackedAffine:
    """A linear layer of a stack: weight (models, outputs, inputs), bias (models, outputs)."""

    weight: StackedParameter | StillParameter
    bias: StackedParameter | StillParameter | None

    def structure(self) -> _Layer:
        """Return what the C file takes."""
        _, outputs, inputs = self.weight.values.shape
        bias = _Parameter() if self.bias is None else self.bias.structure()
        return _Layer(inputs, outputs, self.weight.structure(), bias)


@dataclass(frozen=True)
class Table:
    """What batches are gathered from: `x` (rows, inputs) of float32, targets, and weights or none.

    For `CROSS_ENTROPY` targets are int64 (rows,), for `SQUARES` float32 (rows, outputs) or (rows,)
    for one output. `shift` moves the outputs, float32 (outputs,); with `constant` of that shape the
    loss is that of these outputs, whatever the network's are.
    """

    x: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor | None
    loss: int
    shift: torch.Tensor | None = None
    constant: torch.Tensor | None = None


class MlpSteps:
    """Takes steps of linear layers with relu between them; arrays are kept from call to call.

    Args:
        layers: from the rows to the outputs.
        table: the rows.
        rows: of a batch.
        threads: how many share the models.
        narrow: whether products are in bfloat16.

    Raises:
        IndexError: a label of the table is no output.
    """

    def __init__(
        self,
        layers: Sequence[StackedAffine],
        table: Table,
        rows: int,
        threads: int,
        *,
        narrow: bool,
    ) -> None:
        models, outputs = layers[-1].weight.values.shape[:2]
        _check(table, outputs)
        self._threads = max(1, min(threads, models))
        self._held = [layers, table]
        self.losses = np.zeros(models)
        own = self._structure = _Steps(models=models, layers=len(layers), rows=rows)
        array = (_Layer * len(layers))(*(layer.structure() for layer in layers))
        own.layer = self._address(array)
        own.x, own.target = table.x.data_ptr(), table.target.data_ptr()
        own.weight = None if table.weight is None else table.weight.data_ptr()
        own.shift = None if table.shift is None else table.shift.data_ptr()
        own.constant = None if table.constant is None else table.constant.data_ptr()
        own.loss, own.losses = table.loss, self.losses.ctypes.data
        room, packed, self._take = _calls(narrow)
        share = _share_of_pairs(table.x, rows) if narrow else _share_of_numbers(table.x)
        self.leaves_out_zeros = share < (PAIRS_PAY if narrow else NUMBERS_PAY)
        self.leaves_out_zeros &= rows * table.x.shape[1] <= MOST_NUMBERS
        own.listed = int(self.leaves_out_zeros)
        own.packed_of_one = packed(ctypes.byref(own))
        touched = own.packed_of_one * (max(share, 0.05) if own.listed else 1)
        few = min(FEW_STEPS, int(MOST_PACKED_OF_FEW / touched))
        self.most = max(1, few, min(MOST_STEPS, int(MOST_PACKED / touched)))
        own.packed = self._bytes(self.most * own.packed_of_one)
        own.targets = self._bytes(self.most * rows * outputs * 8)
        own.weights = self._bytes(self.most * rows * 4)
        own.pool, own.width = self._address(passes._POOL), _THERE if narrow else WIDEST
        own.room_of_one = room(ctypes.byref(own))
        own.room = self._bytes(self._threads * own.room_of_one)

    def _address(self, structure: Any) -> int:
        self._held.append(structure)
        return ctypes.addressof(structure)

    def _bytes(self, count: int) -> int:
        """Return the address of so many bytes, at a line of the cache."""
        room = torch.empty(count, dtype=torch.uint8)
        self._held.append(room)
        return room.data_ptr()

    def __call__(self, positions: torch.Tensor, numbers: np.ndarray | None = None) -> None:
        """Take steps in place, or add gradients; each model's losses are added to `losses`.

        Args:
            positions: of the rows of each batch, int64 (steps, rows), at most `most` steps.
            numbers: `AdamNumbers.at` of each step, (steps, 7); None where nothing moves.
        """
        own = self._structure
        own.steps = len(positions)
        own.positions = positions.data_ptr()
        own.numbers = None if numbers is None else numbers.ctypes.data
        self._take(ctypes.byref(own), self._threads)


def _calls(narrow: bool) -> tuple[Any, Any, Any]:
    """Return what tells the sizes of a room and of a batch, and what takes steps."""
    kind = "mlp" if narrow else "floats"
    room, packed, steps = (
        getattr(_LIBRARY, f"{kind}_{own}") for own in ("room", "packed", "steps")
    )
    return room, packed, steps


def _share_of_numbers(x: torch.Tensor) -> float:
    """Return how many of the table's numbers are not zero."""
    return float((_sample(x) != 0).float().mean())


def _sample(x: torch.Tensor) -> torch.Tensor:
    """Return rows from all over a table, some thousand at most."""
    return x[:: -(-len(x) // 1024)]


def _share_of_pairs(x: torch.Tensor, rows: int) -> float:
    """Return how many pairs of neighbouring inputs, and of neighbouring rows, are not both zero.

    It is 1 where no lists of them are made: with AMX, which is faster on all.
    """
    inputs = x.shape[1]
    if _THERE != 1 or rows > MOST_LISTED or not 2 <= inputs <= MOST_INPUTS:
        return 1.0
    there = _sample(x) != 0
    of_inputs = there[:, : inputs // 2 * 2].unflatten(1, (-1, 2)).any(2)
    of_rows = there[: len(there) // 2 * 2].unflatten(0, (-1, 2)).any(1)
    return max(float(own.float().mean()) for own in (of_inputs, of_rows))


def _check(table: Table, outputs: int) -> None:
    """Look at the targets before anything is read by them."""
    if table.loss == SQUARES:
        assert table.target.numel() == len(table.x) * outputs
        return
    first, last = (int(own) for own in torch.aminmax(table.target))
    if first < 0 or last >= outputs:
        raise IndexError(
            f"expected labels from 0 to below {outputs}, the outputs of the network, got labels "
            f"from {first} to {last}"
        )
