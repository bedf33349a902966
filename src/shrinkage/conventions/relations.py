"""What two conventions have in common: when equal numbers exist, and how far they are equal.

Who uses this: `convert`. The rules stand in the order of `relation`: what trains and how the
penalty gets in decide whether steps agree, or only stationary points, or nothing at all.
"""

from __future__ import annotations

from enum import Enum

from shrinkage.conventions.base import Convention, DataLoss, Mechanism, Penalises, TrainedBy
from shrinkage.conventions.expressions import ONE, Product


class Holds(Enum):
    """How far two converted numbers have the same effect; the value is the statement."""

    EVERY_STEP = "exact at every step of the same optimizer at the same learning rate"
    RESCALED_RATE = (
        "exact at every step if the target's learning rate is the source's times "
        "learning_rate_factor (at one and the same rate the two take different updates)"
    )
    PLAIN_SGD = (
        "exact at every step of plain SGD; under momentum m the stationary points agree if the "
        "decoupled number is divided by 1 − m"
    )
    STATIONARY = (
        "exact at a stationary point, the minimizer where there is one; the steps that lead there "
        "differ"
    )


class Refusal(Enum):
    """Why no equal number exists; the value is the reason."""

    ADAM = (
        "decoupled decay shrinks every weight by the same share a step, while through Adam the "
        "gradient of L2 is divided by √v̂, a number of each weight's own, so that no strength makes "
        "the two equal"
    )
    MUON = (
        "decoupled decay shrinks every weight by the same share a step, while through Muon the "
        "gradient of L2 is orthogonalized with that of the loss, which leaves nothing of its size, "
        "so that no strength makes the two equal"
    )
    CAUTIOUS = (
        "cautious decay acts only where the update has the sign of the weight, on another set of "
        "coordinates at every step, so that no strength of another penalty makes the two equal "
        "(its authors keep the weight_decay of AdamW as it is)"
    )
    OTHER_OPTIMIZER = (
        "both decay by the same share a step, but against the steps of one optimizer it settles "
        "elsewhere than against those of another"
    )
    L1_AGAINST_L2 = (
        "L1 pulls every weight by the same amount and L2 in proportion to the weight, so that no "
        "strength makes them equal"
    )
    OTHER_PENALTY = (
        "the two are different functions of the weights, so that no strength makes them equal (but "
        "groups of one weight, an infinite gamma and an infinite epsilon, which are L1)"
    )
    WHOLE_SQUARE = (
        "its strength moves its knee as well, so that twice the data loss is no factor of it; take "
        "half of the squared error, and leave loss out"
    )
    OTHER_LOSS = (
        "one is fitted to squared errors and the other to classes, so that no strength gives one "
        "the other's optimum"
    )


def relation(source: Convention, target: Convention) -> Holds | Refusal:
    """Return how far equal numbers exist, by what trains and how the penalty gets in.

    >>> from shrinkage.conventions.registry import REGISTRY as known
    >>> relation(known["torch.adam.weight_decay"], known["torch.adamw.weight_decay"]).name
    'ADAM'
    """
    both = (source, target)
    if source is target:
        return Holds.EVERY_STEP
    if {convention.data_loss for convention in both} == {DataLoss.SQUARED, DataLoss.CLASSES}:
        return Refusal.OTHER_LOSS
    kinds = {convention.penalises for convention in both}
    if len(kinds) > 1 and any(kind.alone for kind in kinds):
        return Refusal.OTHER_PENALTY
    if kinds == {Penalises.L1, Penalises.L2}:
        return Refusal.L1_AGAINST_L2
    if Mechanism.CAUTIOUS in {convention.mechanism for convention in both}:
        return Refusal.CAUTIOUS
    trainers = {convention.trainer for convention in both}
    decoupled = [item.mechanism for item in both].count(Mechanism.DECOUPLED)
    if decoupled == 1:
        if TrainedBy.ADAM in trainers:
            return Refusal.ADAM
        if TrainedBy.MUON in trainers:
            return Refusal.MUON
        return Holds.STATIONARY if TrainedBy.FITTED in trainers else Holds.PLAIN_SGD
    if decoupled == 2:
        if len(trainers - {TrainedBy.ANY}) > 1:
            return Refusal.OTHER_OPTIMIZER
        same_rate = learning_rate_factor(source, target) == ONE
        return Holds.EVERY_STEP if same_rate else Holds.RESCALED_RATE
    apart = trainers & {TrainedBy.FITTED, TrainedBy.ADAM}
    return Holds.STATIONARY if apart else Holds.EVERY_STEP


def learning_rate_factor(source: Convention, target: Convention) -> Product:
    """Return what the learning rate has to be multiplied by, for the two to make equal updates.

    The decay is not multiplied by an optimizer's own scale of its update, so that the number has
    to be divided by what the learning rate is multiplied by.

    >>> from shrinkage.conventions.registry import convention_named
    >>> pair = (convention_named(f"{name}.muon.weight_decay") for name in ("torch", "keras"))
    >>> learning_rate_factor(*pair).text()
    '5 / √fan_in'
    """
    if source.trainer is not target.trainer:
        return ONE
    return source.update_scale / target.update_scale
