"""A smaller network of one that is followed as a whole, at the example's lengths and at others.

Who uses this: `compact`, and `compact_parts` for each part that can be followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn
from torch.fx import GraphModule

from shrinkage.compaction.analysis import Analysis
from shrinkage.compaction.deciding import Decision, decide
from shrinkage.compaction.entries import Entries
from shrinkage.compaction.lengths import apart_at, other_lengths
from shrinkage.compaction.proof import difference
from shrinkage.compaction.rebuilding import (
    OTHER_ROWS,
    ROWS,
    norm_sizes,
    smaller_copy,
    smaller_graph,
    smaller_tensors,
    with_attributes,
    with_sizes,
)
from shrinkage.compaction.tracing import UntraceableNetwork, few_rows, trace


@dataclass(frozen=True)
class Smaller:
    """A smaller network, what to say of it, which inputs it reads (None: all), new attributes."""

    module: nn.Module
    notes: tuple[str, ...]
    kept: torch.Tensor | None = None
    attributes: Mapping[str, int] = field(default_factory=dict)


def smaller_network(
    model: nn.Module,
    frozen: nn.Module,
    inputs: tuple[Any, ...],
    *,
    keep_inputs: bool,
    tolerance: float,
    others: list[tuple[Any, ...]] | None = None,
) -> Smaller:
    """Return a smaller network.

    Args:
        model: the network to copy.
        frozen: a copy in evaluation mode.
        inputs: what it is called with.
        keep_inputs: whether it is called with all inputs as before.
        tolerance: the largest difference of an output, relative to the largest output.
        others: the inputs in other lengths; None: they are looked for.

    Raises:
        UntraceableNetwork: it cannot be traced, or not at the other lengths that it takes.
        CollapsedNetwork: it answers the same whatever its input.
    """
    others = other_lengths(frozen, few_rows(frozen, inputs)) if others is None else others
    run, apart = _analysed(frozen, inputs), list[float | None]()

    def found_by(run: Analysis, at: Sequence[Analysis | None]) -> Smaller:
        nonlocal apart
        decision = decide(run, keep_inputs=keep_inputs, lengths=at)
        found = _rebuilt(model, frozen, inputs, run, decision, keep_inputs, tolerance)
        apart = apart_at(frozen, found.module, others, take_columns(found.kept))
        return found

    def unfit(*, failing: bool) -> list[tuple[Any, ...]]:
        pairs = zip(others, apart, strict=True)
        return [given for given, own in pairs if (failing if own is None else not own <= tolerance)]

    found = found_by(run, ())
    here = apart_at(
        frozen, found.module, [inputs] if unfit(failing=True) else [], take_columns(found.kept)
    )
    if not all(own is not None and own <= tolerance for own in here):
        return found  # what is wrong of the example is no matter of lengths, and is refused
    at = [
        _at_length(frozen, given) for given in unfit(failing=isinstance(found.module, GraphModule))
    ]
    if at:
        found = found_by(run, at)
    if isinstance(found.module, GraphModule) and unfit(failing=True):
        before = found, apart
        try:
            found = found_by(_analysed(frozen, inputs, lengths=True), at)
        except UntraceableNetwork:
            found, apart = before
        if unfit(failing=True):
            found, apart = before
    if unfit(failing=False):
        raise UntraceableNetwork(
            f"the {type(model).__name__} computes with sizes of its input that its graph has as "
            "fixed numbers"
        )
    if isinstance(found.module, GraphModule) and None in apart:
        told = "the graph takes inputs of the example's lengths, and not all others that it took"
        found = replace(found, notes=(*found.notes, told))
    return found


def _at_length(frozen: nn.Module, inputs: tuple[Any, ...]) -> Analysis | None:
    """Return what is known of a network at another length; None where it cannot be followed."""
    try:
        few = few_rows(frozen, inputs)
        return Analysis(trace(frozen, few), frozen, few, other_lengths=False)
    except UntraceableNetwork:
        return None


def _rebuilt(
    model: nn.Module,
    frozen: nn.Module,
    inputs: tuple[Any, ...],
    run: Analysis,
    decision: Decision,
    keep_inputs: bool,
    tolerance: float,
) -> Smaller:
    """Return a network without what a decision takes out: its own code, or the traced graph."""
    tensors = smaller_tensors(run, decision)
    kept = None if keep_inputs else _kept_inputs(run, decision)
    taken = take_columns(kept)

    def apart(module: nn.Module, on: tuple[Any, ...] = inputs) -> float | None:
        try:
            return difference(frozen, lambda *x: module.eval()(*taken(x)), on)
        except (RuntimeError, ValueError, AssertionError, IndexError):
            return None  # sizes that do not fit

    def works(module: nn.Module, on: tuple[Any, ...] = inputs) -> bool:
        found = apart(module, on)
        return found is not None and found <= tolerance

    sizes, written = norm_sizes(model, run, decision), {}
    module = with_sizes(smaller_copy(frozen, tensors), sizes)
    if not works(module):
        module, written = with_attributes(module, run, decision)
    if works(module):
        attributes = {**sizes, **written}
        module = with_sizes(smaller_copy(model, tensors), attributes)
        told = (f"new sizes were put into {', '.join(written)}",) if written else ()
        return Smaller(module, (*decision.notes, *told), kept, attributes)
    if run.trace.in_objects:
        raise UntraceableNetwork(
            f"the code of {type(model).__name__} has sizes written into it, and it answers with "
            "objects, which no graph does"
        )
    told = (
        f"the code of {type(model).__name__} has sizes written into it: the result is its traced "
        "graph, for evaluation"
    )
    graph = smaller_graph(model, run, decision, tensors, None)
    if not works(graph, few_rows(frozen, inputs, OTHER_ROWS)):  # its code fixes the number of rows
        other = _analysed(frozen, inputs, OTHER_ROWS, lengths=run.trace.lengths)
        graph = smaller_graph(model, run, decision, tensors, other)
        if apart(graph) is None:
            raise UntraceableNetwork(f"the {type(model).__name__} computes with sizes")
    return Smaller(graph, (*decision.notes, told), kept)


def _analysed(
    frozen: nn.Module, inputs: tuple[Any, ...], rows: int = ROWS, *, lengths: bool = False
) -> Analysis:
    few = few_rows(frozen, inputs, rows)
    return Analysis(trace(frozen, few, lengths=lengths), frozen, few)


def take_columns(kept: torch.Tensor | None) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Return what picks the columns that are read out of a network's inputs."""

    def take(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        if kept is None:
            return inputs
        return (inputs[0][:, kept.to(inputs[0].device)], *inputs[1:])

    return take


def _kept_inputs(run: Analysis, decision: Decision) -> torch.Tensor | None:
    node = next(n for n in run.trace.graph.nodes if str(n.target) == run.trace.inputs[0])
    entries = run.nodes[node]
    assert isinstance(entries, Entries)
    stays = ~decision.removed[entries.units[0]]
    return None if stays.all() else stays.nonzero()[:, 0]
