"""What the ledger records of each parameter: one entry in `QUANTITIES` for each number.

Who uses this: `measure`, which takes the sums and reads them. A quantity is measured as sums over
weights, on the device and without waiting for it, so that shards of a parameter on several
processes add up; roots and shares are taken when a record is read. Recording one more number is
one field of `LayerRecord` and one entry here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from shrinkage.arrays import library_of
from shrinkage.penalties import Combination
from shrinkage.terms import Part


@dataclass(frozen=True, eq=False)
class LayerState:
    """One parameter as the optimizer holds it, before a step or after it.

    `weight` and `gradient` are the tensors themselves, not copies. `scale` is what a gradient
    scaler has multiplied the gradient by, `rate` the learning rate; a `sharded` one is the shard
    of a parameter that lies on several processes.
    """

    name: str
    weight: torch.Tensor
    gradient: torch.Tensor | None
    scale: float
    rate: float
    parts: tuple[Part, ...]
    sharded: bool = False


@dataclass(frozen=True)
class Known:
    """What is known of a parameter without its weights."""

    timescale: float | None
    below_resolution: bool
    steps_per_epoch: int | None


Sums = Mapping[str, float]
Measure = Callable[[LayerState], Iterator[tuple[str, torch.Tensor]]]


def nothing(_state: LayerState) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield no sums."""
    return iter(())


@dataclass(frozen=True)
class Quantity:
    """How a field of `LayerRecord` is measured.

    Args:
        read: from the sums, by the names that `before` and `after` gave them, to the number.
        before: yields names and sums over weights before the step.
        after: the same after it.
    """

    read: Callable[[Sums, Known], Any]
    before: Measure = nothing
    after: Measure = nothing


def _squared_pushes(state: LayerState) -> Iterator[tuple[str, torch.Tensor]]:
    if state.gradient is not None:
        norm = torch.linalg.vector_norm(state.gradient).square()
        yield "gradient", norm / state.scale**2
        yield "subgradient", _squared_subgradient(state.weight, state.parts)


def _gradient_share(sums: Sums, _: Known) -> float | None:
    if "gradient" not in sums:
        return None
    ours, theirs = math.sqrt(sums["subgradient"]), math.sqrt(sums["gradient"])
    return ours / (ours + theirs) if ours + theirs > 0 else 0.0


def _count(state: LayerState) -> Iterator[tuple[str, torch.Tensor]]:
    w = state.weight
    yield "nonzero", torch.count_nonzero(w)
    yield "size", torch.full((), w.numel(), device=w.device)


def _epochs(_: Sums, known: Known) -> float | None:
    if known.timescale is None or not known.steps_per_epoch:
        return None
    return known.timescale / known.steps_per_epoch


QUANTITIES: dict[str, Quantity] = {
    "gradient_share": Quantity(_gradient_share, before=_squared_pushes),
    "zeros": Quantity(lambda sums, _: round(sums["size"]) - round(sums["nonzero"]), after=_count),
    "size": Quantity(lambda sums, _: round(sums["size"])),
    "timescale_steps": Quantity(lambda _, known: known.timescale),
    "timescale_epochs": Quantity(_epochs),
    "below_resolution": Quantity(lambda _, known: known.below_resolution),
}


def value_of(w: torch.Tensor, part: Part) -> torch.Tensor:
    """Return strength·penalty(w − reference)."""
    about = part.about(library_of(w).wide(w))
    if part.penalty.combines is Combination.THRESHOLD:
        return part.strength * torch.linalg.vector_norm(about, 1)
    if part.penalty.combines is Combination.RIDGE:
        return part.strength * (0.5 * torch.linalg.vector_norm(about).square())
    return part.strength * part.penalty.value(about)


def _squared_subgradient(w: torch.Tensor, parts: tuple[Part, ...]) -> torch.Tensor:
    """Return ‖Σ strength·∂Ω(w)‖²; one L1 or one L2 about zero needs no array of subgradients."""
    (first, *others) = parts
    if not others and first.reference is None:
        if first.penalty.combines is Combination.THRESHOLD:
            return first.strength**2 * torch.count_nonzero(w).to(torch.float64)
        if first.is_decay:
            return first.strength**2 * torch.linalg.vector_norm(w).square()
    pushes = [part.strength * part.penalty.gradient(part.about(w)) for part in parts]
    return torch.linalg.vector_norm(sum(pushes[1:], pushes[0])).square()
