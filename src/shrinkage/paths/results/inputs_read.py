"""Which inputs a trained model reads, by its weights: what else a person need not give.

Who uses this: `FittedPath`, for predictions and exports. The first layer says which inputs have a
nonzero weight; that nothing else in the network reads the others is tried on rows that differ in
them alone.
"""

from __future__ import annotations

import torch
from torch import nn

from shrinkage.paths.engines.input_layer import first_weight
from shrinkage.pytorch.parameters import describe

ROWS = 8


def inputs_read(module: nn.Module, n_inputs: int) -> tuple[int, ...]:
    """Return the places of the inputs that change a model's answer, in order.

    All of them, where the first layer does not read the inputs one by one, or reads none.

    Args:
        module: the model, in evaluation mode.
        n_inputs: how many inputs it is called with.

    >>> layer = nn.Linear(3, 1)
    >>> with torch.no_grad():
    ...     _ = layer.weight.copy_(torch.tensor([[1.0, 0.0, 2.0]]))
    >>> inputs_read(layer, 3)
    (0, 2)
    """
    every = tuple(range(n_inputs))
    described = describe(module)
    name = first_weight(tuple(info for info, _ in described), n_inputs)
    weight = next((own for info, own in described if info.name == name), None)
    if weight is None:
        return every
    read = (weight.detach() != 0).any(dim=0)
    if not read.any() or read.all() or not _others_are_idle(module, read, weight.dtype):
        return every
    return tuple(torch.nonzero(read).flatten().tolist())


def _others_are_idle(module: nn.Module, read: torch.Tensor, dtype: torch.dtype) -> bool:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(2, ROWS, len(read), generator=generator, dtype=dtype)
    rows[1][:, read] = rows[0][:, read]
    with torch.no_grad():
        return torch.equal(module(rows[0]), module(rows[1]))
