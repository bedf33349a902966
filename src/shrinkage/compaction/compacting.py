"""`compact`: from a network with dead units to a smaller one that answers the same.

Who uses this: people, and `shrinkage compact RUN`. A network is traced, its graph is asked what
depends on what, dead units are taken out, and the result is compared with the network before it is
given. Where a network cannot be traced as a whole, its parts are made smaller each by itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.fx import GraphModule

from shrinkage.compaction.folding import with_plain_weights
from shrinkage.compaction.lengths import apart_at, other_lengths
from shrinkage.compaction.partly import compact_parts
from shrinkage.compaction.proof import Proof, allowed, prove
from shrinkage.compaction.rounding import Rounding, rounded
from shrinkage.compaction.smaller import Smaller, smaller_network, take_columns
from shrinkage.compaction.tracing import (
    UntraceableNetwork,
    as_inputs,
    few_rows,
    in_evaluation,
    tensors_of,
    uncompiled,
)
from shrinkage.errors import InputError


class TakeInputs(nn.Module):
    """The columns of rows that a smaller network reads.

    Args:
        kept: their places.

    >>> TakeInputs([0, 2])(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[1., 3.]])
    """

    kept: torch.Tensor

    def __init__(self, kept: Any) -> None:
        super().__init__()
        self.register_buffer("kept", torch.as_tensor(kept, dtype=torch.long))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the columns, (rows, kept), of rows (rows, inputs)."""
        return x.index_select(1, self.kept)


@dataclass(frozen=True)
class LayerSizes:
    """How many units a layer had and has: the rows of its weight."""

    name: str
    before: int
    after: int


@dataclass(frozen=True)
class Compaction:
    """A smaller network, and the proof that it answers the same.

    Attributes:
        module: the smaller network, dense and on its own.
        proof: differences, sizes and times, before and after.
        kept_inputs: the places of the inputs that it reads, None where all stay or they are not
            columns of rows.
        layers: units of each layer with weights, before and after.
        notes: what stayed and why, in sentences; empty where there is nothing to say.
        attributes: whole numbers in the module's own attributes that are new, by name.
        rounding: what a file in half precision costs, where one was asked for; the weights of the
            module are those that it holds.
    """

    module: nn.Module
    proof: Proof
    kept_inputs: np.ndarray | None
    layers: tuple[LayerSizes, ...]
    notes: tuple[str, ...] = ()
    attributes: Mapping[str, int] = field(default_factory=dict)
    rounding: Rounding | None = None


@torch.inference_mode(False)
def compact(
    model: nn.Module,
    example_input: Any,
    *,
    drop_inputs: bool = False,
    tolerance: float | None = None,
    timed: bool = True,
    stored_as: str | None = None,
) -> Compaction:
    """Take dead inputs, units, channels and heads out of a network, and prove it equal.

    A unit is dead where it puts out a constant (its incoming weights are 0: act(bias)), which moves
    into the biases that read it, or where nobody reads it. What is tied to it through residual
    connections, concatenations, norms and groups goes with it, or keeps it. The model is left as
    it is. What is compared is evaluation: dropout off, batch norms with their statistics.

    Args:
        model: the network; its weights have exact zeros, as after proximal updates.
        example_input: a tensor of rows, or a tuple of them: what the model is called with. Give
            real rows: the proof compares the outputs on them, and on random ones.
        drop_inputs: call the result with the columns that are read, `rows[:, kept_inputs]`; else
            with the same rows as before, of which it takes the columns itself.
        tolerance: the largest difference of an output, relative to the largest output; None: 1e-5,
            and four roundings where the network computes in half precision.
        timed: measure times, before and after.
        stored_as: `float16` or `bfloat16`: once it is proven equal, round the weights to what a
            file of that type holds, and measure what that costs (`rounding`); None: not at all.

    Returns:
        The smaller network with its proof. It is a copy of the model with smaller layers, which
        can be trained on; where the model's code has sizes written into it, its traced graph.

    Raises:
        InputError: no module, no rows, or an answer without tensors; weights that `stored_as` does
            not hold.
        CollapsedNetwork: all units of a layer are dead, and no output depends on an input.
        UnequalOutputs: the outputs would differ by more than the tolerance.

    >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> with torch.no_grad():
    ...     _ = model[0].weight[1:3].zero_(), model[0].weight[:, 0].zero_()
    >>> result = compact(model, torch.randn(8, 3), drop_inputs=True)
    >>> result.module
    Sequential(
      (0): Linear(in_features=2, out_features=2, bias=True)
      (1): ReLU()
      (2): Linear(in_features=2, out_features=2, bias=True)
    )
    >>> result.kept_inputs, result.proof.difference_real < 1e-6
    (array([1, 2]), True)

    Source: Fang and others, DepGraph: towards any structural pruning (2023), for what is coupled.
    """
    inputs = as_inputs(example_input)
    model, compiled = uncompiled(model)
    frozen = in_evaluation(model)
    with torch.no_grad():
        answer = frozen(*inputs)  # a call that fails says so itself
    if not tensors_of(answer):
        kind = type(answer).__name__
        raise InputError(f"expected an answer with tensors, got {kind}: nothing can be compared")
    plain, computed = with_plain_weights(model)
    still = in_evaluation(plain) if computed else frozen
    others = other_lengths(frozen, few_rows(frozen, inputs))
    tolerance = allowed(frozen) if tolerance is None else tolerance
    try:
        found = _whole(plain, still, inputs, others, drop_inputs, tolerance)
    except UntraceableNetwork as error:
        found = Smaller(*compact_parts(plain, still, inputs, str(error), tolerance))
    notes = found.notes
    if computed:
        told = f"weights that were computed in every call are plain ones: {', '.join(computed)}"
        notes = (*notes, told)
    if compiled:
        notes = (*notes, "the network was compiled, and the result is not: compile it anew")
    found = replace(found, notes=notes)
    result = _proven(frozen, inputs, found, others, drop_inputs, tolerance, timed)
    result = replace(result, layers=_layers(plain, found.module))
    if stored_as is None:
        return result
    take = take_columns(found.kept if drop_inputs else None)
    module, rounding = rounded(result.module, take(inputs), stored_as)
    return replace(result, module=module, rounding=rounding)


