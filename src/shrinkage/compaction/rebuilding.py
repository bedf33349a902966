"""A smaller network of the parameters that stay.

Who uses this: `compact`. First a copy of the network itself with smaller tensors, which keeps its
code, its names and what training needs; where its code has sizes written into it that no longer
hold, the traced graph with the new sizes, for evaluation alone.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.fx import Graph, GraphModule, Node
from torch.fx.node import map_arg
from torch.utils import _pytree as pytree

from shrinkage.compaction.analysis import Analysis
from shrinkage.compaction.calls import copying
from shrinkage.compaction.deciding import Decision
from shrinkage.compaction.entries import Entries
from shrinkage.compaction.resizing import SHAPED, Resized
from shrinkage.compaction.tracing import UntraceableNetwork
from shrinkage.pytorch.copies import deep_copy

ROWS, OTHER_ROWS = 2, 3
"""How many rows a network is traced with; and a second time, where its code fixes their number."""

SIZED = {
    "zeros": torch.ops.aten.new_zeros.default,
    "ones": torch.ops.aten.new_ones.default,
    "full": torch.ops.aten.new_full.default,
}
"""Operations that make a tensor of a size, and those that do so with another at hand."""

SIZES: dict[type[nn.Module], Mapping[str, tuple[str, int]]] = {
    nn.Linear: {"out_features": ("weight", 0), "in_features": ("weight", 1)},
    nn.Embedding: {"embedding_dim": ("weight", 1)},
    nn.RNNBase: {"hidden_size": ("weight_hh_l0", 1), "input_size": ("weight_ih_l0", 1)},
    nn.RNNCellBase: {"hidden_size": ("weight_hh", 1), "input_size": ("weight_ih", 1)},
    nn.PReLU: {"num_parameters": ("weight", 0)},
    nn.BatchNorm1d: {"num_features": ("running_mean", 0)},
    nn.BatchNorm2d: {"num_features": ("running_mean", 0)},
    nn.BatchNorm3d: {"num_features": ("running_mean", 0)},
}
"""Attributes of layers that repeat a size of a tensor of theirs."""


def smaller_tensors(run: Analysis, decision: Decision) -> dict[str, torch.Tensor]:
    """Return the parameters and buffers of the smaller network that differ, by name.

    Args:
        run: what is known of the network.
        decision: what is taken out.
    """
    tensors = {name: run.tensors[name].detach() for name, _ in run.axes}
    tensors.update({name: run.tensors[name].detach() for name in run.shapes})
    axes = dict(run.axes)
    for reader in run.readers:
        bias, weight = reader.bias, reader.weight.value
        shift = None if bias is None else decision.shifts.get(bias.name)
        if bias is None or shift is None:
            continue
        if not bias.is_there:
            axes[bias.name, 0] = run.axes[reader.weight.name, 0]
        own = run.tensors[bias.name].detach() if bias.is_there else torch.zeros(()).to(weight)
        tensors[bias.name] = (own.to(torch.float64) + shift.to(own.device)).to(weight.dtype)
    for (name, axis), units in axes.items():
        stays = (~decision.removed[units]).nonzero()[:, 0].to(tensors[name].device)
        tensors[name] = tensors[name].index_select(axis, stays)
    resized = Resized(run, decision.removed)
    for name, units in run.shapes.items():
        tensors[name] = resized.cut(tensors[name], units)
    return tensors


def norm_sizes(model: nn.Module, run: Analysis, decision: Decision) -> dict[str, int]:
    """Return the new numbers of channels of instance norms, by attribute: they may have no tensor.

    Args:
        model: the network.
        run: what is known of it.
        decision: what is taken out.
    """
    sizes: dict[str, int] = {}
    for node in run.trace.graph.nodes:
        known = run.nodes[node]
        if getattr(node.target, "_opname", "") == "instance_norm" and isinstance(known, Entries):
            stays = Resized(run, decision.removed).stays(known.units)[1]
            if hasattr(model.get_submodule(_owner(node)), "num_features") and not stays.all():
                sizes[f"{_owner(node)}.num_features".lstrip(".")] = int(stays.sum())
    return sizes


def smaller_copy(model: nn.Module, tensors: Mapping[str, torch.Tensor]) -> nn.Module:
    """Return a copy of a network with smaller tensors in the places of its own.

    Args:
        model: the network.
        tensors: by the names of its parameters and buffers.
    """
    module = deep_copy(model)
    groups = {name: own.groups for name, own in _convolutions(module) if own.groups > 1}
    rows = {name: own.weight.shape[0] for name, own in _convolutions(module)}
    aliases: dict[int, list[str]] = {}
    named = [*module.named_parameters(remove_duplicate=False)]
    for name, own in [*named, *module.named_buffers(remove_duplicate=False)]:
        aliases.setdefault(id(own), []).append(name)
    for names in list(aliases.values()):
        new = next((tensors[name] for name in names if name in tensors), None)
        if new is not None:
            _put(module, names, new)
    for name in set(tensors) - {name for names in aliases.values() for name in names}:
        _put(module, [name], tensors[name])
    for own in module.modules():
        _tell_sizes(own)
    for name, own in _convolutions(module):
        if name in groups:
            own.groups = groups[name] * own.weight.shape[0] // rows[name]
        own.out_channels, own.in_channels = own.weight.shape[0], own.weight.shape[1] * own.groups
        if own.transposed:
            own.in_channels = own.weight.shape[0]
            own.out_channels = own.weight.shape[1] * own.groups
    return module


def with_sizes(module: nn.Module, sizes: Mapping[str, int]) -> nn.Module:
    """Put whole numbers into the attributes of a network's modules, by name, and return it."""
    for name, size in sizes.items():
        owner, _, own = name.rpartition(".")
        setattr(module.get_submodule(owner), own, size)
    return module


