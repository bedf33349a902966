"""Products of named quantities with whole or half exponents: number · Π quantity^exponent.

Who uses this: every convention states what its number means as such a product, and a conversion
is the quotient of two. What cancels in the quotient need not be asked for, and the formula that
people read is printed from the same object that is evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType


@dataclass(frozen=True)
class Product:
    """A number times powers of named quantities; `*`, `/` and `**` work as on numbers.

    A name that is a number, as in `root("2")`, stands for that number.

    Args:
        number: the factor in front.
        powers: name of a quantity → its exponent; exponents of 0 are dropped.

    >>> (2 * symbol("l2") / symbol("n_samples")).text()
    '2 · l2 / n_samples'
    """

    number: Fraction = Fraction(1)
    powers: Mapping[str, int | Fraction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        powers = {name: exponent for name, exponent in self.powers.items() if exponent}
        object.__setattr__(self, "powers", MappingProxyType(powers))

    def __mul__(self, other: Product | Fraction | int) -> Product:
        if not isinstance(other, Product):
            return Product(self.number * other, self.powers)
        names = dict.fromkeys([*self.powers, *other.powers])
        powers = {name: self.powers.get(name, 0) + other.powers.get(name, 0) for name in names}
        return Product(self.number * other.number, powers)

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> Product:
        powers = {name: power * exponent for name, power in self.powers.items()}
        return Product(self.number**exponent, powers)

    def __truediv__(self, other: Product) -> Product:
        return self * other**-1

    def __rtruediv__(self, other: int) -> Product:
        return self**-1 * other

    def evaluated(self, quantities: Mapping[str, float]) -> float:
        """Return the number, `quantities` giving each name's; 0 below the line gives inf."""
        above, below = float(self.number.numerator), float(self.number.denominator)
        for name, power in self.powers.items():
            factor = float(quantities.get(name, name)) ** abs(power)
            above, below = (above * factor, below) if power > 0 else (above, below * factor)
        return above / below if below else math.inf

    def text(self, quantities: Mapping[str, float] = MappingProxyType({})) -> str:
        """Return the formula, with numbers for the names that `quantities` has.

        >>> (1 / (symbol("C") * symbol("n_samples"))).text({"n_samples": 50})
        '1 / (C · 50)'
        """
        above = [] if self.number.numerator == 1 else [str(self.number.numerator)]
        below = [] if self.number.denominator == 1 else [str(self.number.denominator)]
        for name, power in self.powers.items():
            shown = f"{quantities[name]:.10g}" if name in quantities else name
            factors = [shown] * math.floor(abs(power)) + [f"√{shown}"] * (abs(power) % 1 != 0)
            (above if power > 0 else below).extend(factors)
        top = " · ".join(above) or "1"
        bottom = " · ".join(below)
        bottom = f"({bottom})" if len(below) > 1 else bottom
        return f"{top} / {bottom}" if below else top


ONE = Product()


def symbol(name: str) -> Product:
    """Return the quantity of that name."""
    return Product(powers={name: 1})


def root(name: str) -> Product:
    """Return the square root of the quantity of that name.

    >>> (symbol("lr") / root("fan_in")).text()
    'lr / √fan_in'
    """
    return Product(powers={name: Fraction(1, 2)})
