"""The registry of what is known of optimizers, and the lookup by class.

An optimizer is added by a record in the file of its family, or in a file of its own with a line
here. A user's own one is registered by its metric: `METRICS[MyOptimizer] = Metric(…)`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, MutableMapping
from dataclasses import replace

from torch import optim

from shrinkage.errors import UnsupportedOptimizer
from shrinkage.pytorch.optimizers import adafactor, adagrad, adam, lbfgs, muon, rprop, sgd
from shrinkage.pytorch.optimizers.base import UNKNOWN, OptimizerFacts, OwnDecay
from shrinkage.pytorch.optimizers.motion import Metric

FAMILIES = (sgd, adagrad, adam, adafactor, muon, rprop, lbfgs)
FACTS: dict[type[optim.Optimizer], OptimizerFacts] = {
    kind: facts for family in FAMILIES for kind, facts in family.FACTS.items()
}


def facts_of(optimizer: optim.Optimizer | type[optim.Optimizer]) -> OptimizerFacts:
    """Return what is known of an optimizer.

    Args:
        optimizer: it, or its class.

    Returns:
        The record of its class, or of the nearest known base whose `step` it keeps. With a `step`
        of its own its metric and decay are not known, and what the base is refused it is refused.

    >>> facts_of(optim.AdamW).own_decay
    <OwnDecay.DECOUPLED: 'lr·weight_decay·w is taken from the weights, beside the gradient'>
    """
    kind = optimizer if isinstance(optimizer, type) else type(optimizer)
    for base in kind.__mro__:
        facts = FACTS.get(base)
        if facts is None:
            continue
        if inspect.unwrap(base.step) is inspect.unwrap(kind.step):
            return facts
        return replace(facts, metric=None, own_decay=OwnDecay.UNKNOWN)
    return UNKNOWN


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
    facts, name = facts_of(optimizer), type(optimizer).__name__
    if facts.metric is not None:
        return facts.metric
    if facts.no_metric:
        raise UnsupportedOptimizer(
            "expected an optimizer that moves by a diagonal metric for update='proximal', "
            f"got {name}, which {facts.no_metric}: {facts.instead}"
        )
    names = ", ".join(known.__name__ for known in METRICS)
    raise UnsupportedOptimizer(
        f"expected one of {names} for update='proximal', got {name}, whose metric is not known: "
        f"{facts.instead}"
    )


class _Metrics(MutableMapping[type[optim.Optimizer], Metric]):
    """The metrics in `FACTS`, as a mapping that a user may add to."""

    def __getitem__(self, kind: type[optim.Optimizer]) -> Metric:
        metric = FACTS[kind].metric
        if metric is None:
            raise KeyError(kind)
        return metric

    def __setitem__(self, kind: type[optim.Optimizer], metric: Metric) -> None:
        FACTS[kind] = replace(FACTS.get(kind, UNKNOWN), metric=metric)

    def __delitem__(self, kind: type[optim.Optimizer]) -> None:
        self[kind]  # KeyError where there is none
        FACTS[kind] = replace(FACTS[kind], metric=None)
        if FACTS[kind] == UNKNOWN:
            del FACTS[kind]

    def __iter__(self) -> Iterator[type[optim.Optimizer]]:
        return (kind for kind, facts in FACTS.items() if facts.metric is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


METRICS = _Metrics()
