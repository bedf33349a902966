"""What a convention is: the meaning of one number of one library, in one record.

Who uses this: the files of this package that list conventions, and `convert`, which compares two.
Every record says what its number is in the one objective of this library,

    mean data loss + l1 · Σ|w| + l2 · ½ Σ w²   (squared errors with a half),

as a product in VALUE and in named context: `strength = 2 * VALUE`, or `VALUE / N_SAMPLES`. That
one fact gives a record its two functions, `to_strength` and `from_strength`. The data loss belongs
to the convention, because a sum over the samples, or a squared error without its half, changes
what the same number does. Other penalties have the strength of their own term here, as in
`strength * MCP(gamma)`. What follows from two records is in `relations`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shrinkage.conventions.expressions import ONE, Product, symbol

VALUE = symbol("value")
LEARNING_RATE = symbol("learning_rate")
N_SAMPLES = symbol("n_samples")
BATCH_SIZE = symbol("batch_size")
STEPS_PER_EPOCH = symbol("steps_per_epoch")
MAX_LEARNING_RATE = symbol("max_learning_rate")
DECAYED_SHARE = symbol("decayed_share")
EPSILON = symbol("epsilon")


class Penalises(Enum):
    """What the number is the strength of."""

    L1 = "L1"
    L2 = "L2"
    MIXED = "L1 and L2 together, shared out by l1_ratio"
    PAIR = "L1 and L2, two numbers"
    GROUPS = "groups, Σ√|g|·‖w_g‖"
    MCP = "MCP"
    SCAD = "SCAD"
    LOG_SUM = "log-sum, Σ ε·log(1 + |w|/ε)"
    L_HALF = "L½"

    @property
    def alone(self) -> bool:
        """Whether it is equal to nothing but itself: no sum of L1 and L2."""
        return self not in (Penalises.L1, Penalises.L2, Penalises.MIXED, Penalises.PAIR)

    @property
    def knee(self) -> bool:
        """Whether the strength moves the knee of the penalty as well, so that it is no factor."""
        return self in (Penalises.MCP, Penalises.SCAD)

    @property
    def l1_ratio(self) -> float | None:
        """The share of L1, None where it is not fixed."""
        return {Penalises.L1: 1.0, Penalises.L2: 0.0}.get(self)


class Mechanism(Enum):
    """How the penalty reaches the weights."""

    OBJECTIVE = "a part of the objective"
    COUPLED = "added to the gradient, before the optimizer"
    DECOUPLED = "subtracted from the weights, beside the optimizer"
    CAUTIOUS = "subtracted from the weights that the update takes towards 0 as well"

    @property
    def beside_the_optimizer(self) -> bool:
        """Whether the weights are decayed directly, so that the decay has a timescale."""
        return self in (Mechanism.DECOUPLED, Mechanism.CAUTIOUS)


class TrainedBy(Enum):
    """What trains the weights."""

    ANY = "any optimizer"
    SGD = "SGD"
    ADAM = "Adam"
    MUON = "Muon"
    FITTED = "a solver, to the optimum"


class DataLoss(Enum):
    """What is known of the data loss beside the penalty."""

    FREE = "the user's, as a mean"
    SQUARED = "squared error"
    CLASSES = "log loss of classes"
    FAMILY = "of the family: half of the mean squared error, or the mean negative log-likelihood"


@dataclass(frozen=True)
class Convention:
    """The meaning of one number.

    Args:
        name: library, object and argument, as in "torch.sgd.weight_decay".
        meaning: what is minimized, or what a step does, as a formula.
        penalises: what the number is the strength of.
        mechanism: how it reaches the weights.
        trainer: what trains them.
        strength: the strength as a product in VALUE, to the power 1 or −1, and in context; of a
            pair, VALUE is the weighted sum of both numbers.
        data_loss: what is known of the data loss.
        usual_l1_ratio: for MIXED, the library's own default if it is a plain penalty.
        update_scale: what the optimizer's update is multiplied by besides the learning rate, which
            the decay is not.
        valid_when: what else has to hold, in words; empty if nothing.
        checked_by: "its library" where tests run it, else "its published formula".
        source: where the formula is to be read.
    """

    name: str
    meaning: str
    penalises: Penalises
    mechanism: Mechanism
    trainer: TrainedBy
    source: str
    strength: Product = VALUE
    data_loss: DataLoss = DataLoss.FREE
    usual_l1_ratio: float | None = None
    update_scale: Product = ONE
    valid_when: str = ""
    checked_by: str = "its library"

    @property
    def inverse(self) -> bool:
        """Whether a larger number penalises less (C, a timescale)."""
        return self._power < 0

    def to_strength(self, number: Product) -> Product:
        """Return the strength in the one objective of a number under this convention.

        >>> from shrinkage.conventions.registry import REGISTRY as known
        >>> known["sklearn.LogisticRegression.C"].to_strength(symbol("C")).text()
        '1 / (C · n_samples)'
        """
        return number**self._power * self._context

    def from_strength(self, strength: Product) -> Product:
        """Return the number under this convention of a strength in the one objective.

        >>> from shrinkage.conventions.registry import REGISTRY as known
        >>> known["sklearn.LogisticRegression.C"].from_strength(symbol("strength")).text()
        '1 / (strength · n_samples)'
        """
        return (strength / self._context) ** self._power

    @property
    def _power(self) -> int:
        return int(self.strength.powers["value"])

    @property
    def _context(self) -> Product:
        return self.strength / VALUE**self._power
