"""What a convention is: the meaning of one number of one library, in one record.

Who uses this: the files of this package that list conventions, and `convert`, which compares two.
Every record says what its number is in the one objective of this library,

    mean data loss + l1 · Σ|w| + l2 · ½ Σ w²   (squared errors with a half),

as a product in `value` and in named context: `strength = 2 · value`, or `value / n_samples`. The
data loss belongs to the convention, because a sum over the samples, or a squared error without
its half, changes what the same number does. A record holds facts only; what follows from two of
them is in `relations`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

from shrinkage.conventions.expressions import Product

VALUE = "value"


class Penalises(Enum):
    """What the number is the strength of."""

    L1 = "L1"
    L2 = "L2"
    MIXED = "L1 and L2 together, shared out by l1_ratio"
    PAIR = "L1 and L2, two numbers"


class Mechanism(Enum):
    """How the penalty reaches the weights."""

    OBJECTIVE = "a part of the objective"
    COUPLED = "added to the gradient, before the optimizer"
    DECOUPLED = "subtracted from the weights, beside the optimizer"


class Trainer(Enum):
    """What trains the weights."""

    ANY = "any optimizer"
    SGD = "SGD"
    ADAM = "Adam"
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
        strength: the strength as a product in "value" and in context; of a pair, in both numbers'
            weighted sum.
        data_loss: what is known of the data loss.
        usual_l1_ratio: for MIXED, the library's own default if it is a plain penalty.
        valid_when: what else has to hold, in words; empty if nothing.
        checked_by: "its library" where tests run it, else "its published formula".
        source: where the formula is to be read.
    """

    name: str
    meaning: str
    penalises: Penalises
    mechanism: Mechanism
    trainer: Trainer
    source: str
    strength: Product = field(default_factory=lambda: times())
    data_loss: DataLoss = DataLoss.FREE
    usual_l1_ratio: float | None = None
    valid_when: str = ""
    checked_by: str = "its library"

    @property
    def inverse(self) -> bool:
        """Whether a larger number penalises less (C, a timescale)."""
        return self.strength.powers[VALUE] < 0


def times(number: int = 1, *, value: int = 1, **powers: int) -> Product:
    """Return number · value^± · context^±, the exponents by name.

    >>> times(2).text(), times(value=-1, n_samples=-1).text()
    ('2 · value', '1 / (value · n_samples)')
    """
    return Product(Fraction(number), {VALUE: value, **powers})
