"""One number read as a strength, and a strength written as another convention's number.

Who uses this: `convert`, between the two. A strength is a product in symbols, the numbers of those
symbols, and the share of L1 in it; nothing is computed before the formula is complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from shrinkage.checks import number, positive
from shrinkage.conventions.base import VALUE, Convention, DataLoss, Penalises
from shrinkage.conventions.expressions import Product
from shrinkage.errors import InputError

Given = float | tuple[float, float]
_SHARES = {Penalises.L1: 1.0, Penalises.L2: 0.0}


@dataclass(frozen=True)
class Strength:
    """strength · (l1_ratio · L1 + (1 − l1_ratio) · L2) of the one objective, in symbols.

    Args:
        product: the strength.
        numbers: symbol → number, for the symbols that are not context.
        l1_ratio: the share of L1, None if it is neither known nor needed.
    """

    product: Product
    numbers: Mapping[str, float]
    l1_ratio: float | None

    @property
    def zero(self) -> bool:
        """Whether there is no penalty at all."""
        return any(
            number == 0 and self.product.powers[name] > 0 for name, number in self.numbers.items()
        )


def checked_value(value: Any, convention: Convention) -> Given:
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


def strength_of(value: Given, source: Convention, given: Mapping[str, Any]) -> Strength:
    """Return what a checked number of a convention is in the one objective."""
    if isinstance(value, tuple):
        read = _pair(*value)
    else:
        share = _SHARES.get(source.penalises, given.get("l1_ratio", source.usual_l1_ratio))
        read = Strength(Product(powers={source.name: 1}), {source.name: value}, share)
    return replace(read, product=source.strength.replaced(VALUE, read.product))


def _pair(l1: float, l2: float) -> Strength:
    """Return the sum of the strengths of Keras' two numbers, L2 without its half."""
    if l2 == 0:
        return Strength(Product(powers={"l1": 1}), {"l1": l1}, 1.0)
    if l1 == 0:
        return Strength(Product(Fraction(2), {"l2": 1}), {"l2": l2}, 0.0)
    name, total = "(l1 + 2 · l2)", l1 + 2 * l2
    return Strength(Product(powers={name: 1}), {name: total}, l1 / total)


def number_of(strength: Strength, target: Convention) -> Product:
    """Return the target's number that has this strength, as a formula."""
    context = target.strength.replaced(VALUE, Product())
    rest = strength.product * context.inverse()
    return rest.inverse() if target.inverse else rest


def loss_factor(source: Convention, loss: str | None) -> Product:
    """Return the factor of a squared error without its half on the side where the user chose it.

    The objective e² + λ·Ω is twice ½e² + ½λ·Ω: a number beside the whole square is twice as large.
    """
    if loss != "squared_error":
        return Product()
    return Product(Fraction(1, 2) if source.data_loss is DataLoss.FREE else Fraction(2))
