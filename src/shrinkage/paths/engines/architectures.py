"""What to train: `linear`, `mlp:64,32`, a factory `package.module:function`, or a module.

Who uses this: `fit_path` and the command line turn what a person named into an `Architecture`,
which builds the same module for the same seed in every engine. MLPs and linear models are plain
`torch.nn.Sequential`s, so that their weights load with five lines of PyTorch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import ClassVar, Protocol

import torch
from torch import nn

from shrinkage.checks import one_of
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError, near_names
from shrinkage.importing import import_function
from shrinkage.paths.engines.foreign import refuse_complex, refuse_keras, refuse_script
from shrinkage.paths.engines.layers.ordered import OrderedClasses
from shrinkage.paths.engines.layers.registry import is_hooked
from shrinkage.paths.engines.layers.skipping import Beyond, Joined
from shrinkage.paths.engines.widths import check_width
from shrinkage.pytorch.copies import deep_copy
from shrinkage.pytorch.parameters import original

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh}
SKIP = "+skip"
NORMS: dict[str, type[nn.Module]] = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


class Architecture(Protocol):
    """A recipe for a module: `name` repeats it, `build` makes it."""

    solved: ClassVar[bool]  # to the minimizer, instead of trained for some epochs

    @property
    def name(self) -> str:
        """Return the words that name it in files and on the command line."""
        ...

    def build(self, n_inputs: int, n_outputs: int) -> nn.Module:
        """Return a new module; random weights follow torch's own random state."""
        ...


@dataclass(frozen=True)
class Linear:
    """One affine map: solved to the minimizer instead of trained for a number of epochs.

    >>> Linear().build(3, 1)
    Sequential(
      (0): Linear(in_features=3, out_features=1, bias=True)
    )
    """

    name: str = "linear"
    solved: ClassVar[bool] = True

    def build(self, n_inputs: int, n_outputs: int) -> nn.Sequential:
        """Return the module."""
        return nn.Sequential(nn.Linear(n_inputs, n_outputs))


@dataclass(frozen=True)
class LinearBySteps(Linear):
    """One affine map trained by steps, where no solver knows its loss."""

    solved: ClassVar[bool] = False


@dataclass(frozen=True)
class MLP:
    """Fully connected layers with an activation, optional norm and dropout between them.

    Args:
        hidden: widths of the hidden layers.
        activation: `relu`, `gelu` or `tanh`.
        dropout: probability with which a hidden unit is left out of a training step.
        norm: None, `batch` or `layer`: normalisation before the activation; a layer before
            batch norm has no bias, which batch norm would take away again.
        skip: whether the first layer has as many more outputs as the network, the first ones,
            which pass the hidden layers by and are added at the end: a linear model beside them.

    >>> MLP((4,)).build(3, 2)
    Sequential(
      (0): Linear(in_features=3, out_features=4, bias=True)
      (1): ReLU()
      (2): Linear(in_features=4, out_features=2, bias=True)
    )
    """

    hidden: tuple[int, ...]
    activation: str = "relu"
    dropout: float = 0.0
    norm: str | None = None
    skip: bool = False
    solved: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.hidden or any(width < 1 for width in self.hidden):
            raise InputError(
                f"expected positive widths of hidden layers, got {list(self.hidden)}; "
                "write for example mlp:64,32"
            )
        one_of(self.activation, "activation", ACTIVATIONS)
        if self.norm is not None:
            one_of(self.norm, "norm", NORMS)
        if not 0.0 <= self.dropout < 1.0:
            raise InputError(f"expected a dropout in [0, 1), got {self.dropout}")

    @property
    def name(self) -> str:
        """Return for example `mlp:64,32`, with what differs from the defaults behind it."""
        extra = [f"activation={self.activation}"] if self.activation != "relu" else []
        extra += [f"dropout={self.dropout:g}"] if self.dropout else []
        extra += [f"norm={self.norm}"] if self.norm else []
        widths = "mlp:" + ",".join(map(str, self.hidden)) + (SKIP if self.skip else "")
        return ";".join([widths, *extra])

    def build(self, n_inputs: int, n_outputs: int) -> nn.Sequential:
        """Return the module."""
        layers: list[nn.Module] = []
        skips = n_outputs if self.skip else 0
        for place, width in enumerate(self.hidden):
            outputs = width if place else skips + width
            layers.append(nn.Linear(n_inputs, outputs, bias=self.norm != "batch"))
            if self.norm:
                layers.append(NORMS[self.norm](width))
            layers.append(ACTIVATIONS[self.activation]())
            if self.dropout:
                layers.append(nn.Dropout(self.dropout))
            n_inputs = width
        last = nn.Linear(n_inputs, n_outputs)
        if not skips:
            return nn.Sequential(*layers, last)
        first, *hidden = layers
        return nn.Sequential(first, *(Beyond(skips, own) for own in hidden), Joined(skips, last))


