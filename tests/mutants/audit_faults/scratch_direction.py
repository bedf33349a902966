"""Networks in NumPy whose penalty pushes in a wrong direction, or to no number."""

from __future__ import annotations

import numpy as np

from shrinkage import L1, L2, GroupLasso
from tests.mutants.audit_faults.records import Audited, NeutralAudit, fault
from tests.mutants.audit_faults.scratch import (
    MATRICES,
    RATE,
    STRENGTH,
    added,
    descend,
    gradients,
    start,
)
from tests.mutants.audit_faults.scratch_factor import with_change, with_slope


@fault("numpy", "wrong-direction", source="https://github.com/chainer/chainer/issues/261")
def decay_subtracted_from_the_gradient() -> Audited:
    """g −= λw, and then w −= lr·g: the weights grow."""
    return with_slope(lambda w, g, strength: -strength * w, STRENGTH * L2())  # noqa: ARG005


@fault("numpy", "wrong-direction", source="https://github.com/andersbll/deeppy/issues/17")
def penalty_subtracted_from_the_velocity() -> Audited:
    """step −= penalty before step·(−lr) is added to the momentum and to the weights."""

    def step(scale: float):
        before = start(np.float32)
        slopes = gradients(before)
        for name in MATRICES:
            slopes[name] = slopes[name] - np.float32(scale * STRENGTH) * before[name]
        velocity = {name: np.zeros_like(w) for name, w in before.items()}
        velocity = {n: 0.9 * v - np.float32(RATE) * slopes[n] for n, v in velocity.items()}
        return before, {name: w + velocity[name] for name, w in before.items()}

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@fault("numpy", "wrong-direction")
def absolute_value_for_the_sign() -> Audited:
    """The slope of Σ|w| is taken to be |w|."""
    return with_slope(lambda w, g, strength: strength * np.abs(w), STRENGTH * L1())  # noqa: ARG005


@fault("numpy", "wrong-direction")
def group_norm_of_the_gradient() -> Audited:
    """The direction of the group lasso is taken from the gradient instead of the weights."""

    def slope(w: np.ndarray, g: np.ndarray, strength: float) -> np.ndarray:  # noqa: ARG001
        return strength * np.sqrt(g.size) * g / np.linalg.norm(g)

    return with_slope(slope, STRENGTH * GroupLasso(per="layer"))


@fault("numpy", "wrong-direction")
def weights_of_the_last_epoch() -> Audited:
    """The penalty is taken at a copy of the weights that is never brought up to date."""
    stale = np.random.default_rng(11)
    kept = {name: stale.normal(0, 0.5, w.shape) for name, w in start().items()}

    def step(scale: float):
        before = start()
        extra = {name: scale * STRENGTH * kept[name] for name in MATRICES}
        slopes = added(gradients(before), extra, MATRICES)
        return before, descend(before, slopes), slopes

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@fault("numpy", "wrong-direction", "wrong-factor",
       source="https://github.com/e-sensing/torchopt/pull/14")  # fmt: skip
def decay_without_the_weight() -> Audited:
    """w −= lr·λ, where w −= lr·λ·w was meant."""
    return with_change(lambda w, new, strength: new - RATE * strength, STRENGTH * L2())  # noqa: ARG005


@fault("numpy", "wrong-direction", "wrong-factor",
       source="https://github.com/keras-team/keras/pull/16274")  # fmt: skip
def weight_times_what_should_be_kept() -> Audited:
    """w −= w·(1 − lr·λ): what should be kept is taken away, and a larger λ decays less."""

    def change(w: np.ndarray, new: np.ndarray, strength: float) -> np.ndarray:
        return new - w * (1 - RATE * strength)

    return with_change(change, STRENGTH * L2())


@fault("numpy", "not-finite")
def direction_of_a_zero_group() -> Audited:
    """w/‖w‖ of a column that an earlier step has made zero."""

    def step(scale: float):
        before = start()
        before["W2"][:, 1] = 0.0
        slopes = gradients(before)
        for name in MATRICES:
            root = np.sqrt(before[name].shape[0])
            with np.errstate(invalid="ignore"):
                units = before[name] / np.sqrt((before[name] ** 2).sum(0, keepdims=True))
            slopes[name] = slopes[name] + scale * STRENGTH * root * units
        return before, descend(before, slopes), slopes

    return NeutralAudit(step, STRENGTH * GroupLasso(axes=(1,)), RATE)
