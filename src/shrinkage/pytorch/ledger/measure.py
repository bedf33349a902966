"""The numbers of one record as one tensor, without waiting for the device.

Who uses this: `Ledger`. Every number is a sum over weights, so that pieces of a parameter on
several processes add up; roots and shares are taken when a record is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from shrinkage.penalties import L1, L2
from shrinkage.pytorch.ledger.records import Entry, LayerRecord, PartEntry, Record

Reduce = Callable[[torch.Tensor], torch.Tensor]
Key = tuple[str, str]  # what it is, and of whom


@dataclass(eq=False)
class Pending:
    """A record on its way: sums on the device, and what is known without them."""

    step: int
    entries: tuple[tuple[str, int, float | None], ...]  # name, size of a piece, timescale
    loss: torch.Tensor | float | None
    reduce: Reduce | None = None
    sums: list[tuple[Key, torch.Tensor]] = field(default_factory=list)
    pieces: list[tuple[Key, torch.Tensor]] = field(default_factory=list)
    stacked: list[tuple[list[Key], torch.Tensor]] = field(default_factory=list)
    below: frozenset[str] = frozenset()

    def add(self, entry: Entry, what: str, whom: str, value: torch.Tensor) -> None:
        """Take a sum over the weights of an entry."""
        (self.pieces if entry.sharded else self.sums).append(((what, whom), value))

    def settle(self) -> None:
        """Stack all sums of a device into one tensor, those of pieces summed over processes."""
        for found, reduce in ((self.sums, None), (self.pieces, self.reduce)):
            devices = dict.fromkeys(value.device for _, value in found)
            for device in devices:
                keys = [key for key, value in found if value.device == device]
                values = [v.to(torch.float64) for _, v in found if v.device == device]
                whole = torch.stack(values)
                self.stacked.append((keys, whole if reduce is None else reduce(whole)))
        self.sums, self.pieces = [], []


def begin(
    step: int, entries: Sequence[Entry], loss: torch.Tensor | float | None, reduce: Reduce | None
) -> Pending:
    """Measure gradients before the step.

    Args:
        step: its number, from 1.
        entries: the parameters.
        loss: the data loss of the step, if it was given.
        reduce: sums a tensor over the processes that hold pieces.

    Returns:
        The record on its way.
    """
    known = tuple((entry.name, entry.weight.numel(), _timescale(entry)) for entry in entries)
    pending = Pending(step, known, loss, reduce)
    for entry in entries:
        if entry.gradient is not None:
            norm = torch.linalg.vector_norm(entry.gradient).square()
            pending.add(entry, "gradient", entry.name, norm / entry.scale**2)
            pending.add(entry, "slope", entry.name, _squared_slope(entry.weight, entry.parts))
    return pending


def end(pending: Pending, entries: Sequence[Entry]) -> None:
    """Measure values and zeros after the step, and stack all sums."""
    for entry in entries:
        w = entry.weight
        pending.add(entry, "nonzero", entry.name, torch.count_nonzero(w))
        pending.add(entry, "size", entry.name, torch.full((), w.numel(), device=w.device))
        for part in entry.parts:
            pending.add(entry, "value", part.term, part.strength * _value(w, part))
    pending.settle()


def finish(pending: Pending, steps_per_epoch: int | None) -> Record:
    """Return the record in plain numbers; this waits for the device."""
    found: dict[Key, float] = {}
    for keys, values in pending.stacked:
        for key, value in zip(keys, values.tolist(), strict=True):
            found[key] = found.get(key, 0.0) + value
    layers = {}
    for name, _, timescale in pending.entries:
        size = round(found["size", name])
        layers[name] = LayerRecord(
            gradient_share=_share(found.get(("slope", name)), found.get(("gradient", name))),
            zeros=size - round(found["nonzero", name]),
            size=size,
            timescale_steps=timescale,
            timescale_epochs=(
                None if timescale is None or not steps_per_epoch else timescale / steps_per_epoch
            ),
            below_resolution=name in pending.below,
        )
    return Record(
        step=pending.step,
        epoch=pending.step / steps_per_epoch if steps_per_epoch else None,
        data_loss=None if pending.loss is None else float(pending.loss),
        terms={whom: value for (what, whom), value in found.items() if what == "value"},
        layers=layers,
    )


def _share(slope: float | None, gradient: float | None) -> float | None:
    if slope is None or gradient is None:
        return None
    ours, theirs = math.sqrt(slope), math.sqrt(gradient)
    return ours / (ours + theirs) if ours + theirs > 0 else 0.0


def _timescale(entry: Entry) -> float | None:
    """Return 1/(lr·strength) of the L2 parts in steps, None without any."""
    strength = sum(part.strength for part in entry.parts if isinstance(part.penalty, L2))
    return 1 / (entry.rate * strength) if entry.rate * strength > 0 else None


def _about(w: torch.Tensor, part: PartEntry) -> torch.Tensor:
    return w if part.reference is None else w - part.reference


def _value(w: torch.Tensor, part: PartEntry) -> torch.Tensor:
    """Return penalty(w − reference)."""
    about = _about(w, part)
    if type(part.penalty) is L1:
        return torch.linalg.vector_norm(about, 1)
    if type(part.penalty) is L2:
        return 0.5 * torch.linalg.vector_norm(about).square()
    return part.penalty.value(about)


def _squared_slope(w: torch.Tensor, parts: Sequence[PartEntry]) -> torch.Tensor:
    """Return ‖Σ strength·∂Ω(w)‖²; one L1 or one L2 about zero needs no array of slopes."""
    (first, *others) = parts
    if not others and first.reference is None:
        if type(first.penalty) is L1:
            return first.strength**2 * torch.count_nonzero(w).to(torch.float64)
        if type(first.penalty) is L2:
            return first.strength**2 * torch.linalg.vector_norm(w).square()
    slopes = [part.strength * part.penalty.gradient(_about(w, part)) for part in parts]
    return torch.linalg.vector_norm(sum(slopes[1:], slopes[0])).square()