ORDERED_HEAD = ";head=ordered"


@dataclass(frozen=True)
class Ordered:
    """Another architecture with one output, and cumulative logits of ordered classes behind it."""

    inner: Architecture
    solved: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Return the inner name with what is behind it."""
        return self.inner.name + ORDERED_HEAD

    def build(self, n_inputs: int, n_outputs: int) -> nn.Sequential:
        """Return the module; a `Sequential` gets a layer more, others become one of two."""
        module = self.inner.build(n_inputs, 1)
        plain = type(module) is nn.Sequential and not is_hooked([module])
        layers = list(module.children()) if plain else [module]
        return nn.Sequential(*layers, OrderedClasses(n_outputs))


@dataclass(frozen=True)
class Factory:
    """A function of the user's that is called with `(n_inputs, n_outputs)`.

    One whose arguments have these names is called by name, in whatever order it has them.
    """

    name: str
    function: Callable[..., nn.Module]
    solved: ClassVar[bool] = False

    def build(self, n_inputs: int, n_outputs: int) -> nn.Module:
        """Return the module that the function makes.

        Raises:
            InputError: the function raised, or returned something else than a module.
        """
        try:
            module = _called(self.function, n_inputs, n_outputs)
        except (Exception, SystemExit) as error:
            raise InputError(
                f"the model factory {self.name} raised {type(error).__name__}: "
                f"{one_line(error)}; it is called with (n_inputs, n_outputs) = "
                f"({n_inputs}, {n_outputs})"
            ) from error
        refuse_keras(module)
        refuse_script(module)
        if not isinstance(module, nn.Module):
            raise InputError(
                f"the model factory {self.name} must return a torch.nn.Module, "
                f"got {type(module).__name__}; end the function with `return module`"
            )
        # A function may return one and the same module each time: no two models share weights.
        return deep_copy(original(module))


def _called(function: Callable[..., nn.Module], n_inputs: int, n_outputs: int) -> nn.Module:
    sizes = {"n_inputs": n_inputs, "n_outputs": n_outputs}
    try:
        named = sizes.keys() <= set(signature(function).parameters)
    except (TypeError, ValueError):  # one without a signature
        named = False
    return function(**sizes) if named else function(n_inputs, n_outputs)


@dataclass(frozen=True)
class Prototype:
    """A module of the user's: every model starts as a copy of it, weights included."""

    module: nn.Module
    name: str = "module"
    solved: ClassVar[bool] = False

    def build(self, n_inputs: int, n_outputs: int) -> nn.Module:
        """Return a copy of the module."""
        del n_inputs, n_outputs
        return deep_copy(original(self.module))


