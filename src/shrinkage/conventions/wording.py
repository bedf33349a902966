"""What an answer says: the conditions of a conversion, and the refusal of an impossible one.

Who uses this: `convert`. The sentences come from the records and from `relations`; here they are
put together.
"""

from __future__ import annotations

from shrinkage.conventions.base import LEARNING_RATE, Convention, DataLoss, TrainedBy
from shrinkage.conventions.errors import NoEqualStrength
from shrinkage.conventions.relations import Holds, Refusal
from shrinkage.conventions.strengths import Strength, Value

_HALF = (
    "the user's data loss is half of the mean squared error (for nn.MSELoss and keras mse, which "
    "have no half, give loss='squared_error') or a mean log loss"
)
_WITH_TIMESCALE = (Refusal.ADAM, Refusal.MUON, Refusal.CAUTIOUS, Refusal.OTHER_OPTIMIZER)
_WHOLE = "the user's data loss is a mean squared error without a half, of one output"


def loss_is_open(start: Convention, end: Convention) -> bool:
    """Say whether one side has squared errors by its nature and the other what the user takes."""
    losses = {start.data_loss, end.data_loss}
    return DataLoss.FREE in losses and bool(losses & {DataLoss.SQUARED, DataLoss.FAMILY})


def conditions(holds: Holds, start: Convention, end: Convention, user_loss: str | None) -> str:
    """Return all that has to hold, in one line."""
    if loss_is_open(start, end):
        loss = _WHOLE if user_loss == "squared_error" else _HALF
    elif DataLoss.CLASSES in (start.data_loss, end.data_loss):
        loss = "the data loss is the same, as a mean over the samples"
    else:
        loss = "the data loss is the same on both sides"
    words = [holds.value, loss, start.valid_when, end.valid_when]
    return "; ".join(dict.fromkeys(filter(None, words)))


def refusal_error(
    refusal: Refusal, start: Convention, end: Convention, strength: Strength
) -> NoEqualStrength:
    """Return the error, with the nearest in timescale where the decay has one."""
    message = f"{start.name} has no equal {end.name}: {refusal.value}"
    if refusal not in _WITH_TIMESCALE or strength.l1_ratio != 0:
        return NoEqualStrength(f"{message}; choose a strength on a path instead", refusal.value)
    product = end.from_strength(strength.product)
    nearest = None if strength.missing(product) else product.evaluated(strength.quantities)
    shown = product.text() if nearest is None else f"{nearest:.10g}"
    message += f"; nearest in timescale is {end.name} = {shown}: {_timescale(strength)}"
    if not (start.mechanism.beside_the_optimizer and end.mechanism.beside_the_optimizer):
        plain, decayed = (start, end) if end.mechanism.beside_the_optimizer else (end, start)
        through = TrainedBy.MUON if refusal is Refusal.MUON else TrainedBy.ADAM
        message += (
            f" for {decayed.name}, as for {plain.name} under plain SGD (under {through.value} only "
            "decay beside it has a timescale)"
        )
    return NoEqualStrength(message, refusal.value, nearest)


def _timescale(strength: Strength) -> str:
    """Return the timescale of this strength as decay, in numbers as far as they are known."""
    steps = 1 / (strength.product * LEARNING_RATE)
    known = not strength.missing(steps)
    value = f" = {steps.evaluated(strength.quantities):.6g}" if known else ""
    return f"1 / (learning_rate · strength) = {steps.text(strength.quantities)}{value} steps"


def shown(number: Value) -> str:
    """Return a number or a pair as text.

    >>> shown((0.1, 0.2))
    '(0.1, 0.2)'
    """
    if isinstance(number, tuple):
        return f"({', '.join(f'{part:.10g}' for part in number)})"
    return f"{number:.10g}"
