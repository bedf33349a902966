"""Cells that are numbers to a person: signed, in other digits, ranges, fractions, durations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from made.base import SAYS, Made, Table, csv_file
from made.cells import spelled

WIDE = str.maketrans("0123456789.", "０１２３４５６７８９．")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def some(share: float, word: str) -> Callable[[Table], pd.DataFrame]:
    """Return what makes a table in which a share of the numbers is a word of a measurement."""

    def frame(table: Table) -> pd.DataFrame:
        values = table.random.uniform(0.01, 5, table.rows).round(2)
        cells = values.astype(str).astype(object)
        cells[table.random.random(table.rows) < share] = word
        return table.frame(level=cells, y=table.y(values))

    return frame


def two_units(value: float) -> str:
    """Return a size in kB or MB."""
    return f"{value:.0f} kB" if value < 1000 else f"{value / 1000:.1f} MB"


def duration(value: float) -> str:
    """Return minutes as hours, minutes and seconds."""
    return f"{int(value) // 60}:{int(value) % 60:02d}:00"


def feet(value: float) -> str:
    """Return a height in feet and inches."""
    return f"{int(value) // 12}'{int(value) % 12}\""


def two_headers(table: Table) -> pd.DataFrame:
    """Return a table whose second row holds the units."""
    units = pd.DataFrame([{"x": "cm", "z": "kg", "y": "EUR"}])
    return pd.concat([units, table.frame().astype(str)])


def epochs(table: Table) -> pd.DataFrame:
    """Return seconds since 1970."""
    seconds = 1_600_000_000 + table.random.integers(0, 10**7, table.rows)
    return table.frame(stamp=seconds, y=table.y(seconds))


def paired(separator: str) -> Callable[[Table], pd.DataFrame]:
    """Return what makes a table with two numbers in a cell."""

    def frame(table: Table) -> pd.DataFrame:
        pairs = zip(table.x, table.z, strict=True)
        return table.frame(place=[f"{a}{separator}{b}" for a, b in pairs])

    return frame


def ranges(table: Table) -> pd.DataFrame:
    """Return ages by ranges."""
    lows = table.random.integers(2, 8, table.rows) * 10
    return table.frame(age=[f"{low}-{low + 9}" for low in lows], y=table.y(lows))


def stars(table: Table) -> pd.DataFrame:
    """Return grades such as 3/5."""
    grades = table.random.integers(1, 6, table.rows)
    return table.frame(grade=[f"{grade}/5" for grade in grades], y=table.y(grades))


def many_types(table: Table) -> pd.DataFrame:
    """Return a column that holds numbers, words and dates."""
    return table.frame(mixed=table.pick("12", "about 3", "2024-01-05", "yes", "n.a."))


def hidden_index(table: Table) -> pd.DataFrame:
    """Return the column that pandas makes of an index."""
    return pd.concat([pd.DataFrame({"Unnamed: 0": np.arange(table.rows)}), table.frame()], axis=1)


ODD_CELLS = (
    Made("below the limit", csv_file(some(0.1, "<0.01")), right=SAYS, score=None),
    Made("a few below the limit", csv_file(some(0.02, "<0.01")), right=SAYS, score=None),
    Made("plus signs", csv_file(spelled(-9, 9, lambda v: f"{v:+.2f}")), inputs=(3,)),
    Made("text marks", csv_file(spelled(1, 99, lambda v: f"'{v:.1f}")), right=SAYS),
    Made("full width", csv_file(spelled(1, 99, lambda v: f"{v:.1f}".translate(WIDE))), right=SAYS),
    Made("arabic", csv_file(spelled(1, 999, lambda v: f"{v:.0f}".translate(ARABIC))), right=SAYS),
    Made("two units", csv_file(spelled(100, 9000, two_units)), right=SAYS, score=None),
    Made("durations", csv_file(spelled(10, 900, duration)), right=SAYS, score=None),
    Made("feet and inches", csv_file(spelled(55, 80, feet)), right=SAYS, score=None),
    Made("ranges", csv_file(ranges), score=None),
    Made("fractions", csv_file(stars), score=None),
    Made("pairs", csv_file(paired("; ")), right=SAYS),
    Made("coordinates", csv_file(paired(", ")), right=SAYS),
    Made("units in a second row", csv_file(two_headers), right=SAYS),
    Made("seconds since 1970", csv_file(epochs)),
    Made("numbers and words", csv_file(many_types), right=SAYS),
    Made("a saved index that was read", csv_file(hidden_index), right=SAYS),
    Made("yen", csv_file(spelled(1e3, 1e6, lambda v: f"¥{v:,.0f}")), inputs=(3,)),
    Made("kilograms", csv_file(spelled(40, 120, lambda v: f"{v:.1f}kg")), inputs=(3,)),
    Made("indian", csv_file(spelled(1e5, 9e6, lambda v: f"{v:.0f}"[:-3] + ",000")), inputs=(3,)),
)