def parse_architecture(
    model: str | nn.Module | Architecture | Callable[..., nn.Module],
) -> Architecture:
    """Return the architecture that a name, a module or a function stands for.

    Args:
        model: `linear`; `mlp:64,32`, optionally with `+skip` (a linear model beside its hidden
            layers) and with `;activation=tanh;dropout=0.1;norm=batch`;
            `package.module:function`; a function of (n_inputs, n_outputs); or a module.

    Raises:
        InputError: the name is unknown, or the function cannot be imported.

    >>> parse_architecture("mlp:64,32;dropout=0.1")
    MLP(hidden=(64, 32), activation='relu', dropout=0.1, norm=None, skip=False)
    """
    refuse_keras(model)
    refuse_script(model)
    if isinstance(model, nn.Module):
        return Prototype(model, f"{type(model).__name__} module")
    if isinstance(model, (Linear, MLP, Ordered, Factory, Prototype)):
        return model
    if not isinstance(model, str):
        if callable(model):
            return Factory(getattr(model, "__qualname__", "factory"), model)
        raise InputError(
            f"expected a model name, a module or a function, got {type(model).__name__}"
        )
    if model.endswith(ORDERED_HEAD):
        return Ordered(parse_architecture(model.removesuffix(ORDERED_HEAD)))
    if model == "linear":
        return Linear()
    if model.startswith("mlp:"):
        return _parse_mlp(model)
    if ":" in model:
        return Factory(model, import_function(model, "--model"))
    hint = near_names(model, ["linear", "mlp:64,32"]) or "choose one of those forms"
    raise InputError(
        f"unknown model {model!r}: expected linear, mlp:64,32 or package.module:function; {hint}"
    )


def _parse_mlp(text: str) -> MLP:
    widths, *options = text.removeprefix("mlp:").split(";")
    skip, widths = widths.endswith(SKIP), widths.removesuffix(SKIP)
    try:
        hidden = tuple(int(width) for width in widths.split(","))
    except ValueError:
        raise InputError(
            f"expected whole numbers behind mlp:, got {widths!r}; write for example mlp:64,32, or "
            "mlp:64+skip with a linear model beside the hidden layers"
        ) from None
    values: dict[str, str] = {}
    for option in options:
        key, _, value = option.partition("=")
        one_of(key, "mlp option", ("activation", "dropout", "norm"))
        values[key] = value
    try:
        dropout = float(values.get("dropout", "0"))
    except ValueError:
        raise InputError(f"expected a number for dropout, got {values['dropout']!r}") from None
    return MLP(hidden, values.get("activation", "relu"), dropout, values.get("norm"), skip)


def skips_of(architecture: Architecture, n_outputs: int) -> int | None:
    """Return how many outputs of the first layer pass the others by; None: it is a user's.

    >>> skips_of(MLP((4,), skip=True), 3), skips_of(MLP((4,)), 3), skips_of(Linear(), 3)
    (3, 0, 0)
    """
    if isinstance(architecture, Ordered):
        return skips_of(architecture.inner, 1)
    if isinstance(architecture, MLP):
        return n_outputs if architecture.skip else 0
    return 0 if isinstance(architecture, Linear) else None


# Modules draw their weights from torch's one random state: one at a time.
_BUILDING = threading.Lock()


def build_seeded(
    architecture: Architecture, n_inputs: int, n_outputs: int, seed: int, dtype: torch.dtype
) -> nn.Module:
    """Return the module that `architecture` makes under `seed`; torch's random state is kept.

    Raises:
        InputError: the module's output for a batch of rows is not (rows, n_outputs).
    """
    with _BUILDING, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        module = _built(architecture, n_inputs, n_outputs, dtype)
        check_width(module, architecture.name, n_inputs, n_outputs)
    return module


def _built(
    architecture: Architecture, n_inputs: int, n_outputs: int, dtype: torch.dtype
) -> nn.Module:
    try:
        module = architecture.build(n_inputs, n_outputs)
        refuse_complex(module, architecture.name)
        module = module.to(dtype)
    except (RuntimeError, MemoryError) as error:
        raise InputError(
            f"the model {architecture.name} cannot be made for {n_inputs} inputs: "
            f"{one_line(error)}; choose a smaller one"
        ) from error
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise InputError(
            f"the model {architecture.name} has no parameter to train; expected at least one with "
            "requires_grad"
        )
    return module
