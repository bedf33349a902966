"""`scaled_weight_decay`: what published rules make of a weight decay when the setting grows.

The rules are of decoupled decay under AdamW, and they do not agree, since each keeps something
else: the timescale in epochs, a power law of it in tokens per parameter, the gain of a layer, the
decay of a step. So each is a record with its formula, the range in which it was published and its
source, and the answer has a number from every rule that speaks of the change.

A change is given as factors, new over old. `learning_rate` is that of the matrices; by muP it is
1/k where the width is k times as large.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

from shrinkage.checks import number, positive


@dataclass(frozen=True)
class SettingChange:
    """What changes, as factors, new over old.

    Args:
        samples: of the rows, or tokens, of the training data.
        epochs: of the passes over them.
        batch_size: of the rows of a step.
        learning_rate: of the matrices.
        width: of the layers.
        parameters: of the number of parameters; None is width², for layers that alone grow.
    """

    samples: float = 1.0
    epochs: float = 1.0
    batch_size: float = 1.0
    learning_rate: float = 1.0
    width: float = 1.0
    parameters: float | None = None

    @property
    def width_alone(self) -> bool:
        """Whether the width changes, the rate of the matrices goes by 1/width, and nothing else."""
        rest = (self.samples, self.epochs, self.batch_size)
        by_mup = math.isclose(self.learning_rate * self.width, 1, rel_tol=1e-9)
        return self.width != 1 and by_mup and rest == (1, 1, 1)

    def checked(self) -> SettingChange:
        """Return it if every factor is a finite number above 0, and raise InputError if not."""
        for field in fields(self):
            factor = getattr(self, field.name)
            if factor is not None:
                positive(factor, f"the factor of {field.name}")
        return self


@dataclass(frozen=True)
class ScalingRule:
    """A published rule of how λ goes with the setting.

    Args:
        name: a short name.
        keeps: what stays the same, and the formula that follows.
        published_for: the setting in which it was found to hold.
        source: where it is to be read.
        factor: λ of the matrices, new over old.
        of_width_alone: whether it speaks of another width at muP's rates and of nothing else.
        vectors: the weight decay of arrays of one axis, None if the rule does not set them apart.
    """

    name: str
    keeps: str
    published_for: str
    source: str
    factor: Callable[[SettingChange], float]
    of_width_alone: bool = False
    vectors: float | None = None

    def speaks_of(self, change: SettingChange) -> bool:
        """Return whether the rule is about such a change."""
        return change.width_alone or not self.of_width_alone


@dataclass(frozen=True)
class ScaledDecay:
    """One rule's answer.

    Args:
        rule: the rule.
        matrices: the new weight decay of matrices.
        vectors: that of arrays of one axis, None if the rule does not set them apart.
    """

    rule: ScalingRule
    matrices: float
    vectors: float | None


# The optimal τ as a share of the training goes with tokens per parameter to this power: the fit of
# the paper's first version. Its factor in front is not needed, since it cancels in a change.
POWER_LINES_EXPONENT = -0.527


def timescale_factor(change: SettingChange) -> float:
    """Return what λ is multiplied by to keep the timescale in epochs."""
    return change.batch_size / (change.samples * change.learning_rate)


def _power_lines(change: SettingChange) -> float:
    tokens = change.samples * change.epochs
    parameters = change.width**2 if change.parameters is None else change.parameters
    share_of_training = (tokens / parameters) ** POWER_LINES_EXPONENT
    return change.batch_size / (change.learning_rate * tokens * share_of_training)


SCALING_RULES = (
    ScalingRule(
        name="timescale",
        keeps="τ = batch_size / (learning_rate · λ · samples) in epochs stays",
        published_for="AdamW with τ from about one epoch to the length of training; ResNet-18 and "
        "vision transformers on CIFAR-10 and ImageNet, NanoGPT on OpenWebText",
        source="Wang and Aitchison, arXiv 2405.13698",
        factor=timescale_factor,
    ),
    ScalingRule(
        name="power-lines",
        keeps="τ as a share of the training goes with (tokens / parameters)^−0.527",
        published_for="AdamW, language models of GPT-2's kind with 111 M to 3.3 B parameters in "
        "one pass over SlimPajama, learning rates by muP, batches that are not too large",
        source="Bergsma et al., Power lines, arXiv 2505.13738",
        factor=_power_lines,
    ),
    ScalingRule(
        name="root-width",
        keeps="the largest singular value of a layer keeps its gain: λ of matrices · √width",
        published_for="AdamW, transformers with normalizations (LLaMA's), rates of matrices by "
        "1/width, those of vectors constant and without decay",
        source="Fan et al., arXiv 2510.15262",
        factor=lambda change: math.sqrt(change.width),
        of_width_alone=True,
        vectors=0.0,
    ),
    ScalingRule(
        name="independent",
        keeps="the decay of a step, learning_rate · λ, stays: λ · width",
        published_for="AdamW at muP's rates, language models (LLaMA's) and ResNets",
        source="Kosson et al., arXiv 2510.19093",
        factor=lambda change: change.width,
        of_width_alone=True,
    ),
)


def scaled_weight_decay(
    weight_decay: float,
    *,
    samples: float = 1.0,
    epochs: float = 1.0,
    batch_size: float = 1.0,
    learning_rate: float = 1.0,
    width: float = 1.0,
    parameters: float | None = None,
) -> tuple[ScaledDecay, ...]:
    """Return what each published rule makes of a decoupled weight decay in a larger setting.

    timescale: λ · batch_size / (samples · learning_rate). power-lines: λ · batch_size /
    (learning_rate · tokens) · (tokens / parameters)^0.527, tokens = samples · epochs. With
    learning_rate = 1/width and nothing else changed also root-width: λ · √width and vectors 0,
    and independent: λ · width.

    Args:
        weight_decay: λ as in torch.optim.AdamW, at least 0.
        samples: factor of the rows, or tokens, of the training data.
        epochs: factor of the passes over them.
        batch_size: factor of the rows of a step.
        learning_rate: factor of the matrices' learning rate.
        width: factor of the layers' width.
        parameters: factor of the number of parameters, width² if not given.

    Returns:
        The answers of the rules that speak of this change, in the order of `SCALING_RULES`.

    Raises:
        InputError: a factor that is no finite number above 0.

    >>> for answer in scaled_weight_decay(0.1, width=4, learning_rate=1 / 4):
    ...     print(answer.rule.name, round(answer.matrices, 4), answer.vectors)
    timescale 0.4 None
    power-lines 0.0928 None
    root-width 0.2 0.0
    independent 0.4 None

    Source: each rule's `source`; the powers are those of the papers, the ranges `published_for`.
    """
    decay = number(weight_decay, "weight_decay")
    change = SettingChange(samples, epochs, batch_size, learning_rate, width, parameters).checked()
    return tuple(
        ScaledDecay(rule, decay * rule.factor(change), rule.vectors)
        for rule in SCALING_RULES
        if rule.speaks_of(change)
    )
