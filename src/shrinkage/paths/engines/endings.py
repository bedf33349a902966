"""The last operation of a user's network: whether its outputs can be what they are taken for.

Who uses this: the problem of a path, before anything trains. Outputs are taken for logits of
classes and labels, and for standardized numbers; a sigmoid or a softmax at the end makes others of
them. It is read from the graph that autograd keeps, so that a function says it as a layer does.
"""

from __future__ import annotations

import torch
from torch import nn

from shrinkage.errors import InputError
from shrinkage.paths.engines.answer_parts import Part, part_of
from shrinkage.paths.engines.answers import without_hook
from shrinkage.paths.engines.trial_rows import trial_rows
from shrinkage.pytorch.copies import deep_copy

ENDINGS = ("Softmax", "Sigmoid", "Relu", "Tanh", "Exp", "Softplus", "Hardtanh")
"""Beginnings of the names that autograd gives to operations whose results are within bounds."""
MOVES = ("Squeeze", "Unsqueeze", "View", "UnsafeView", "Reshape", "Alias", "Clone", "Permute")


def check_ending(module: nn.Module, n_inputs: int, task: str, part: Part = None) -> tuple[str, ...]:
    """Return warnings about the last operation of a module.

    Raises:
        InputError: a sigmoid, whose logit every label would be predicted by.
    """
    ending = ending_of(module, n_inputs, part)
    if ending is None:
        return ()
    if task == "regression":
        return (
            f"the model ends in {ending.lower()}, which bounds its outputs, and is trained on "
            "standardized targets of both signs: leave the last operation out",
        )
    if ending == "Sigmoid":
        raise InputError(
            "expected logits of the model, got probabilities: it ends in a sigmoid; leave that out "
            "(and take BCEWithLogitsLoss for BCELoss)"
        )
    if ending == "Softmax":
        return (
            "the model ends in softmax, and its outputs are taken for logits: it trains slowly and "
            "its probabilities are too even; leave the softmax out",
        )
    return (
        f"the model ends in {ending.lower()}, which bounds the logits: leave the last operation "
        "out",
    )


def ending_of(module: nn.Module, n_inputs: int, part: Part = None) -> str | None:
    """Return the last operation of a module, where it bounds outputs.

    >>> ending_of(nn.Sequential(nn.Linear(3, 1), nn.Sigmoid(), nn.Flatten(0)), 3)
    'Sigmoid'
    """
    own = without_hook(deep_copy(module)).eval()
    with torch.enable_grad():
        outputs = part_of(own(trial_rows(own, 2, n_inputs)), part)
    step = None if outputs is None else outputs.grad_fn
    while step is not None and step.name().startswith(MOVES):
        step = step.next_functions[0][0] if step.next_functions else None
    name = "" if step is None else step.name()
    return next((ending for ending in ENDINGS if name.startswith(f"{ending}Backward")), None)
