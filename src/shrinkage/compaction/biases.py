"""What takes up the constants that a weighted sum reads: its bias, or what stands right behind it.

Who uses this: `analysis`, once all calls are known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from shrinkage.compaction.calls import name_of
from shrinkage.compaction.entries import Bias, Reader, Weight, words

if TYPE_CHECKING:
    from shrinkage.compaction.analysis import Analysis

LAST = words("linear matmul mm addmm einsum")
"""Weighted sums whose features lie along the last axis, as those of a vector that is added do."""


def with_biases(run: Analysis, model: nn.Module, given: list[Weight | None]) -> list[Reader]:
    """Return the readers with what takes up their constants.

    Args:
        run: whose readers they are.
        model: the network.
        given: what each is called with as its bias.
    """
    missing = _missing(model)
    return [
        replace(reader, bias=_bias(run, reader, bias, missing))
        for reader, bias in zip(run.readers, given, strict=True)
    ]


def _bias(run: Analysis, reader: Reader, bias: Weight | None, missing: dict[str, str]) -> Any:
    if bias is not None:
        return _added(run, bias)
    weight = reader.weight
    if weight.value.ndim > 2 and not name_of(reader.node.target).startswith("conv"):
        return None  # one matrix for each expert, say
    found = _behind(run, reader)
    whole = len(weight.value) == len(run.tensors[weight.name]) and weight.exact
    if found is None and (reader.axis, reader.rows) == (1, 0) and whole:
        name = missing.get(weight.name) if name_of(reader.node.target) != "einsum" else None
        found = name and Bias(name, torch.arange(len(weight.value)), is_there=False)
    return found


def _added(run: Analysis, bias: Weight) -> Bias | None:
    shape = run.tensors[bias.name].shape
    return Bias(bias.name, bias.places(shape)) if bias.exact and not bias.others else None


def _behind(run: Analysis, reader: Reader) -> Bias | None:
    """Return what right behind a weighted sum takes up constants of it.

    That is the mean which a batch norm takes away, or a vector that is added as a bias.
    """
    node, value = reader.node, reader.made.entries.value
    user = next(iter(node.users)) if len(node.users) == 1 else None
    if user is None:
        return None
    if name_of(user.target) == "batch_norm" and len(user.args) > 5 and not user.args[5]:
        mean = run.nodes[user.args[3]] if isinstance(user.args[3], torch.fx.Node) else None
        found = _added(run, mean) if isinstance(mean, Weight) else None
        return found and replace(found, sign=-1)
    if name_of(user.target) == "add" and len(user.args) == 2 and not user.kwargs:
        (other,) = (own for own in user.args if own is not node)
        bias = run.nodes[other] if isinstance(other, torch.fx.Node) else None
        last = reader.made.dim in (-1, value.ndim - 1) and name_of(node.target) in LAST
        if last and isinstance(bias, Weight) and bias.value.shape == value.shape[-1:]:
            return _added(run, bias) if _uses(run, bias) == 1 else None
    return None


def _uses(run: Analysis, weight: Weight) -> int:
    """Return how many calls read the entries of a weight, besides those that take a part of it."""
    shape, count = run.tensors[weight.name].shape, 0
    own = weight.places(shape)
    for node, known in run.nodes.items():
        alike = isinstance(known, Weight) and known.name == weight.name
        if alike and torch.isin(own, known.places(shape)).any():
            count += sum(not _is_weight(run.nodes[user]) for user in node.users)
    return count


def _is_weight(known: Any) -> bool:
    return all(isinstance(own, Weight) for own in pytree.tree_leaves(known))


def _missing(model: nn.Module) -> dict[str, str]:
    """Return the names that biases would have which linear layers and convolutions lack."""
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    return {
        f"{name}.weight".lstrip("."): f"{name}.bias".lstrip(".")
        for name, module in model.named_modules()
        if isinstance(module, kinds) and module.bias is None
    }
