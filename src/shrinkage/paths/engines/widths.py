"""What a network of the user's answers to a few rows: numbers with a gradient, one for each output.

Who uses this: architectures when they are built, and paths before they train. What does not fit is
said with what came, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError
from shrinkage.paths.engines.answer_parts import has_parts, parts_said
from shrinkage.paths.engines.trial_rows import shapes_of, trial_rows
from shrinkage.pytorch.copies import deep_copy
from shrinkage.pytorch.modes import evaluating


def check_width(
    module: nn.Module,
    name: str,
    n_inputs: int,
    n_outputs: int,
    batches: Sequence[int] = (2, 1, 3),
) -> None:
    """Refuse a module, on the CPU, whose output for batches of some rows is not (rows, n_outputs).

    Raises:
        InputError: says which shape came.
    """
    for rows in batches:
        with evaluating(module):
            answer = _answer(module, name, trial_rows(module, rows, n_inputs))
        if not isinstance(answer, torch.Tensor) or answer.shape != (rows, n_outputs):
            got = _shape_said(answer, rows)
            if isinstance(answer, torch.Tensor) and rows != 2:
                got += ", and another shape for two: keep the axis of the rows"
            raise InputError(
                f"the model {name} must map (rows, {n_inputs}) to (rows, {n_outputs}), got {got}"
            )
        if not answer.is_floating_point():
            raise InputError(
                f"the model {name} must answer with fractions, which have a gradient, got "
                f"{answer.dtype}: return logits or numbers, and not labels made of them"
            )


def check_training_width(module: nn.Module, name: str, x: torch.Tensor, n_outputs: int) -> None:
    """Refuse a module, on the CPU, whose output in training is not (rows, n_outputs).

    Raises:
        InputError: says what came.
    """
    answer = _answer(deep_copy(module).train(), name, x)
    if not isinstance(answer, torch.Tensor) or answer.shape != (len(x), n_outputs):
        raise InputError(
            f"the model {name} must map (rows, {x.shape[1]}) to (rows, {n_outputs}) in training as "
            f"in evaluation, got in training {_shape_said(answer, len(x))}"
        )


def _shape_said(answer: object, rows: int) -> str:
    if isinstance(answer, torch.Tensor):
        return f"{tuple(answer.shape)} for {rows} row{'s' if rows > 1 else ''}"
    if not has_parts(answer):
        return f"{parts_said(answer)}: return the outputs, a tensor, from forward"
    return (
        f"{parts_said(answer)}: say which part with answer= (--answer), by its name, its position "
        "or a function of the answer"
    )


def _answer(module: nn.Module, name: str, x: torch.Tensor) -> object:
    try:
        with torch.no_grad():
            return module(x)
    except Exception as error:
        shapes = shapes_of(module)
        what, how = f"a batch of shape {tuple(x.shape)}", "rows of numbers, scaled"
        how += ", or those of a tuple (X,), or by name {'x': (n, 1) and more}, as they are"
        if shapes is not None:
            what, how = f"{len(x)} rows of {shapes}", f"{shapes}, each behind the axis of the rows"
        raise InputError(
            f"the model {name} fails on {what}: {type(error).__name__}: {one_line(error)}; "
            f"its inputs are {how}"
        ) from error
