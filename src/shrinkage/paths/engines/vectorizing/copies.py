"""Many copies of one module in one set of arrays, each computed by the module's own forward.

Who uses this: the vectorized engine. Model k computes what the module computes with model k's
arrays: `torch.func.functional_call` puts a model's arrays into the module, `vmap` computes all
models at once. Parameters lie in the flat buffers of a stack, buffers that change in training
have the models along their first axis, and what never changes is there once for all models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.func import functional_call, vmap

from shrinkage.errors import InputError
from shrinkage.paths.engines.flat import FlatStack
from shrinkage.paths.engines.vectorizing.functional_forms import STACKED, FunctionalForms
from shrinkage.paths.engines.vectorizing.traits import Traits

Losses = Callable[[torch.Tensor], torch.Tensor]


class GradientVaries(InputError):
    """A parameter has a gradient in some steps only: models in a stack have all or none."""


class ModuleStack:
    """`count` copies of a module.

    Args:
        module: the weights that every model starts with; its training mode is changed.
        count: number of models.
        traits: what is known of the module.
    """

    def __init__(self, module: nn.Module, count: int, traits: Traits) -> None:
        self.module, self.count = module, count
        named, own = dict(module.named_parameters()), dict(module.named_buffers())
        self._aliases = {id(value): name for name, value in (*named.items(), *own.items())}
        self._places = {place: self._aliases[id(value)] for place, value in _places(module)}
        self.traits = traits
        trained = {name: _repeat(named[name], count) for name in traits.trained}
        self.flat = FlatStack.of(trained)
        self.buffers = {name: _repeat(own[name], count) for name in traits.changing}
        self._still = {name: value.detach() for name, value in named.items() if name not in trained}
        self._still |= {name: value for name, value in own.items() if name not in self.buffers}

    @property
    def parameters(self) -> dict[str, torch.Tensor]:
        """Return the trained parameters by their names in the module, (models, *shape)."""
        return self.flat.parameters

    def forward(self, x: torch.Tensor, *, training: bool = False) -> torch.Tensor:
        """Return the outputs of all models, (models, outputs, rows), for rows `x`."""
        self.module.train(training)

        def outputs(parameters: dict, buffers: dict) -> torch.Tensor:
            arrays = self._still | parameters | buffers
            put = {place: arrays[name] for place, name in self._places.items()}
            return functional_call(self.module, put, (x,), tie_weights=False)

        with FunctionalForms(STACKED):
            together = vmap(outputs, randomness="same")(dict(self.parameters), dict(self.buffers))
        return together.transpose(1, 2)

    def backward(self, x: torch.Tensor, loss: Losses) -> torch.Tensor:
        """Put each model's gradient into `.grad` and return each model's loss, (models,).

        Raises:
            GradientVaries: a parameter has no gradient in this step, and had one in others.
        """
        losses = loss(self.forward(x, training=True))
        parameters = list(self.parameters.values())
        gradients = [None] * len(parameters)
        if losses.requires_grad:  # else other parameters made these outputs
            gradients = torch.autograd.grad(losses.sum(), parameters, allow_unused=True)
        for (name, parameter), gradient in zip(self.parameters.items(), gradients, strict=True):
            if gradient is None or parameter.grad is None:
                raise GradientVaries(
                    f"the parameter {name} of the model has a gradient in some steps and none in "
                    "others, which models trained together cannot have: use --engine sequential"
                )
            parameter.grad.copy_(gradient)
        return losses.detach()

    def arrays(self) -> dict[str, torch.Tensor]:
        """Return what the module's `state_dict` holds, the models along the first axes."""
        arrays = {}
        for name, value in self.module.state_dict(keep_vars=True).items():
            if isinstance(value, torch.Tensor):
                alias = self._aliases.get(id(value), name)
                known = self.parameters.get(alias, self.buffers.get(alias))
                arrays[name] = _repeat(value, self.count) if known is None else known.detach()
        return arrays


def _places(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield where a tensor is to be put: once for each layer, by the first of a layer's names.

    `functional_call` by itself puts a layer of two names twice, and then leaves its array there.
    """
    for name, layer in module.named_modules():
        yield from layer.named_parameters(name, recurse=False, remove_duplicate=False)
        yield from layer.named_buffers(name, recurse=False, remove_duplicate=False)


def _repeat(value: torch.Tensor, count: int) -> torch.Tensor:
    return value.detach().unsqueeze(0).repeat(count, *([1] * value.ndim))
