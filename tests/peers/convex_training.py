"""Convex problems, the optimizers that solve them, and a training loop: shared by peer tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.optim import (
    ASGD,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    RAdam,
    RMSprop,
    lr_scheduler,
)

from shrinkage import Term, Terms
from shrinkage.pytorch import regularize

# Each reaches the optimum of the problems below to 1e-6 in 800 steps. Near an optimum a step of
# RMSprop or Adadelta depends little on the size of the gradient until that is below epsilon, so a
# large one lets them settle; a buffer of RMSprop's momentum holds steps in older metrics, which
# agree once the mean of squares, here of 10 steps, has settled.
OPTIMIZERS = {
    "sgd": (SGD, {"lr": 0.5}),
    "momentum": (SGD, {"lr": 0.1, "momentum": 0.9}),
    "dampened": (SGD, {"lr": 0.2, "momentum": 0.8, "dampening": 0.5}),
    "nesterov": (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "asgd": (ASGD, {"lr": 0.5, "lambd": 0.0}),
    "adam": (Adam, {"lr": 0.1}),
    "amsgrad": (Adam, {"lr": 0.1, "amsgrad": True}),
    "adamw": (AdamW, {"lr": 0.1, "weight_decay": 0.0}),
    "nadam": (NAdam, {"lr": 0.1}),
    "radam": (RAdam, {"lr": 0.1}),
    "adamax": (Adamax, {"lr": 0.1}),
    "adafactor": (Adafactor, {"lr": 0.3}),
    "rmsprop": (RMSprop, {"lr": 0.05, "eps": 1e-2}),
    "rmsprop-centered": (RMSprop, {"lr": 0.1, "centered": True, "eps": 0.1}),
    "rmsprop-momentum": (RMSprop, {"lr": 0.03, "momentum": 0.5, "alpha": 0.9, "eps": 0.1}),
    "adagrad": (Adagrad, {"lr": 0.5}),
    "adagrad-decay": (Adagrad, {"lr": 0.5, "lr_decay": 1e-4}),
    "adadelta": (Adadelta, {"lr": 1.0, "eps": 1e-4}),
}


def logistic_loss(x: np.ndarray, y: np.ndarray) -> Callable[[nn.Module], torch.Tensor]:
    """Return the mean cross entropy of a model with one output."""
    rows, classes = torch.from_numpy(x), torch.from_numpy(y).double()
    return lambda model: nn.functional.binary_cross_entropy_with_logits(
        model(rows).flatten(), classes
    )


def fit(
    model: nn.Module,
    loss: Callable[[nn.Module], torch.Tensor],
    optimizer: tuple,
    terms: Term | Terms,
    steps: int = 800,
) -> np.ndarray:
    """Train on all rows at once and return the weights; lr falls in the last third."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        nn.init.uniform_(parameter, -0.2, 0.2)
    kind, options = optimizer
    chosen = kind(model.parameters(), **options)
    regularize(chosen, model, terms)
    schedule = lr_scheduler.LambdaLR(chosen, lambda t: 0.5 ** max(0, 60 * t / steps - 40))
    for _ in range(steps):
        chosen.zero_grad()
        loss(model).backward()
        chosen.step()
        schedule.step()
    return next(model.parameters()).detach().numpy().ravel()
