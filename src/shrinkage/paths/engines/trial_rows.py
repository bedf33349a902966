"""Rows that a network of the user's is tried on before it trains: what it answers, of which shape.

Who uses this: whatever looks at a module before there are rows for it. Fractions are 0, which every
network takes; words, lengths and masks are those of a row of the data, since a mask of nothing and
a length of 0 are what many do not take.
"""

from __future__ import annotations

import torch
from torch import nn

from shrinkage.datasets.input_shapes import InputShapes


def trial_rows(module: nn.Module, rows: int, n_inputs: int) -> torch.Tensor:
    """Return flat rows (rows, n_inputs) in the type of the module's weights.

    >>> trial_rows(nn.Linear(2, 1), 1, 2)
    tensor([[0., 0.]])
    """
    like = next((p for p in module.parameters() if p.is_floating_point()), torch.zeros(0))
    shapes = shapes_of(module)
    if shapes is None:
        return torch.zeros(rows, n_inputs, dtype=like.dtype, device=like.device)
    whole = torch.from_numpy(shapes.trial(rows)).to(like.device, torch.float64)
    narrow = whole.to(like.dtype)
    return narrow.where(narrow == whole, 0)  # a word that half precision has not is no other word


def shapes_of(module: nn.Module) -> InputShapes | None:
    """Return the shapes that a hook makes of flat rows; None: the module is called with these."""
    hooks = (hook for part in module.modules() for hook in part._forward_pre_hooks.values())
    return next((hook.shapes for hook in hooks if hasattr(hook, "shapes")), None)
