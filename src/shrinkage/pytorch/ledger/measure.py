"""The numbers of one record as one tensor, without waiting for the device.

Who uses this: `Ledger`. What is measured of each parameter is in `quantities`; here it is stacked
into one tensor a device, summed over processes, and read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from shrinkage.ledger import LayerRecord, Record, decay_timescale
from shrinkage.pytorch.ledger.quantities import (
    QUANTITIES,
    Known,
    LayerState,
    value_of,
)

Reduce = Callable[[torch.Tensor], torch.Tensor]
Key = tuple[str, str]  # whose number it is, and which
TERMS = ""  # no parameter, but all of them: whose the values of the terms are


@dataclass(eq=False)
class Pending:
    """A record on its way: sums on the device, and what is known without them."""

    step: int
    timescales: dict[str, float | None]  # by parameter
    loss: torch.Tensor | float | None
    reduce: Reduce | None = None
    sums: list[tuple[Key, torch.Tensor]] = field(default_factory=list)
    sharded: list[tuple[Key, torch.Tensor]] = field(default_factory=list)
    stacked: list[tuple[list[Key], torch.Tensor]] = field(default_factory=list)
    below: frozenset[str] = frozenset()

    def add(self, state: LayerState, whose: str, which: str, value: torch.Tensor) -> None:
        """Take a sum over the weights of a parameter."""
        (self.sharded if state.sharded else self.sums).append(((whose, which), value))

    def settle(self) -> None:
        """Stack all sums of a device into one tensor, those of shards summed over processes."""
        for sums, reduce in ((self.sums, None), (self.sharded, self.reduce)):
            for device in dict.fromkeys(value.device for _, value in sums):
                keys = [key for key, value in sums if value.device == device]
                values = [v.to(torch.float64) for _, v in sums if v.device == device]
                stack = torch.stack(values)
                self.stacked.append((keys, stack if reduce is None else reduce(stack)))
        self.sums, self.sharded = [], []


def begin(
    step: int,
    states: Sequence[LayerState],
    loss: torch.Tensor | float | None,
    reduce: Reduce | None,
) -> Pending:
    """Measure what there is before the step.

    Args:
        step: its number, from 1.
        states: the parameters.
        loss: the data loss of the step, if it was noted.
        reduce: sums a tensor over the processes that hold shards.

    Returns:
        The record on its way.
    """
    pending = Pending(
        step, {s.name: decay_timescale(s.parts, s.rate) for s in states}, loss, reduce
    )
    for state in states:
        for quantity in QUANTITIES.values():
            for which, value in quantity.before(state):
                pending.add(state, state.name, which, value)
    return pending


def end(pending: Pending, states: Sequence[LayerState]) -> None:
    """Measure what there is after the step, and stack all sums."""
    for state in states:
        for quantity in QUANTITIES.values():
            for which, value in quantity.after(state):
                pending.add(state, state.name, which, value)
        for part in state.parts:
            pending.add(state, TERMS, part.term, value_of(state.weight, part))
    pending.settle()


def finish(pending: Pending, steps_per_epoch: int | None) -> Record:
    """Return the record in plain numbers; this waits for the device."""
    sums: dict[str, dict[str, float]] = defaultdict(dict)
    for keys, values in pending.stacked:
        for (whose, which), value in zip(keys, values.tolist(), strict=True):
            sums[whose][which] = sums[whose].get(which, 0.0) + value
    layers = {}
    for name, timescale in pending.timescales.items():
        known = Known(timescale, name in pending.below, steps_per_epoch)
        layers[name] = LayerRecord(
            **{own: quantity.read(sums[name], known) for own, quantity in QUANTITIES.items()}
        )
    return Record(
        step=pending.step,
        epoch=pending.step / steps_per_epoch if steps_per_epoch else None,
        data_loss=None if pending.loss is None else float(pending.loss),
        terms=sums[TERMS],
        layers=layers,
    )
