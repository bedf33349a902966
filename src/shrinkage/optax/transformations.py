"""Terms as gradient transformations of optax: proximal, decoupled, gradient.

Who uses this: people, in their own JAX training loop. `proximal` wraps the optimizer, because it
needs the metric in which that moves; `decoupled` stands last in a chain and `gradient` first. All
are pure functions of their arguments, so that `jax.jit`, `optax.masked`, `optax.partition` and
`optax.MultiSteps` take them as any other transformation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from shrinkage.errors import InputError
from shrinkage.optax.metrics import OptaxMetric
from shrinkage.optax.moving import arrived, decayed, shrunk
from shrinkage.optax.parameters import Layout, named_leaves
from shrinkage.optax.probing import check_metric
from shrinkage.optax.rates import checked_rate, rate_at
from shrinkage.optax.renewing import Renewals, first_round, renewed
from shrinkage.optax.roster import Plans, TreeAssignment
from shrinkage.optax.schedules import check_schedule
from shrinkage.optax.sharing import divide
from shrinkage.optax.states import Reading, read
from shrinkage.terms import StepPlan, Term, Terms, refuse_one_step, subgradient_of

Given = Term | Terms | Iterable[Term]


class ProximalState(NamedTuple):
    """Steps so far, what momentum has made of a constant gradient, the optimizer's own state.

    And what penalties hold that are renewed, such as `ReweightedL1`, by parameter.
    """

    count: Any
    buffer: Any
    inner_state: Any
    renewals: Renewals


class DecoupledState(NamedTuple):
    """Steps so far, and what penalties hold that are renewed, by parameter."""

    count: Any
    renewals: Renewals


class GradientState(NamedTuple):
    """Steps so far, and what penalties hold that are renewed, by parameter."""

    count: Any
    renewals: Renewals


def proximal(
    inner: optax.GradientTransformation,
    terms: Given,
    learning_rate: Any = None,
    *,
    metric: OptaxMetric | None = None,
    update: str = "proximal",
    layout: Layout | None = None,
    freeze_zeros: bool = False,
) -> optax.GradientTransformationExtraArgs:
    """Return an optimizer that minimizes loss + Σ strength·penalty, with exact zeros.

    Formula: u' = prox(w + u) − w in the metric of the optimizer, u being its own update. Nothing
    may change the update afterwards: it is the optimizer of the loop, or the last of a chain.

    Args:
        inner: optax.sgd, adam, adamw, rmsprop or adagrad, by itself, injected or in a chain.
        terms: strengths times penalties on selections; a term may name "decoupled" or "gradient".
        learning_rate: the optimizer's, a number or a schedule; None where
            `optax.inject_hyperparams` tells it.
        metric: `AdamMetric(eps=…)`, `SGDMetric(momentum=…)` and so on, where the optimizer was
            not made with optax's defaults.
        update: the update of terms that name none.
        layout: what roles and axes are, where names do not tell (see `describe`).
        freeze_zeros: whether weights that a penalty has made zero stay zero, whatever momentum
            and gradients say; those that are zero before the first step do not count.

    Returns:
        A transformation whose `update` needs `params`.

    Raises:
        UnsupportedOptimizer: an optimizer without a metric, or one that moves otherwise than
            learning rate and metric say, early or late in a schedule (found out by `init`).
        InputError: no `params`, no optimizer, a learning rate that is none, an update that cannot
            be done here.
        ShrinkageError: as `assign` does; a tree without any array has nothing to penalise.

    >>> from shrinkage import L1
    >>> optimizer = proximal(optax.sgd(0.5), 1.0 * L1(), learning_rate=0.5)
    >>> params = {"kernel": jnp.array([[0.4, 2.0]])}
    >>> updates, _ = optimizer.update(
    ...     jax.tree.map(jnp.zeros_like, params), optimizer.init(params), params)
    >>> optax.apply_updates(params, updates)["kernel"].tolist()
    [[0.0, 1.5]]

    Source: Parikh and Boyd, Proximal algorithms (2014); for the diagonal metric, Lee, Sun and
    Saunders, SIAM J. Optim. 24 (2014).
    """
    rate = checked_rate(learning_rate)
    allowed = ("proximal", "decoupled", "gradient")
    roster = TreeAssignment(terms, update, allowed=allowed, layout=layout)
    inner = optax.with_extra_args_support(_transformation(inner))

    def init(params: Any) -> ProximalState:
        plans = roster.plans(params)
        shrinking = _those(plans, _in_metric)
        if shrinking:
            squared = set(_those(plans, lambda plan: any(part.is_decay for part in plan.parts)))
            check_metric(inner, params, shrinking, metric=metric, rate=rate, squared=squared)
        check_schedule(inner, params, _those(plans, _by_rate).keys() - shrinking.keys(), rate)
        state = inner.init(params)
        if shrinking and read(state, metric).metric.adapts:
            penalties = [p.penalty for plan in shrinking.values() for p in plan.in_metric.assigned]
            refuse_one_step(penalties, "one of optax")
        held = first_round(plans, params)
        return ProximalState(_no_steps(), jnp.zeros([], float), state, held)

    def change(
        updates: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, ProximalState]:
        plans = roster.plans(_needed(params))
        plans, held = renewed(plans, state.renewals, params, state.count)
        pushed = _pushed(updates, params, plans)
        moves, inner_state = inner.update(pushed, state.inner_state, params, **extra)
        buffer = state.buffer
        shrinking, decoupled = _those(plans, _in_metric), _those(plans, _by_rate)
        if shrinking or decoupled:
            asked = shrinking or rate is None
            reading = read(inner_state, metric) if asked else Reading(OptaxMetric(), None)
            plain = rate_at(rate, state.count, reading.learning_rate)
            moves = _taken_off(moves, params, decoupled, plain)
            if shrinking:
                amplified, buffer = reading.metric.amplified(plain, buffer)
                scales = reading.scales(shrinking)
                reach = amplified if reading.metric.adapts else None
                moves = _shrunk(moves, params, shrinking, amplified, scales, reach)
            if freeze_zeros:
                moves = _held(moves, params, plans, state.count)
        count = optax.safe_increment(state.count)
        buffer = jnp.asarray(buffer, state.buffer.dtype)
        return moves, ProximalState(count, buffer, inner_state, held)

    return optax.GradientTransformationExtraArgs(init, change)


def decoupled(
    terms: Given,
    learning_rate: Any,
    *,
    layout: Layout | None = None,
    freeze_zeros: bool = False,
) -> optax.GradientTransformation:
    """Return decoupled terms, to stand last in a chain: optax.chain(optimizer, decoupled(…)).

    Formula: w − lr·strength·∂Ω(w) for smooth penalties, as AdamW; for the others the prox with the
    scalar step lr·strength after the optimizer's. It works with every optimizer, and solves a
    problem of its own. It does not see the optimizer: that the rates are the same is not checked.

    Args:
        terms: strengths times penalties on selections.
        learning_rate: the optimizer's, a number or a schedule.
        layout: what roles and axes are, where names do not tell (see `describe`).
        freeze_zeros: as in `proximal`.

    Returns:
        A transformation whose `update` needs `params`.

    Raises:
        InputError: no `params`, no learning rate, a term with another update.
        ShrinkageError: as `assign` does.

    >>> from shrinkage import L2
    >>> optimizer = optax.chain(optax.adam(0.25), decoupled(0.5 * L2(), 0.25))
    >>> params = {"kernel": jnp.ones((1, 1))}
    >>> updates, _ = optimizer.update(
    ...     jax.tree.map(jnp.zeros_like, params), optimizer.init(params), params)
    >>> updates["kernel"].tolist()
    [[-0.125]]

    Source: Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019.
    """
    rate = checked_rate(learning_rate)
    rate_at(rate, 0)  # none is injected into a link of a chain
    roster = TreeAssignment(terms, "decoupled", allowed=("decoupled",), layout=layout)

    def init(params: Any) -> DecoupledState:
        return DecoupledState(_no_steps(), first_round(roster.plans(params), params))

    def change(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        plans = roster.plans(_needed(params))
        plans, held = renewed(plans, state.renewals, params, state.count)
        moves = _taken_off(updates, params, plans, rate_at(rate, state.count)) if plans else updates
        if freeze_zeros:
            moves = _held(moves, params, plans, state.count)
        return moves, DecoupledState(optax.safe_increment(state.count), held)

    return optax.GradientTransformation(init, change)


def gradient(terms: Given, *, layout: Layout | None = None) -> optax.GradientTransformation:
    """Return terms that are added to the gradient, to stand first in a chain.

    Formula: gradient + strength·∂Ω(w). With L2 it is `optax.add_decayed_weights`.

    Args:
        terms: strengths times penalties on selections.
        layout: what roles and axes are, where names do not tell (see `describe`).

    Returns:
        A transformation whose `update` needs `params`.

    Raises:
        InputError: no `params`, or a term with another update.
        ShrinkageError: as `assign` does.

    >>> from shrinkage import L2
    >>> first = gradient(0.5 * L2())
    >>> params = {"kernel": jnp.ones((1, 1))}
    >>> first.update(params, first.init(params), params)[0]["kernel"].tolist()
    [[1.5]]

    Source: the weight_decay of https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html.
    """
    roster = TreeAssignment(terms, "gradient", allowed=("gradient",), layout=layout)

    def init(params: Any) -> GradientState:
        return GradientState(_no_steps(), first_round(roster.plans(params), params))

    def change(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        plans = roster.plans(_needed(params))
        plans, held = renewed(plans, state.renewals, params, state.count)
        count = optax.safe_increment(state.count)
        return _pushed(updates, params, plans), GradientState(count, held)

    return optax.GradientTransformation(init, change)


def _transformation(inner: Any) -> Any:
    """Return the optimizer, or say what one is."""
    if callable(getattr(inner, "init", None)) and callable(getattr(inner, "update", None)):
        return inner
    made = inner.__name__ if hasattr(inner, "__name__") else type(inner).__name__
    raise InputError(
        f"expected an optimizer of optax as the first argument, got {made}: give what optax makes,"
        " as in proximal(optax.adam(1e-2), terms, 1e-2), and put an nnx.Optimizer around proximal"
    )


def _those(plans: Plans, which: Callable[[StepPlan], Any]) -> dict[str, StepPlan]:
    return {name: plan for name, plan in plans.items() if which(plan)}


def _in_metric(plan: StepPlan) -> bool:
    return bool(plan.in_metric)


def _by_rate(plan: StepPlan) -> bool:
    return bool(plan.before or plan.after)


def _shrunk(moves: Any, params: Any, plans: Plans, rate: Any, scales: Any, reach: Any) -> Any:
    """Return the updates after the prox in the optimizer's metric."""

    def reached(name: str, w: Any, update: Any) -> tuple[Any, Any, Any]:
        wide, bound = arrived(w, update, reach)
        return wide, rate * scales[name], bound

    def move(name: str, w: Any, update: Any, plan: StepPlan) -> Any:
        return shrunk(w, update, plan.in_metric, rate * scales[name], reach)

    plans = divide(moves, params, plans, lambda plan: plan.in_metric, reached)
    return _each(moves, params, plans, move)


