"""Run a network's graph on what is known of its entries, forwards and back.

Who uses this: `compact` and `coupled_units`. Forwards: which entries depend on the input, what the
others are, and which stand and fall together. Back: which entries an output depends on.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import nn
from torch.fx.node import map_arg
from torch.utils import _pytree as pytree

from shrinkage.compaction.biases import with_biases
from shrinkage.compaction.calls import Call, copying, in_place, name_of, read_nodes
from shrinkage.compaction.entries import (
    FLOW,
    Entries,
    Maker,
    Mixer,
    Reader,
    Weight,
    mark,
    same,
    words,
)
from shrinkage.compaction.operations import (
    EACH,
    MAY_BE_WEIGHTS,
    MOVES,
    SEVERAL,
    along,
    mixed,
    operation_of,
    views,
)
from shrinkage.compaction.tracing import Trace, UntraceableNetwork, open_axes
from shrinkage.compaction.units import Units

KEEPS_LAST = words("dropout clone contiguous to _to_copy detach alias expand")
"""Operations after which what sums to one along the last axis still does."""


class Analysis:
    """What is known of a network's entries after one run of its graph.

    Args:
        trace: the graph.
        model: the network that it is of.
        inputs: what to run it with.
        other_lengths: whether what inputs of other lengths would change counts as depending on
            the input.

    Attributes:
        units: the units.
        axes: for an axis of a parameter, the unit of each index along it.
        shapes: for a parameter that is added or multiplied entry by entry, the unit of each.
        readers, mixers: who reads entries.
        makers: the layers that make units.
        heads: the units that products of computed tensors run over, as those of attention.
        nodes: what is known of what each node returns.
        read: the nodes of which an output has something; what the others get has to fit, no more.
    """

    def __init__(
        self,
        trace: Trace,
        model: nn.Module,
        inputs: tuple[Any, ...],
        *,
        other_lengths: bool = True,
    ) -> None:
        self.trace, self._other_lengths = trace, other_lengths
        self.units = Units()
        self.axes: dict[tuple[str, int], torch.Tensor] = {}
        self.shapes: dict[str, torch.Tensor] = {}
        self.readers: list[Reader] = []
        self.mixers: list[Mixer] = []
        self.makers: list[Maker] = []
        self.heads: list[torch.Tensor] = []
        self.nodes: dict[torch.fx.Node, Any] = {}
        self.tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        self._biases: list[Weight | None] = []
        self._as_entries: set[str] = set()
        self.read = read_nodes(trace.graph)
        self._leaves = pytree.tree_leaves(inputs)
        self._model, self._inputs = model, inputs
        self._of_inputs: set[torch.fx.Node] = set()
        with torch.enable_grad():
            for node in trace.graph.nodes:
                self.nodes[node] = known = self._known(node)
                given = not self._of_inputs.isdisjoint(node.all_input_nodes)
                if (given or str(node.target) in trace.inputs) and _has_tensor(known):
                    self._of_inputs.add(node)
            self.readers = with_biases(self, model, self._biases)
            for node in trace.outputs:
                self.entries(self.nodes[node])  # of a parameter: its units begin here
            self._demand()

    def entries(self, of: Any) -> Entries:
        """Return what is known of a tensor; a weight's entries get units of their own."""
        if isinstance(of, Entries):
            return of
        if not isinstance(of, Weight):
            value = torch.as_tensor(of)
            return Entries(value, _still(value), torch.zeros(value.shape, dtype=torch.long))
        units = self.axis(of, 0) if of.value.ndim == 1 else of.moved(self._entries_of(of))
        for other in of.others:
            self.units.join(units, self.entries(other).units)
        return Entries(of.value, _still(of.value), units)

    def axis(self, weight: Weight, axis: int) -> torch.Tensor:
        """Return the units along an axis of a weight."""
        found = weight.axes[axis]
        if found is None:
            return torch.zeros(weight.value.shape[axis], dtype=torch.long)
        own, places = found
        units = self._along(weight.name, own)
        if own in weight.parts and self.is_open(*weight.parts[own]):
            self.units.join_along(units, [0])
        units = units[places]
        for other_axis, slices in weight.through:  # of which the one that is read stays
            if weight.name not in self.shapes:
                held = self._along(weight.name, other_axis)[slices]
                self.units.join(held, torch.zeros_like(held))
        for other in weight.others:
            self.units.join(units, self.axis(other, axis))
        return units

    def _along(self, name: str, axis: int) -> torch.Tensor:
        """Return the units along an axis of a parameter."""
        if name in self.shapes:
            units = self.shapes[name]
            others = [other for other in range(units.ndim) if other != axis]
            return self.units.join_along(units, others).flatten()
        if (name, axis) not in self.axes:
            size = self.tensors[name].shape[axis]
            held = name in self._as_entries
            self.axes[name, axis] = torch.zeros(size).long() if held else self.units.new(size)
        return self.axes[name, axis]

    def _entries_of(self, weight: Weight) -> torch.Tensor:
        """Return the unit of each entry of a parameter: its own, unless its slices have some."""
        name, shape = weight.name, self.tensors[weight.name].shape
        if len(shape) == 1:
            return self._along(name, 0)
        axes = [axis for own, axis in self.axes if own == name]
        if name not in self.shapes and not axes:
            self.shapes[name] = self.units.new(shape.numel()).view(shape)
        if name in self.shapes:
            self.units.join_along(self.shapes[name], list(weight.parts))
            return self.shapes[name]
        self._as_entries.add(name)
        for axis in axes:
            if axis in weight.parts or len(axes) > 1:
                self.units.join_along(self.axes[name, axis], [0])
        if len(axes) == 1:
            return along(self.axes[name, axes[0]], axes[0], shape)
        for axis in axes:  # an entry would be of two units
            self.units.join(self.axes[name, axis], torch.zeros(1, dtype=torch.long))
        return torch.zeros(shape, dtype=torch.long)

    def mixes(
        self,
        call: Call,
        entries: Entries,
        what: str,
        *,
        fixed: bool,
        held: bool = False,
        adds: bool = False,
    ) -> Entries:
        """Record that an operation mixes entries, and return them as it reads them."""
        probed = entries.probed()
        self.mixers.append(Mixer(call.node, probed, what, fixed, held, adds))
        return probed

    def makes(
        self, call: Call, weight: Weight, flow: torch.Tensor, units: torch.Tensor, dim: int
    ) -> Maker:
        """Record, and return, a layer that makes the units along an axis of what comes out."""
        made = Maker(call.node, weight, Entries(call.value, flow, units), dim)
        self.makers.append(made)
        return made

    def reads(
        self,
        call: Call,
        entries: Entries,
        dim: int,
        weight: Weight,
        axes: tuple[int, int],
        bias: Weight | None,
        made: Maker,
        padded: bool = False,
    ) -> None:
        """Record a weighted sum."""
        reader = Reader(call.node, entries, dim, weight, *axes, made, padded=padded)
        self._biases.append(bias)
        self.readers.append(reader)

    def is_open(self, node: Any, dim: int) -> bool:
        """Return whether what a node returns may be longer along an axis for other inputs.

        What counts or averages along such an axis is no constant, even of constants.
        """
        if not self._other_lengths or not isinstance(node, torch.fx.Node):
            return False
        if self._open is None:
            return True
        own = self._open.get(node.name)
        if dim < 0:
            dim += self.entries(self.nodes[node]).value.ndim
        return own is None or dim in own

    def of_values(self) -> Analysis:
        """Return what depends on the values of the input, and not on its lengths alone."""
        return self if "_open" not in vars(self) else self._of_values  # nobody has asked

    @cached_property
    def _of_values(self) -> Analysis:
        return Analysis(self.trace, self._model, self._inputs, other_lengths=False)

    def of_inputs(self, node: Any) -> bool:
        """Return whether what a node returns is computed from tensors that the network gets."""
        return node in self._of_inputs

    def counted(self, flow: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Return the flow of what grows with the length of the inputs: all that is not 0."""
        return mark(flow + (value != 0).to(flow))

    @cached_property
    def _open(self) -> dict[str, frozenset[int]] | None:
        return open_axes(self._model, self._inputs)

    def demanded(self, entries: Entries) -> torch.Tensor:
        """Return where the reader of probed entries needs them."""
        return self._demands[id(entries)]

    def _known(self, node: torch.fx.Node) -> Any:
        if node.op == "placeholder":
            return self._placeholder(node)
        if node.op == "get_attr":
            value = getattr(self.trace.program.graph_module, str(node.target))
            return self.entries(value) if isinstance(value, torch.Tensor) else value
        if node.op == "output":
            return None
        if node.op != "call_function":
            raise UntraceableNetwork(f"the graph has a {node.op} of {node.target}")
        return self._called(node)

    def _placeholder(self, node: torch.fx.Node) -> Any:
        name = str(node.target)
        if name in self.trace.names:
            own = self.trace.names[name]
            return Weight.of(own, self.tensors[own].detach())
        if name in self.trace.constants:
            return self.entries(self.trace.constants[name])
        value = self._leaves[self.trace.inputs.index(name)]
        if not isinstance(value, torch.Tensor):
            return value
        flow = torch.ones(value.shape, dtype=FLOW, device=value.device, requires_grad=True)
        units = torch.zeros(value.shape, dtype=torch.long)
        if value.ndim == 2 and value.is_floating_point():
            units = self.units.new(value.shape[1]).expand(value.shape)
        return Entries(value, flow * 1.0, units)

    def _called(self, node: torch.fx.Node) -> Any:
        name = name_of(node.target)
        both: Any = (node.args, node.kwargs)
        given, options = map_arg(both, lambda other: self.nodes[other])
        if node.target is operator.getitem:
            return given[0][given[1]]
        values, plain = pytree.tree_map(_value, (given, options))
        changes = in_place(node.target)
        if changes:
            values = (values[0].clone(), *values[1:])
        with torch.no_grad():
            value = copying(node.target)(*values, **plain)
        if not any(isinstance(leaf, torch.Tensor) for leaf in pytree.tree_leaves(value)):
            return value
        call = Call(node, name, tuple(given), dict(options), value)
        if not changes and (seen := views(call)) is not None:
            return seen
        if name not in MAY_BE_WEIGHTS:
            arguments, keywords = pytree.tree_map(
                lambda leaf: self.entries(leaf) if isinstance(leaf, Weight) else leaf,
                (call.arguments, call.keywords),
            )
            call = replace(call, arguments=arguments, keywords=keywords)
        known = self._after(call)
        if changes:
            self._changed(node, known)
        return known

    def _after(self, call: Call) -> Any:
        operation = operation_of(call.node.target, call.name)
        if operation in SEVERAL:
            found = operation(self, call)
            if found is not None:
                return self._several(call, *found)
            operation = mixed
        if not isinstance(call.value, torch.Tensor) and call.name not in MOVES:
            operation = operation if operation in EACH else mixed  # several tensors at once
            calls = [replace(call, value=value) for value in call.value]
            return [self._one(one, operation) for one in calls]
        return self._one(call, operation)

    def _several(self, call: Call, flows: list[Any], units: list[Any]) -> Any:
        values = [call.value] if isinstance(call.value, torch.Tensor) else call.value
        found = [Entries(*own) for own in zip(values, flows, units, strict=True)]
        found = [replace(own, flow=self._by_place(call.node, own)) for own in found]
        return found[0] if isinstance(call.value, torch.Tensor) else found

    def _one(self, call: Call, operation: Any) -> Any:
        if not isinstance(call.value, (torch.Tensor, list, tuple)):
            return call.value
        flow, units = operation(self, call)
        if isinstance(call.value, torch.Tensor):
            flow = self._by_place(call.node, Entries(call.value, flow, units))
            sums = call.name == "softmax" and call.positional(2)[1] in (-1, call.value.ndim - 1)
            first = call.arguments[0] if call.arguments else None
            if call.name in KEEPS_LAST and isinstance(first, Entries):
                sums = first.sums_to_one
            return Entries(call.value, flow, units, sums)
        return [Entries(*each) for each in zip(call.value, flow, units, strict=True)]

    def _by_place(self, node: torch.fx.Node, made: Entries) -> torch.Tensor:
        """Return the flow of what was made: what depends on the place along an open axis flows.

        Its mean, its largest or its last would be another number for longer inputs.
        """
        flow, still = made.flow, made.constant
        if not still.any():
            return flow
        for dim, size in enumerate(made.value.shape):
            if size == 1 or self.units.vary_along(made.units, [dim]):
                continue
            apart = still & ~same(made.value, made.value.narrow(dim, 0, 1))
            if apart.any() and self.is_open(node, dim):
                flow = mark(flow + apart.any(dim, keepdim=True).to(flow) * still)
        return flow

    def _changed(self, node: torch.fx.Node, known: Any) -> None:
        """Let those who read a tensor after it was changed in place read the changed one."""
        changed = node.args[0]
        assert isinstance(changed, torch.fx.Node)
        memory, later = _memory(self.nodes[changed]), _later_than(node)
        for other, own in self.nodes.items():
            if other is changed or later.isdisjoint(other.users):
                continue
            if not memory.isdisjoint(_memory(own)):
                raise UntraceableNetwork(
                    f"{node.target} changes {changed.name} in place, and {other.name}, which "
                    "shares its memory, is read afterwards; write it without"
                )
        self.nodes[changed] = known

    def _demand(self) -> None:
        outputs = [self.nodes[node] for node in self.trace.outputs]
        flows = [own.flow.sum() for own in outputs if isinstance(own, Entries)]
        probes = [own.entries for own in (*self.readers, *self.mixers)]
        found: Iterable[torch.Tensor | None] = [None] * len(probes)
        if probes and flows:
            found = torch.autograd.grad(
                sum(flows[1:], flows[0]), [own.flow for own in probes], allow_unused=True
            )
        self._demands = {
            id(own): torch.zeros(own.flow.shape, dtype=torch.bool) if got is None else got > 0
            for own, got in zip(probes, found, strict=True)
        }


def _has_tensor(known: Any) -> bool:
    return any(isinstance(leaf, Entries) for leaf in pytree.tree_leaves(known))


def _memory(known: Any) -> set[int]:
    """Return where the memory of tensors begins: views share it."""
    values = (_value(leaf) for leaf in pytree.tree_leaves(known))
    tensors = (value for value in values if isinstance(value, torch.Tensor) and value.numel())
    return {tensor.untyped_storage().data_ptr() for tensor in tensors}


def _later_than(node: torch.fx.Node) -> set[torch.fx.Node]:
    """Return the nodes of a graph behind one."""
    later = set()
    while (node := node.next).op != "root":
        later.add(node)
    return later


def _still(value: torch.Tensor) -> torch.Tensor:
    """Return the flow of what depends on no input."""
    return torch.zeros(value.shape, dtype=FLOW, device=value.device, requires_grad=True) * 1.0


def _value(leaf: Any) -> Any:
    return leaf.value if isinstance(leaf, (Entries, Weight)) else leaf
