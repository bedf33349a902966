"""optax chains whose decay is on too much, in the wrong place, or not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from shrinkage import L2
from tests.mutants.audit_faults.records import Audited, NeutralAudit, Step, fault
from tests.mutants.audit_faults.scratch import RATE, STRENGTH, batch, start


def chained(chain: Callable[[Any, float], Any]) -> Step:
    """Return step(scale) for the chain of transformations that chain(optax, strength) gives."""

    def step(scale: float):
        import jax
        import jax.numpy as jnp
        import optax

        x, y = (jnp.asarray(part) for part in batch(np.float32))
        before = start(np.float32)

        def loss(p: dict[str, Any]):
            hidden = jnp.tanh(x @ p["W1"] + p["b1"])
            hidden = jnp.tanh(hidden @ p["W2"] + p["b2"])
            return 0.5 * jnp.mean((hidden @ p["W3"] + p["b3"] - y) ** 2)

        parameters = {name: jnp.asarray(w) for name, w in before.items()}
        transformation = chain(optax, scale * STRENGTH)
        slopes: Any = jax.grad(loss)(parameters)
        updates, _ = transformation.update(slopes, transformation.init(parameters), parameters)
        after: Any = optax.apply_updates(parameters, updates)
        return before, {name: np.asarray(w) for name, w in after.items()}

    return step


def matrices(parameters: Any) -> dict[str, bool]:
    """Return the mask that leaves out biases."""
    return {name: w.ndim > 1 for name, w in parameters.items()}


@fault("jax", "unselected-changed", source="https://github.com/google-deepmind/optax/issues/25")
def decay_without_a_mask() -> Audited:
    """add_decayed_weights decays every parameter that it is not told to leave out."""

    def chain(optax: Any, strength: float):
        return optax.chain(optax.add_decayed_weights(strength), optax.sgd(RATE))

    return NeutralAudit(chained(chain), STRENGTH * L2(), RATE)


@fault("jax", "wrong-direction", "wrong-factor",
       source="https://github.com/google-deepmind/optax/pull/1291")  # fmt: skip
def decay_after_the_rate() -> Audited:
    """Behind sgd(lr), which has turned the sign, the decay is added: unscaled and upwards."""

    def chain(optax: Any, strength: float):
        decay = optax.add_decayed_weights(strength, mask=matrices)
        return optax.chain(optax.sgd(RATE), decay)

    return NeutralAudit(chained(chain), STRENGTH * L2(), RATE)
