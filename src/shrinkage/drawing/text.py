"""Numbers and names as a person reads them: rounded, and never rounded into a lie.

Who uses this: the axes of every drawing and every text of the reports. It promises that a share
is shown as 0 % or 100 % only when it is exactly that, and that text from data comes out as
printable text on one line.
"""

from __future__ import annotations

import math

MISSING = "–"


def strength_text(strength: float) -> str:
    """Return a strength with three significant digits.

    Args:
        strength: the number that multiplies the penalty, at least 0.

    >>> strength_text(0.00312), strength_text(0.0), strength_text(3.1e-7), strength_text(12500.0)
    ('0.00312', '0', '3.1e-7', '1.25e4')
    """
    if strength == 0:
        return "0"
    if not math.isfinite(strength):
        return MISSING
    if 1e-4 <= abs(strength) < 1e4:
        digits = max(0, 2 - math.floor(math.log10(abs(strength))))
        text = f"{strength:.{digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, exponent = f"{strength:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def with_minus(text: str) -> str:
    """Return a number's text with the sign − that people read; an exponent keeps its hyphen.

    >>> with_minus("-0.041"), with_minus("-7.1e-15"), with_minus("+0.35")
    ('−0.041', '−7.1e-15', '+0.35')
    """
    return "−" + text[1:] if text.startswith("-") else text


def share_text(share: float) -> str:
    """Return a share as a percentage that is 0 % or 100 % only when it is exactly so.

    Args:
        share: a number from 0 to 1.

    >>> [share_text(v) for v in (0.0, 0.0001, 0.004, 0.712, 0.9961, 0.99999, 1.0)]
    ['0 %', 'under 0.1 %', '0.4 %', '71 %', '99.6 %', 'over 99.9 %', '100 %']
    """
    if not math.isfinite(share):
        return MISSING
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", " %")
    if share < 0.001:
        return "under 0.1 %"
    if share > 0.999:
        return "over 99.9 %"
    digits = 0 if 0.01 <= share < 0.99 else 1
    return f"{100 * share:.{digits}f} %"


def number_text(value: float | None) -> str:
    """Return a loss, norm or other plain number with three significant digits.

    >>> number_text(0.12345), number_text(12345.6), number_text(float("nan")), number_text(None)
    ('0.123', '12346', '–', '–')
    >>> number_text(-3.25), number_text(-7.0631e15), number_text(-2e-7)
    ('−3.25', '−7.06e15', '−2.00e-7')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        digits = max(0, 2 - math.floor(math.log10(abs(value))))
        return with_minus(f"{value:.{digits}f}")
    text = f"{value:.2e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    return with_minus(text)


def plain(text: object, limit: int | None = None) -> str:
    """Return text from data as printable text on one line, cut to `limit` characters.

    >>> plain("a\\nb\\x00c"), plain("a very long column name", limit=10)
    ('a b\\ufffdc', 'a very lo…')
    """
    line = " ".join(str(text).split())
    line = "".join(c if c.isprintable() else "\ufffd" for c in line)
    return line if limit is None or len(line) <= limit else line[: limit - 1].rstrip() + "…"


def count_text(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural where it belongs.

    >>> count_text(1, "fold"), count_text(55050, "weight")
    ('1 fold', '55,050 weights')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
