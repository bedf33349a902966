"""How an optimizer of Keras decays weights of its own: measured.

Who uses this: people who want to know what the `weight_decay` of an optimizer means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from shrinkage.audits import decays
from shrinkage.audits.decays import MeasuredDecay
from shrinkage.keras.arrays import as_numpy, config_of, number


def own_decay(
    optimizer: keras.optimizers.Optimizer,
    weights: Mapping[str, Any] | None = None,
    *,
    gradients: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> dict[str, MeasuredDecay]:
    """Return by which rule, and with which factor, an optimizer of Keras decays each array.

    The optimizer is read, and fresh ones of its configuration walk; a schedule of its learning
    rate is left out, and its rate now taken.

    Args:
        optimizer: of any class that its configuration makes anew.
        weights: name → array, from where to walk; None: a random matrix and a random vector.
        gradients: of every step, by name; None: random ones.
        seed: of what is random.

    Returns:
        A `MeasuredDecay` by name, as `shrinkage.audits.own_decay` has it.

    >>> decays = own_decay(keras.optimizers.AdamW(0.01, weight_decay=0.1))
    >>> decays["matrix"].rule.name, round(decays["matrix"].factor, 3)
    ('DECOUPLED', 1.0)
    """

    config = config_of(optimizer)

    def begin(weight_decay: float, rate: float) -> decays.BareStep:
        own = type(optimizer).from_config(
            config | {"learning_rate": rate, "weight_decay": weight_decay}
        )
        variables: dict[str, Any] = {}

        def step(now: Mapping[str, Any], along: Mapping[str, Any]) -> Mapping[str, Any]:
            if not variables:
                variables.update({name: keras.Variable(w, name=name) for name, w in now.items()})
            pushes = [keras.ops.convert_to_tensor(along[n], v.dtype) for n, v in variables.items()]
            own.apply(pushes, list(variables.values()))
            return {name: as_numpy(variable) for name, variable in variables.items()}

        return step

    rate = number(optimizer.learning_rate)
    return decays.own_decay(begin, weights, learning_rate=rate, gradients=gradients, seed=seed)
