"""Will the penalty win against the data, and take the network to zero output?

Who uses this: `shrinkage.pytorch.audit`, before training. It compares, on all penalised weights
together, the push of the penalty with that of the data in one and the same step. Where the
penalty's is larger and nothing in the data's gradient answers it, weights go to zero; in a network
of several layers zero weights pass no gradient on, so that nothing brings them back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from shrinkage.audits.findings import Finding, finding

_LOST = 3.0  # networks with 2.2 still learned, with 4.5 hardly and with 6.7 not at all
_SAFE = 0.01  # a strength at which the penalty's push is a hundredth of the data's
_DECAYED = math.log(100)  # time constants until a hundredth is left


@dataclass(frozen=True)
class Pushes:
    """Two pushes on one parameter, in the same unit: gradients, or displacements in one step.

    Args:
        name: of the parameter.
        penalty: norm of the penalty's push at the strength in question.
        data: norm of the data's push.
        along: ⟨data's push, penalty's push⟩.
        largest: largest magnitude of a weight.
        speed: mean magnitude of the displacement of a weight in the step.
        towards_zero: −⟨displacement, w⟩ / ⟨w, w⟩, the share of the weights lost in the step.
    """

    name: str
    penalty: float
    data: float
    along: float
    largest: float
    speed: float
    towards_zero: float


@dataclass(frozen=True)
class Balance:
    """The sums over all penalised parameters of a network."""

    penalty: float
    data: float
    unanswered: float  # the share of the penalty's push that the data's does not answer

    @property
    def ratio(self) -> float:
        """The unanswered push over the data's."""
        return self.penalty * self.unanswered / self.data if self.data > 0 else math.inf


def balance(layers: list[Pushes]) -> Balance:
    """Return the pushes on all parameters together.

    >>> balance([Pushes("w", 3.0, 4.0, 0.0, 1.0, 0.1, 0.1)]).ratio
    0.75
    """
    penalty = math.sqrt(sum(layer.penalty**2 for layer in layers))
    data = math.sqrt(sum(layer.data**2 for layer in layers))
    along = sum(layer.along for layer in layers)
    return Balance(penalty, data, 1 + along / penalty**2 if penalty > 0 else 0.0)


def predict_collapse(
    layers: list[Pushes],
    strengths: list[float],
    *,
    proportional: bool,
    smooth: bool,
    steps_per_epoch: float | None = None,
    frozen: bool = False,
) -> list[Finding]:
    """Return a finding where the penalty will take the network to zero.

    Args:
        layers: every penalised parameter with two or more axes.
        strengths: of the terms.
        proportional: whether the push gets smaller with the weights (L2 beside the gradient).
        smooth: whether all terms are L2; a network of one layer then keeps its directions.
        steps_per_epoch: to say epochs too.
        frozen: whether other weights stay, as those under an adapter.

    Returns:
        No finding or one.
    """
    pushes = balance(layers)
    if pushes.ratio <= _LOST or pushes.unanswered < 0.5 or (smooth and len(layers) < 2):
        return []
    steps = _rounded(_steps(layers, proportional=proportional))
    when = f"about {steps:g} steps" if math.isfinite(steps) else "a long time"
    if steps_per_epoch and math.isfinite(steps):
        when += f" ({steps / steps_per_epoch:.2g} epochs)"
    goes = "the network will go to zero output"
    if frozen:
        goes = "what trains will go to zero, so that the frozen weights alone are left,"
    outcome = f"at this strength {goes} within {when}"
    if not pushes.data:
        message = f"the data's gradient is 0, the penalty's is not: {outcome}"
        remedy = "look for dead units: no strength is small enough for this network"
        return [finding("collapse", "", message, remedy)]
    largest = max(layers, key=lambda layer: layer.penalty / max(layer.data, 1e-300))
    share = largest.penalty / max(largest.data, 1e-300)
    message = (
        f"the penalty pushes {pushes.ratio:.3g} times as hard as the data (at {largest.name} "
        f"{share:.3g} times): {outcome}"
    )
    safe = " and ".join(f"{value:g}" for value in safe_strengths(layers, strengths) if value > 0)
    remedy = f"try a strength of at most {safe}, and choose it with fit_path"
    return [finding("collapse", "", message, remedy)]


def safe_strengths(layers: list[Pushes], strengths: list[float]) -> list[float]:
    """Return strengths at which the penalty's push is a hundredth of the data's."""
    ratio = balance(layers).ratio
    return [_floor(strength * _SAFE / ratio) if ratio > 0 else strength for strength in strengths]


def _steps(layers: list[Pushes], *, proportional: bool) -> float:
    """Return after how many steps hardly a weight is left."""
    if proportional:
        rate = min((layer.towards_zero for layer in layers if layer.towards_zero > 0), default=0.0)
        return _DECAYED / rate if rate > 0 else math.inf
    return max((layer.largest / layer.speed for layer in layers if layer.speed > 0), default=1.0)


def _floor(value: float) -> float:
    """Return a number with one digit, not above the value.

    >>> _floor(0.00278)
    0.002
    """
    if value <= 0:
        return 0.0
    digit = 10.0 ** math.floor(math.log10(value))
    return float(f"{math.floor(value / digit * (1 + 1e-12)) * digit:.1g}")


def _rounded(value: float) -> float:
    return float(f"{value:.1g}") if math.isfinite(value) else value
