"""From a strength to the target's number: the formula, evaluated, or why there is no such number.

Who uses this: `convert`, once it is known that equal numbers exist and that the context is there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from shrinkage.conventions.base import Convention, Penalises
from shrinkage.conventions.errors import NoEqualStrength
from shrinkage.conventions.expressions import Product
from shrinkage.conventions.relations import Refusal
from shrinkage.conventions.strengths import Given, Strength, number_of
from shrinkage.errors import InputError

_SHARES = {Penalises.L1: 1.0, Penalises.L2: 0.0}


def check_shares(
    start: Convention, end: Convention, strength: Strength, given: Mapping[str, Any]
) -> None:
    """Refuse a target that cannot hold the L1 or the L2 of the source.

    Args:
        start: the source's convention.
        end: the target's.
        strength: what the source's number is.
        given: the checked context.

    Raises:
        NoEqualStrength: the target has only L1, only L2, or the user's l1_ratio.
    """
    possible = _SHARES.get(end.penalises)
    if end.penalises is Penalises.MIXED and start.penalises is not Penalises.MIXED:
        possible = given.get("l1_ratio")
    share = strength.l1_ratio
    if strength.zero or possible is None or share == possible:
        return
    reason = Refusal.L1_AGAINST_L2.value
    raise NoEqualStrength(
        f"{start.name} has no equal {end.name}: expected an L1 share of {possible:.10g}, got "
        f"{share:.10g}; {reason}; convert to shrinkage.elastic_net without an l1_ratio, or to "
        "keras.l1_l2",
        reason,
    )


def solved(strength: Strength, end: Convention, given: Mapping[str, Any]) -> tuple[Given, str]:
    """Return the target's number or pair, and the formula that gives it.

    Args:
        strength: what the source's number is.
        end: the target's convention.
        given: the checked context.

    Returns:
        The number and the formula, in symbols and in numbers.

    Raises:
        NoEqualStrength: the number would be infinite, as C without a penalty.
        InputError: the number is too large or too small for a float.
    """
    if end.inverse and strength.zero:
        raise NoEqualStrength(
            f"no penalty at all has no equal {end.name}: expected a strength above 0, got 0, for "
            "which the number would be infinite; leave the penalty out",
            "the number would be infinite",
        )
    product = number_of(strength, end)
    quantities = {**strength.numbers, **given}
    if end.penalises is not Penalises.PAIR:
        return _evaluated(product, end.name, quantities, zero=strength.zero)
    share = strength.l1_ratio or 0.0
    rest = "(1 − l1_ratio)"
    quantities = {**quantities, "l1_ratio": share, rest: 1 - share}
    mixed = int(0 < share < 1)
    parts = {
        "l1": (share, product * Product(powers={"l1_ratio": mixed})),
        "l2": (1 - share, product * Product(Fraction(1, 2), {rest: mixed})),
    }
    (l1, first), (l2, second) = (
        _evaluated(part, name, quantities, zero=strength.zero) if some else (0.0, f"{name} = 0")
        for name, (some, part) in parts.items()
    )
    return (l1, l2), f"{first}; {second}"


def _evaluated(
    product: Product, name: str, quantities: Mapping[str, Any], *, zero: bool
) -> tuple[float, str]:
    """Return the number and `name = symbols = numbers = number`."""
    number = product.evaluated(quantities)
    if not math.isfinite(number) or (number == 0 and not zero):
        raise InputError(
            f"expected numbers whose {name} a float can hold, got {product.text(quantities)}: "
            "give less extreme ones"
        )
    parts = dict.fromkeys([product.text(), product.text(quantities), f"{number:.10g}"])
    return number, " = ".join([name, *parts])