def _taken_off(moves: Any, params: Any, plans: Plans, rate: Any) -> Any:
    """Return the updates after decoupled parts: smooth ones off, then the scalar prox."""

    def decay(_: str, w: Any, update: Any, plan: StepPlan) -> Any:
        return decayed(w, update, plan.before, rate)

    def reached(_: str, w: Any, update: Any) -> tuple[Any, Any, Any]:
        return arrived(w, update)[0], rate, None

    def move(_: str, w: Any, update: Any, plan: StepPlan) -> Any:
        return shrunk(w, update, plan.after, rate)

    moves = _each(moves, params, plans, decay)
    plans = divide(moves, params, plans, lambda plan: plan.after, reached)
    return _each(moves, params, plans, move)


def _held(moves: Any, params: Any, plans: Plans, count: Any) -> Any:
    """Return the updates, none of which moves a weight that a step before has made zero."""

    def move(_: str, w: Any, update: Any, _plan: StepPlan) -> Any:
        return jnp.where((w == 0) & (count > 0), jnp.zeros_like(update), update)

    return _each(moves, params, _those(plans, lambda plan: plan.makes_zeros), move)


def _pushed(gradients: Any, params: Any, plans: Plans) -> Any:
    """Return gradients + Σ strength·∂Ω(w)."""

    def move(_: str, w: Any, gradient: Any, plan: StepPlan) -> Any:
        return gradient + subgradient_of(plan.gradient, w).astype(gradient.dtype)

    return _each(gradients, params, _those(plans, lambda plan: plan.gradient), move)


def _each(updates: Any, params: Any, plans: Plans, move: Any) -> Any:
    """Return the tree of updates, those of penalised parameters moved."""
    if not plans:
        return updates
    weights, moves = named_leaves(params), named_leaves(updates)
    missing = [name for name in plans if name not in moves]
    if missing:
        raise InputError(
            f"expected an update of every penalised parameter, got none of {missing[0]}: give "
            "gradients and params as trees of one structure"
        )
    moved = [
        move(name, weights[name], update, plans[name]) if name in plans else update
        for name, update in moves.items()
    ]
    return jax.tree.unflatten(jax.tree.structure(updates), moved)


def _needed(params: Any) -> Any:
    if params is None:
        raise InputError(
            "expected the parameters, got none: call optimizer.update(gradients, state, params)"
        )
    return params


def _no_steps() -> Any:
    return jnp.zeros([], jnp.int32)
