"""Terms as a differentiable number: the textbook way, added to the loss.

Who uses this: users who write `loss + penalty_loss(params, terms)`. Its derivative is the
penalty's own least-norm subgradient, so a zero group gives 0 where that of a norm is NaN.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp

from shrinkage.arrays import library_of
from shrinkage.optax.assigning import assigned
from shrinkage.optax.parameters import Layout, describe
from shrinkage.terms import Term, Terms, as_terms, present, refuse_renewed


def penalty_loss(
    params: Any, terms: Term | Terms | Iterable[Term], *, layout: Layout | None = None
) -> jax.Array:
    """Return Σ strength·penalty(selected parameters), to be added to the loss.

    Every term counts, whatever update it names.

    Args:
        params: the tree of parameters; of a Flax module what is an nnx.Param counts.
        terms: the terms.
        layout: what roles and axes are, where names do not tell (see `describe`).

    Returns:
        A scalar array; its derivative, forward or reverse, is the least-norm subgradient. A second
        one is finite at zero groups if taken forward, as jax.hessian does.

    Raises:
        ShrinkageError: as `assign` and `describe` do.

    >>> from shrinkage import L2
    >>> params = {"kernel": jnp.ones((3, 2))}
    >>> float(penalty_loss(params, 0.5 * L2()))
    1.5

    Source: half squares as in https://docs.pytorch.org/docs/stable/optim.html (weight_decay).
    """
    described = describe(params, layout)
    in_loss = as_terms(terms).with_update("loss")
    assignment = assigned((info for info, _ in described), in_loss)
    refuse_renewed(assignment, "penalty_loss")
    total = jnp.zeros(())
    for info, array in described:
        for part in present(assignment.parts[info.name]):
            total = total + part.strength * _value(part.about(array), part.penalty)
    return total


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _value(w: Any, penalty: Any) -> Any:
    return penalty.value(library_of(w).wide(w))  # a sum of 16 bits may be infinite


@_value.defjvp
def _value_and_change(penalty: Any, at: tuple[Any], change: tuple[Any]) -> tuple[Any, Any]:
    """Return the value and its change along a direction: forward, reverse and both in turn."""
    (w,), (direction,) = at, change
    value = _value(w, penalty)
    return value, jnp.sum(penalty.gradient(w) * direction).astype(value.dtype)
