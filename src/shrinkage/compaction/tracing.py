"""A network as a graph of calls: `torch.export` makes it, and nothing here makes another.

Who uses this: `analysis` runs the graph on what is known of every entry, `rewriting` changes its
sizes. Why `torch.export`: its graph has one call for one operation, names every parameter as
`named_parameters` does, keeps the batch open, and says where a network cannot be followed
(docs/decisions/0021).
"""

from __future__ import annotations

import functools
import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.utils import _pytree as pytree

from shrinkage.compaction.folding import copied
from shrinkage.errors import InputError, ShrinkageError
from shrinkage.pytorch.copies import deep_copy


class UntraceableNetwork(ShrinkageError):
    """What a network computes cannot be followed; the message says where."""


@dataclass(frozen=True)
class Trace:
    """The graph of one network in evaluation mode.

    Attributes:
        program: what `torch.export` returned.
        names: the name of the parameter or buffer that a placeholder of the graph stands for;
            tied parameters have one name.
        constants: tensors that the code made, by placeholder.
        inputs: the placeholders of the network's own inputs, in order.
        outputs: the nodes that the network returns.
        in_objects: the network answers with objects, of which `outputs` has the tensors alone.
        lengths: all axes are open, not the first alone.
    """

    program: torch.export.ExportedProgram
    names: dict[str, str]
    constants: dict[str, torch.Tensor]
    inputs: tuple[str, ...]
    in_objects: bool
    lengths: bool

    @property
    def graph(self) -> torch.fx.Graph:
        """Return the graph."""
        return self.program.graph

    @property
    def outputs(self) -> list[torch.fx.Node]:
        """Return the nodes whose values the network returns."""
        end = next(node for node in reversed(self.graph.nodes) if node.op == "output")
        return [node for node in pytree.tree_leaves(end.args) if isinstance(node, torch.fx.Node)]


def trace(model: nn.Module, inputs: tuple[Any, ...], *, lengths: bool = False) -> Trace:
    """Return the graph of a network that is in evaluation mode.

    Args:
        model: the network.
        inputs: what it is called with; the first axis of every tensor is the batch, of two rows
            at least.
        lengths: keep the other axes open, too, where the code lets them be so.

    Raises:
        UntraceableNetwork: its code depends on values, or calls what has no graph.
    """
    try:
        program, objects = _exported(model, inputs, lengths=lengths)
    except Exception as error:
        raise UntraceableNetwork(_reason(model, error)) from error
    signature = program.graph_signature
    canonical = _names_of_tied(model)
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    return Trace(
        program,
        {place: canonical.get(name, name) for place, name in names.items()},
        {
            place: own
            for place, name in signature.inputs_to_lifted_tensor_constants.items()
            if isinstance(own := program.constants[name], torch.Tensor)
        },
        tuple(
            spec.arg.name
            for spec in signature.input_specs
            if spec.kind is torch.export.graph_signature.InputKind.USER_INPUT
        ),
        bool(objects),
        lengths,
    )


Exported = tuple[torch.export.ExportedProgram, list[str]]
"""The graph of a network, and the kinds of objects that it answers with."""

_EXPORTED: WeakKeyDictionary[nn.Module, dict[Any, Exported | None]] = WeakKeyDictionary()
"""Graphs of networks in evaluation, by what they were called with: each takes long to follow."""


def _exported(model: nn.Module, inputs: tuple[Any, ...], *, lengths: bool) -> Exported:
    """Return the graph of a network, open along the batch or every axis; the same again if asked.

    What it is called with counts by its sizes alone; copies are other networks.
    """
    leaves, spec = pytree.tree_flatten(inputs)
    kinds = tuple(
        (tuple(own.shape), own.dtype, own.device) if isinstance(own, torch.Tensor) else repr(own)
        for own in leaves
    )
    known = _EXPORTED.setdefault(model, {})
    key = lengths, kinds, repr(spec)
    if key not in known:
        try:
            known[key] = _export(model, inputs, lengths=lengths)
        except Exception:
            known[key] = None
            raise
    if (found := known[key]) is None:
        raise UntraceableNetwork(f"the {type(model).__name__} cannot be traced")
    return found


def _export(model: nn.Module, inputs: tuple[Any, ...], *, lengths: bool) -> Exported:
    def of(leaf: Any) -> Any:
        if not _has_batch(leaf):
            return None
        return dict.fromkeys(range(leaf.ndim if lengths else 1), torch.export.Dim.AUTO)

    shapes = pytree.tree_map(of, inputs)
    with quiet(), torch.no_grad(), _plain_answers(model) as objects:
        program = torch.export.export(model, inputs, dynamic_shapes=shapes, strict=False)
    return program, objects


