"""Calls of a graph: what is called, with what, and what came out.

Who uses this: `analysis` makes one for every call, and the operations ask it for arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils import _pytree as pytree

from shrinkage.compaction.entries import Entries, Weight


@dataclass(frozen=True, eq=False)
class Call:
    """One call of the graph: what is called, with what, and what came out."""

    node: torch.fx.Node
    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    value: Any

    def positional(self, count: int) -> list[Any]:
        """Return so many arguments in the order of the operation's schema; None where absent."""
        names = [argument.name for argument in self.node.target._schema.arguments]  # type: ignore
        given = [*self.arguments, *(self.keywords.get(n) for n in names[len(self.arguments) :])]
        return (given + [None] * count)[:count]

    @property
    def tensors(self) -> list[Entries | Weight]:
        """Return the tensors among the arguments."""
        leaves = pytree.tree_leaves((self.arguments, self.keywords))
        return [leaf for leaf in leaves if isinstance(leaf, (Entries, Weight))]

    def again(self, /, **others: Any) -> torch.Tensor:
        """Return the operation with other tensors, by their names in its schema."""
        names = [argument.name for argument in self.node.target._schema.arguments]  # type: ignore
        given = {**dict(zip(names, self.arguments, strict=False)), **self.keywords}
        given.update({name: own for name, own in others.items() if name in names})
        return self.node.target(**given)  # type: ignore[operator]

    def carried(self, field: str) -> Any:
        """Return the operation on a field of its arguments."""
        arguments, keywords = pytree.tree_map(
            lambda leaf: getattr(leaf, field) if isinstance(leaf, Entries) else leaf,
            (self.arguments, self.keywords),
        )
        return copying(self.node.target)(*arguments, **keywords)


def copying(target: Any) -> Any:
    """Return an operation as it is, but for views of memory: other tensors lie otherwise in it."""
    views = ("view", "_unsafe_view")
    return torch.ops.aten.reshape.default if name_of(target) in views else target


def name_of(target: Any) -> str:
    """Return the name of an operation in `torch.ops.aten`, the same in place or not."""
    packet = getattr(target, "_opname", None) or getattr(target, "__name__", str(target))
    return packet[:-1] if in_place(target) else packet


def read_nodes(graph: torch.fx.Graph) -> set[torch.fx.Node]:
    """Return the nodes of which an output has something: what is computed for nobody is left out.

    >>> graph = torch.fx.symbolic_trace(torch.nn.ReLU()).graph
    >>> len(read_nodes(graph)) == len(graph.nodes)
    True
    """
    found: set[torch.fx.Node] = set()
    for node in reversed(graph.nodes):
        ends = node.op in ("output", "placeholder") or in_place(node.target)
        if ends or not found.isdisjoint(node.users):
            found.add(node)
    return found


def in_place(target: Any) -> bool:
    """Return whether an operation changes its first argument."""
    schema = getattr(target, "_schema", None)
    return schema is not None and schema.is_mutable and target._opname.endswith("_")
