"""A picture of everything that an audit could have touched, as plain values.

Who uses this: the tests that the caller's objects are as they were. Tensors are their bytes, so
that no bit is overlooked and NaN equals itself.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn


def frozen_copy(value: Any) -> Any:
    """Return a value in which arrays are their bytes."""
    if isinstance(value, torch.Tensor):
        whole = value.detach().cpu().contiguous()
        return str(whole.dtype), tuple(whole.shape), whole.numpy().tobytes()
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes()
    if isinstance(value, dict):
        return {key: frozen_copy(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [frozen_copy(one) for one in value]
    return copy.deepcopy(value)


def picture(model: nn.Module, optimizer: Any, *others: Any) -> dict[str, Any]:
    """Return everything that could have been touched."""
    parameters = list(model.parameters())
    return {
        "weights and buffers": frozen_copy(model.state_dict()),
        "gradients": frozen_copy([w.grad for w in parameters]),
        "identities": [(id(w), w.data_ptr(), id(w.grad)) for w in parameters],
        "trained": [w.requires_grad for w in parameters],
        "modes": [module.training for module in model.modules()],
        "forward hooks": [len(module._forward_hooks) for module in model.modules()],
        "gradient hooks": [len(w._post_accumulate_grad_hooks or ()) for w in parameters],
        "optimizer": frozen_copy(optimizer.state_dict()),
        "groups": [
            (id(group), sorted(group), [id(w) for w in group["params"]])
            for group in optimizer.param_groups
        ],
        "state": [(id(w), sorted(map(str, one))) for w, one in optimizer.state.items()],
        "step": (getattr(optimizer.step, "__func__", None), "step" in vars(optimizer)),
        "before a step": list(optimizer._optimizer_step_pre_hooks.values()),
        "after a step": list(optimizer._optimizer_step_post_hooks.values()),
        "others": [frozen_copy(one.state_dict()) for one in others],
        "torch": frozen_copy(torch.get_rng_state()),
        "numpy": frozen_copy(list(np.random.get_state())),
        "python": random.getstate(),
        "scaler's class": (torch.amp.GradScaler.scale, torch.amp.GradScaler.unscale_),
        "backward": torch.Tensor.backward,
        "clipping": vars(nn.utils.clip_grad).get("_clip_grads_with_norm_"),
    }


def reseeded() -> None:
    """Set the three random states."""
    torch.manual_seed(11)
    np.random.seed(12)
    random.seed(13)


@contextmanager
def states_kept() -> Iterator[None]:
    """Begin with known random states, and give back those of the process."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        reseeded()
        yield
    random.setstate(python)
    np.random.set_state(numpy)


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return what differs between two pictures."""
    return [key for key in before if before[key] != after[key]]