def tensors_of(answer: Any) -> list[torch.Tensor]:
    """Return the tensors of an answer in order, those in dataclasses and other objects, too.

    >>> tensors_of({"a": torch.ones(1), "b": (2, None)})
    [tensor([1.])]
    """
    found: list[torch.Tensor] = []
    for leaf in pytree.tree_leaves(answer):
        if isinstance(leaf, torch.Tensor):
            found.append(leaf)
        elif _is_object(leaf):
            found.extend(tensors_of(list(vars(leaf).values())))
    return found


def _is_object(leaf: Any) -> bool:
    return hasattr(leaf, "__dict__") and not isinstance(leaf, (type, nn.Module, torch.Tensor))


@contextmanager
def _plain_answers(model: nn.Module) -> Iterator[list[str]]:
    """Let a network answer with the tensors of objects, which no graph has; list their kinds."""
    objects: list[str] = []
    forward = model.forward

    @functools.wraps(forward)
    def plain(*args: Any, **kwargs: Any) -> Any:
        answer = forward(*args, **kwargs)
        kinds = [type(leaf).__name__ for leaf in pytree.tree_leaves(answer) if _is_object(leaf)]
        kinds = [kind for kind in kinds if tensors_of(answer)]
        objects.extend(kinds)
        return tensors_of(answer) if kinds else answer

    own = vars(model).get("forward")
    model.forward = plain
    try:
        yield objects
    finally:
        del model.forward
        if own is not None:
            model.forward = own


def open_axes(model: nn.Module, inputs: tuple[Any, ...]) -> dict[str, frozenset[int]] | None:
    """Return along which axes what a call returns may be longer for other inputs, by its node.

    Not only the rows: a network may take more words, or larger pictures, than its example has.

    Args:
        model: the network in evaluation mode.
        inputs: what it was traced with.

    Returns:
        The open axes of each node of the graph; None where they cannot be told.

    >>> layer = nn.Sequential(nn.Linear(3, 4), nn.ReLU()).eval()
    >>> sorted(open_axes(layer, (torch.ones(2, 5, 3),))["relu"])
    [0, 1]
    """
    try:
        program, _ = _exported(model, inputs, lengths=True)
    except Exception:  # whatever keeps a network from being followed at other sizes
        return None
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    return {
        name: frozenset(dim for dim, size in enumerate(value.shape) if not isinstance(size, int))
        for name, value in values.items()
        if isinstance(value, torch.Tensor)
    }


def length_bounds(
    model: nn.Module, inputs: tuple[Any, ...]
) -> dict[tuple[int, int], tuple[int, ...]]:
    """Return the lengths next to those for which a network has the graph of its example.

    Args:
        model: the network in evaluation mode.
        inputs: what it is traced with.

    Returns:
        By the place of a tensor among the inputs and its axis: one below and one above, where
        there is such a bound; nothing where they cannot be told.
    """
    try:
        program, _ = _exported(model, inputs, lengths=True)
    except Exception:  # whatever keeps a network from being followed at other sizes
        return {}
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    found: dict[tuple[int, int], tuple[int, ...]] = {}
    for place, name in enumerate(program.graph_signature.user_inputs):
        own = values.get(str(name))
        for dim, size in enumerate(own.shape) if isinstance(own, torch.Tensor) else ():
            span = None if isinstance(size, int) else program.range_constraints.get(size.node.expr)
            if span is not None:
                next_to = (span.lower - 1, span.upper + 1)
                found[place, dim] = tuple(int(new) for new in next_to if new.is_Integer)
    return found


