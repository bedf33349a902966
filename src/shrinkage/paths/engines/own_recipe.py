"""An optimizer and an augmentation of the user's own, as parts of a recipe.

Who uses this: the sequential and the vectorized engine. An optimizer is made by a function of the
parameters; the schedule multiplies the learning rates that it was made with. An augmentation is a
function of a batch's inputs, called in training alone, once for all strengths of a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Parameter, signature
from typing import Any

import torch
from torch import nn

from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError
from shrinkage.paths.engines.base import Problem
from shrinkage.paths.engines.own_loss import called
from shrinkage.paths.engines.recipe import Recipe
from shrinkage.paths.engines.shaped import Unflatten

MakeOptimizer = Callable[[Iterable[torch.Tensor]], torch.optim.Optimizer]


def optimizer_of(recipe: Recipe, parameters: Sequence[torch.Tensor]) -> torch.optim.Optimizer:
    """Return the optimizer of a recipe: Adam unless the user has one.

    Raises:
        InputError: what the user's function returns is no optimizer of these parameters.
    """
    if recipe.optimizer is None:
        return torch.optim.Adam(parameters, lr=recipe.learning_rate, fused=True)
    name = called(recipe.optimizer)
    try:
        optimizer = recipe.optimizer(list(parameters))
    except Exception as error:
        raise InputError(
            f"the optimizer {name} fails: {type(error).__name__}: {one_line(error, 160)}; expected "
            "a function of the parameters, such as partial(torch.optim.SGD, lr=0.1)"
        ) from error
    groups = optimizer.param_groups if isinstance(optimizer, torch.optim.Optimizer) else []
    if isinstance(optimizer, (tuple, list, Mapping)) or any("initial_lr" in own for own in groups):
        raise InputError(
            f"expected the optimizer {name} without a schedule of learning rates, got one: that of "
            "a path, warm-up and cosine, multiplies the rates that it is made with; return the "
            "optimizer alone"
        )
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise InputError(
            f"expected the optimizer {name} to return a torch.optim.Optimizer, got "
            f"{type(optimizer).__name__}: end the function with `return optimizer`"
        )
    closure = signature(optimizer.step).parameters.get("closure")
    if closure is not None and closure.default is Parameter.empty:
        raise InputError(
            f"the optimizer {name} asks for a closure in every step, which asks for the gradient "
            "several times: expected one such as AdamW or SGD"
        )
    held = {id(own) for group in optimizer.param_groups for own in group["params"]}
    if held != {id(own) for own in parameters}:
        raise InputError(
            f"expected the optimizer {name} to hold the {len(parameters)} parameters that it is "
            f"called with, and no others, got {len(held)}: pass them on"
        )
    return optimizer


class Rates:
    """Sets the learning rates of an optimizer along the schedule of a recipe."""

    def __init__(self, recipe: Recipe, optimizer: torch.optim.Optimizer) -> None:
        self._recipe, self._optimizer = recipe, optimizer
        self._own = [float(group["lr"]) for group in optimizer.param_groups]

    def set(self, step: int, total: int) -> None:
        """Set those of a step counted from 0, of `total` steps."""
        for group, own in zip(self._optimizer.param_groups, self._own, strict=True):
            group["lr"] = self._recipe.learning_rate_at(step, total, own)


def augmented(problem: Problem, module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return flat rows after the recipe's augmentation, which sees them as the network does.

    Raises:
        InputError: the function fails, or changes shapes.
    """
    augment = problem.recipe.augment
    if augment is None:
        return x
    shapes = getattr(problem.architecture, "shapes", None)
    inputs: Any = x
    if shapes is not None:
        args, by_name = Unflatten(shapes)(module, (x,), {})
        inputs = by_name or (args[0] if len(args) == 1 else args)
    try:
        new = augment(inputs)
        flat = _flat(new).to(x.dtype)
    except Exception as error:
        raise InputError(
            f"the augmentation {called(augment)} fails: {type(error).__name__}: "
            f"{one_line(error, 160)}; it maps the inputs of a batch to inputs of the same shapes"
        ) from error
    if flat.shape != x.shape:
        raise InputError(
            f"expected the augmentation {called(augment)} to keep the shapes of a batch, "
            f"{tuple(x.shape)} numbers, got {tuple(flat.shape)}: return inputs like those given"
        )
    return flat


def _flat(inputs: Any) -> torch.Tensor:
    if isinstance(inputs, torch.Tensor):
        return inputs.reshape(len(inputs), -1)
    several = inputs.values() if isinstance(inputs, Mapping) else inputs
    return torch.cat([_flat(own).to(torch.get_default_dtype()) for own in several], dim=1)
