"""The sizes of a smaller network: what each operation of the graph must be called with.

Who uses this: `deciding` asks which operations would cut a smaller tensor elsewhere than before,
`rebuilding` writes the new sizes into the graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.fx import Node
from torch.utils import _pytree as pytree

from shrinkage.compaction.analysis import Analysis
from shrinkage.compaction.calls import copying
from shrinkage.compaction.entries import Entries, Weight
from shrinkage.compaction.operations import CREATED, MOVES, along

SHAPED = {
    **dict.fromkeys(("view", "reshape", "_unsafe_view", "expand"), 1),
    **{name: int(name.startswith("new_")) for name in CREATED},
}
"""Operations whose argument at this place is the shape of the result."""


class Resized:
    """The graph of an analysis, without the units that are gone.

    Args:
        run: the analysis.
        gone: for every unit, whether it is taken out.
    """

    def __init__(self, run: Analysis, gone: torch.Tensor) -> None:
        self.run, self.gone = run, gone

    def stays(self, units: torch.Tensor) -> list[torch.Tensor]:
        """Return for each axis of a tensor which of its slices stay."""
        stays = ~self.gone[units]
        return [
            stays.flatten()
            if stays.ndim == 1
            else stays.amax([other for other in range(stays.ndim) if other != dim])
            for dim in range(stays.ndim)
        ]

    def cut(self, tensor: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
        """Return a tensor without the slices that are gone."""
        for dim, stays in enumerate(self.stays(units)):
            if not stays.all():
                tensor = tensor.index_select(dim, stays.nonzero()[:, 0].to(tensor.device))
        return tensor

    def touched(self, node: Node) -> Iterator[torch.Tensor]:
        """Return the units of the tensors that go into a call and come out of it."""
        for known in (
            *(self.run.nodes[other] for other in node.all_input_nodes),
            self.run.nodes[node],
        ):
            for own in known if isinstance(known, (list, tuple)) else (known,):
                if isinstance(own, Entries):
                    yield own.units
                elif isinstance(own, Weight):
                    yield from self._axes(own)

    def stay(self, known: Entries | Weight) -> list[torch.Tensor]:
        """Return for each axis of what is known which of its slices stay."""
        if isinstance(known, Entries):
            return self.stays(known.units)
        if known.name in self.run.shapes:
            return self.stays(known.moved(self.run.shapes[known.name]))
        return [~self.gone[units] for units in self._axes(known)]

    def _axes(self, weight: Weight) -> list[torch.Tensor]:
        """Return the units along the axes of a weight, as far as it was asked for them."""
        if weight.name in self.run.shapes:
            return [weight.moved(self.run.shapes[weight.name])]
        found = []
        for size, axis in zip(weight.value.shape, weight.axes, strict=True):
            own, places = axis or (-1, torch.arange(size))
            units = self.run.axes.get((weight.name, own), torch.zeros(1 + int(places.max())).long())
            found.append(units[places])
        return found

    def _small(self, known: Any) -> Any:
        """Return numbers that tell the units of each entry that stays of a tensor."""
        if not isinstance(known, (Entries, Weight)):
            return known
        codes = torch.zeros(known.value.shape, dtype=torch.long)
        if isinstance(known, Entries) or known.name in self.run.shapes:
            (codes,) = [known.units] if isinstance(known, Entries) else self._axes(known)
            codes = self.run.units.find(codes)
        else:
            for dim, (axis, units) in enumerate(zip(known.axes, self._axes(known), strict=True)):
                own = 0 if axis is None else axis[0]
                roots = self.run.units.find(units) * len(self.run.units) ** own
                codes = codes + along(roots, dim, codes.shape)
        for dim, stays in enumerate(self.stay(known)):
            codes = codes.index_select(dim, stays.nonzero()[:, 0])
        return codes

    def misfits(self) -> Iterator[Node]:
        """Return the calls that carry entries and would carry others in the smaller network."""
        for node in self.run.trace.graph.nodes:
            changes = node.op == "call_function" and self._changes(node)
            if changes and self._moves(node) and not self._fits(node):
                yield node

    def arguments(self, node: Node) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of a call with the sizes of the smaller network; nodes as nodes."""
        name = getattr(node.target, "_opname", "")
        arguments: list[Any] = list(node.args)
        keywords: dict[str, Any] = dict(node.kwargs)
        known = self.run.nodes[node]
        if name in SHAPED and isinstance(known, (Entries, Weight)):
            place = SHAPED[name]
            arguments[place] = self._shape(arguments[place], known)
        elif name == "unflatten" and isinstance(known, (Entries, Weight)):
            dim = int(arguments[1]) % self._read(node).value.ndim
            sizes = list(arguments[2])
            new = [int(stays.sum()) for stays in self.stay(known)][dim : dim + len(sizes)]
            arguments[2] = [
                old if old == -1 else size for old, size in zip(sizes, new, strict=True)
            ]
        elif name in ("split_with_sizes", "split") and isinstance(arguments[1], (list, tuple)):
            dim = arguments[2] if len(arguments) > 2 else keywords.get("dim", 0)
            arguments[1] = [int(self.stay(own)[dim].sum()) for own in known]
        elif name in ("split", "chunk") and isinstance(arguments[1], int):
            dim = arguments[2] if len(arguments) > 2 else keywords.get("dim", 0)
            if name == "split":
                arguments[1] = max(int(self.stay(own)[dim].sum()) for own in known)
        elif name in ("slice", "narrow", "select"):
            self._positions(node, name, arguments)
        elif name.startswith("conv") and len(arguments) > 6 and arguments[6] != 1:
            channels = self.stay(self._read(node))[1]
            arguments[6] = int(arguments[6] * int(channels.sum()) // len(channels))
        return tuple(arguments), keywords

    def _positions(self, node: Node, name: str, arguments: list[Any]) -> None:
        source = self._read(node)
        dim = int(arguments[1]) if len(arguments) > 1 else 0
        stays = self.stay(source)[dim]
        size, places = len(stays), torch.cat([torch.zeros(1, dtype=torch.long), stays.cumsum(0)])
        if stays.all():
            return
        end = 4 if name == "slice" else 3
        for place in range(2, min(end, len(arguments))):
            old = arguments[place]
            if not isinstance(old, int):
                continue
            inside = old + size if old < 0 else min(old, size)
            if name == "narrow" and place == 3:
                start = int(node.args[2])  # type: ignore[arg-type]
                arguments[place] = int(places[start + old] - places[start])
            elif old < size:
                arguments[place] = int(places[max(0, inside)])

    def _shape(self, old: Any, known: Entries | Weight) -> list[Any]:
        """Return a shape; a size that follows the batch and shrinks is left to be found."""
        new = [int(stays.sum()) for stays in self.stay(known)]
        sizes: list[Any] = []
        for before, size, is_now in zip(old, known.value.shape, new, strict=True):
            fixed = before == -1 or size == is_now
            follows = isinstance(before, Node) and -1 not in sizes and -1 not in old
            sizes.append(before if fixed else (-1 if follows else is_now))
        return sizes

    def _read(self, node: Node) -> Any:
        return self.run.nodes[node.args[0]]  # type: ignore[index]

    def _changes(self, node: Node) -> bool:
        return any(bool(self.gone[units].any()) for units in self.touched(node))

    def _moves(self, node: Node) -> bool:
        name = getattr(node.target, "_opname", getattr(node.target, "__name__", ""))
        return name in MOVES

    def _fits(self, node: Node) -> bool:
        """Return whether a call on the smaller tensors carries the same units to their places."""
        arguments, keywords = self.arguments(node)

        def small(leaf: Any) -> Any:
            if not isinstance(leaf, Node):
                return leaf
            return pytree.tree_map(self._small, self.run.nodes[leaf])

        arguments, keywords = pytree.tree_map(small, (arguments, keywords))
        try:
            found = copying(node.target)(*arguments, **keywords)
        except (RuntimeError, IndexError):
            return False
        wanted = pytree.tree_map(self._small, self.run.nodes[node])
        pairs = zip(pytree.tree_leaves(found), pytree.tree_leaves(wanted), strict=False)
        return all(
            one.shape == other.shape and torch.equal(one, other)
            for one, other in pairs
            if isinstance(one, torch.Tensor)
        )
