"""Regularization with optax: terms as gradient transformations, on any tree of JAX arrays."""

from __future__ import annotations

from shrinkage.extras import needs

with needs("jax"):
    from shrinkage.ledger import JsonLines, MLflow, TensorBoard
    from shrinkage.optax.layouts import in_out, layout_of, out_in
    from shrinkage.optax.ledger import TreeLedger
    from shrinkage.optax.loss import penalty_loss
    from shrinkage.optax.metrics import (
        AdagradMetric,
        AdamaxMetric,
        AdamMetric,
        AmsgradMetric,
        NadamMetric,
        OptaxMetric,
        RadamMetric,
        RMSpropMetric,
        SGDMetric,
    )
    from shrinkage.optax.own_decay import own_decay
    from shrinkage.optax.parameters import describe, named_leaves
    from shrinkage.optax.roster import table
    from shrinkage.optax.transformations import (
        DecoupledState,
        GradientState,
        ProximalState,
        decoupled,
        gradient,
        proximal,
    )

# Names of 0.1.0's first drafts, which the scratch network's optimizers have too.
Metric, SGD, Adam = OptaxMetric, SGDMetric, AdamMetric
RMSprop, Adagrad = RMSpropMetric, AdagradMetric

__all__ = [
    "AdagradMetric",
    "AdamMetric",
    "AdamaxMetric",
    "AmsgradMetric",
    "DecoupledState",
    "GradientState",
    "JsonLines",
    "MLflow",
    "NadamMetric",
    "OptaxMetric",
    "ProximalState",
    "RMSpropMetric",
    "RadamMetric",
    "SGDMetric",
    "TensorBoard",
    "TreeLedger",
    "decoupled",
    "describe",
    "gradient",
    "in_out",
    "layout_of",
    "named_leaves",
    "out_in",
    "own_decay",
    "penalty_loss",
    "proximal",
    "table",
]
