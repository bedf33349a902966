"""Which units can be taken out, and what their constants add to the biases that stay.

Who uses this: `compact`. A unit can be taken out where every reader either needs nothing of it or
gets a constant that its bias can take up. What stands in a row with others (a head's dimensions,
the units of a group) goes only as whole slices; what is tied to a unit that stays, stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from shrinkage.compaction.analysis import Analysis
from shrinkage.compaction.entries import Entries, Maker, Mixer, Reader, Weight, by_feature, same
from shrinkage.compaction.resizing import Resized
from shrinkage.compaction.units import without_repeats
from shrinkage.errors import ShrinkageError

NO_BIAS = "what they put out is read beside zeros, or without a bias"
BY_PLACE = "what they put out differs from place to place, as beside a border of zeros"
BY_LENGTH = "what they put out depends on the length of the input"
TIED = "they are one with units that are needed"


class CollapsedNetwork(ShrinkageError):
    """A network answers the same whatever its input, so nothing of it is worth keeping."""


@dataclass(frozen=True, eq=False)
class Decision:
    """What is taken out of a network.

    Attributes:
        removed: for every unit, whether it is taken out.
        shifts: what is added to biases, by name; those that are not there yet are made.
        notes: what a person should know about what stayed.
    """

    removed: torch.Tensor
    shifts: dict[str, torch.Tensor]
    notes: tuple[str, ...]


def decide(
    run: Analysis, *, keep_inputs: bool, lengths: Sequence[Analysis | None] = ()
) -> Decision:
    """Return which units are taken out.

    Args:
        run: what is known of the network.
        keep_inputs: whether the network is called with all its inputs as before.
        lengths: the network at other lengths of its input, at which constants have to be the same;
            None where it cannot be followed there, so that every constant may be another.

    Raises:
        CollapsedNetwork: no output depends on an input; the message names the first dead layer.
    """
    _refuse_collapse(run.of_values())
    return _Deciding(run, keep_inputs=keep_inputs, lengths=lengths).decision()


@dataclass(frozen=True, eq=False)
class _Read:
    """What a reader gets of each feature."""

    reader: Reader
    units: torch.Tensor
    constant: torch.Tensor  # the same at all places, for every input
    value: torch.Tensor
    foldable: torch.Tensor
    needed: torch.Tensor
    by_length: torch.Tensor

    @classmethod
    def of(cls, run: Analysis, reader: Reader) -> _Read:
        entries = reader.entries
        rows = by_feature(entries.units, reader.dim)
        still = ~(by_feature(entries.flow.detach(), reader.dim) > 0).any(1)
        values = by_feature(entries.value, reader.dim)
        value = values[:, 0]
        constant = still & same(values, value[:, None]).all(1)
        foldable = constant & ((value == 0) if reader.padded else torch.ones_like(constant))
        if reader.bias is None:
            foldable = foldable & (value == 0)
        needed = by_feature(run.demanded(entries), reader.dim).any(1)
        parts = (rows[:, 0], constant.cpu(), value, foldable.cpu(), needed.cpu())
        return cls(reader, *parts, torch.zeros_like(parts[1]))

    def at_lengths(self, others: Sequence[_Read | None]) -> _Read:
        """Return the same, where what another length of the input changes cannot be folded."""
        by_length = self.by_length
        for other in others:
            if other is None:
                by_length = by_length | (self.value != 0).cpu()
            else:
                by_length = by_length | ~other.constant | ~same(self.value, other.value).cpu()
        by_length = by_length & self.constant
        return replace(self, by_length=by_length, foldable=self.foldable & ~by_length)

    def held(self) -> torch.Tensor:
        """Return which features are needed for a constant that no bias can take up, (features,)."""
        return self.needed & self.constant & ~self.foldable & ~self.by_length

    def matrix(self) -> torch.Tensor:
        """Return the weight with the features along its last axis, the rows along its first."""
        ends = (self.reader.rows, self.reader.axis)
        weight = self.reader.weight.value.movedim(ends, (0, -1))
        return weight.flatten(1, -2) if weight.ndim > 2 else weight


class _Deciding:
    def __init__(
        self, run: Analysis, *, keep_inputs: bool, lengths: Sequence[Analysis | None]
    ) -> None:
        self.run = run
        others = [_in_step(run, other) for other in lengths]
        self.reads = [
            _Read.of(run, reader).at_lengths([other[place] for other in others])
            for place, reader in enumerate(run.readers)
        ]
        self.notes: list[str] = []
        self._last: list[torch.Tensor] = []  # units that stay since a layer must have one
        self.removed = torch.ones(len(run.units), dtype=torch.bool)
        self.removed[0] = False
        for entries in self._outputs():
            self._keep(entries.units)
        if keep_inputs:
            for entries in self._inputs():
                self._keep(entries.units)
        for mixer in run.mixers:
            self._keep(mixer.entries.units[mixer.keeps(run.demanded(mixer.entries).cpu())])
        for read in self.reads:
            self._keep(read.units[read.needed & ~read.foldable])

    def decision(self) -> Decision:
        while True:
            before = self.gone().clone()
            self._keep_what_cannot_be_folded()
            self._keep_whole_slices()
            self._keep_one_of_each()
            self._keep_what_does_not_fit()
            if torch.equal(before, self.gone()):
                break
        self.notes.extend(self._held())
        if self.gone().any():
            self.notes.extend(_not_called(self.run))
        return Decision(self.gone(), self._shifts(), tuple(dict.fromkeys(self.notes)))

    def _held(self) -> Iterator[str]:
        """Say which dead units stay because of what else reads them."""
        gone, find = self.gone(), self.run.units.find
        mixers = {mixer.node: mixer for mixer in self.run.mixers}
        dead = [(mixer.what, find(_still_units(mixer))) for mixer in self.run.mixers if mixer.fixed]
        for read in self.reads:
            dead.append((BY_LENGTH, find(read.units[read.needed & read.by_length])))
        dead += [(NO_BIAS, find(read.units[read.held()])) for read in self.reads]
        dead += [(BY_PLACE, find(units)) for units in self._by_place()]
        known = [*(own.units.flatten() for own in self._outputs()), *self._last]
        told_of = find(torch.cat(known))
        layers: dict[tuple[str, ...], list[Maker]] = {}
        for made in self.run.makers:  # a table that is tied to the outputs makes others there
            key = (made.weight.name, *map(str, find(made.units()).tolist()))
            layers.setdefault(key, []).append(made)
        for made, *again in layers.values():  # dead in all calls of the layer
            units, still = made.units(), made.still()
            for other in again:
                still = still & other.still()
            rest, told = find(units[still & ~gone[units]]), Counter[str]()
            for what, held in dead:
                own = torch.isin(rest, held[held > 0])
                told[what] += int(own.sum())
                rest = rest[~own]
            if len(rest) and (what := self._next_mixer(made, mixers)) is not None:
                told[what] += len(rest)
            else:
                told[TIED] += int((~torch.isin(rest, told_of)).sum())
            for what, count in told.items():
                dead_units, stay = ("unit", "stays") if count == 1 else ("units", "stay")
                if count:
                    yield f"{count} dead {dead_units} of {_owner(made.weight)!r} {stay}: {what}"

    def _by_place(self) -> Iterator[torch.Tensor]:
        """Return the units of which each reader gets the same for every input, not everywhere."""
        for read, reader in zip(self.reads, self.run.of_values().readers, strict=True):
            still = ~(by_feature(reader.entries.flow.detach(), reader.dim) > 0).any(1).cpu()
            yield read.units[read.needed & still & ~read.constant]

    def _next_mixer(self, made: Maker, mixers: dict[Any, Mixer]) -> str | None:
        """Return what holds units that cannot be told from others: what reads a layer's first."""
        others = {other.node for other in self.run.makers}
        nodes, seen = list(made.node.users), set()
        while nodes:
            node = nodes.pop(0)
            if node in mixers:
                return mixers[node].what
            if node not in seen and node not in others:
                seen.add(node)
                nodes.extend(node.users)
        return None

    def gone(self) -> torch.Tensor:
        """Return for every unit whether it is taken out, joined units alike."""
        roots = self.run.units.find(torch.arange(len(self.run.units)))
        kept = torch.zeros(len(roots), dtype=torch.bool)
        kept[roots[~self.removed]] = True
        return ~kept[roots]

    def _keep(self, units: torch.Tensor) -> None:
        self.removed[self.run.units.find(torch.unique(units))] = False

    def _inputs(self) -> Iterator[Entries]:
        for node in self.run.trace.graph.nodes:
            if node.op == "placeholder" and str(node.target) in self.run.trace.inputs:
                known = self.run.nodes[node]
                if isinstance(known, Entries):
                    yield known

    def _outputs(self) -> Iterator[Entries]:
        for node in self.run.trace.outputs:
            yield self.run.entries(self.run.nodes[node])

    def _keep_what_cannot_be_folded(self) -> None:
        """Keep constants that rows which stay still add up, and biases that would differ."""
        gone = self.gone()
        for read in self.reads:
            made = read.reader.made
            stays, still = ~gone[made.units()], made.still()
            matrix = read.matrix()
            if matrix.ndim == 3:
                matrix = matrix.abs().sum(1)
            reads = (matrix.cpu()[stays & still] != 0).any(0)
            self._keep(read.units[reads & ~read.foldable & gone[read.units]])
        for reads in self._by_bias().values():
            if self._shifts_of(reads) is None:
                for read in reads:
                    self._keep(read.units[read.constant & (read.value.cpu() != 0)])

    def _keep_whole_slices(self) -> None:
        """Keep what would leave a hole: what stays of a tensor must be a block of it."""
        for units in self._arrays():
            gone = self.gone()[units]
            if not gone.any():
                continue
            block = torch.ones_like(gone)
            for dim in range(gone.ndim):
                others = [other for other in range(gone.ndim) if other != dim]
                stays = ~gone if not others else (~gone).amax(others, keepdim=True)
                block = block & stays
            self._keep(units[block & gone])

    def _keep_one_of_each(self) -> None:
        """Keep one unit of a layer all of whose units are dead: an empty layer is none."""
        for (name, _axis), units in self.run.axes.items():
            if len(units) and self.gone()[units].all():
                self._keep(units[:1])
                self._last.append(units[:1])
                layer = name.rpartition(".")[0] or name
                self.notes.append(
                    f"all {len(units)} units of {layer!r} are dead: one is kept, and what it "
                    "leads to could be left out of the network's code"
                )

    def _keep_what_does_not_fit(self) -> None:
        """Keep the units of operations that would cut a smaller tensor elsewhere."""
        resized = Resized(self.run, self.gone())
        for node in resized.misfits():
            for units in resized.touched(node):
                self._keep(units)

    def _arrays(self) -> Iterator[torch.Tensor]:
        for known in self.run.nodes.values():
            for entries in known if isinstance(known, (list, tuple)) else (known,):
                if isinstance(entries, Entries) and entries.units.numel():
                    yield without_repeats(entries.units)[0]
        yield from self.run.shapes.values()

    def _by_bias(self) -> dict[str, list[_Read]]:
        groups: dict[str, list[_Read]] = {}
        for read in self.reads:
            if read.reader.bias is not None:
                groups.setdefault(read.reader.bias.name, []).append(read)
        return groups

    def _shifts_of(self, reads: list[_Read]) -> torch.Tensor | None:
        """Return what is added to a bias; None where two that read it would add other things."""
        name = reads[0].reader.bias.name if reads[0].reader.bias else ""
        like = self.run.tensors.get(name)
        shape = reads[0].matrix().shape[:1] if like is None else like.shape
        total, taken = torch.zeros(shape.numel(), dtype=torch.float64), torch.zeros(shape.numel())
        for read in reads:
            assert read.reader.bias is not None
            places, shift = read.reader.bias.places, self._shift(read).cpu()
            before = taken[places] > 0
            if not same(total[places][before], shift[before]).all():
                return None
            total[places], taken[places] = shift, 1.0
        return total.view(shape)

    def _shift(self, read: _Read) -> torch.Tensor:
        """Return what the features that are taken out add to a bias."""
        folds = (self.gone()[read.units] & read.foldable & (read.value.cpu() != 0)).nonzero()[:, 0]
        matrix = read.matrix()[..., folds.to(read.value.device)].to(torch.float64)
        if matrix.ndim == 3:
            matrix = matrix.sum(1)
        constants = read.value[folds.to(read.value.device)].to(torch.float64)
        assert read.reader.bias is not None
        return read.reader.bias.sign * (matrix @ constants)

    def _shifts(self) -> dict[str, torch.Tensor]:
        shifts = {name: self._shifts_of(reads) for name, reads in self._by_bias().items()}
        return {name: own for name, own in shifts.items() if own is not None and own.any()}


