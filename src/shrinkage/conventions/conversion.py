"""`convert`: what a number of one library is under another's name, and how far that is true."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shrinkage.conventions.base import Convention, Penalises
from shrinkage.conventions.context import CONTEXT, checked_context, demand
from shrinkage.conventions.errors import NoEqualStrength
from shrinkage.conventions.registry import convention_named
from shrinkage.conventions.relations import Holds, Refusal, learning_rate_factor, relation
from shrinkage.conventions.strengths import (
    Strength,
    Value,
    checked_value,
    strength_of,
    value_of,
)
from shrinkage.conventions.wording import conditions, loss_is_open, refusal_error, shown


@dataclass(frozen=True)
class Conversion:
    """A converted number, with its formula and with what has to hold for it.

    Args:
        value: the target's number; for "keras.l1_l2" two, (l1, l2).
        formula: in symbols, then in numbers.
        valid_when: the conditions, in words.
        holds: how far the two numbers have the same effect.
        source: the convention of the given number.
        target: the convention of `value`.
        given: the number that was converted.
        l1_ratio: what the target's l1_ratio has to be; None if it has none, or if it is the
            source's and was not given.
        learning_rate_factor: the target's learning rate over the source's, 1 but for
            `Holds.RESCALED_RATE`.
    """

    value: Value
    formula: str
    valid_when: str
    holds: Holds
    source: str
    target: str
    given: Value
    l1_ratio: float | None = None
    learning_rate_factor: float = 1.0

    def __str__(self) -> str:
        ratio = "" if self.l1_ratio is None else f" with l1_ratio = {self.l1_ratio:.10g}"
        factor = self.learning_rate_factor
        rate = "" if factor == 1 else f" at {factor:.10g} times the learning rate"
        return (
            f"{self.source} = {shown(self.given)} is {self.target} = {shown(self.value)}{ratio}"
            f"{rate}\n"
            f"formula: {self.formula}\n"
            f"valid when: {self.valid_when}"
        )


def convert(value: Any, source: str, target: str, **context: Any) -> Conversion:
    """Return the number under `target` that regularizes as `value` does under `source`.

    Both numbers are read in one objective, mean data loss + l1·Σ|w| + l2·½Σw² with half squared
    errors, and equated there: for example torch.sgd.weight_decay = 2 · keras.l2.

    Args:
        value: the number, at least 0; for "keras.l1_l2" the pair (l1, l2).
        source: its convention, such as "keras.l2"; `convention_names()` has all.
        target: the convention that is wanted.
        **context: learning_rate, max_learning_rate, fan_in, n_samples, batch_size,
            steps_per_epoch, group_size, epsilon, l1_ratio, only those that the formula contains;
            loss="squared_error" where the data loss is the user's and has no half; decayed_share
            for the number nearest to a cautious decay.

    Returns:
        The `Conversion`.

    Raises:
        UnknownConvention: there is no convention of such a name.
        NoEqualStrength: no number under `target` has the effect; the error has the reason, and
            the nearest in timescale where there is one.
        InputError: a number that cannot be, or context that is missing, unknown or not needed.

    >>> convert(0.01, "keras.l2", "torch.sgd.weight_decay").value
    0.02
    >>> print(convert(10, "sklearn.Ridge.alpha", "shrinkage.l2", n_samples=1000).formula)
    shrinkage.l2 = sklearn.Ridge.alpha / n_samples = 10 / 1000 = 0.01

    Source: each convention's record names the source that it was read in.
    """
    start, end = convention_named(source), convention_named(target)
    context = checked_context(context)
    number = checked_value(value, start)
    strength = strength_of(number, start, context)
    verdict = Holds.EVERY_STEP if strength.zero else relation(start, end)
    if isinstance(verdict, Refusal):
        elsewhere = verdict in (Refusal.OTHER_LOSS, Refusal.OTHER_PENALTY)
        no_decay = not elsewhere and strength.l1_ratio
        raise refusal_error(Refusal.L1_AGAINST_L2 if no_decay else verdict, start, end, strength)
    if start.penalises.knee and context.get("loss") == "squared_error" and not strength.zero:
        raise refusal_error(Refusal.WHOLE_SQUARE, start, end, strength)
    factor = learning_rate_factor(start, end)
    strength = replace(strength, product=strength.product / factor)
    _check_context(start, end, strength, context)
    if start is end:
        answer, formula, words = number, f"{source} = {shown(number)}", verdict.value
    else:
        _check_shares(start, end, strength)
        answer, formula = value_of(strength, end)
        words = conditions(verdict, start, end, context.get("loss"))
    return Conversion(
        value=answer,
        formula=formula,
        valid_when=words,
        holds=verdict,
        source=source,
        target=target,
        given=number,
        l1_ratio=strength.l1_ratio if end.penalises is Penalises.MIXED else None,
        learning_rate_factor=factor.evaluated(context),
    )


def _check_context(
    start: Convention, end: Convention, strength: Strength, context: Mapping[str, Any]
) -> None:
    """Demand what the formula contains, and refuse what changes nothing."""
    product = end.from_strength(strength.product)
    needed = [name for name in product.powers if name in CONTEXT]
    alone = start.penalises.alone or end.penalises.alone
    if strength.l1_ratio is None and not alone and end.penalises is not Penalises.MIXED:
        needed.append("l1_ratio")
    allowed = ["l1_ratio"] if Penalises.MIXED in (start.penalises, end.penalises) else []
    allowed += ["loss"] if loss_is_open(start, end) else []
    demand(context, needed=needed, allowed=allowed, pair=f"{start.name} to {end.name}")


def _check_shares(start: Convention, end: Convention, strength: Strength) -> None:
    """Refuse a target that cannot hold the L1 or the L2 of the source."""
    possible = end.penalises.l1_ratio
    if end.penalises is Penalises.MIXED and start.penalises is not Penalises.MIXED:
        possible = strength.quantities.get("l1_ratio")
    share = strength.l1_ratio
    if strength.zero or possible is None:
        return
    if share is not None and math.isclose(share, possible):  # a share of two numbers rounds
        return
    reason = Refusal.L1_AGAINST_L2.value
    raise NoEqualStrength(
        f"{start.name} has no equal {end.name}: expected an L1 share of {possible:.10g}, got "
        f"{share:.10g}; {reason}; convert to shrinkage.elastic_net without an l1_ratio, or to "
        "keras.l1_l2",
        reason,
    )
