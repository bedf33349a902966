"""The schedules of an optimizer: its state after many steps, and whether a given rate follows it.

Who uses this: `proximal` and its `probing`. A schedule may hardly move in the first steps and be
another number in the end, so the first steps do not tell whether it is the one that was given.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from shrinkage.errors import UnsupportedOptimizer
from shrinkage.optax.parameters import named_leaves
from shrinkage.optax.rates import rate_at
from shrinkage.optax.stand_ins import StandIns, stand_ins_for

# Steps before, up to a million: primes, so that no period of a schedule hides what it does between.
LATER = (7, 31, 101, 331, 1009, 3163, 10007, 31607, 100003, 316223, 1000003)
# States of optax that count steps for a schedule, and for nothing else.
_SCHEDULES = ("ScaleByScheduleState", "WrappedScheduleState")


def after(state: Any, count: int) -> Any:
    """Return a new state whose schedules have seen so many steps; moments are left as they are.

    Args:
        state: the state of an optimizer of optax.
        count: how many steps.

    Returns:
        A state of the same structure.

    >>> import optax
    >>> after(optax.sgd(lambda count: 0.1 / (1 + count)).init({}), 7)[1].count.item()
    7
    """
    return jax.tree.map(
        lambda node: (
            node._replace(count=jnp.full_like(node.count, count)) if _is_schedule(node) else node
        ),
        state,
        is_leaf=_is_schedule,
    )


def has_schedule(state: Any) -> bool:
    """Return whether the optimizer has a schedule.

    >>> import optax
    >>> has_schedule(optax.sgd(0.1).init({}))
    False
    """
    return any(map(_is_schedule, jax.tree.leaves(state, is_leaf=_is_schedule)))


def check_schedule(inner: Any, params: Any, names: Collection[str], rate: Any) -> None:
    """Refuse a learning rate that moves otherwise than the optimizer's.

    It works with every optimizer whose first step is proportional to its learning rate, and tells
    nothing of the factor between the two. One that asks for more than gradients is not tried.

    Args:
        inner: the optimizer.
        params: the tree of parameters, of which only structure and shapes are used.
        names: the parameters whose terms take the rate.
        rate: a number, a schedule, or None where it is injected.

    Raises:
        UnsupportedOptimizer: they differ.
    """
    if not names or rate is None:
        return
    with jax.ensure_compile_time_eval():
        if not callable(rate) and not has_schedule(inner.init(StandIns(params, names).tree(0.0))):
            return
        rates = [rate_at(rate, jnp.asarray(count)) for count in (0, *LATER)]
        try:
            moves = _first_moves(inner, stand_ins_for(inner, params, names))
        except TypeError:  # it asks for more, such as the value of the loss, that a loop alone has
            return
        if any(isinstance(number, jax.core.Tracer) for number in (*rates, *moves)):
            return
        _compare(np.asarray(rates, np.float64), np.asarray(moves, np.float64))


def _first_moves(inner: Any, stand_ins: StandIns) -> list[Any]:
    """Return what the optimizer adds in its first step, as its schedules have it at each count."""
    params, gradients = stand_ins.tree(0.0), stand_ins.tree(1e-3)
    state = inner.init(params)
    updates = (inner.update(gradients, after(state, count), params)[0] for count in (0, *LATER))
    return [
        jnp.concatenate([jnp.ravel(leaf) for leaf in named_leaves(update).values()])
        for update in updates
    ]


def _compare(rates: np.ndarray, moves: np.ndarray) -> None:
    largest = int(rates.argmax())
    expected = moves[largest] * (rates / (rates[largest] or 1.0))[:, None]
    off = np.abs(moves - expected).max(axis=1) > 1e-3 * np.abs(moves[largest]).max()
    if off.any():
        count = (0, *LATER)[int(off.argmax())]
        raise UnsupportedOptimizer(
            f"expected the optimizer to have the learning rate that was given, "
            f"{rates[int(off.argmax())]:.4g} in step {count + 1} and {rates[largest]:.4g} in step "
            f"{(0, *LATER)[largest] + 1}, got one whose steps have another ratio: give the "
            "optimizer and proximal one schedule, or one number"
        )


def _is_schedule(node: Any) -> bool:
    return type(node).__name__ in _SCHEDULES