def _in_step(run: Analysis, other: Analysis | None) -> list[_Read] | list[None]:
    """Return what each reader reads at another length; None where others are called there."""
    names = [reader.weight.name for reader in run.readers]
    if other is None or [reader.weight.name for reader in other.readers] != names:
        return [None] * len(names)
    return [_Read.of(other, reader) for reader in other.readers]


def _not_called(run: Analysis) -> Iterator[str]:
    """Say which parts the example does not reach: with others around them they may not fit."""
    learned = {name for name, own in run.tensors.items() if isinstance(own, nn.Parameter)}
    called = {
        run.trace.names[str(node.target)]
        for node in run.trace.graph.nodes
        if node.users and str(node.target) in run.trace.names
    }
    reached, others = ({name.rpartition(".")[0] for name in own} for own in (called, learned))
    for part in sorted(others - reached - {""}):
        yield (
            f"{part!r} is not called with the example, and stays as it is: after layers that are "
            "smaller now it may not fit"
        )


def _still_units(mixer: Mixer) -> torch.Tensor:
    """Return the units of which an operation reads nothing that depends on the input."""
    flows = mixer.entries.flow.detach().cpu() > 0
    units = mixer.entries.units
    still = torch.unique(units[~flows])
    return still[~torch.isin(still, torch.unique(units[flows]))]


def _refuse_collapse(run: Analysis) -> None:
    outputs = [run.nodes[node] for node in run.trace.outputs]
    if any(own.flow.any() for own in outputs if isinstance(own, Entries)):
        return
    for node in run.trace.graph.nodes:
        own = [run.nodes[other] for other in node.all_input_nodes]
        read = any(bool(one.flow.any()) for one in own if isinstance(one, Entries))
        weights = [one for one in own if isinstance(one, Weight)]
        made = run.nodes[node]
        if read and weights and isinstance(made, Entries) and not made.flow.any():
            raise CollapsedNetwork(
                f"every unit of {_owner(weights[0])!r} is dead: the network answers the same "
                "whatever its input; choose a smaller strength"
            )
    raise CollapsedNetwork(
        "no output depends on an input: the network answers the same whatever it gets; choose a "
        "smaller strength"
    )


def _owner(weight: Weight) -> str:
    return weight.name.rpartition(".")[0] or weight.name
