"""The optimizer of torch that takes the steps, inside what is around it.

Who uses this: `regularize`, whose hooks belong on that optimizer. Accelerate's prepared optimizer,
for one, is an `Optimizer` by its class and never initialised as one, so that it has no hooks.
Nothing is known of wrappers here but that they hold what they wrap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.optim import Optimizer

from shrinkage.errors import UnsupportedOptimizer


def layers_of_optimizer(optimizer: Any) -> tuple[Any, ...]:
    """Return an optimizer and what it wraps, down to the one that takes hooks.

    Args:
        optimizer: of torch, or around one: in its attribute `optimizer`, or in another one.

    Returns:
        The wrappers from outside to inside, and last the optimizer of torch.

    Raises:
        UnsupportedOptimizer: there is none inside, or there are several.

    >>> import torch
    >>> class Wrapper:
    ...     def __init__(self, base):
    ...         self.base = base
    >>> sgd = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    >>> layers_of_optimizer(Wrapper(sgd))[-1] is sgd
    True
    """
    layers = [optimizer]
    while not takes_hooks(layers[-1]):
        inside = [
            held for held in held_by(layers[-1]) if all(held is not layer for layer in layers)
        ]
        if len(inside) != 1:
            count = "none" if not inside else f"{len(inside)} of them"
            raise UnsupportedOptimizer(
                f"expected an optimizer of torch.optim, or a wrapper of one, got "
                f"{type(optimizer).__name__} with {count} inside: give the optimizer that takes "
                "the steps, or a list where there are several"
            )
        layers += inside
    return tuple(layers)


def takes_hooks(optimizer: Any) -> bool:
    """Return whether hooks on an optimizer's step fire: it was initialised as one of torch's."""
    return isinstance(optimizer, Optimizer) and "_optimizer_step_pre_hooks" in vars(optimizer)


def held_by(wrapper: Any) -> tuple[Any, ...]:
    """Return what a wrapper holds that looks like an optimizer, each once."""
    own = vars(wrapper) if hasattr(wrapper, "__dict__") else {}
    named = getattr(wrapper, "optimizer", None)
    if _steps(named):
        return (named,)
    values: list[Any] = []
    for value in own.values():
        several = isinstance(value, list | tuple | Mapping)
        values += (value.values() if isinstance(value, Mapping) else value) if several else [value]
    return tuple({id(value): value for value in values if _steps(value)}.values())


def _steps(value: Any) -> bool:
    return callable(getattr(value, "step", None)) and hasattr(value, "param_groups")
