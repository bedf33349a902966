"""Run a network's graph on what is known of its entries, forwards and back.

Who uses this: `compact` and `coupled_units`. Forwards: which entries depend on the input, what the
others are, and which stand and fall together. Back: which entries an output depends on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import nn
from torch.fx.node import map_arg
from torch.utils import _pytree as pytree

from shrinkage.compaction.calls import Call, copying, in_place, name_of
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
from shrinkage.compaction.operations import EACH, MAY_BE_WEIGHTS, MOVES, mixed, operation_of
from shrinkage.compaction.tracing import Trace, UntraceableNetwork, open_axes
from shrinkage.compaction.units import Units

LAST = words("linear matmul mm addmm einsum")
"""Weighted sums whose features lie along the last axis, as those of a vector that is added do."""

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
        self._biases = _missing_biases(model)
        self._leaves = pytree.tree_leaves(inputs)
        self._model, self._inputs = model, inputs
        self._of_inputs: set[torch.fx.Node] = set()
        with torch.enable_grad():
            for node in trace.graph.nodes:
                self.nodes[node] = known = self._known(node)
                given = not self._of_inputs.isdisjoint(node.all_input_nodes)
                if (given or str(node.target) in trace.inputs) and _has_tensor(known):
                    self._of_inputs.add(node)
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
        if of.value.ndim == 1:
            units = self.axis(of, 0)
        elif of.axes != tuple(range(of.value.ndim)):
            units = torch.zeros(of.value.shape, dtype=torch.long)
        else:
            if of.name not in self.shapes:
                self.shapes[of.name] = self.units.new(of.value.numel()).view(of.value.shape)
            units = self.shapes[of.name]
        return Entries(of.value, _still(of.value), units)

    def axis(self, weight: Weight, axis: int) -> torch.Tensor:
        """Return the units along an axis of a weight."""
        place = (weight.name, weight.axes[axis])
        if place not in self.axes:
            self.axes[place] = self.units.new(weight.value.shape[axis])
        return self.axes[place]

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
        padded: bool,
    ) -> None:
        """Record a weighted sum."""
        name, sign = (bias.name, 1) if bias is not None else self._behind(made)
        has_bias = name is not None
        if name is None and axes == (1, 0) and call.name != "einsum":
            name = self._biases.get(weight.name)
        parts = (call.node, entries, dim, weight, axes[0], name, has_bias, made)
        self.readers.append(Reader(*parts, padded=padded, sign=sign))

    def _behind(self, made: Maker) -> tuple[str | None, int]:
        """Return what right behind a weighted sum takes up constants of it, and with which sign.

        That is the mean which a batch norm takes away, or a vector that is added as a bias.
        """
        node, value = made.node, made.entries.value
        user = next(iter(node.users)) if len(node.users) == 1 else None
        if user is None:
            return None, 1
        if name_of(user.target) == "batch_norm" and len(user.args) > 5 and not user.args[5]:
            return self.trace.names.get(str(user.args[3])), -1
        if name_of(user.target) == "add" and len(user.args) == 2 and not user.kwargs:
            (other,) = (own for own in user.args if own is not node)
            name = self.trace.names.get(str(other))
            if isinstance(other, torch.fx.Node) and name and len(other.users) == 1:
                fits = self.tensors[name].shape == value.shape[-1:]
                last = made.dim in (-1, value.ndim - 1) and name_of(node.target) in LAST
                return (name if fits and last else None), 1
        return None, 1

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
        arguments, keywords = map_arg((node.args, node.kwargs), lambda other: self.nodes[other])
        looks_at_weights = name in MAY_BE_WEIGHTS
        arguments, keywords = pytree.tree_map(
            lambda leaf: (
                leaf if looks_at_weights or not isinstance(leaf, Weight) else self.entries(leaf)
            ),
            (tuple(arguments), dict(keywords)),
        )
        values, options = pytree.tree_map(_value, (arguments, keywords))
        changes = in_place(node.target)
        if changes:
            values = (values[0].clone(), *values[1:])
        with torch.no_grad():
            value = copying(node.target)(*values, **options)
        if not any(isinstance(leaf, torch.Tensor) for leaf in pytree.tree_leaves(value)):
            return value
        if name in ("t", "transpose", "permute") and isinstance(arguments[0], Weight):
            if arguments[0].value.ndim == 2:
                flipped = tuple(reversed(arguments[0].axes))
                same = torch.equal(value, arguments[0].value) and value.shape[0] > 1
                return arguments[0] if same else replace(arguments[0], value=value, axes=flipped)
            arguments = (self.entries(arguments[0]), *arguments[1:])
        call = Call(node, name, tuple(arguments), keywords, value)
        known = self._after(call)
        if changes:
            self._changed(node, known)
        return known

    def _after(self, call: Call) -> Any:
        operation = operation_of(call.node.target, call.name)
        if not isinstance(call.value, torch.Tensor) and call.name not in MOVES:
            operation = operation if operation in EACH else mixed  # several tensors at once
            calls = [replace(call, value=value) for value in call.value]
            return [self._one(one, operation) for one in calls]
        return self._one(call, operation)

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


def _missing_biases(model: nn.Module) -> dict[str, str]:
    """Return the names that biases would have which linear layers and convolutions lack."""
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    return {
        f"{name}.weight".lstrip("."): f"{name}.bias".lstrip(".")
        for name, module in model.named_modules()
        if isinstance(module, kinds) and module.bias is None
    }
