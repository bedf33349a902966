"""Regularization with optax: terms as gradient transformations, on any tree of JAX arrays."""

from __future__ import annotations

from shrinkage.optax.layouts import in_out, layout_of, out_in
from shrinkage.optax.loss import penalty_loss
from shrinkage.optax.metrics import SGD, Adagrad, Adam, Metric, RMSprop
from shrinkage.optax.parameters import describe, named_leaves
from shrinkage.optax.roster import table
from shrinkage.optax.transformations import (
    DecoupledState,
    ProximalState,
    decoupled,
    gradient,
    proximal,
)

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "DecoupledState",
    "Metric",
    "ProximalState",
    "RMSprop",
    "decoupled",
    "describe",
    "gradient",
    "in_out",
    "layout_of",
    "named_leaves",
    "out_in",
    "penalty_loss",
    "proximal",
    "table",
]
