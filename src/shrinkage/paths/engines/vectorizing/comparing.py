"""Whether a module gives the same in a stack as by itself, tried on one training step.

Who uses this: the choice of an engine. Two models with different weights take a step in a stack
and one after the other; outputs, gradients and what the step changes must be the same.
"""

from __future__ import annotations

import warnings

import torch
from torch import nn

from shrinkage.datasets.wording import one_line
from shrinkage.paths.engines.base import Problem, Unit, template
from shrinkage.paths.engines.own_loss import called
from shrinkage.paths.engines.own_recipe import optimizer_of
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.engines.seeding import seed_generators
from shrinkage.paths.engines.vectorizing.copies import ModuleStack
from shrinkage.paths.engines.vectorizing.traits import (
    SEED_LABEL,
    Traits,
    alike,
    first_rows,
    step_of,
)
from shrinkage.pytorch.copies import deep_copy, gradient_hooks

TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-8}
"""Differences that are rounding, relative to the largest number of the same kind."""
GRADIENTS = (1.0, 1e4, 1e-4)
"""How large the gradients of the steps are that an optimizer is tried on: it may cut large ones."""
FURTHER = 1.1  # the weights of the second model, times those of the first


def obstacle(problem: Problem, unit: Unit, traits: Traits) -> str:
    """Return why models of this module cannot be trained in a stack; nothing where they can.

    Warnings of torch that a function has no rule for many models at once are an obstacle, too:
    it then computes one model after the other, and slower.
    """
    first = template(problem, unit)
    hooked = _with_gradient_hook(first)
    if hooked:
        return f"a hook sees the gradient of {hooked}, one model's at a time"
    second = _further(first)
    apart = ""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            stack = _stacked(first, second, traits)
            outputs = _step(problem, unit, stack)
            apart = _moves_apart(problem, stack)
        except Exception as error:
            return f"torch cannot compute many copies of it at once ({one_line(error, 160)})"
    if apart:
        return apart
    slow = next((each for each in told if "performance drop" in str(each.message)), None)
    if slow is not None:
        reason = str(slow.message).split(" for ")[-1].split(".")[0]
        return f"torch has no rule to compute many copies of it at once (aten {reason})"
    for model, module in enumerate((first, second)):
        name = _difference(problem, unit, stack, model, module, outputs)
        if name:
            return f"many copies of it at once do not compute what one does: {name} differ"
    return ""


def _with_gradient_hook(module: nn.Module) -> str:
    """Return the name of a parameter or a module whose gradient a hook sees; or nothing."""
    parameters = module.named_parameters()
    names = [name for name, parameter in parameters if gradient_hooks(parameter)]
    for name, part in module.named_modules():
        if part._backward_hooks or part._backward_pre_hooks:
            names.append(name or "the model")
    return names[0] if names else ""


def _moves_apart(problem: Problem, stack: ModuleStack) -> str:
    """Return why an optimizer does not move models in a stack as it moves each; or nothing.

    One that is not elementwise (a norm of the whole gradient, a factored moment) does not.
    """
    recipe = problem.recipe
    if recipe.optimizer is None:
        return ""
    together = [value.detach().clone().requires_grad_() for value in stack.parameters.values()]
    alone = [[own[model].detach().clone().requires_grad_() for own in together] for model in (0, 1)]
    optimizers = [optimizer_of(recipe, own) for own in (together, *alone)]
    generator = torch.Generator().manual_seed(0)
    for size in GRADIENTS:
        for place, value in enumerate(together):
            drawn = torch.randn(value.shape, generator=generator, dtype=value.dtype)
            value.grad = (size * drawn).to(value)
            for model, own in enumerate(alone):
                own[place].grad = value.grad[model].clone()
        for optimizer in optimizers:
            optimizer.step()
    same = all(
        alike(value[model], own[place], TOLERANCE.get(problem.dtype, 1e-2))
        for place, value in enumerate(together)
        for model, own in enumerate(alone)
    )
    reason = f"the optimizer {called(recipe.optimizer)} moves many models otherwise than each"
    return "" if same else reason


def _further(module: nn.Module) -> nn.Module:
    other = deep_copy(module)
    with torch.no_grad():
        for parameter in other.parameters():
            if parameter.requires_grad:
                parameter.mul_(FURTHER)
    return other


def _stacked(first: nn.Module, second: nn.Module, traits: Traits) -> ModuleStack:
    stack = ModuleStack(deep_copy(first), 2, traits)
    with torch.no_grad():
        for name, value in second.named_parameters():
            if name in stack.parameters:
                stack.parameters[name][1] = value
    return stack


def _step(problem: Problem, unit: Unit, stack: ModuleStack) -> torch.Tensor:
    """Return the outputs of both models in a step, and leave its gradients."""
    rows, seen = first_rows(problem, unit), list[torch.Tensor]()

    def loss(outputs: torch.Tensor) -> torch.Tensor:
        seen.append(outputs.detach())
        return problem.loss(outputs, rows.target, rows.weight)

    with torch.no_grad():
        stack.forward(rows.x[:1])  # evaluation
    seed_generators(derived_seed(unit.seed, SEED_LABEL), problem.device)
    stack.backward(rows.x, loss)
    return seen[0]


def _difference(
    problem: Problem,
    unit: Unit,
    stack: ModuleStack,
    model: int,
    module: nn.Module,
    outputs: torch.Tensor,
) -> str:
    """Return what differs between a model of the stack and the module by itself."""
    tolerance = TOLERANCE.get(problem.dtype, 1e-2)
    alone = step_of(problem, unit, module)
    if not alike(outputs[model].t(), alone.outputs, tolerance):
        return "outputs"
    pairs = [
        (stack.parameters[name].grad, own)
        for name, own in alone.gradients.items()
        if own is not None and name in stack.parameters
    ]
    left = torch.cat([mine[model].flatten() for mine, _ in pairs if mine is not None])
    if not alike(left, torch.cat([own.flatten() for _, own in pairs]), tolerance):
        return "gradients"
    buffers = dict(module.named_buffers())
    same = all(
        alike(own[model].double(), buffers[name].double(), tolerance)
        for name, own in stack.buffers.items()
    )
    return "" if same else "buffers"