def with_attributes(
    module: nn.Module, run: Analysis, decision: Decision
) -> tuple[nn.Module, dict[str, int]]:
    """Return a network whose own attributes have the new sizes too, and which they are.

    A size that its code gives to `view` or `reshape` often stands in an attribute of the module
    (`num_heads`): where a whole number there is the old size, it becomes the new one.
    """
    module = deep_copy(module)
    changed: dict[str, int] = {}
    resized = Resized(run, decision.removed)
    for owner, old, new in _changed_sizes(run, resized):
        own = dict(module.named_modules()).get(owner)
        for name, value in list(vars(own).items()) if own is not None else ():
            if type(value) is int and value == old and name not in ("training",):
                setattr(own, name, new)
                changed[f"{owner}.{name}".lstrip(".")] = new
    return module, changed


def smaller_graph(
    model: nn.Module,
    run: Analysis,
    decision: Decision,
    tensors: Mapping[str, torch.Tensor],
    other: Analysis | None,
) -> GraphModule:
    """Return the traced graph with smaller tensors and the sizes that go with them.

    Args:
        model: the network.
        run: what is known of it.
        decision: what is taken out.
        tensors: the parameters and buffers that differ.
        other: the network with `OTHER_ROWS` rows, where its code fixes their number: a size that
            grows with them follows the batch.
    """
    resized = Resized(run, decision.removed)
    graph, places = Graph(), {}
    follow = _Rows(graph, other, decision, resized)
    own = {**run.tensors, **tensors}
    root: dict[str, Any] = {}
    added = {own.node: own.bias.name for own in run.readers if own.bias and not own.bias.is_there}
    for node in run.trace.graph.nodes:
        name = run.trace.names.get(str(node.target))
        if name is not None or str(node.target) in run.trace.constants or node.op == "get_attr":
            key = name or f"constant_{node.name}"
            root[key] = own[name].detach() if name else run.nodes[node].value
            places[node] = graph.get_attr(key) if node.users else None
        elif node.op == "placeholder":
            places[node] = graph.placeholder(node.name)
            follow.seen(places[node])
        elif node.op == "output":
            _outputs(graph, run, places)
        else:
            arguments, keywords = map_arg(
                follow.arguments(node), lambda before: places.get(before, before)
            )
            bias = added.get(node)
            if bias is not None and bias in tensors:
                root[bias] = tensors[bias]
                arguments = (*arguments[:2], graph.get_attr(bias), *arguments[3:])
            target, known = copying(node.target), run.nodes[node]
            if getattr(target, "_opname", "") in SIZED and isinstance(known, Entries):
                target, arguments, keywords = follow.created(
                    known.value.dtype, target, tuple(arguments), dict(keywords)
                )
            places[node] = graph.call_function(target, tuple(arguments), dict(keywords))
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for name, value in root.items():
        if name in parameters or name in decision.shifts:
            needs = value.is_floating_point()
            if name in parameters:
                needs = parameters[name].requires_grad
            root[name] = nn.Parameter(value.clone(), requires_grad=needs)
    return GraphModule(root, graph, f"Compact{type(model).__name__}").eval()


