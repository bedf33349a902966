"""Targets as people have them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from made.base import SAYS, Made, Table, csv_file


def cut(*labels: object) -> Callable[[Table], pd.DataFrame]:
    """Return what makes a table whose target is one of the labels, by a cut of x."""

    def frame(table: Table) -> pd.DataFrame:
        places = pd.qcut(table.x, len(labels), labels=False)
        return table.frame(y=[labels[place] for place in places])

    return frame


def with_cells(word: object, count: int = 12) -> Callable[[Table], pd.DataFrame]:
    """Return what makes a table some target cells of which are a word."""

    def frame(table: Table) -> pd.DataFrame:
        made = table.frame().astype({"y": object})
        made.loc[table.random.choice(table.rows, count, replace=False), "y"] = word
        return made

    return frame


def many_classes(table: Table) -> pd.DataFrame:
    """Return 26 balanced classes by whole numbers, of which x tells the order."""
    order = np.argsort(np.argsort(table.x))
    return table.frame(y=order * 26 // table.rows)


def rare(table: Table) -> pd.DataFrame:
    """Return two classes and one of a single row."""
    frame = cut("no", "yes")(table)
    frame.loc[5, "y"] = "perhaps"
    return frame


def unbalanced(table: Table) -> pd.DataFrame:
    """Return a positive class of 3 %."""
    return table.frame(y=np.where(table.x > np.quantile(table.x, 0.97), "sick", "well"))


def counts(table: Table) -> pd.DataFrame:
    """Return counts, of which there are many different ones."""
    return table.frame(y=np.round(np.exp(1.5 + table.x)).astype(int))


def wide(table: Table) -> pd.DataFrame:
    """Return more columns than rows."""
    columns = table.random.normal(size=(60, 150)).round(3)
    frame = pd.DataFrame(columns, columns=[f"gene{number}" for number in range(150)])
    return frame.assign(y=np.where(columns[:, 0] + columns[:, 1] > 0, "a", "b"))


def currency(table: Table) -> pd.DataFrame:
    """Return a target of prices."""
    return table.frame(y=[f"${value:,.2f}" for value in 5000 + 1000 * table.y()])


def no_target(table: Table) -> pd.DataFrame:
    """Return a table whose target is called otherwise."""
    return table.frame().rename(columns={"y": "Y"})


CLASSES = ("--target", "y", "--task", "classification")

TARGETS = (
    Made("two classes of text", csv_file(cut("no", "yes")), inputs=(2,)),
    Made("classes 0 and 1", csv_file(cut(0, 1)), inputs=(2,)),
    Made("classes 1.0 and 2.0", csv_file(cut(1.0, 2.0)), inputs=(2,)),
    Made("true and false as target", csv_file(cut("TRUE", "FALSE")), inputs=(2,)),
    Made("labels 01 and 02", csv_file(cut("01", "02")), inputs=(2,)),
    Made("a class called None", csv_file(cut("None", "Some")), right=SAYS),
    Made("a class called NA", csv_file(cut("NA", "EU")), right=SAYS),
    Made("26 classes", csv_file(many_classes), score=None),
    Made("a class of one row", csv_file(rare), right=SAYS, score=None),
    Made("3 % positives", csv_file(unbalanced), inputs=(2,), score=None),
    Made("counts", csv_file(counts), inputs=(2,), score=None),
    Made("prices", csv_file(currency), right=SAYS),
    Made("missing target cells", csv_file(with_cells("")), right=SAYS),
    Made("one word in a numeric target", csv_file(with_cells("oops", 1)), right=SAYS),
    Made("numbers as classes", csv_file(with_cells("other", 1)), CLASSES, right=SAYS),
    Made("constant target", csv_file(lambda t: t.frame(y=1)), right=SAYS),
    Made("target not there", csv_file(no_target), right=SAYS),
    Made("no target named", csv_file(cut("no", "yes")), (), right=SAYS),
    Made("wide", csv_file(wide), inputs=(150,), score=None),
    Made("three rows", csv_file(lambda t: t.frame().head(3)), right=SAYS),
)
