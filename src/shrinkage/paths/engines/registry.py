"""Which engine trains a model: the one registry of engines.

Who uses this: `fit_path`.
"""

from __future__ import annotations

from torch import nn

from shrinkage.errors import InputError
from shrinkage.paths.engines.architectures import Architecture
from shrinkage.paths.engines.base import Engine
from shrinkage.paths.engines.layers.registry import is_stackable
from shrinkage.paths.engines.linear import LinearEngine
from shrinkage.paths.engines.recipe import Recipe
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.stacked import StackedEngine


def choose_engine(
    name: str, architecture: Architecture, module: nn.Module, recipe: Recipe
) -> Engine:
    """Return the engine for a model.

    Args:
        name: `auto`, `stacked`, `vectorized` or `sequential`.
        architecture: linear models are always solved.
        module: what the architecture builds.
        recipe: with an optimizer or an augmentation of the user's no known layers are taken.

    Raises:
        InputError: `stacked` is asked for and the module cannot be stacked.
    """
    if architecture.solved:
        return LinearEngine()
    stackable = is_stackable(module) and recipe.is_plain
    if name == "stacked" and not stackable:
        raise InputError(
            f"the model {architecture.name} cannot be stacked: expected a torch.nn.Sequential of "
            "Linear, activations, Dropout, BatchNorm1d or LayerNorm, without optimizer or "
            "augmentation of one's own; use --engine auto"
        )
    stacked = stackable and name in ("auto", "stacked")
    return StackedEngine() if stacked else SequentialEngine()


def is_open(engine: Engine) -> bool:
    """Return whether a measurement may find a faster engine: for all that is no known layers."""
    return type(engine) is SequentialEngine
