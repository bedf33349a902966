"""What the state of an optimizer of optax tells: its kind, its second moment, injected numbers.

Who uses this: `proximal`, after each step. Every state that is met is either known or refused by
its name, so that no optimizer gets a metric that is not its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shrinkage.errors import InputError, UnsupportedOptimizer
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
from shrinkage.optax.parameters import named_leaves

# What stands in a chain without changing in which metric weights move.
_NEUTRAL = ("EmptyState", "GradientState", "ScaleByScheduleState", "ScaleState")
_MOMENTUM = "TraceState"
# State of the second moment → metrics with optax's defaults, the first one taken to be meant.
DEFAULTS: dict[str, tuple[OptaxMetric, ...]] = {
    "ScaleByAdamState": (AdamMetric(), NadamMetric(), RadamMetric(), AdamaxMetric()),
    "ScaleByAmsgradState": (AmsgradMetric(),),
    "ScaleByRmsState": (RMSpropMetric(),),
    "ScaleByRmsWithCountState": (RMSpropMetric(),),
    "ScaleByRStdDevState": (RMSpropMetric(),),
    "ScaleByRStdDevWithCountState": (RMSpropMetric(),),
    "ScaleByRssState": (AdagradMetric(),),
}
_SIGN = "moves each weight by a sign, whatever the size of the gradient"
_TWICE = "keeps two sets of weights, of which a shrink would reach one"
_FIRST = "put gradient(terms) first in a chain"
_INSIDE = "wrap the other way round, so that it holds proximal(…)"
# State → (why it has no metric here, what to do).
REFUSED: dict[str, tuple[str, str]] = {
    "ZeroNansState": (
        "keeps which gradients were no numbers",
        "put it before: optax.chain(optax.zero_nans(), proximal(…))",
    ),
    "ReduceLROnPlateauState": (
        "changes the learning rate by a factor that proximal is not told",
        "make the optimizer by optax.inject_hyperparams and set its learning rate in the state",
    ),
    "ScaleByLionState": (_SIGN, ""),
    "ScaleByRpropState": (_SIGN, ""),
    "ScaleByLBFGSState": (
        "moves by a full matrix, made of its last steps, as far as a search along a line says",
        "minimize loss(params) + penalty_loss(params, terms), in value_fn, too",
    ),
    "MuonState": ("makes all singular values of a step equal", ""),
    "MultiStepsState": ("collects gradients over several steps", _INSIDE),
    "ApplyIfFiniteState": ("may skip a step", _INSIDE),
    "LookaheadState": (_TWICE, _FIRST),
    "ScheduleFreeState": (_TWICE, _FIRST),
    "PartitionState": (
        "moves some parameters otherwise than others",
        "give each of its transformations a proximal(…) of its own",
    ),
}
# What works with every optimizer.
INSTEAD = "put decoupled(terms, learning_rate) last in a chain, or gradient(terms) first"


@dataclass(frozen=True)
class Reading:
    """The metric of an optimizer, the state it reads, the learning rate if that is injected."""

    metric: OptaxMetric
    moment: Any
    learning_rate: Any = None

    def scales(self, names: Iterable[str]) -> dict[str, Any]:
        """Return what the rate of each of these parameters is multiplied by.

        Args:
            names: the parameters with proximal terms.

        Returns:
            name → 1, or an array of the parameter's shape.

        Raises:
            InputError: the optimizer does not hold one of them.
        """
        scaling = self.metric.scaling(self.moment)
        if scaling is None:
            return dict.fromkeys(names, 1.0)
        held = named_leaves(scaling)
        for name in names:
            if name not in held:
                raise InputError(
                    f"expected the optimizer to hold {name}, which has a proximal term, got one "
                    f"{_holding(held)}"
                )
        return held


def _holding(held: Mapping[str, Any]) -> str:
    """Return what an optimizer without a parameter holds, and what to do."""
    if list(held) == [""]:
        return (
            "that holds all parameters in one vector, as optax.flatten makes it: leave flatten "
            f"out, or {INSTEAD}"
        )
    return "that is masked: put optax.masked around proximal, or select other parameters"


def read(state: Any, metric: OptaxMetric | None) -> Reading:
    """Return what the state of an optimizer tells.

    Args:
        state: the state of an optimizer of optax, a chain of several or an injected one.
        metric: the metric with the numbers that the optimizer was made with, None for optax's
            defaults; numbers of `optax.inject_hyperparams` go before both.

    Returns:
        The `Reading`.

    Raises:
        UnsupportedOptimizer: a state whose metric is not known, or two that make one together.
        InputError: a metric of another optimizer, or a momentum of which nothing is said.

    >>> import optax
    >>> read(optax.adam(0.1).init({}), None).metric
    AdamMetric(b2=0.999, eps=1e-08, eps_root=0.0)
    """
    injected: dict[str, Any] = {}
    states = list(_states(state, injected))
    names = [type(state).__name__ for state in states]
    for name in names:
        if name not in DEFAULTS and name != _MOMENTUM:
            raise _refusal(name)
    moments = [state for state in states if type(state).__name__ != _MOMENTUM]
    momentums = len(states) - len(moments)
    defaults = DEFAULTS[type(moments[0]).__name__] if moments else (SGDMetric(),)
    first_is_momentum = bool(moments) and names[0] == _MOMENTUM
    if len(moments) > 1 or momentums > 1 or first_is_momentum:
        raise _refusal(" with ".join(names))
    if momentums and not hasattr(defaults[0], "momentum"):
        raise _refusal(" with ".join(names))
    chosen = _chosen(metric, defaults)
    fields = {field.name for field in dataclasses.fields(chosen)}
    chosen = dataclasses.replace(
        chosen, **{name: value for name, value in injected.items() if name in fields}
    )
    if momentums and getattr(chosen, "momentum", None) is None:
        kind = type(chosen).__name__
        raise InputError(
            f"expected the momentum of the optimizer, whose state does not tell it, got {chosen}: "
            f"give for example metric={kind}(momentum=0.9)"
        )
    moment = moments[0] if moments else None
    return Reading(chosen, moment, injected.get("learning_rate"))


def _chosen(metric: OptaxMetric | None, defaults: Sequence[OptaxMetric]) -> OptaxMetric:
    if metric is None:
        return defaults[0]
    kinds = [type(default) for default in defaults]
    if type(metric) not in kinds:
        names = " or ".join(f"{kind.__name__}(…)" for kind in kinds)
        raise InputError(
            f"expected a metric of the kind that the optimizer's state is of, {names}, got "
            f"{metric!r}: give that, or leave metric out"
        )
    return metric


def others_of(reading: Reading) -> tuple[OptaxMetric, ...]:
    """Return the other metrics that a state may stand for, with optax's defaults.

    Args:
        reading: what the state told.

    >>> import optax
    >>> [type(other).__name__ for other in others_of(read(optax.adam(0.1).init({}), None))]
    ['NadamMetric', 'RadamMetric', 'AdamaxMetric']
    """
    possible = DEFAULTS.get(type(reading.moment).__name__, ())
    return tuple(other for other in possible if type(other) is not type(reading.metric))


def _refusal(name: str) -> UnsupportedOptimizer:
    reason, instead = REFUSED.get(name, ("has a metric that is not known", ""))
    return UnsupportedOptimizer(
        "expected sgd, rmsprop, adagrad, adam or one of its kin of optax for proximal terms, got "
        f"a state of {name}, which {reason}: {instead or INSTEAD}"
    )


def _states(state: Any, injected: dict[str, Any]) -> Iterator[Any]:
    """Yield the states that have a say, in order; collect the numbers that are injected."""
    name = type(state).__name__
    if name in _NEUTRAL:
        return
    if hasattr(state, "hyperparams") and hasattr(state, "inner_state"):
        injected.update(state.hyperparams)
        yield from _states(state.inner_state, injected)
    elif name == "MaskedState":
        yield from _states(state.inner_state, injected)
    elif isinstance(state, Mapping):
        for inner in state.values():
            yield from _states(inner, injected)
    elif type(state) in (tuple, list):
        for inner in state:
            yield from _states(inner, injected)
    else:
        yield state
