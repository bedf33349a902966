"""Keras models whose regularizers do something else than what was meant."""

from __future__ import annotations

from typing import Any

from shrinkage import L1, L2
from tests.mutants.audit_faults.keras_networks import RATE, STRENGTH, dense, keras, trained
from tests.mutants.audit_faults.records import Audited, NeutralAudit, fault


def half_l2(scale: float) -> dict[str, Any]:
    """Return the regularizer of strength·½Σw²: Keras has no half."""
    return {"kernel_regularizer": keras().regularizers.L2(0.5 * scale * STRENGTH)}


def squares(y: Any, y_pred: Any) -> Any:
    """Return the mean squared error of every row."""
    return keras().losses.mean_squared_error(y, y_pred)


@fault("keras", "no-effect", source="https://github.com/keras-team/keras/issues/8413")
def regularizer_set_after_building() -> Audited:
    """layer.kernel_regularizer = … on a layer that has been built."""

    def build(scale: float):
        model = dense(scale)
        for layer in model.layers:
            layer.kernel_regularizer = keras().regularizers.L2(0.5 * scale * STRENGTH)
        return model

    return NeutralAudit(trained(build), STRENGTH * L2(), RATE)


@fault("keras", "no-effect", source="https://github.com/MDIL-SNU/SIMPLE-NN/pull/31")
def own_loss_without_the_regularizers() -> Audited:
    """The model computes its own loss and leaves out what the layers have collected."""

    def build(scale: float):
        class Own(keras().Sequential):
            def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):  # noqa: ARG002
                return keras().ops.mean(squares(y, y_pred))

        return dense(scale, half_l2, Own)

    return NeutralAudit(trained(build), STRENGTH * L2(), RATE)


@fault("keras", "wrong-factor", source="https://github.com/titu1994/DenseNet/issues/57")
def l2_without_the_half() -> Audited:
    """l2(λ) with the λ of a weight_decay: twice the penalty."""

    def build(scale: float):
        return dense(scale, lambda s: {"kernel_regularizer": keras().regularizers.L2(s * STRENGTH)})

    return NeutralAudit(trained(build), STRENGTH * L2(), RATE)


@fault("keras", "wrong-direction", "unselected-changed")
def activity_for_the_kernel() -> Audited:
    """activity_regularizer penalises what the layer puts out, not its weights."""

    def build(scale: float):
        regularizer = keras().regularizers.L2(0.5 * scale * STRENGTH)
        return dense(scale, lambda _: {"activity_regularizer": regularizer})

    return NeutralAudit(trained(build, gradients=True), STRENGTH * L2(), RATE)


@fault("keras", "unselected-changed")
def biases_regularized_too() -> Audited:
    """bias_regularizer is set along with kernel_regularizer."""

    def build(scale: float):
        def both(scale: float) -> dict[str, Any]:
            regularizer = keras().regularizers.L1(scale * STRENGTH)
            return {"kernel_regularizer": regularizer, "bias_regularizer": regularizer}

        return dense(scale, both)

    return NeutralAudit(trained(build), STRENGTH * L1(), RATE)


@fault("keras", "unselected-changed", source="https://github.com/keras-team/keras/issues/16201")
def decay_without_an_exemption() -> Audited:
    """The optimizer's weight_decay is on every variable until biases are exempted."""

    def optimizer(scale: float):
        return keras().optimizers.SGD(RATE, weight_decay=scale * STRENGTH or None)

    return NeutralAudit(trained(dense, optimizer), STRENGTH * L2(), RATE)


@fault("keras", "wrong-factor", "double-counted")
def regularizer_and_decay() -> Audited:
    """l2 in the layers and weight_decay in the optimizer."""

    def optimizer(scale: float):
        found = keras().optimizers.SGD(RATE, weight_decay=scale * STRENGTH or None)
        if scale:
            found.exclude_from_weight_decay(var_names=["bias"])
        return found

    step = trained(lambda scale: dense(scale, half_l2), optimizer)
    return NeutralAudit(step, STRENGTH * L2(), RATE)


@fault("keras", "selected-unchanged", source="https://github.com/keras-team/keras/pull/3803")
def regularizer_that_only_the_last_layer_keeps() -> Audited:
    """One regularizer object for all layers remembers the last of them."""

    def build(scale: float):
        class Last(keras().Sequential):
            def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):  # noqa: ARG002
                kernels = [layer.kernel for layer in self.layers]
                penalty = 0.5 * scale * STRENGTH * keras().ops.sum(kernels[-1] ** 2)
                return keras().ops.mean(squares(y, y_pred)) + penalty

        return dense(scale, kind=Last)

    return NeutralAudit(trained(build), STRENGTH * L2(), RATE)


@fault("keras", "wrong-factor", source="https://github.com/keras-team/keras/pull/20609")
def regularizer_once_a_replica() -> Audited:
    """Two replicas each add the whole penalty to their half of the loss."""

    def build(scale: float):
        class Mirrored(keras().Sequential):
            def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):  # noqa: ARG002
                errors = squares(y, y_pred)
                halves = [errors[:8], errors[8:]]
                return sum(keras().ops.mean(h) / 2 + sum(self.losses) for h in halves)

        return dense(scale, half_l2, Mirrored)

    return NeutralAudit(trained(build), STRENGTH * L2(), RATE)
