"""A network of the user's that is called with pictures, sequences or several inputs.

Who uses this: the plan, for rows that have shapes. Engines know flat rows alone; a hook in front of
the network makes of them what it is called with. Parameters keep their names, and the network may
be called with its own inputs all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from inspect import Signature, signature
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from shrinkage.datasets import Dataset
from shrinkage.datasets.input_shapes import InputShapes
from shrinkage.errors import InputError
from shrinkage.paths.engines.architectures import MLP, Architecture, Linear
from shrinkage.paths.engines.trial_rows import trial_rows
from shrinkage.pytorch.modes import evaluating

KINDS = {"int": torch.int64, "bool": torch.bool}


@dataclass(frozen=True)
class Unflatten:
    """A hook that makes the inputs of a network from flat rows (rows, size).

    With `together` inputs by name are one argument, a mapping.
    """

    shapes: InputShapes
    together: bool = False

    def __call__(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of the network; what is no flat row stays as it is."""
        del module
        if kwargs or len(args) != 1 or not self._is_flat(args[0]):
            return args, kwargs
        parts = args[0].split([array.size for array in self.shapes.arrays], dim=1)
        inputs = [
            part.reshape(-1, *array.shape).to(KINDS.get(array.kind, part.dtype))
            for part, array in zip(parts, self.shapes.arrays, strict=True)
        ]
        if self.shapes.by_name:
            names = [array.name for array in self.shapes.arrays]
            mapping = dict(zip(names, inputs, strict=True))
            return ((mapping,), {}) if self.together else ((), mapping)
        return tuple(inputs), {}

    def _is_flat(self, x: object) -> bool:
        return isinstance(x, torch.Tensor) and x.ndim == 2 and x.shape[1] == self.shapes.size


@dataclass(frozen=True)
class Shaped:
    """An architecture whose modules are called with inputs of these shapes.

    A module that reads flat rows, and not the shape of a single input, is left as it is.
    """

    architecture: Architecture
    shapes: InputShapes
    solved: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Return the architecture's name."""
        return self.architecture.name

    def build(self, n_inputs: int, n_outputs: int) -> nn.Module:
        """Return the module with its hook."""
        module = self.architecture.build(n_inputs, n_outputs)
        unflatten = Unflatten(self.shapes, self._takes_a_mapping(module))
        hook = module.register_forward_pre_hook(unflatten, with_kwargs=True)
        one = len(self.shapes.arrays) == 1 and not self.shapes.by_name
        rows = trial_rows(module, 2, n_inputs)
        if one and not _fits(module, rows):
            hook.remove()
            if not _fits(module, rows):  # neither: the error is about the shape
                module.register_forward_pre_hook(unflatten, with_kwargs=True)
        return module

    def _takes_a_mapping(self, module: nn.Module) -> bool:
        """Return whether a network wants inputs by name in one argument: it has not their names."""
        called = signature(module.forward)
        names = dict.fromkeys(array.name for array in self.shapes.arrays)
        return self.shapes.by_name and not _binds(called, **names) and _binds(called, names)


def with_shapes(architecture: Architecture, data: Dataset) -> tuple[Architecture, Dataset]:
    """Return the architecture and the rows as they go together, where rows have shapes.

    A network of the user's is called with the shapes and numbers of `X`; those of this library read
    flat rows.

    Raises:
        InputError: numbers are missing, which nothing fills.
    """
    if data.shapes is None or isinstance(architecture, (Linear, MLP)):
        return architecture, data
    X = np.asarray(data.X)
    if X.dtype.kind == "f" and np.isnan(X).any():
        raise InputError(
            "expected finite numbers in X, which goes to the network as it is, got NaN: fill them "
            "first"
        )
    told = f"the model is called with {data.shapes}, "
    told += "bytes divided by 255" if data.pixels else "numbers as they are"
    shape = data.image_shape if data.pixels else None
    data = replace(data, as_shaped=True, image_shape=shape, notes=(*data.notes, told))
    assert data.shapes is not None
    return Shaped(architecture, data.shapes), data


def called_with(module: nn.Module, rows: torch.Tensor) -> tuple[Any, ...]:
    """Return what a network is called with for flat rows, in the order of its arguments.

    A graph has no place for a hook that makes several inputs of one; a single one it follows.
    """
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, Unflatten) and (hook.shapes.by_name or len(hook.shapes.arrays) > 1):
            args, names = hook(module, (rows,), {})
            bound = signature(module.forward).bind(*args, **names)
            return bound.args if not bound.kwargs else (rows,)
    return (rows,)


def _binds(called: Signature, *args: object, **names: object) -> bool:
    try:
        called.bind(*args, **names)
    except TypeError:
        return False
    return True


def _fits(module: nn.Module, rows: torch.Tensor) -> bool:
    """Return whether two flat rows give (2, outputs); the module and its mode stay."""
    try:
        with evaluating(module), torch.no_grad():
            outputs = module(rows)
    except Exception:
        return False
    return isinstance(outputs, torch.Tensor) and outputs.ndim == 2 and len(outputs) == 2
