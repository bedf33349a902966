"""`timescale`: how long decoupled weight decay remembers, against the published range.

Under AdamW the weights are a moving average of the updates over about τ = 1/(lr·λ) steps. The
published finding is that the best τ, counted in epochs, hardly moves when the data or the model
grow, and lies between about one epoch (else not all samples are averaged over) and the length of
training (else the start is never forgotten). So τ in epochs is the quantity to carry over, not λ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from shrinkage.checks import number, positive, whole
from shrinkage.conventions.scaling import SettingChange, timescale_factor
from shrinkage.errors import InputError

SOURCE = "Wang and Aitchison, How to set AdamW's weight decay as you scale model and dataset size"
# 1 − x rounds to 1 at and below half of the spacing of floats under 1.
FLOAT32_LOST = 2.0**-25


class TimescalePlace(Enum):
    """Where a timescale lies against the published range; the value is the statement."""

    NONE = "weight_decay is 0: nothing decays, and nothing of the start is forgotten"
    BELOW = "shorter than one epoch: weights forget samples before they have seen them all"
    WITHIN = "within the published range, from about one epoch to the length of training"
    ABOVE = "longer than the training: its start is never forgotten, and the decay hardly acts"
    NO_END = "at least one epoch; give the epochs of training to compare with the upper end"
    UNKNOWN = "give samples and batch_size to compare with the published range, in epochs"


@dataclass(frozen=True)
class Timescale:
    """The timescale of a decoupled weight decay.

    Args:
        learning_rate: of the optimizer, its largest if it has a schedule.
        weight_decay: as in torch.optim.AdamW.
        steps: τ = 1 / (learning_rate · weight_decay), inf without decay.
        steps_per_epoch: samples / batch_size, None if not given.
        epochs: τ in epochs, None if not given.
        training_epochs: the length of training, None if not given.
        place: where τ lies against the published range.
    """

    learning_rate: float
    weight_decay: float
    steps: float
    steps_per_epoch: float | None
    epochs: float | None
    training_epochs: float | None
    place: TimescalePlace

    @property
    def below_resolution(self) -> bool:
        """Whether 1 − learning_rate · weight_decay rounds to 1 in float32: no weight decays."""
        return 0 < self.learning_rate * self.weight_decay <= FLOAT32_LOST

    @property
    def published_range(self) -> tuple[float, float] | None:
        """The weight decays of τ = the whole training and τ = one epoch, None if not known."""
        if self.steps_per_epoch is None or self.training_epochs is None:
            return None
        one_epoch = 1 / (self.learning_rate * self.steps_per_epoch)
        return one_epoch / self.training_epochs, one_epoch

    def weight_decay_at(
        self,
        *,
        samples: float = 1,
        batch_size: float = 1,
        learning_rate: float = 1,
    ) -> float:
        """Return the weight decay with the same τ in epochs when the setting is scaled.

        λ′ = λ · batch_size / (samples · learning_rate), each argument being new over old.

        Args:
            samples: factor of the number of samples.
            batch_size: factor of the batch size.
            learning_rate: factor of the learning rate; 1/k for a width k times as large, if the
                learning rate follows muP.

        Returns:
            The new weight decay.

        Raises:
            InputError: a factor that is no finite number above 0.

        >>> timescale(1e-3, 0.1).weight_decay_at(samples=2)
        0.05
        """
        change = SettingChange(samples=samples, batch_size=batch_size, learning_rate=learning_rate)
        return self.weight_decay * timescale_factor(change.checked())

    def rotation(self, momentum: float = 0.0) -> float:
        """Return the angle by which a step turns a weight behind a normalization, in radians.

        √(2 · learning_rate · weight_decay · (1 − momentum) / (1 + momentum)), where the decay and
        the growth by the steps balance, after about steps / 2 steps: it depends on neither the
        gradients' size nor the data.

        Args:
            momentum: β₁ of AdamW; 0 is also plain SGD.

        Returns:
            The angle, 0 without decay.

        Raises:
            InputError: a momentum that is not at least 0 and below 1.

        >>> round(timescale(1e-3, 0.1).rotation(momentum=0.9), 5)
        0.00324

        Source: Kosson, Messmer and Jaggi, Rotational equilibrium, ICML (2024).
        """
        share = number(momentum, "momentum", below=1)
        smoothing = (1 - share) / (1 + share)
        return math.sqrt(2 * self.learning_rate * self.weight_decay * smoothing)


def timescale(
    learning_rate: float,
    weight_decay: float,
    *,
    samples: int | None = None,
    batch_size: int | None = None,
    epochs: float | None = None,
) -> Timescale:
    """Return how long decoupled weight decay remembers: τ = 1 / (learning_rate · weight_decay).

    Args:
        learning_rate: above 0; with a schedule, its largest.
        weight_decay: as in torch.optim.AdamW; 0 is no decay.
        samples: rows of the training data, with `batch_size`.
        batch_size: rows a step; an epoch is samples / batch_size steps.
        epochs: the length of training.

    Returns:
        The `Timescale`.

    Raises:
        InputError: a number that cannot be, or one of samples and batch_size without the other.

    >>> answer = timescale(1e-3, 0.1, samples=50_000, batch_size=100, epochs=90)
    >>> round(answer.steps), round(answer.epochs), answer.place.name
    (10000, 20, 'WITHIN')

    Source: Wang and Aitchison, How to set AdamW's weight decay as you scale model and dataset
    size, ICML (2025).
    """
    rate = positive(learning_rate, "learning_rate")
    decay = number(weight_decay, "weight_decay")
    length = None if epochs is None else positive(epochs, "epochs")
    per_epoch = _steps_per_epoch(samples, batch_size)
    steps = 1 / (rate * decay) if rate * decay else math.inf
    counted = None if per_epoch is None else steps / per_epoch
    place = TimescalePlace.NONE if decay == 0 else _place(counted, length)
    return Timescale(rate, decay, steps, per_epoch, counted, length, place)


def _steps_per_epoch(samples: int | None, batch_size: int | None) -> float | None:
    if samples is None and batch_size is None:
        return None
    if samples is None or batch_size is None:
        raise InputError(
            f"expected samples and batch_size together, got samples={samples} and "
            f"batch_size={batch_size}: give both, or neither"
        )
    rows, batch = whole(samples, "samples"), whole(batch_size, "batch_size")
    if batch > rows:
        raise InputError(
            f"expected a batch_size of at most the {rows} samples, got {batch}: correct it"
        )
    return rows / batch


def _place(counted: float | None, length: float | None) -> TimescalePlace:
    if counted is None:
        return TimescalePlace.UNKNOWN
    if counted < 1:
        return TimescalePlace.BELOW
    if length is None:
        return TimescalePlace.NO_END
    return TimescalePlace.ABOVE if counted > length else TimescalePlace.WITHIN
