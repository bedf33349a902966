"""Products of named quantities with whole exponents: number · Π quantity^exponent.

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
    """A number times powers of named quantities.

    Args:
        number: the factor in front.
        powers: name of a quantity → its exponent; exponents of 0 are dropped.

    >>> Product(Fraction(2), {"l2": 1, "n_samples": -1}).text()
    '2 · l2 / n_samples'
    """

    number: Fraction = Fraction(1)
    powers: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {name: exponent for name, exponent in self.powers.items() if exponent}
        object.__setattr__(self, "powers", MappingProxyType(kept))

    def __mul__(self, other: Product) -> Product:
        names = dict.fromkeys([*self.powers, *other.powers])
        powers = {name: self.powers.get(name, 0) + other.powers.get(name, 0) for name in names}
        return Product(self.number * other.number, powers)

    def inverse(self) -> Product:
        """Return 1 / this."""
        return Product(1 / self.number, {name: -power for name, power in self.powers.items()})

    def replaced(self, name: str, other: Product) -> Product:
        """Return this with another product in the place of a quantity of exponent 1 or −1.

        >>> Product(powers={"value": -1}).replaced("value", Product(Fraction(2), {"l2": 1})).text()
        '1 / (2 · l2)'
        """
        rest = {
            other_name: power for other_name, power in self.powers.items() if other_name != name
        }
        put = other if self.powers.get(name, 0) > 0 else other.inverse()
        return put * Product(self.number, rest)

    def evaluated(self, quantities: Mapping[str, float]) -> float:
        """Return the number, `quantities` giving each name's; 0 below the line gives inf."""
        above, below = float(self.number.numerator), float(self.number.denominator)
        for name, power in self.powers.items():
            factor = float(quantities[name]) ** abs(power)
            above, below = (above * factor, below) if power > 0 else (above, below * factor)
        return above / below if below else math.inf

    def text(self, quantities: Mapping[str, float] = MappingProxyType({})) -> str:
        """Return the formula, with numbers for the names that `quantities` has.

        >>> Product(powers={"C": -1, "n_samples": -1}).text({"n_samples": 50})
        '1 / (C · 50)'
        """
        above = [] if self.number.numerator == 1 else [str(self.number.numerator)]
        below = [] if self.number.denominator == 1 else [str(self.number.denominator)]
        for name, power in self.powers.items():
            shown = f"{quantities[name]:.10g}" if name in quantities else name
            (above if power > 0 else below).extend([shown] * abs(power))
        top = " · ".join(above) or "1"
        if not below:
            return top
        bottom = " · ".join(below)
        return f"{top} / {bottom}" if len(below) == 1 else f"{top} / ({bottom})"
