"""Correct Keras models, trained by train_on_batch on whatever backend runs."""

from __future__ import annotations

from typing import Any

from shrinkage import L1, L2
from tests.mutants.audit_faults.keras_networks import (
    RATE,
    STRENGTH,
    arrays,
    batch,
    dense,
    keras,
    trained,
)
from tests.mutants.audit_faults.records import Arrays, Audited, NeutralAudit, loop


@loop("keras")
def keras_l2_with_half_the_strength() -> Audited:
    """l2(λ/2) is this library's λ."""

    def half(scale: float) -> dict[str, Any]:
        return {"kernel_regularizer": keras().regularizers.L2(0.5 * scale * STRENGTH)}

    return NeutralAudit(trained(lambda scale: dense(scale, half)), STRENGTH * L2(), RATE)


@loop("keras")
def keras_l1() -> Audited:
    """l1(λ), the gradients of plain SGD returned."""

    def whole(scale: float) -> dict[str, Any]:
        return {"kernel_regularizer": keras().regularizers.L1(scale * STRENGTH)}

    step = trained(lambda scale: dense(scale, whole), gradients=True)
    return NeutralAudit(step, STRENGTH * L1(), RATE)


@loop("keras")
def keras_l1_l2_with_momentum() -> Audited:
    """l1_l2 with SGD's momentum, whose first step is a plain one."""

    def both(scale: float) -> dict[str, Any]:
        strength = scale * STRENGTH
        return {"kernel_regularizer": keras().regularizers.L1L2(strength, 0.5 * strength)}

    step = trained(
        lambda scale: dense(scale, both),
        lambda scale: keras().optimizers.SGD(RATE, momentum=0.9),  # noqa: ARG005
    )
    return NeutralAudit(step, STRENGTH * L1() + STRENGTH * L2(), RATE)


@loop("keras")
def keras_adamw_with_an_exemption() -> Audited:
    """AdamW's decay, biases exempt by name."""

    def optimizer(scale: float) -> Any:
        found = keras().optimizers.AdamW(0.01, weight_decay=scale * STRENGTH)
        found.exclude_from_weight_decay(var_names=["bias"])
        return found

    return NeutralAudit(trained(dense, optimizer), STRENGTH * L2(), 0.01, "decoupled")


@loop("keras")
def keras_soft_threshold_in_a_callback() -> Audited:
    """`on_train_batch_end` takes lr·λ from every kernel, some of whose weights are zero then."""

    class Threshold(keras().callbacks.Callback):
        scale = 0.0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            for layer in self.model.layers:
                w, ops = layer.kernel, keras().ops
                w.assign(ops.sign(w) * ops.relu(ops.abs(w) - RATE * self.scale))

    def step(scale: float) -> tuple[Arrays, ...]:
        model, callback = dense(scale), Threshold()
        callback.scale = scale * STRENGTH
        model.compile(optimizer=keras().optimizers.SGD(RATE), loss="mse")
        before = arrays(model)
        model.fit(*batch(), batch_size=16, verbose=0, callbacks=[callback])
        return before, arrays(model)

    return NeutralAudit(step, STRENGTH * L1(), RATE)