class _Rows:
    """Sizes that follow the number of rows, where two traces with fixed numbers show which."""

    def __init__(
        self, graph: Graph, other: Analysis | None, decision: Decision, resized: Resized
    ) -> None:
        self._graph, self._resized, self._rows = graph, resized, None
        self._input: Node | None = None
        self._others: dict[Node, Any] = {}
        if other is not None:
            wider = Resized(other, decision.removed)
            graphs = [list(own.trace.graph.nodes) for own in (resized.run, other)]
            if [node.target for node in graphs[0]] != [node.target for node in graphs[1]]:
                raise UntraceableNetwork(f"it computes otherwise with {OTHER_ROWS} rows")
            pairs = zip(*graphs, strict=True)
            self._others = {
                node: wider.arguments(same) for node, same in pairs if node.op == "call_function"
            }

    def seen(self, placeholder: Node) -> None:
        """Remember the first input, whose rows are counted."""
        self._input = self._input or placeholder

    def created(self, dtype: torch.dtype, target: Any, args: Any, kwargs: Any) -> Any:
        """Return a call that makes a tensor of the input: one of sizes alone does not unpickle."""
        if not any(isinstance(size, Node) for size in args[0]):
            return target, args, kwargs
        return SIZED[target._opname], (self._input, *args), {**kwargs, "dtype": dtype}

    def arguments(self, node: Node) -> Any:
        """Return the arguments of a call in the smaller graph."""
        given = self._resized.arguments(node)
        if node not in self._others:
            return given
        return pytree.tree_map(self._size, given, self._others[node])

    def _size(self, size: Any, other: Any) -> Any:
        if type(size) is not int or size == other:
            return size
        if size * OTHER_ROWS != other * ROWS:
            raise UntraceableNetwork(f"a size is {size} of {ROWS} rows and {other} of {OTHER_ROWS}")
        if self._rows is None:
            assert self._input is not None
            size_of = torch.ops.aten.sym_size.int
            self._rows = self._graph.call_function(size_of, (self._input, 0))
        return self._graph.call_function(operator.mul, (self._rows, size // ROWS))


def _outputs(graph: Graph, run: Analysis, places: Mapping[Node, Any]) -> None:
    end = next(node for node in reversed(run.trace.graph.nodes) if node.op == "output")
    leaves = map_arg(end.args[0], lambda other: places[other])
    spec = run.trace.program.call_spec.out_spec
    assert spec is not None
    result = pytree.tree_unflatten(list(leaves), spec)  # type: ignore[arg-type]
    if not isinstance(result, (Node, tuple, list, dict)):
        result = dict(result)
    graph.output(result)


def _changed_sizes(run: Analysis, resized: Resized) -> Iterator[tuple[str, int, int]]:
    """Return `(module, old size, new size)` for each axis that shrinks where a shape is given."""
    for node in run.trace.graph.nodes:
        name = getattr(node.target, "_opname", "")
        known = run.nodes[node]
        if not (name in SHAPED or name == "unflatten") or not isinstance(known, Entries):
            continue
        owner = _owner(node)
        for old, stays in zip(known.units.shape, resized.stays(known.units), strict=True):
            if not stays.all():
                yield owner, old, int(stays.sum())


def _owner(node: Node) -> str:
    """Return the name of the module whose code makes a call."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return stack[-1][0] if stack else ""


def _convolutions(module: nn.Module) -> list[tuple[str, Any]]:
    kind = nn.modules.conv._ConvNd
    return [(name, own) for name, own in module.named_modules() if isinstance(own, kind)]


def _tell_sizes(module: nn.Module) -> None:
    for kind, sizes in SIZES.items():
        if isinstance(module, kind) and not getattr(module, "proj_size", 0):
            for attribute, (tensor, axis) in sizes.items():
                own = getattr(module, tensor)
                if own is not None:
                    setattr(module, attribute, own.shape[axis])
    if isinstance(module, nn.LayerNorm) and module.weight is not None:
        module.normalized_shape = tuple(module.weight.shape)


def _put(module: nn.Module, names: list[str], value: torch.Tensor) -> None:
    """Put one tensor into all the places that a tensor is known by."""
    new: Any = None
    for name in names:
        owner_name, _, own = name.rpartition(".")
        owner = module.get_submodule(owner_name)
        if own in owner._buffers:
            owner._buffers[own] = value.clone()
            continue
        if new is None:
            old = owner._parameters.get(own)
            needs = value.is_floating_point() if old is None else old.requires_grad
            new = nn.Parameter(value.clone(), requires_grad=needs)
        setattr(owner, own, new)  # recurrent layers keep a list of theirs
