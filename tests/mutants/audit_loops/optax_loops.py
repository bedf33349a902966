"""Correct optax chains in JAX."""

from __future__ import annotations

from typing import Any

from shrinkage import L2
from tests.mutants.audit_faults.optax_faults import chained, matrices
from tests.mutants.audit_faults.records import Audited, NeutralAudit, loop
from tests.mutants.audit_faults.scratch import RATE, STRENGTH


@loop("jax")
def optax_decay_in_front_of_sgd() -> Audited:
    """add_decayed_weights with a mask, then sgd(lr)."""

    def chain(optax: Any, strength: float):
        decay = optax.add_decayed_weights(strength, mask=matrices)
        return optax.chain(decay, optax.sgd(RATE))

    return NeutralAudit(chained(chain), STRENGTH * L2(), RATE)


@loop("jax")
def optax_adamw_with_a_mask() -> Audited:
    """adamw decays by lr·λ where the mask says so."""

    def chain(optax: Any, strength: float):
        return optax.adamw(RATE, weight_decay=strength, mask=matrices)

    return NeutralAudit(chained(chain), STRENGTH * L2(), RATE, "decoupled")


@loop("jax")
def optax_sgd_with_momentum() -> Audited:
    """Momentum behind the decay."""

    def chain(optax: Any, strength: float):
        decay = optax.add_decayed_weights(strength, mask=matrices)
        return optax.chain(decay, optax.sgd(RATE, momentum=0.9))

    return NeutralAudit(chained(chain), STRENGTH * L2(), RATE)