def some_rows(inputs: tuple[Any, ...], count: int = 2) -> tuple[Any, ...]:
    """Return so many rows of every tensor: a single one would be taken for a fixed size."""

    def rows(leaf: Any) -> Any:
        if not _has_batch(leaf):
            return leaf
        return torch.cat([leaf] * -(-count // len(leaf)))[:count]

    return pytree.tree_map(rows, inputs)


def takes_rows(network: nn.Module, inputs: tuple[Any, ...], count: int) -> bool:
    """Return whether a network can be called with so many rows of every tensor.

    One of a graph cannot: its nodes and what connects them go together.
    """
    try:
        with torch.no_grad():
            network(*some_rows(inputs, count))
    except Exception:  # whatever a network raises whose sizes do not fit
        return False
    return True


def few_rows(network: nn.Module, inputs: tuple[Any, ...], count: int = 2) -> tuple[Any, ...]:
    """Return so many rows of every tensor, or all where the network cannot be called with them."""
    return some_rows(inputs, count) if takes_rows(network, inputs, count) else inputs


def as_inputs(example: Any) -> tuple[Any, ...]:
    """Return the arguments that a network is called with, of an example or of several.

    Raises:
        InputError: there is no tensor, or one without a batch.
    """
    inputs = tuple(example) if isinstance(example, (tuple, list)) else (example,)
    tensors = [leaf for leaf in pytree.tree_leaves(inputs) if isinstance(leaf, torch.Tensor)]
    if not tensors or any(leaf.ndim == 0 or len(leaf) == 0 for leaf in tensors):
        got = ", ".join(str(tuple(leaf.shape)) for leaf in tensors) or type(example).__name__
        raise InputError(
            f"expected an example input: a tensor of some rows, or a tuple of tensors, got {got}"
        )
    return inputs


def uncompiled(model: nn.Module) -> tuple[nn.Module, bool]:
    """Return a network without what `torch.compile` puts around modules, and whether there was any.

    What is compiled is called like a module of its own, in which nothing can be followed.

    >>> layer = nn.Linear(2, 2)
    >>> uncompiled(torch.compile(layer, backend="eager"))[0] is layer
    True
    """
    inner = _compiled(model)
    if inner is not None:
        return uncompiled(inner)[0], True
    if not isinstance(model, nn.Module) or all(_compiled(own) is None for own in model.modules()):
        return model, False
    plain = deep_copy(model)
    for owner in list(plain.modules()):
        for name, child in owner.named_children():
            while (inner := _compiled(child)) is not None:
                owner._modules[name] = child = inner
    return plain, True


def _compiled(model: Any) -> nn.Module | None:
    inner = getattr(model, "_orig_mod", None)
    return inner if isinstance(inner, nn.Module) else None


def in_evaluation(model: nn.Module) -> nn.Module:
    """Return a copy of a network in evaluation mode, without gradients.

    Raises:
        InputError: it cannot be copied, is compiled by `torch.jit`, or has layers that were never
            called.
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"expected a torch.nn.Module, got {type(model).__name__}")
    lazy = [name for name, own in model.named_parameters() if nn.parameter.is_lazy(own)]
    if lazy:
        raise InputError(
            f"expected weights, got the lazy parameter {lazy[0]!r}: call the network once before"
        )
    if any(isinstance(own, torch.jit.ScriptModule) for own in model.modules()):
        raise InputError(
            "expected modules of Python code, got one of TorchScript, whose sizes are fixed: give "
            "the network as it was before torch.jit"
        )
    try:
        return copied(model).eval().requires_grad_(False)
    except Exception as error:
        raise InputError(f"expected a network that can be copied: {error}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what `torch.export` logs, prints and warns about to itself."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    nowhere = io.StringIO()
    try:
        with warnings.catch_warnings(), redirect_stdout(nowhere), redirect_stderr(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _has_batch(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor) and leaf.ndim > 0


def _names_of_tied(model: nn.Module) -> dict[str, str]:
    first: dict[int, str] = {}
    names: dict[str, str] = {}
    tensors = [
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    ]
    for name, own in tensors:
        names[name] = first.setdefault(id(own), name)
    return names


def _reason(model: nn.Module, error: Exception) -> str:
    """Return in one line what `torch.export` could not follow, and in which line of code."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    what = lines[0] if lines else type(error).__name__
    return f"the {type(model).__name__} cannot be traced{_place(model, error)}: {what}"


def _place(model: nn.Module, error: BaseException) -> str:
    """Return the last line of code of the network's own modules that the error came through."""
    files = _own_code(model)
    place, trace_ = "", error.__traceback__
    while trace_ is not None:
        code = trace_.tb_frame.f_code
        if (code.co_filename, code.co_qualname) in files:
            owner = trace_.tb_frame.f_locals.get("self")
            name = next((n for n, m in model.named_modules() if m is owner), "")
            where = f" of {name!r}" if name else ""
            place = f" in line {trace_.tb_lineno} of {code.co_qualname}{where}"
        trace_ = trace_.tb_next
    return place


def _own_code(model: nn.Module) -> set[tuple[str, str]]:
    codes = [getattr(type(m).forward, "__code__", None) for m in model.modules()]
    return {(code.co_filename, code.co_qualname) for code in codes if code is not None}
