"""The layer that reads the inputs of a model, and how its weights are grouped by source column.

Who uses this: the plan, which tells the terms what belongs together, and `outcomes`, which counts
what is kept. Several inputs may come from one column of the table: they are one group.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from shrinkage.parameters import InputGroups, ParameterInfo


def first_weight(infos: tuple[ParameterInfo, ...], n_inputs: int) -> str:
    """Return the name of the first linear layer's weight if it reads the inputs, else ''.

    >>> info = ParameterInfo("0.weight", (8, 3), "weight", "linear", input_axis=1, output_axis=0)
    >>> first_weight((info,), 3), first_weight((info,), 4)
    ('0.weight', '')
    """
    for info in infos:
        if info.kind == "linear" and info.role == "weight" and info.input_axis == 1:
            reads = info.shape[1] == n_inputs and not info.note  # a note: not the weight itself
            return info.name if reads else ""
    return ""


def grouped(
    infos: tuple[ParameterInfo, ...], name: str, groups: InputGroups | None
) -> tuple[ParameterInfo, ...]:
    """Return the parameters, the one of that name with groups of inputs."""
    return tuple(
        replace(info, input_groups=groups) if info.name == name else info for info in infos
    )


@dataclass(frozen=True)
class KeptInputs:
    """Of each model: which source columns, and how many inputs, have a nonzero weight.

    `used` has shape (models, columns), `columns` its sums.
    """

    used: torch.Tensor
    inputs: torch.Tensor

    @property
    def columns(self) -> torch.Tensor:
        """Return how many source columns each model uses."""
        return self.used.sum(dim=1)


def kept_inputs(weight: torch.Tensor, sources: tuple[int, ...]) -> KeptInputs:
    """Tell what a first layer uses.

    Args:
        weight: (models, outputs, inputs).
        sources: the number of the column that each input comes from; none: each from its own.

    >>> kept_inputs(torch.tensor([[[1.0, 0.0, 2.0]]]), (0, 1, 0)).columns
    tensor([1])
    """
    used = (weight != 0).any(dim=1)
    if sources in ((), tuple(range(used.shape[1]))):
        return KeptInputs(used, used.sum(dim=1))
    places = torch.tensor(sources, device=weight.device)
    counts = torch.zeros(len(used), max(sources) + 1, dtype=torch.int64, device=weight.device)
    counts.index_add_(1, places, used.to(torch.int64))
    return KeptInputs(counts > 0, used.sum(dim=1))
