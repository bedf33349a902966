"""One number read as a strength, and a strength written as another convention's number.

Who uses this: `convert`, between the two. A strength is a product in symbols, the numbers of those
symbols, and the share of L1 in it; nothing is computed before the formula is complete.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from shrinkage.checks import number, positive
from shrinkage.conventions.base import Convention, DataLoss, Penalises
from shrinkage.conventions.errors import NoEqualStrength
from shrinkage.conventions.expressions import Product, symbol
from shrinkage.errors import InputError

Value = float | tuple[float, float]


@dataclass(frozen=True)
class Strength:
    """strength · (l1_ratio · L1 + (1 − l1_ratio) · L2) of the one objective, in symbols.

    Args:
        product: the strength.
        quantities: symbol → number, of the converted value and of the context.
        l1_ratio: the share of L1, None if it is neither known nor needed.
    """

    product: Product
    quantities: Mapping[str, Any]
    l1_ratio: float | None

    @property
    def zero(self) -> bool:
        """Whether there is no penalty at all."""
        return any(
            power > 0 and self.quantities.get(name) == 0
            for name, power in self.product.powers.items()
        )

    def missing(self, product: Product) -> list[str]:
        """Return the symbols of a product that have no number yet."""
        return [name for name in product.powers if name not in self.quantities]


def checked_value(value: Any, convention: Convention) -> Value:
    """Return the number of a convention (two of a pair) as floats, or say what it has to be.

    >>> from shrinkage.conventions.registry import REGISTRY
    >>> checked_value((0, 0.1), REGISTRY["keras.l1_l2"])
    (0.0, 0.1)
    """
    name = convention.name
    if convention.penalises is not Penalises.PAIR:
        return positive(value, name) if convention.inverse else number(value, name)
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise InputError(
            f"expected {name} as two numbers, (l1, l2), got {value!r}: give both, one may be 0"
        )
    first, second = (number(part, name) for part in value)
    return first, second


def strength_of(value: Value, source: Convention, context: Mapping[str, Any]) -> Strength:
    """Return what a checked number of a convention is in the one objective.

    A squared error without its half, on the side where the user chose it, is a factor of 2: the
    objective e² + λ·Ω is twice ½e² + ½λ·Ω, so a number beside the whole square is twice as large.
    """
    if isinstance(value, tuple):
        symbols, quantities, share = _pair(*value)
    else:
        symbols, quantities = symbol(source.name), {source.name: value}
        share = source.penalises.l1_ratio
        share = context.get("l1_ratio", source.usual_l1_ratio) if share is None else share
    product = source.to_strength(symbols)
    if context.get("loss") == "squared_error":
        product *= Fraction(1, 2) if source.data_loss is DataLoss.FREE else 2
    return Strength(product, {**context, **quantities}, share)


def _pair(l1: float, l2: float) -> tuple[Product, dict[str, float], float]:
    """Return the sum of the strengths of Keras' two numbers, L2 without its half."""
    if l2 == 0:
        return symbol("l1"), {"l1": l1}, 1.0
    if l1 == 0:
        return 2 * symbol("l2"), {"l2": l2}, 0.0
    name, total = "(l1 + 2 · l2)", l1 + 2 * l2
    return symbol(name), {name: total}, l1 / total


def value_of(strength: Strength, target: Convention) -> tuple[Value, str]:
    """Return the target's number or pair of this strength, and the formula that gives it.

    Args:
        strength: what the source's number is, with a number for every symbol.
        target: the target's convention.

    Returns:
        The number and the formula, in symbols and in numbers.

    Raises:
        NoEqualStrength: the number would be infinite, as C without a penalty.
        InputError: the number is too large or too small for a float.
    """
    if target.inverse and strength.zero:
        raise NoEqualStrength(
            f"no penalty at all has no equal {target.name}: expected a strength above 0, got 0, "
            "for which the number would be infinite; leave the penalty out",
            "the number would be infinite",
        )
    product = target.from_strength(strength.product)
    if target.penalises is not Penalises.PAIR:
        return _evaluated(product, target.name, strength.quantities, strength.zero)
    share, rest = strength.l1_ratio or 0.0, "(1 − l1_ratio)"
    quantities = {**strength.quantities, "l1_ratio": share, rest: 1 - share}
    mixed = int(0 < share < 1)
    parts = {
        "l1": product * symbol("l1_ratio") ** mixed,
        "l2": product * symbol(rest) ** mixed * Fraction(1, 2),
    }
    (l1, first), (l2, second) = (
        _evaluated(part, name, quantities, strength.zero) if some else (0.0, f"{name} = 0")
        for (name, part), some in zip(parts.items(), (share, 1 - share), strict=True)
    )
    return (l1, l2), f"{first}; {second}"


def _evaluated(
    product: Product, name: str, quantities: Mapping[str, Any], zero: bool
) -> tuple[float, str]:
    """Return the number and `name = symbols = numbers = number`."""
    value = product.evaluated(quantities)
    if not math.isfinite(value) or (value == 0 and not zero):
        raise InputError(
            f"expected numbers whose {name} a float can hold, got {product.text(quantities)}: "
            "give less extreme ones"
        )
    parts = [name, product.text(), product.text(quantities), f"{value:.10g}"]
    return value, " = ".join(dict.fromkeys(parts))
