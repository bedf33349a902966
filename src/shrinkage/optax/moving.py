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

from shrinkage.terms import Part, closed_form, smooth_and_nonsmooth, subgradient_of


def decayed(w: Any, update: Any, parts: Sequence[Part], rate: Any) -> Any:
    """Return the update with the smooth parts taken off: u − rate·Σ strength·∂Ω(w).

    Args:
        w: the weights before the step.
        update: what the optimizer wants to add.
        parts: the decoupled parts; nonsmooth ones are left to `shrunk`.
        rate: the learning rate.

    Returns:
        An update of the shape of `w`.

    >>> from shrinkage import L2
    >>> decayed(jnp.array([2.0]), jnp.array([0.0]), [Part(0.5, L2())], 0.25).tolist()
    [-0.25]
    """
    smooth = smooth_and_nonsmooth(parts)[0]
    if not smooth:
        return update
    wide = _wide(w)
    return (_wide(update) - rate * subgradient_of(smooth, wide)).astype(_sum_dtype(w, update))


def shrunk(w: Any, update: Any, parts: Sequence[Part], step: Any) -> Any:
    """Return the update that ends at the prox of the parts.

    Args:
        w: the weights before the step.
        update: what the optimizer wants to add.
        parts: parts with a closed form together.
        step: the learning rate, a number or one per weight.

    Returns:
        An update u with w + u = prox(w + update), to rounding, and exactly where that is zero.

    >>> from shrinkage import L1
    >>> w = jnp.array([0.3, 2.0])
    >>> (w + shrunk(w, jnp.array([-0.2, 0.0]), [Part(1.0, L1())], 0.5)).tolist()
    [0.0, 1.5]
    """
    if not parts:
        return update
    reached: Any = optax.apply_updates(w, update)
    target = closed_form(parts).prox(_wide(reached), step).astype(reached.dtype)
    dtype = _sum_dtype(w, update)
    wide_w, wide_target = w.astype(dtype), target.astype(dtype)
    moved = jnp.where(target == 0, -wide_w, wide_target - wide_w)
    return jnp.where(target == reached, update.astype(dtype), moved)


def _wide(array: Any) -> Any:
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))


def _sum_dtype(w: Any, update: Any) -> Any:
    return jnp.promote_types(w.dtype, update.dtype)
