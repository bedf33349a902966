"""Adam and its kin: AdamW, NAdam, RAdam, Adamax and SparseAdam.

Their first moment is an average, divided by its own sum of
weights, so that a constant gradient is not amplified; only NAdam's look ahead is, for a few steps,
and its rate says so.
"""

from __future__ import annotations

import math

from torch import optim

from shrinkage.pytorch.optimizers.base import OptimizerFacts, OwnDecay
from shrinkage.pytorch.optimizers.motion import ByStep, Group, Metric, Moment, Motion


def _numbers(group: Group, step: float) -> Motion:
    """Return lr / (√v̂ + ε) with v̂ = v / (1 − β2ᵗ), without its tensors."""
    rate, (beta1, beta2) = float(group["lr"]), group["betas"]
    root, past = math.sqrt(1 - float(beta2) ** step), 1 - float(beta1) ** step
    epsilon = float(group["eps"]) * root
    return Motion(rate * root, epsilon=epsilon, reach=rate, push_scale=1 / past)


def _square(group: Group) -> str:
    """Return the name of v, or of the largest v so far with amsgrad."""
    return "max_exp_avg_sq" if group.get("amsgrad") else "exp_avg_sq"


ADAM = ByStep(_numbers, _square, "exp_avg")


def nadam(moment: Moment, _noted: None = None) -> Motion:
    """Return Adam's motion, times what NAdam makes of a constant gradient of one.

    NAdam steps (1 − μ_t)·g/(1 − Πμ) + μ_{t+1}·m/(1 − Πμ·μ_{t+1}) where Adam steps m/(1 − β1ᵗ), with
    Πμ = μ_1⋯μ_t. A constant g of one has m = 1 − β1ᵗ.
    """
    group, step = moment.group, float(moment.state["step"])
    beta, decay = float(group["betas"][0]), float(group["momentum_decay"])
    now = beta * (1 - 0.5 * 0.96 ** (step * decay))
    ahead = beta * (1 - 0.5 * 0.96 ** ((step + 1) * decay))
    product = float(moment.state["mu_product"])
    fresh, old = (1 - now) / (1 - product), ahead / (1 - product * ahead)
    gain = fresh + old * (1 - beta**step)
    motion = ADAM.motion(moment).amplified(gain)
    if moment.gradient is None:
        return motion
    sign = -1 if group.get("maximize") else 1
    push = moment.state["exp_avg"].mul(old).add_(moment.gradient, alpha=sign * fresh)
    return motion._replace(push=push, push_scale=1 / gain)


def radam(moment: Moment, _noted: None = None) -> Motion:
    """Return lr while the variance of 1/√v is not finite, then lr·r·√(1 − β2ᵗ) / (√v + ε).

    r is the rectification. Unlike Adam, it adds ε to √v before the bias is corrected.
    """
    group, step = moment.group, float(moment.state["step"])
    rate, beta = float(group["lr"]), float(group["betas"][1])
    power = beta**step
    longest = 2 / (1 - beta) - 1
    length = longest - 2 * step * power / (1 - power)
    if length <= 5:
        return Motion(rate)
    rectified = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    root, reach = math.sqrt(rectified * (1 - power)), rate * math.sqrt(rectified)
    square, past = moment.state["exp_avg_sq"], 1 - float(group["betas"][0]) ** step
    motion = Motion(rate * root, square, None, float(group["eps"]), reach=reach)
    return motion._replace(push=moment.state["exp_avg"], push_scale=1 / past)


def adamax(moment: Moment, _noted: None = None) -> Motion:
    """Return lr / u, u being the decaying maximum of |g| + ε."""
    rate = float(moment.group["lr"])
    return Motion(rate, given=moment.state["exp_inf"], reach=rate)


def _adaptive(metric: Metric, own_decay: OwnDecay = OwnDecay.COUPLED) -> OptimizerFacts:
    return OptimizerFacts(metric=metric, own_decay=own_decay, adapts=True)


_ADAM = Metric(ADAM.motion, by_step=ADAM)
_ROWS = "moves only the rows of a sparse gradient, while a penalty acts on all of them"

FACTS: dict[type[optim.Optimizer], OptimizerFacts] = {
    optim.Adam: _adaptive(_ADAM),
    optim.AdamW: _adaptive(_ADAM, OwnDecay.DECOUPLED),
    optim.NAdam: _adaptive(Metric(nadam)),
    optim.RAdam: _adaptive(Metric(radam)),
    optim.Adamax: _adaptive(Metric(adamax)),
    optim.SparseAdam: OptimizerFacts(
        no_metric=_ROWS,
        own_decay=OwnDecay.NONE,
        adapts=True,
        refuses=dict.fromkeys(("loss", "gradient", "decoupled", "proximal"), f"it {_ROWS}"),
        instead="build the layer with sparse=False and use Adam",
    ),
}
