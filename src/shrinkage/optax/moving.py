"""One parameter: the update that takes it where its terms want it.

Who uses this: the transformations. Optax adds an update u to the weights w, and nothing comes
after; so the update returned is prox(w + u) − w, and exactly −w where the result is zero, which
the sum then is, too. Where the prox changes nothing, u comes back bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import optax

from shrinkage.terms import Part, ProximalSum, subgradient_of


def decayed(w: Any, update: Any, parts: Sequence[Part], rate: Any) -> Any:
    """Return the update with smooth parts taken off: u − rate·Σ strength·∂Ω(w).

    Args:
        w: the weights before the step.
        update: what the optimizer wants to add.
        parts: smooth ones.
        rate: the learning rate.

    Returns:
        An update of the shape of `w`.

    >>> from shrinkage import L2
    >>> decayed(jnp.array([2.0]), jnp.array([0.0]), [Part(0.5, L2())], 0.25).tolist()
    [-0.25]
    """
    if not parts:
        return update
    wide = _wide(w)
    return (_wide(update) - rate * subgradient_of(parts, wide)).astype(_sum_dtype(w, update))


def shrunk(w: Any, update: Any, parts: ProximalSum, step: Any, reach: Any = None) -> Any:
    """Return the update that ends at the prox of a sum of parts.

    Args:
        w: the weights before the step.
        update: what the optimizer wants to add.
        parts: their sum, with a closed form.
        step: the learning rate, a number or one per weight.
        reach: how far a steady gradient moves a weight: the prox goes no farther than twice that,
            or twice the update; None for no bound.

    Returns:
        An update u with w + u = prox(w + update), to rounding, and exactly where that is zero.

    >>> from shrinkage import L1
    >>> from shrinkage.terms import closed_form
    >>> w = jnp.array([0.3, 2.0])
    >>> l1 = closed_form([Part(1.0, L1())])
    >>> (w + shrunk(w, jnp.array([-0.2, 0.0]), l1, 0.5)).tolist()
    [0.0, 1.5]
    """
    if not parts:
        return update
    reached: Any = optax.apply_updates(w, update)
    wide, reach = arrived(w, update, reach)
    target = parts.prox(wide, step, reach=reach).astype(reached.dtype)
    dtype = _sum_dtype(w, update)
    wide_w, wide_target = w.astype(dtype), target.astype(dtype)
    moved = jnp.where(target == 0, -wide_w, wide_target - wide_w)
    return jnp.where(target == reached, update.astype(dtype), moved)


def arrived(w: Any, update: Any, reach: Any = None) -> tuple[Any, Any]:
    """Return the weights after an update, and how far their prox may go: what `shrunk` begins with.

    >>> arrived(jnp.array([1.0]), jnp.array([-0.5]))[0].tolist()
    [0.5]
    """
    wide = _wide(optax.apply_updates(w, update))
    if reach is not None:
        reach = jnp.maximum(jnp.abs(_wide(update)), reach).astype(wide.dtype)
    return wide, reach


def _wide(array: Any) -> Any:
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))


def _sum_dtype(w: Any, update: Any) -> Any:
    return jnp.promote_types(w.dtype, update.dtype)
