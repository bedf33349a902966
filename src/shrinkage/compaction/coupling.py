"""Which weights stand and fall together: the coupled units of a network.

Who uses this: a penalty on whole units, with their incoming and outgoing wires and their norm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from shrinkage.compaction.analysis import Analysis
from shrinkage.compaction.folding import ComputedWeights, Slices, with_plain_weights
from shrinkage.compaction.tracing import as_inputs, few_rows, in_evaluation, trace, uncompiled


@dataclass(frozen=True)
class CoupledUnit:
    """Weights that can be taken out together, and only together.

    Attributes:
        members: `(parameter, axis, places)`: the slices at these places along this axis.
        is_head: whether it is an attention head; of grouped queries, all that share keys.
    """

    members: tuple[tuple[str, int, tuple[int, ...]], ...]
    is_head: bool = False


@torch.inference_mode(False)
def coupled_units(model: nn.Module, example_input: Any) -> tuple[CoupledUnit, ...]:
    """Return the units of a network that can be taken out, with everything that goes with each.

    A hidden unit of two linear layers is a row of the first weight, an entry of its bias and a
    column of the second; a channel may run through norms, residual connections, concatenations
    and groups; an attention head is one unit, `is_head`. Units that a layer norm or the outputs
    hold are not among them; nor are inputs. Where a weight is computed in every call, as by a
    weight norm, the members are slices of what it is computed from, at which its own vanish.

    Args:
        model: the network.
        example_input: a tensor of rows, or a tuple of them: what it is called with.

    Raises:
        UntraceableNetwork: it cannot be traced.

    >>> model = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1))
    >>> coupled_units(model, torch.randn(2, 3))[0].members
    (('0.bias', 0, (0,)), ('0.weight', 0, (0,)), ('2.weight', 1, (0,)))
    """
    model = uncompiled(model)[0]
    frozen = in_evaluation(with_plain_weights(model)[0])
    inputs = few_rows(frozen, as_inputs(example_input))
    run = Analysis(trace(frozen, inputs), frozen, inputs)
    units = run.units
    held = torch.zeros(len(units), dtype=torch.bool)
    held[0] = True
    fixed = [mixer.entries.units for mixer in run.mixers if mixer.fixed and not mixer.adds]
    ends = [run.entries(run.nodes[node]).units for node in run.trace.outputs]
    inputs_ = [
        run.nodes[node].units
        for node in run.trace.graph.nodes
        if str(node.target) in run.trace.inputs and hasattr(run.nodes[node], "units")
    ]
    for own in (*fixed, *ends, *inputs_):
        held[units.find(torch.unique(own))] = True
    for own in _added(run, frozen, inputs, held):
        held[units.find(torch.unique(own))] = True
    return _grouped(run, held, ComputedWeights(model))


def _added(
    run: Analysis, frozen: nn.Module, inputs: tuple[Any, ...], held: torch.Tensor
) -> Iterator[torch.Tensor]:
    """Return units that are added up, and are not 0 where their weights are."""
    if not any(mixer.adds for mixer in run.mixers):
        return
    zeroed = in_evaluation(frozen)
    tensors = dict(zeroed.named_parameters())
    with torch.no_grad():
        for (name, axis), units in run.axes.items():
            if name in tensors:
                places = (~held[run.units.find(units)]).nonzero()[:, 0]
                tensors[name].index_fill_(axis, places.to(tensors[name].device), 0.0)
    again = Analysis(trace(zeroed, inputs), zeroed, inputs)
    for mixer, without in zip(run.mixers, again.mixers, strict=True):
        if mixer.adds:
            yield mixer.entries.units[~without.missing.cpu()]


def _grouped(
    run: Analysis, held: torch.Tensor, computed: ComputedWeights
) -> tuple[CoupledUnit, ...]:
    slices: dict[tuple[str, int], Slices] = {}
    for name, axis in run.axes:
        found = computed.vanishing(name, axis) if name in computed.names else ((name, axis),)
        if found is None:
            held[run.units.find(torch.unique(run.axes[name, axis]))] = True
        slices[name, axis] = found or ()
    members: dict[int, list[tuple[str, int, tuple[int, ...]]]] = {}
    learned = {name for name, own in run.tensors.items() if isinstance(own, nn.Parameter)}
    for (name, axis), units in sorted(run.axes.items()):
        if name not in learned:
            continue
        roots = run.units.find(units)
        for root in torch.unique(roots[~held[roots]]).tolist():
            places = tuple((roots == root).nonzero()[:, 0].tolist())
            members.setdefault(root, []).extend((*own, places) for own in slices[name, axis])
    heads = {root for own in run.heads for root in torch.unique(run.units.find(own)).tolist()}
    return tuple(CoupledUnit(tuple(members[root]), root in heads) for root in sorted(members))
