"""How a Keras optimizer has just moved: the step size of each weight, after its step.

Who uses this: the proximal update, whose shrink has to be measured in the metric of the step, or
its fixed point belongs to another strength. Derived from the steps as Keras writes them. Adam
moves lr·√(1 − β2ᵗ)/(1 − β1ᵗ)·m/(√v + ε); a constant gradient g has m = (1 − β1ᵗ)·g, so the step
size is lr·√(1 − β2ᵗ)/(√v + ε), without 1/(1 − β1ᵗ). Where there is momentum, the rate that a metric
is given is what that makes of a constant gradient of one (`velocity`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from shrinkage.arrays import Array
from shrinkage.errors import UnsupportedOptimizer
from shrinkage.keras.arrays import ops, plain
from shrinkage.keras.forgetting import forgets

Motion = Callable[[Any, Any, Array], Array]


def _state(optimizer: Any, name: str, variable: Any) -> Array:
    return plain(getattr(optimizer, name)[optimizer._get_variable_index(variable)])


def _steps(optimizer: Any, like: Array) -> Array:
    """Return the number of the step under way, from 1."""
    return ops.cast(optimizer.iterations + 1, like.dtype)


def sgd(_optimizer: Any, variable: Any, rate: Array) -> Array:
    """Return the rate, of one number."""
    return ops.reshape(rate, (1,) * len(variable.shape))


def adam(optimizer: Any, variable: Any, rate: Array) -> Array:
    """Return lr·√(1 − β2ᵗ) / (√v + ε), v being the largest so far with amsgrad."""
    square = _state(optimizer, "_velocity_hats" if optimizer.amsgrad else "_velocities", variable)
    beta = ops.cast(optimizer.beta_2, rate.dtype)
    root = ops.sqrt(1 - ops.power(beta, _steps(optimizer, rate)))
    return rate * root / (ops.sqrt(square) + optimizer.epsilon)


def nadam(optimizer: Any, variable: Any, rate: Array) -> Array:
    """Return lr·c / (√v̂ + ε), c being what the look ahead makes of a constant gradient of one.

    Formula: c = u′·(1 − β1ᵗ)/(1 − Πu·u′) + (1 − u)/(1 − Πu), u being the momentum of this step, u′
    that of the next one.
    """
    step = _steps(optimizer, rate)
    beta, decay = (ops.cast(number, rate.dtype) for number in (optimizer.beta_1, 0.96))
    now, ahead = (beta * (1 - 0.5 * ops.power(decay, at)) for at in (step, step + 1))
    product = ops.cast(plain(optimizer._u_product), rate.dtype)
    gain = ahead * (1 - ops.power(beta, step)) / (1 - product * ahead) + (1 - now) / (1 - product)
    root = ops.sqrt(1 - ops.power(ops.cast(optimizer.beta_2, rate.dtype), step))
    square = _state(optimizer, "_velocities", variable)
    return rate * gain * root / (ops.sqrt(square) + optimizer.epsilon * root)


def adamax(optimizer: Any, variable: Any, rate: Array) -> Array:
    """Return lr / (u + ε), u being the decaying maximum of |g|."""
    return rate / (_state(optimizer, "_u", variable) + optimizer.epsilon)


def rmsprop(optimizer: Any, variable: Any, rate: Array) -> Array:
    """Return the rate / √(v − m² + ε), m being 0 unless centered."""
    square = _state(optimizer, "_velocities", variable)
    if optimizer.centered:
        square = square - ops.square(_state(optimizer, "_average_gradients", variable))
    return rate / ops.sqrt(square + optimizer.epsilon)


def adagrad(optimizer: Any, variable: Any, rate: Array) -> Array:
    """Return lr / √(Σg² + ε)."""
    return rate / ops.sqrt(_state(optimizer, "_accumulators", variable) + optimizer.epsilon)


METRICS: dict[type, Motion] = {
    keras.optimizers.SGD: sgd,
    keras.optimizers.AdamW: adam,
    keras.optimizers.Adam: adam,
    keras.optimizers.Nadam: nadam,
    keras.optimizers.Adamax: adamax,
    keras.optimizers.RMSprop: rmsprop,
    keras.optimizers.Adagrad: adagrad,
}


# Those in which a steady gradient moves a weight by the rate, whatever its size is: there a prox is
# bounded (`terms.reach`).
ADAPTIVE: frozenset[Motion] = frozenset((adam, nadam, adamax, rmsprop, adagrad))

# Why a class has no metric here, as half a sentence about it.
NO_METRIC: dict[str, str] = {
    "Lion": "moves each weight by a sign, whatever the size of the gradient, so that no threshold "
    "corresponds to a strength",
    "Muon": "makes all singular values of a step equal, so that a weight's step depends on the "
    "gradients of the others and no diagonal metric exists",
    "Lamb": "divides each step by its own norm, so that no threshold corresponds to a strength",
    "Ftrl": "makes the weights anew from sums of all gradients, with an L1 of its own "
    "(l1_regularization_strength)",
}


def metric_of(optimizer: Any) -> Motion:
    """Return the metric of an optimizer: (optimizer, variable, rate) → step sizes.

    Args:
        optimizer: of a class in `METRICS`, or of a subclass that keeps its `update_step`.

    Returns:
        A function to be called just after the step, in the train function.

    Raises:
        UnsupportedOptimizer: no metric is known; the message has the reason and what to use.

    >>> metric_of(keras.optimizers.SGD(0.1)) is sgd
    True

    Source: proximal Newton-type methods, Lee, Sun and Saunders, SIAM J. Optim. 24 (2014); the
    steps are those of keras/src/optimizers.
    """
    for base in type(optimizer).__mro__:
        if base in METRICS and type(optimizer).update_step is base.update_step:
            return METRICS[base]
    name = type(optimizer).__name__
    reason = NO_METRIC.get(name, "whose metric is not known")
    names = ", ".join(known.__name__ for known in METRICS)
    raise UnsupportedOptimizer(
        f"expected one of {names} for update='proximal', got {name}, "
        f"{f'which {reason}' if name in NO_METRIC else reason}: use update="
        + ("'gradient'" if forgets(optimizer) else "'decoupled' or 'gradient'")
    )
