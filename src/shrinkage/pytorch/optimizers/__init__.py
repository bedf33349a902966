"""The metric in which each optimizer moves: what a proximal step must be measured in.

Who uses this: the proximal update. An optimizer that moves by −D·gradient, D diagonal, solves
the penalised problem when the prox that follows is taken in the same D. `METRICS` is the one
registry: optimizer class → how to read D from its group and state, around its step. `NO_METRIC`
has the reason where there is none.
"""

from __future__ import annotations

import inspect

from torch import optim

from shrinkage.errors import UnsupportedOptimizer
from shrinkage.pytorch.optimizers import adafactor, adam, sums
from shrinkage.pytorch.optimizers.motion import TINY, Group, Metric, Moment, Motion

__all__ = ["METRICS", "NO_METRIC", "TINY", "Group", "Metric", "Moment", "Motion", "metric_of"]

METRICS: dict[type[optim.Optimizer], Metric] = {
    optim.SGD: Metric(sums.sgd, sums.buffer_gain),
    optim.ASGD: Metric(sums.asgd, note=sums.note_eta),
    optim.RMSprop: Metric(sums.rmsprop, sums.rmsprop_gain),
    optim.Adagrad: Metric(sums.adagrad),
    optim.Adadelta: Metric(sums.adadelta, note=sums.note_delta),
    optim.Adam: Metric(adam.adam),
    optim.AdamW: Metric(adam.adam),
    optim.NAdam: Metric(adam.nadam),
    optim.RAdam: Metric(adam.radam),
    optim.Adamax: Metric(adam.adamax),
    optim.Adafactor: Metric(adafactor.adafactor, note=adafactor.note_size),
}

# optimizer → why it has no diagonal metric, as half a sentence about it.
NO_METRIC: dict[type[optim.Optimizer], str] = {
    optim.Rprop: (
        "moves each weight by the sign of its gradient, whatever the size, so that no threshold "
        "corresponds to a strength"
    ),
    optim.LBFGS: (
        "moves by a full matrix, made of its last steps, and evaluates the loss several times a "
        "step, so that no diagonal metric exists"
    ),
    optim.SparseAdam: (
        "moves only the rows of a sparse gradient, while a penalty acts on all of them"
    ),
}
if hasattr(optim, "Muon"):  # since torch 2.9
    NO_METRIC[optim.Muon] = (
        "makes all singular values of a step equal, so that a weight's step depends on the "
        "gradients of the others and no diagonal metric exists"
    )

_INSTEAD: dict[type[optim.Optimizer], str] = {
    optim.LBFGS: "use update='loss' and add attachment.loss() in the closure",
    optim.SparseAdam: "build the layer with sparse=False and use Adam",
}
_OTHERS = "use update='decoupled', 'gradient' or 'loss'"


def metric_of(optimizer: optim.Optimizer) -> Metric:
    """Return the metric of an optimizer.

    Args:
        optimizer: of a class in `METRICS`, or of a subclass that keeps its `step`.

    Returns:
        The `Metric`.

    Raises:
        UnsupportedOptimizer: no diagonal metric exists, or the class is not known.

    >>> import torch
    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> metric_of(torch.optim.SGD([weight], lr=0.1)) is METRICS[torch.optim.SGD]
    True

    Source: proximal Newton-type methods, Lee, Sun and Saunders, SIAM J. Optim. 24 (2014); the
    state of each optimizer is read as torch.optim's documentation of its algorithm writes it.
    """
    steps = inspect.unwrap(type(optimizer).step)
    for base in type(optimizer).__mro__:
        if base in METRICS and inspect.unwrap(base.step) is steps:
            return METRICS[base]
    name = type(optimizer).__name__
    for base, reason in NO_METRIC.items():
        if isinstance(optimizer, base):
            raise UnsupportedOptimizer(
                "expected an optimizer that moves by a diagonal metric for update='proximal', "
                f"got {name}, which {reason}: {_INSTEAD.get(base, _OTHERS)}"
            )
    names = ", ".join(known.__name__ for known in METRICS)
    raise UnsupportedOptimizer(
        f"expected one of {names} for update='proximal', got {name}, whose metric is not known: "
        f"{_OTHERS}"
    )
