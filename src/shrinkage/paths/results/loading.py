"""From named arrays to a module's weights, tied ones included.

Who uses this: the one look at the test rows, and a finished path that gives its models back.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from shrinkage.errors import InputError


def load_arrays(module: nn.Module, arrays: Mapping[str, np.ndarray]) -> nn.Module:
    """Put arrays into a module by the names of its `state_dict` and return the module.

    A tied parameter has several names there; one of them is enough. What a module keeps beside
    tensors (`get_extra_state`), and buffers that are not for keeping, stay as they are.

    Raises:
        InputError: an array is missing or belongs nowhere.

    >>> layer = nn.Linear(1, 1)
    >>> load_arrays(layer, {"weight": np.array([[2.0]]), "bias": np.array([1.0])}).weight.item()
    2.0
    """
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in arrays.items()}
    state = module.state_dict(keep_vars=True)
    answer = module.load_state_dict(tensors, strict=False)
    loaded = {id(state[name]) for name in tensors if name in state}
    missing = [
        name
        for name in answer.missing_keys
        if isinstance(state.get(name), torch.Tensor) and id(state[name]) not in loaded
    ]
    strange = sorted(set(answer.unexpected_keys) - set(dict(module.named_buffers())))
    if missing or strange:
        what = f"no array {missing[0]!r}" if missing else f"an array {strange[0]!r} of none"
        raise InputError(
            f"expected arrays for every parameter of the {type(module).__name__}, got {what}; "
            "give the module that was trained"
        )
    return module
