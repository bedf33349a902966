"""Columns whose cells are not plain numbers; the target follows from the odd column."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from made.base import SAYS, Made, Table, csv_file

SHARE = 0.2


def spelled(
    low: float, high: float, spell: Callable[[float], str]
) -> Callable[[Table], pd.DataFrame]:
    """Return what makes a table with a column `amount` of numbers that are spelled in a way."""

    def frame(table: Table) -> pd.DataFrame:
        amounts = table.random.uniform(low, high, table.rows)
        return table.frame(amount=[spell(value) for value in amounts], y=table.y(amounts))

    return frame


def missing(word: str) -> Callable[[Table], pd.DataFrame]:
    """Return what makes a table in which a word stands for a missing number."""

    def frame(table: Table) -> pd.DataFrame:
        ages = table.random.integers(18, 90, table.rows)
        cells = ages.astype(str).astype(object)
        gone = table.random.random(table.rows) < SHARE
        cells[gone] = word
        return table.frame(age=cells, y=table.y(np.where(gone, ages.mean(), ages)))

    return frame


def german(value: float) -> str:
    """Return a number with German marks."""
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def dates(form: str) -> Callable[[Table], pd.DataFrame]:
    """Return what makes a table with a column of dates, on which the target depends."""

    def frame(table: Table) -> pd.DataFrame:
        days = table.random.integers(0, 900, table.rows)
        times = pd.Timestamp("2021-03-05 08:30") + pd.to_timedelta(days, unit="D")
        return table.frame(when=times.strftime(form), y=table.y(days))

    return frame


def levels(*words: str) -> Callable[[Table], pd.DataFrame]:
    """Return what makes a table with a column of words, the first of which raises the target."""

    def frame(table: Table) -> pd.DataFrame:
        column = table.pick(*words)
        return table.frame(answer=column, y=table.y(column == words[0]))

    return frame


def case_and_blanks(table: Table) -> pd.DataFrame:
    """Return levels that differ by blanks and case alone."""
    column = table.pick("Private", " Private", "private", "State", "State ")
    means = np.array([str(word).strip().lower() == "private" for word in column])
    return table.frame(work=column, y=table.y(means))


def many_levels(table: Table) -> pd.DataFrame:
    """Return a column of postcodes, 80 of them."""
    codes = table.random.integers(0, 80, table.rows)
    return table.frame(postcode=[f"{10000 + 37 * code:05d}" for code in codes])


def leading_zeros(table: Table) -> pd.DataFrame:
    """Return codes with leading zeros, which are names and no numbers."""
    return table.frame(code=table.pick("007", "012", "103"))


def free_text(table: Table) -> pd.DataFrame:
    """Return a column of sentences."""
    words = ["good", "bad", "slow", "quick", "service", "never", "again", "food", "cold", "warm"]
    lines = [" ".join(table.random.choice(words, 9)) for _ in range(table.rows)]
    return table.frame(review=lines)


def identifier(table: Table) -> pd.DataFrame:
    """Return an identifier, a constant and a column without a cell."""
    names = [f"id-{number:05d}" for number in range(table.rows)]
    return table.frame(id=names, constant="same", empty="")


def duplicates(table: Table) -> pd.DataFrame:
    """Return rows twice."""
    frame = table.frame().head(table.rows // 2)
    return pd.concat([frame, frame])


def leak(table: Table) -> pd.DataFrame:
    """Return a column that is the target."""
    y = table.y()
    return table.frame(leak=y * 2 + 1, y=y)


def one_bad_cell(table: Table) -> pd.DataFrame:
    """Return numbers, one of which has a stray word."""
    cells = table.x.astype(str).astype(object)
    cells[17] = "oops"
    return table.frame().assign(x=cells)


def infinite(table: Table) -> pd.DataFrame:
    """Return numbers with an infinity among them."""
    cells = table.x.astype(object)
    cells[3] = "inf"
    return table.frame().assign(x=cells)


WORDS = ("N/A", "n/a", "#N/A", "<NA>", "na", "-", ".", "unknown", "?", "NULL", "None", "missing")
WORDS += ("#DIV/0!", "#VALUE!", "\\N", "nan", " ", "--")

CELLS = (
    *(
        Made(f"missing: {word}", csv_file(missing(word)), inputs=(3, 4), score=None)
        for word in WORDS
    ),
    Made("thousands", csv_file(spelled(1e3, 1e5, lambda v: f"{v:,.2f}")), inputs=(3,)),
    Made("german numbers", csv_file(spelled(1e3, 1e5, german), sep=";"), inputs=(3,)),
    Made(
        "blank thousands",
        csv_file(spelled(1e3, 1e5, lambda v: f"{v:,.0f}".replace(",", " "))),
        inputs=(3,),
    ),
    Made(
        "swiss thousands",
        csv_file(spelled(1e3, 1e5, lambda v: f"{v:,.0f}".replace(",", "'"))),
        inputs=(3,),
    ),
    Made("dollars", csv_file(spelled(1e3, 1e5, lambda v: f"${v:,.0f}")), inputs=(3,)),
    Made(
        "euros behind", csv_file(spelled(1, 100, lambda v: f"{german(v)} €"), sep=";"), inputs=(3,)
    ),
    Made("per cent", csv_file(spelled(0, 100, lambda v: f"{v:.1f}%")), inputs=(3,)),
    Made("years", csv_file(spelled(18, 90, lambda v: f"{v:.0f} y")), inputs=(3,)),
    Made(
        "unicode minus",
        csv_file(spelled(-50, 50, lambda v: f"{v:.2f}".replace("-", "−"))),
        inputs=(3,),
    ),
    Made(
        "brackets for minus",
        csv_file(spelled(-50, 50, lambda v: f"({-v:.2f})" if v < 0 else f"{v:.2f}")),
        right=SAYS,
        score=None,
    ),
    Made("exponents", csv_file(spelled(1e-7, 1e-5, lambda v: f"{v:.3E}")), inputs=(3,)),
    Made("iso dates", csv_file(dates("%Y-%m-%d"))),
    Made("dates with a time", csv_file(dates("%Y-%m-%d %H:%M:%S"))),
    Made("european dates", csv_file(dates("%d.%m.%Y"))),
    Made("american dates", csv_file(dates("%m/%d/%Y"))),
    Made("dates in words", csv_file(dates("%d %b %Y"))),
    Made("times of the day", csv_file(dates("%H:%M")), score=None, right=SAYS),
    Made("true and false", csv_file(levels("TRUE", "FALSE")), right=SAYS),
    Made("yes and no", csv_file(levels("yes", "no")), right=SAYS),
    Made("low, mid, high", csv_file(levels("high", "mid", "low")), inputs=(5,)),
    Made("case and blanks", csv_file(case_and_blanks), inputs=(4,)),
    Made("postcodes", csv_file(many_levels), right=SAYS),
    Made("leading zeros", csv_file(leading_zeros), right=SAYS),
    Made("free text", csv_file(free_text), right=SAYS),
    Made("identifier, constant, empty", csv_file(identifier), right=SAYS),
    Made("rows twice", csv_file(duplicates), inputs=(2,)),
    Made("leak", csv_file(leak), inputs=(3,)),
    Made("one bad cell", csv_file(one_bad_cell), right=SAYS),
    Made("an infinity", csv_file(infinite), right=SAYS),
)