def _whole(
    model: nn.Module,
    frozen: nn.Module,
    inputs: tuple[Any, ...],
    others: list[tuple[Any, ...]],
    drop_inputs: bool,
    tolerance: float,
) -> Smaller:
    """Return a smaller network; its code is worth more than inputs that it could do without."""
    rows = inputs[0]
    columns = len(inputs) == 1 and isinstance(rows, torch.Tensor) and rows.ndim == 2
    keep = not (columns and rows.is_floating_point())

    def keeping(keep: bool) -> Smaller:
        return smaller_network(
            model, frozen, inputs, keep_inputs=keep, tolerance=tolerance, others=others
        )

    found = keeping(keep)
    if keep or drop_inputs or not isinstance(found.module, GraphModule):
        return found
    with_all = keeping(True)
    return found if isinstance(with_all.module, GraphModule) else with_all


def _proven(
    frozen: nn.Module,
    inputs: tuple[Any, ...],
    found: Smaller,
    others: list[tuple[Any, ...]],
    drop_inputs: bool,
    tolerance: float,
    timed: bool,
) -> Compaction:
    take = take_columns(found.kept if drop_inputs else None)
    module = found.module
    if found.kept is not None and not drop_inputs:
        module = _taking(found.kept.to(inputs[0].device), module)
    measured = in_evaluation(module)
    proof = prove(
        frozen,
        lambda *given: measured(*take(given)),
        (frozen, measured),
        inputs,
        tolerance=tolerance,
        timed=timed,
        take=take,
        lengths=list(zip(others, apart_at(frozen, measured, others, take), strict=True)),
    )
    kept = None if found.kept is None else found.kept.numpy()
    return Compaction(module, proof, kept, (), found.notes, found.attributes)


def _taking(kept: torch.Tensor, module: nn.Module) -> nn.Module:
    first = ("inputs", TakeInputs(kept))
    plain = type(module) is nn.Sequential and "inputs" not in module._modules
    rest = module.named_children() if plain else [("network", module)]
    taking = nn.Sequential(OrderedDict([first, *rest]))
    taking.training = module.training
    return taking


def _layers(model: nn.Module, smaller: nn.Module) -> tuple[LayerSizes, ...]:
    after = dict(smaller.named_parameters(remove_duplicate=False))
    return tuple(
        LayerSizes(name.rpartition(".")[0] or name, len(own), len(after[name]))
        for name, own in model.named_parameters(remove_duplicate=False)
        if own.ndim > 1 and name in after
    )
