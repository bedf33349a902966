"""The numbers of a recipe that may be an axis: what each changes, one entry a number.

Who uses this: `variants`. Models that differ in strengths alone share a stack; each combination of
the values here is a variant, a stack of its own, since masks, shapes, batches and rates of a stack
are those of all its models. To add a number: one entry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from shrinkage.errors import InputError
from shrinkage.paths.engines.architectures import MLP, Architecture
from shrinkage.paths.options import PathOptions

Changed = tuple[Architecture, PathOptions]


@dataclass(frozen=True)
class RecipeColumn:
    """What a value of an axis does to a model and its training.

    Args:
        change: returns the architecture and the options with a value.
        words: whether its values are words, else numbers.
        whole: whether its values are whole numbers.
    """

    change: Callable[[Architecture, PathOptions, Any], Changed]
    words: bool = False
    whole: bool = False


def _of_mlp(field: str, read: Callable[[Any], Any] = lambda value: value) -> Callable[..., Changed]:
    def change(architecture: Architecture, options: PathOptions, value: Any) -> Changed:
        if not isinstance(architecture, MLP):
            raise InputError(
                f"expected a model such as mlp:64,32 for an axis of {field}, got "
                f"{architecture.name}: leave the axis out"
            )
        return replace(architecture, **{field: read(value)}), options

    return change


def _width(architecture: Architecture, options: PathOptions, value: float) -> Changed:
    if not isinstance(architecture, MLP) or not value > 0:
        raise InputError(
            f"expected positive factors of the widths of a model such as mlp:64,32 for an axis of "
            f"width, got {value!r} of {architecture.name}"
        )
    hidden = tuple(max(1, round(value * width)) for width in architecture.hidden)
    return replace(architecture, hidden=hidden), options


def _of_options(field: str, read: Callable[[Any], Any]) -> Callable[..., Changed]:
    def change(architecture: Architecture, options: PathOptions, value: Any) -> Changed:
        if architecture.solved:
            raise InputError(
                f"expected a model that is trained for an axis of {field}, got {architecture.name},"
                " which is solved: leave the axis out, or take mlp:64,32"
            )
        return architecture, replace(options, **{field: read(value)})

    return change


def _whole(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value  # a fraction is refused by name


RECIPE_COLUMNS: dict[str, RecipeColumn] = {
    "dropout": RecipeColumn(_of_mlp("dropout")),
    "norm": RecipeColumn(_of_mlp("norm", lambda word: None if word == "none" else word), True),
    "activation": RecipeColumn(_of_mlp("activation"), True),
    "width": RecipeColumn(_width),
    "learning_rate": RecipeColumn(_of_options("learning_rate", float)),
    "batch_size": RecipeColumn(_of_options("batch_size", _whole), whole=True),
    "epochs": RecipeColumn(_of_options("epochs", _whole), whole=True),
}
"""Each by its name: `width` multiplies the widths of the hidden layers, `norm` may be `none`."""
