"""The options of `shrinkage path` about the model and how it is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from shrinkage.cli.lists import LISTED
from shrinkage.comma_lists import CommaList

PANEL = "Model and training"


def _option(text: str, *names: str, **extra: Any):
    return typer.Option(*names, help=text, rich_help_panel=PANEL, **extra)


Groups = Annotated[
    Path | None,
    _option(
        "Groups of columns for group-lasso: TOML or JSON, NAME = [columns].",
        "--groups",
        metavar="FILE",
    ),
]
Free = Annotated[
    list[CommaList] | None,
    _option("Columns that no penalty is on, in the first layer.", "--free", **LISTED),
]
On = Annotated[
    list[CommaList] | None,
    _option(
        "Weights to penalise, by patterns of their names, such as '0.*'; repeatable. "
        "[default: every weight, no bias]",
        "--on",
        **LISTED,
    ),
]
Fixed = Annotated[
    list[str] | None,
    _option(
        "A term that every model has beside the penalty, such as '1e-3*l2'; repeatable.",
        "--with",
        metavar="TERM",
    ),
]
Update = Annotated[
    str,
    _option(
        "How the penalty enters a step: proximal (exact zeros), decoupled (as in AdamW), "
        "gradient or loss.",
        "--update",
        metavar="NAME",
    ),
]
Model = Annotated[
    str,
    _option(
        "linear, mlp:WIDTHS, mlp:WIDTHS+skip (a linear model beside the hidden layers), or "
        "package.module:function, called with (n_inputs, n_outputs).",
        "--model",
        metavar="MODEL",
    ),
]
Activation = Annotated[
    str | None,
    _option("mlp: relu, gelu or tanh. [default: relu]", "--activation", metavar="NAME"),
]
Dropout = Annotated[
    float | None,
    _option("mlp: dropout probability. [default: 0]", "--dropout", metavar="NUMBER"),
]
Norm = Annotated[
    str | None, _option("mlp: batch or layer. [default: none]", "--norm", metavar="NAME")
]
Epochs = Annotated[
    int | None,
    _option(
        "Passes over the rows. [default: about 2,000 steps, from 5 to 200 epochs]",
        "--epochs",
        metavar="COUNT",
    ),
]
BatchSize = Annotated[
    int | None, _option("Rows a step. [default: 128]", "--batch-size", metavar="COUNT")
]
OPTIMIZER = "A function of the parameters that returns an optimizer. [default: Adam]"
Optimizer = Annotated[str | None, _option(OPTIMIZER, "--optimizer", metavar="MODULE:FUNCTION")]
Loss = Annotated[
    str | None,
    _option(
        "Data loss: squared, poisson, quantile:Q, cox, cox:efron, ordinal, or a function (outputs, "
        "targets) that returns the mean loss, or one a row. [default: by the target]",
        "--loss",
        metavar="NAME",
    ),
]
Augment = Annotated[
    str | None,
    _option(
        "A function of a batch's inputs that returns others, in training.",
        "--augment",
        metavar="MODULE:FUNCTION",
    ),
]
Answer = Annotated[
    str | None,
    _option(
        "Which part of the model's answer holds its outputs: a field's name, a position, or a "
        "function of the answer. [default: logits, where it is no tensor]",
        "--answer",
        metavar="PART",
    ),
]
LearningRate = Annotated[
    float,
    _option("Largest learning rate of Adam's schedule.", "--learning-rate", metavar="NUMBER"),
]
