"""Ways in which people write numbers: each turns a number into text, with what it may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spelling:
    """A way to write numbers.

    Args:
        write: turns a number into text.
        decimals: how many digits it keeps behind the mark.
    """

    write: Callable[[float], str]
    decimals: int = 2


def marked(value: float, decimal: str, thousands: str, decimals: int = 2) -> str:
    """Write a number with two marks, independently of the reader."""
    text = f"{value:,.{decimals}f}"
    return text.translate({ord(","): thousands, ord("."): decimal})


def _signed(value: float, write: Callable[[float], str]) -> str:
    return f"({write(-value)})" if value < 0 else write(value)


MARKS = [(".", ""), (",", ""), (".", ","), (",", "."), (".", "'"), (".", "’"), (",", " "),
         (",", "\u00a0"), (".", "\u202f"), (".", "\u2009")]  # fmt: skip

SPELLINGS: dict[str, Spelling] = {
    f"marks {decimal!r} {thousands!r}": Spelling(lambda v, d=decimal, t=thousands: marked(v, d, t))
    for decimal, thousands in MARKS
}
for _decimal, _thousands in ((".", ","), (",", ".")):

    def _plain(v: float, d: str = _decimal, t: str = _thousands) -> str:
        return marked(v, d, t)

    _name = f"with {_decimal!r}"
    SPELLINGS |= {
        f"per cent {_name}": Spelling(lambda v, p=_plain: f"{p(100 * v)} %", 4),
        f"dollars {_name}": Spelling(lambda v, p=_plain: f"${p(v)}" if v >= 0 else f"-${p(-v)}"),
        f"euros behind {_name}": Spelling(lambda v, p=_plain: f"{p(v)} €"),
        f"code {_name}": Spelling(lambda v, p=_plain: f"CHF {p(v)}"),
        f"brackets {_name}": Spelling(lambda v, p=_plain: _signed(v, p)),
        f"minus behind {_name}": Spelling(lambda v, p=_plain: p(v) if v >= 0 else f"{p(-v)}-"),
        f"Unicode minus {_name}": Spelling(lambda v, p=_plain: p(v).replace("-", "\u2212")),
        f"unit {_name}": Spelling(lambda v, p=_plain: f"{p(v)} kg"),
        f"blanks around {_name}": Spelling(lambda v, p=_plain: f"  {p(v)}\t"),
        f"plus {_name}": Spelling(lambda v, p=_plain: f"+{p(v)}" if v >= 0 else p(v)),
    }
_WIDE = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
SPELLINGS |= {
    "exponent": Spelling(lambda v: f"{v:.6e}", 6),
    "full width": Spelling(
        lambda v: f"{v:.2f}".translate({ord("0") + i: 0xFF10 + i for i in range(10)})
    ),
    "years": Spelling(lambda v: f"{v:.0f} year" + ("" if abs(v) == 1 else "s"), 0),
    "whole thousands": Spelling(lambda v: f"{v:,.0f}", 0),
}


def some_numbers(count: int = 40, seed: int = 0) -> np.ndarray:
    """Return numbers of several sizes and both signs, some of them whole thousands."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=count) * 10.0 ** draw.integers(0, 7, count)
    values[:4] = (0.25, -1234567.5, 1000.75, 12.5)
    return values
