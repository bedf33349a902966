"""How a transformation of optax decays weights of its own: measured.

Who uses this: people who want to know what the `weight_decay` of an optimizer means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import optax

from shrinkage.audits import decays
from shrinkage.audits.decays import MeasuredDecay

Make = Callable[[float, float], optax.GradientTransformation]


def own_decay(
    make: Make,
    params: Mapping[str, Any] | None = None,
    *,
    learning_rate: float,
    gradients: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> dict[str, MeasuredDecay]:
    """Return by which rule, and with which factor, an optimizer of optax decays each array.

    Args:
        make: `make(weight_decay, learning_rate)` returns the transformation.
        params: name → array, from where to walk; None: a random matrix and a random vector.
        learning_rate: of the walks.
        gradients: of every step, by name; None: random ones.
        seed: of what is random.

    Returns:
        A `MeasuredDecay` by name, as `shrinkage.audits.own_decay` has it.

    >>> decays = own_decay(
    ...     lambda decay, rate: optax.adamw(rate, weight_decay=decay), learning_rate=0.01
    ... )
    >>> decays["matrix"].rule.name, round(decays["matrix"].factor, 3)
    ('DECOUPLED', 1.0)
    """

    def begin(weight_decay: float, rate: float) -> decays.BareStep:
        transformation = make(weight_decay, rate)
        state: list[Any] = []

        def step(weights: Mapping[str, Any], along: Mapping[str, Any]) -> Mapping[str, Any]:
            now = {name: jnp.asarray(w) for name, w in weights.items()}
            pushes = {name: jnp.asarray(along[name], now[name].dtype) for name in now}
            if not state:
                state.append(transformation.init(now))
            updates, state[0] = transformation.update(pushes, state[0], now)
            moved: Any = optax.apply_updates(now, updates)
            return moved

        return step

    return decays.own_decay(
        begin, params, learning_rate=learning_rate, gradients=gradients, seed=seed
    )
